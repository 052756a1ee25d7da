/** Secrets that work once and soon die: in memory only, so a restart forgets them (SECURITY TOK-06, R8). */
import { randomBytes } from 'node:crypto';
import { sha256 } from '../../core/canonical.ts';

const FORM = /^[A-Za-z0-9_-]{43}$/;
/** of one account, and of all; the account's own oldest makes room first */
const MAX_OF_ACCOUNT = 50;
const MAX_OF_ALL = 20_000;

type Entry<T> = { account: string; value: T; until: number };

class OneTime<T> {
  /** by hash: a look-up takes the same time however much of a secret was guessed */
  readonly #entries = new Map<string, Entry<T>>();
  readonly #ofAccount = new Map<string, Set<string>>();
  readonly #milliseconds: number;
  readonly #now: () => number;

  constructor(seconds: number, now: () => number) {
    this.#milliseconds = seconds * 1000;
    this.#now = now;
  }

  issue(account: string, value: T): string {
    this.#sweep();
    const own = this.#ofAccount.get(account) ?? new Set();
    const [oldestOwn] = own;
    if (own.size >= MAX_OF_ACCOUNT && oldestOwn !== undefined) this.#drop(oldestOwn);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size >= MAX_OF_ALL && oldest !== undefined) this.#drop(oldest);
    const secret = randomBytes(32).toString('base64url');
    const hash = sha256(secret);
    this.#entries.set(hash, { account, value, until: this.#now() + this.#milliseconds });
    this.#ofAccount.set(account, (this.#ofAccount.get(account) ?? new Set()).add(hash));
    return secret;
  }

  peek(secret: string): T | undefined {
    const entry = FORM.test(secret) ? this.#entries.get(sha256(secret)) : undefined;
    return entry !== undefined && entry.until > this.#now() ? entry.value : undefined;
  }

  take(secret: string): T | undefined {
    const value = this.peek(secret);
    if (FORM.test(secret)) this.#drop(sha256(secret));
    return value;
  }

  /** All live equally long, so the oldest die first. */
  #sweep(): void {
    for (const [hash, { until }] of this.#entries) {
      if (until > this.#now()) return;
      this.#drop(hash);
    }
  }

  #drop(hash: string): void {
    const entry = this.#entries.get(hash);
    if (entry === undefined) return;
    this.#entries.delete(hash);
    const own = this.#ofAccount.get(entry.account);
    own?.delete(hash);
    if (own?.size === 0) this.#ofAccount.delete(entry.account);
  }
}

/** The code that a browser brings from the endpoint's page to a session's origin. */
export type Coming = { account: string; session: string; path: string; login: string };

export class Codes {
  readonly #codes: OneTime<Coming>;

  constructor(now: () => number = Date.now) {
    this.#codes = new OneTime(60, now);
  }

  /** 256 bits, base64url. `login`: hash of the login that the session's cookie shall die with. */
  issue(coming: Coming): string {
    return this.#codes.issue(coming.account, coming);
  }

  /** What it stands for, unspent, without spending it. */
  peek(code: string): Coming | undefined {
    return this.#codes.peek(code);
  }

  redeem(code: string): Coming | undefined {
    return this.#codes.take(code);
  }
}

/** The proof of a click: which user, which repository, from which page. */
export type Click = { account: string; provider: string; spec: string; origin: string };

export class BuildTokens {
  readonly #tokens: OneTime<Click>;

  constructor(now: () => number = Date.now) {
    this.#tokens = new OneTime(300, now);
  }

  issue(click: Click): string {
    return this.#tokens.issue(click.account, click);
  }

  /** True once, for the very same click. A try with another user, repository or page spends it too. */
  redeem(token: string, click: Click): boolean {
    const issued = this.#tokens.take(token);
    if (issued === undefined) return false;
    return (['account', 'provider', 'spec', 'origin'] as const).every((key) => issued[key] === click[key]);
  }
}
