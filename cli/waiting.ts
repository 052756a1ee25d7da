/** What a person can ask for while a launch waits in the queue: the key `w` asks what would start sooner. */
import { asHpcbinderError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import type { Display } from './display.ts';
import { listenToKeys } from './keys.ts';
import { asked, soonerLines } from './when.ts';
import { shortId } from './words.ts';
import type { World } from './world.ts';

/** Jobs that start soon need no advice, and no line about it. */
const QUIET_MS = 5_000;

/** Looks on at the events of a launch, and listens to keys while it waits in the queue. */
export class QueueKeys {
  readonly #world: World;
  readonly #display: Display;
  readonly #signal: AbortSignal;
  #stop: (() => void) | undefined;
  #since = 0;
  #told = false;
  #start: number | undefined;
  #asking: Promise<void> | undefined;

  constructor(world: World, display: Display, signal: AbortSignal) {
    this.#world = world;
    this.#display = display;
    this.#signal = signal;
  }

  readonly on = (event: Progress): void => {
    if (event.type === 'start' && event.phase === 'queue') {
      this.#since = Date.now();
      this.#stop = listenToKeys((key) => {
        if (key === 'w')
          this.#asking ??= this.#ask().finally(() => {
            this.#asking = undefined;
          });
      });
    } else if (event.type === 'done' && event.phase === 'queue') this.close();
    else if (event.type === 'update' && event.waiting) this.#waits(event.startsAt);
  };

  #waits(startsAt: number | undefined): void {
    this.#start = startsAt;
    if (this.#told || Date.now() - this.#since < QUIET_MS) return;
    this.#told = true;
    this.#display.line('          press w to ask what would start sooner');
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  async #ask(): Promise<void> {
    const { cluster, latest } = this.#world;
    if (!cluster || !latest) return;
    try {
      this.#display.line('          asking about at most 6 other shapes, one a second');
      const at = (this.#start ?? 0) * 1000;
      const own = at > Date.now() ? { start: new Date(at) } : {};
      const found = await asked(cluster, latest.request, this.#signal, true, own);
      // the job began meanwhile: nothing starts sooner
      if (this.#stop === undefined) return;
      for (const line of soonerLines(found, new Date())) this.#display.line(`        ${line}`);
      this.#display.line(
        `          to change it: hpcbinder stop ${shortId(latest.id)}, and launch again with these flags`,
      );
    } catch (error) {
      if (!this.#signal.aborted) this.#display.line(`          ${asHpcbinderError(error).message}`);
    }
  }
}
