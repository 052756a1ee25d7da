/** How many images are built at once at an endpoint, and how long one may take, by the policy as it is now. First come, first served. */
import { HpcbinderError } from '../../core/errors.ts';
import type { OnProgress } from '../../core/progress.ts';
import { duration } from '../../core/units.ts';

export type BuildLimits = { builds: number; buildsPerUser: number; buildAgeSeconds: number };

type Waiting = { account: string; go(): void; tell(ahead: number): void };

export class Builds {
  readonly #limits: () => BuildLimits;
  readonly #going: string[] = [];
  #waiting: Waiting[] = [];

  constructor(limits: () => BuildLimits) {
    this.#limits = limits;
  }

  /**
   * Waits for its turn, and says how many are ahead. E-BUILD where it takes too long, E-POLICY-FULL where nothing may be built.
   * `work` says when it begins to build: what a job waits in the scheduler's queue does not count.
   */
  async run<T>(
    account: string,
    on: OnProgress,
    signal: AbortSignal,
    work: (signal: AbortSignal, begun: () => void) => Promise<T>,
  ): Promise<T> {
    const { builds, buildsPerUser, buildAgeSeconds } = this.#limits();
    if (Math.min(builds, buildsPerUser) === 0) {
      throw new HpcbinderError('E-POLICY-FULL', {
        message: 'no images are built at this endpoint at present',
        hint: 'A repository whose image is there already can be launched.',
        transient: true,
      });
    }
    await this.#turn(account, on, signal);
    const late = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const begun = () => {
      timer ??= setTimeout(() => late.abort(), buildAgeSeconds * 1000).unref();
    };
    try {
      return await work(AbortSignal.any([signal, late.signal]), begun);
    } catch (error) {
      if (!late.signal.aborted || signal.aborted) throw error;
      throw new HpcbinderError('E-BUILD', {
        message: `the image was not built within ${duration(buildAgeSeconds)}, the limit of this endpoint`,
        hint: 'Install less, or packages that need no compiling; or ask the admins of this endpoint.',
        cause: error,
      });
    } finally {
      clearTimeout(timer);
      this.#going.splice(this.#going.indexOf(account), 1);
      this.#next();
    }
  }

  #free(account: string): boolean {
    const { builds, buildsPerUser } = this.#limits();
    const own = this.#going.filter((one) => one === account).length;
    return this.#going.length < builds && own < buildsPerUser;
  }

  async #turn(account: string, on: OnProgress, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#waiting.length === 0 && this.#free(account)) {
      this.#going.push(account);
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const mine: Waiting = {
        account,
        go: () => {
          signal.removeEventListener('abort', left);
          resolve();
        },
        tell: (ahead) =>
          on({
            type: 'update',
            phase: 'build',
            text: `waiting for a place to build: ${ahead === 0 ? 'next' : `${ahead} ahead`}`,
          }),
      };
      const left = () => {
        this.#waiting = this.#waiting.filter((one) => one !== mine);
        this.#next();
        reject(signal.reason);
      };
      signal.addEventListener('abort', left, { once: true });
      this.#waiting.push(mine);
      this.#next();
    });
  }

  /** Whoever is first and may; one who has enough of their own holds up nobody behind. */
  #next(): void {
    for (const one of [...this.#waiting]) {
      if (!this.#free(one.account)) continue;
      this.#waiting = this.#waiting.filter((each) => each !== one);
      this.#going.push(one.account);
      one.go();
    }
    for (const [ahead, one] of this.#waiting.entries()) one.tell(ahead);
  }
}
