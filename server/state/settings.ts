/** Small values that the admin sets while the endpoint runs; `hpcbinder admin` writes them, the server reads them at each use. */
import type { StateFile } from './file.ts';
import { json } from './values.ts';

/** By name. `drain`: no new launches, with the words for the page. `announcement`: a line on every page. */
export type SettingValues = {
  drain: { words?: string; since: string; by: string };
  announcement: { text: string; since: string; by: string };
};

export class Settings {
  readonly #file: StateFile;
  readonly #now: () => Date;
  constructor(file: StateFile, now: () => Date) {
    this.#file = file;
    this.#now = now;
  }

  get<N extends keyof SettingValues>(name: N): SettingValues[N] | undefined {
    return json(this.#file.get('SELECT value FROM settings WHERE name = ?', name)?.value) as
      | SettingValues[N]
      | undefined;
  }

  /** undefined removes it. */
  set<N extends keyof SettingValues>(name: N, value: SettingValues[N] | undefined): void {
    if (value === undefined) this.#file.run('DELETE FROM settings WHERE name = ?', name);
    else
      this.#file.run(
        'INSERT INTO settings (name, value, at) VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value, at = excluded.at',
        name,
        JSON.stringify(value),
        this.#now().getTime(),
      );
  }

  /** A write that means nothing. @throws HpcbinderError E-STATE where there is no room for one */
  probe(): void {
    this.#file.run(
      "INSERT INTO settings (name, value, at) VALUES ('probe', 'null', ?) ON CONFLICT (name) DO UPDATE SET at = excluded.at",
      this.#now().getTime(),
    );
  }
}
