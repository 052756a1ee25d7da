/**
 * Launches as JSON lines, as BinderHub writes them (`binderhub.jupyter.org/launch` version 5: its event-schemas/launch.json), for
 * whoever counts them with the same tools. Who launched is not in it: that is the audit log's.
 */
import { appendFileSync, renameSync, statSync } from 'node:fs';
import type { LaunchView } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';

/** Then the file becomes `FILE.1`, in place of the one before: of old ones there is never more than one. */
const MOST_BYTES = 32 << 20;

/** As BinderHub calls them. */
const PROVIDERS: ReadonlyMap<string, string> = new Map([
  ['gh', 'GitHub'],
  ['gist', 'Gist'],
  ['gl', 'GitLab'],
  ['git', 'Git'],
  ['zenodo', 'Zenodo'],
  ['figshare', 'Figshare'],
  ['hydroshare', 'Hydroshare'],
  ['dataverse', 'Dataverse'],
]);

export type LaunchEnded = Pick<LaunchView, 'wanted' | 'state'> & {
  /** the commit, once it was known */
  ref?: string;
  /** by a click on the page, not by an API token; absent: not known */
  clicked?: boolean;
};

/** One line without its end; undefined while it runs, and where the user cancelled, which is no failure. */
export function launchEvent(launch: LaunchEnded, origin: string, now: Date): string | undefined {
  if (launch.state !== 'ready' && launch.state !== 'failed') return undefined;
  const { provider, spec } = launch.wanted;
  return JSON.stringify({
    timestamp: now.toISOString(),
    schema: 'binderhub.jupyter.org/launch',
    version: 5,
    provider: PROVIDERS.get(provider) ?? provider,
    spec,
    ...(launch.ref === undefined ? {} : { ref: launch.ref }),
    status: launch.state === 'ready' ? 'success' : 'failure',
    ...(launch.clicked === undefined ? {} : { build_token: launch.clicked }),
    origin,
  });
}

export class LaunchEvents {
  readonly #to: string;
  readonly #origin: string;
  readonly #now: () => Date;
  readonly #most: number;

  /** @param to a file, or `-` for standard output; `origin`: the endpoint's host name */
  constructor(to: string, origin: string, how: { now?: () => Date; mostBytes?: number } = {}) {
    this.#to = to;
    this.#origin = origin;
    this.#now = how.now ?? (() => new Date());
    this.#most = how.mostBytes ?? MOST_BYTES;
  }

  /**
   * The file is opened for each line, so that a logrotate that moves it away needs no signal.
   * @throws HpcbinderError E-STATE where it could not be written; nothing depends on it
   */
  write(launch: LaunchEnded): void {
    const line = launchEvent(launch, this.#origin, this.#now());
    if (line === undefined) return;
    if (this.#to === '-') {
      process.stdout.write(`${line}\n`);
      return;
    }
    try {
      if ((statSync(this.#to, { throwIfNoEntry: false })?.size ?? 0) > this.#most)
        renameSync(this.#to, `${this.#to}.1`);
      appendFileSync(this.#to, `${line}\n`, { mode: 0o600 });
    } catch (error) {
      throw new HpcbinderError('E-STATE', {
        message: `the launch was not written to ${this.#to}: ${(error as Error).message}`,
        hint: 'Launches go on; only this line is missing.',
        cause: error,
      });
    }
  }
}
