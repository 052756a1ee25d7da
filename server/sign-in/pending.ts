/**
 * A sign-in that is under way waits in the browser's own cookie, sealed by a key of this process: nothing on our side grows by
 * people who begin and never end, and a callback in another browser finds nothing (login CSRF).
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Pending } from './oidc.ts';

export const PENDING_SECONDS = 600;

export type Waiting = Pending & { next: string };

/** `W`: what is needed to go on. */
export class PendingSignIns<W extends { state: string; next: string } = Waiting> {
  readonly #key = randomBytes(32);
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  write(waiting: W): string {
    const said = Buffer.from(JSON.stringify({ ...waiting, until: this.#now() + PENDING_SECONDS * 1000 })).toString(
      'base64url',
    );
    return `${said}.${this.#mac(said).toString('base64url')}`;
  }

  /** The sign-in of this state, if it is ours and not too old. */
  read(value: string, state: string): W | undefined {
    const [, said, mac] = /^([A-Za-z0-9_-]{1,3500})\.([A-Za-z0-9_-]{43})$/.exec(value) ?? [];
    if (said === undefined || mac === undefined) return undefined;
    if (!timingSafeEqual(this.#mac(said), Buffer.from(mac, 'base64url'))) return undefined;
    const { until, ...waiting } = JSON.parse(Buffer.from(said, 'base64url').toString()) as W & { until: number };
    return until > this.#now() && waiting.state === state ? (waiting as unknown as W) : undefined;
  }

  #mac(said: string): Buffer {
    return createHmac('sha256', this.#key).update(said).digest();
  }
}
