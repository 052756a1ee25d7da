/** The policy file as it changes: read anew when it is saved or on SIGHUP. A bad one leaves the last good one in force. */
import { type FSWatcher, readFileSync, statSync, watch } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { asJson, canonical } from '../../core/canonical.ts';
import { asHpcbinderError, HpcbinderError } from '../../core/errors.ts';
import { explain } from './explain.ts';
import { parsePolicy } from './parse.ts';
import type { Policy } from './policy.ts';

/** What is bound when the endpoint starts. */
const AT_START = /^(?:url|sessions|listen|tls|trusted_proxies|state_dir|sign_in|act_as)(?:\.|$)/;
/** An editor writes a file in several steps. */
const SETTLE_MS = 200;
const MOST_BYTES = 1_000_000;

export type Reload =
  | { kind: 'same' }
  /** keys that changed; `later`: those of them that need a restart */
  | { kind: 'loaded'; changed: readonly string[]; later: readonly string[] }
  | { kind: 'refused'; error: HpcbinderError };

export class PolicyFile {
  readonly path: string;
  #value: Policy;
  #text: string;
  #loadedAt = new Date();
  #error: HpcbinderError | undefined;
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #onSignal: (() => void) | undefined;

  /** Throws E-POLICY: an endpoint does not start with a bad file. */
  constructor(path: string) {
    this.path = resolve(path);
    this.#text = readPolicyText(this.path);
    this.#value = parsePolicy(this.#text, this.path);
  }

  get value(): Policy {
    return this.#value;
  }

  get loadedAt(): Date {
    return this.#loadedAt;
  }

  /** Of the file as it is now, where that is not what is in force. */
  get error(): HpcbinderError | undefined {
    return this.#error;
  }

  reload(): Reload {
    try {
      const text = readPolicyText(this.path);
      if (text === this.#text && this.#error === undefined) return { kind: 'same' };
      const value = parsePolicy(text, this.path);
      const changed = differences(this.#value, value);
      this.#value = value;
      this.#text = text;
      this.#error = undefined;
      this.#loadedAt = new Date();
      return { kind: 'loaded', changed, later: changed.filter((key) => AT_START.test(key)) };
    } catch (thrown) {
      this.#error = asHpcbinderError(thrown);
      return { kind: 'refused', error: this.#error };
    }
  }

  /** Tells each reload that was no repetition. The directory is watched, for editors put a new file in the old one's place. */
  watch(on: (what: Reload) => void): void {
    const again = () => {
      const before = this.#error?.message;
      const what = this.reload();
      if (what.kind === 'same' || (what.kind === 'refused' && what.error.message === before)) return;
      on(what);
    };
    const soon = () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(again, SETTLE_MS);
    };
    this.close();
    this.#watcher = watch(dirname(this.path), (_, name) => {
      if (name === null || name === basename(this.path)) soon();
    });
    this.#watcher.on('error', () => this.#watcher?.close());
    this.#onSignal = again;
    process.on('SIGHUP', again);
  }

  close(): void {
    this.#watcher?.close();
    clearTimeout(this.#timer);
    if (this.#onSignal !== undefined) process.off('SIGHUP', this.#onSignal);
  }
}

/** E-POLICY where it cannot be read, or where somebody else could have written it: it says whose account an identity gets. */
export function readPolicyText(path: string): string {
  const bad = (message: string, hint: string) =>
    new HpcbinderError('E-POLICY', { message: `${path}: ${message}`, hint });
  try {
    const { uid, mode, size } = statSync(path);
    if (size > MOST_BYTES) throw bad(`it is longer than ${MOST_BYTES} bytes`, 'A policy is a page or two.');
    if ((mode & 0o022) !== 0) throw bad('others than its owner may write it', `chmod go-w ${path}`);
    if (uid !== 0 && uid !== process.getuid?.()) throw bad('it belongs to another account', `chown root ${path}`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof HpcbinderError) throw error;
    throw bad(error instanceof Error ? error.message : String(error), 'Name the file: hpcbinder serve --config FILE');
  }
}

function differences(before: Policy, after: Policy): string[] {
  const [old, now] = [before, after].map(
    (policy) =>
      new Map([...explain(policy).map(({ key, value }): [string, string] => [key, value]), ...exactly(policy)]),
  );
  const keys = new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])]);
  return [...keys].filter((key) => old?.get(key) !== now?.get(key));
}

/** What the words are shorter than: another mapping of as many identities is another policy. */
function exactly({ accounts, signIn, tls, repositories }: Policy): [string, string][] {
  const { oidc, header, ssh } = signIn;
  const exact: [string, unknown][] = [
    ['accounts.map', accounts.map],
    ['sign_in', { oidc, header, ssh }],
    ['tls', tls],
    ...repositories.tokens.map((one, index): [string, unknown] => [`repositories.tokens[${index}]`, one]),
  ];
  return exact.map(([key, value]) => [key, canonical(asJson(value))]);
}
