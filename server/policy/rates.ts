/** How often one user may do something, by the policy as it is now. */
import { HpcbinderError } from '../../core/errors.ts';
import { duration } from '../../core/units.ts';
import { Pace } from '../sign-in/pace.ts';
import type { Policy } from './policy.ts';

export type Paced = 'launches' | 'resolve' | 'forecast';

const WORDS: Readonly<Record<Paced, string>> = {
  launches: 'launches',
  resolve: 'looks at repositories',
  forecast: 'questions to the scheduler',
};

export class Rates {
  readonly #policy: () => Policy;
  readonly #now: () => number;
  readonly #paces = new Map<string, Pace>();

  constructor(policy: () => Policy, now: () => number = Date.now) {
    this.#policy = policy;
    this.#now = now;
  }

  /** Throws E-POLICY-RATE where it is one too many. */
  take(what: Paced, account: string): void {
    const { count, seconds } = this.#policy().rate[what];
    const wait = this.#pace(what, count, seconds).take(account);
    if (wait === 0) return;
    throw new HpcbinderError('E-POLICY-RATE', {
      message: `more than ${count} ${WORDS[what]} in ${duration(seconds)}`,
      hint: `Try again in ${duration(wait)}.`,
      transient: true,
    });
  }

  /** Another rate begins anew. */
  #pace(what: Paced, count: number, seconds: number): Pace {
    const key = `${what} ${count} ${seconds}`;
    const there = this.#paces.get(key);
    if (there) return there;
    for (const old of this.#paces.keys()) if (old.startsWith(`${what} `)) this.#paces.delete(old);
    const made = new Pace({ burst: count, perMinute: (count * 60) / seconds }, this.#now);
    this.#paces.set(key, made);
    return made;
  }
}
