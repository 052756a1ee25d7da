/**
 * What a person can do while a launch waits in the queue: the key `w` asks what would start sooner, and the number of a shape makes
 * it the job's.
 */
import { asHpcbinderError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import { canReshape } from '../sessions/reshape.ts';
import type { Shape } from '../sessions/shapes.ts';
import type { Display } from './display.ts';
import { listenToKeys } from './keys.ts';
import { asked, soonerLines, soonerThanOwn } from './when.ts';
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
  #advised = false;
  #start: number | undefined;
  /** one thing at a time */
  #busy: Promise<void> | undefined;
  /** may be chosen by their numbers, from 1 */
  #shapes: readonly Shape[] = [];

  constructor(world: World, display: Display, signal: AbortSignal) {
    this.#world = world;
    this.#display = display;
    this.#signal = signal;
  }

  readonly on = (event: Progress): void => {
    if (event.type === 'start' && event.phase === 'queue') {
      this.#since = Date.now();
      this.#stop = listenToKeys((key) => {
        this.#busy ??= this.#does(key)?.finally(() => {
          this.#busy = undefined;
        });
      });
    } else if (event.type === 'done' && event.phase === 'queue') this.close();
    else if (event.type === 'update' && event.waiting) this.#waits(event.startsAt);
  };

  #waits(startsAt: number | undefined): void {
    this.#start = startsAt;
    if (this.#advised || Date.now() - this.#since < QUIET_MS) return;
    this.#advised = true;
    this.#display.line('          press w to ask what would start sooner');
  }

  close(): void {
    this.#stop?.();
    this.#stop = undefined;
  }

  #does(key: string): Promise<void> | undefined {
    if (key === 'w') return this.#told(() => this.#ask());
    const shape = /^[1-9]$/.test(key) ? this.#shapes[Number(key) - 1] : undefined;
    if (shape) return this.#told(() => this.#change(shape));
    if (key === '\r' && this.#shapes.length > 0) {
      this.#shapes = [];
      this.#display.line('          it waits as it is');
    }
    return undefined;
  }

  async #told(work: () => Promise<void>): Promise<void> {
    await work().catch((cause: unknown) => {
      const { message, transient } = asHpcbinderError(cause);
      const again = transient ? ' · w asks again what is in the queue' : '';
      if (!this.#signal.aborted) this.#display.line(`          ${message}${again}`);
    });
  }

  async #change({ request, words }: Shape): Promise<void> {
    this.#shapes = [];
    const changed = await this.#world.reshape(request);
    const job = this.#world.latest?.jobId ?? '';
    this.#display.line(
      `          ${changed ? `changed to ${words}: job ${job} waits on as that` : `job ${job} has begun: nothing was changed`}`,
    );
  }

  async #ask(): Promise<void> {
    const { cluster, latest } = this.#world;
    if (!cluster || !latest) return;
    this.#shapes = [];
    this.#display.line('          asking about at most 6 other shapes, one a second');
    const at = (this.#start ?? 0) * 1000;
    const own = at > Date.now() ? { start: new Date(at) } : {};
    const found = await asked(cluster, latest.request, this.#signal, true, own);
    // the job began meanwhile: nothing starts sooner
    if (this.#stop === undefined) return;
    const sooner = soonerThanOwn(found);
    const numbered = canReshape(cluster);
    for (const line of soonerLines(found, new Date(), { numbered })) this.#display.line(`        ${line}`);
    if (sooner.length === 0) return;
    if (!numbered) {
      const id = shortId(latest.id);
      this.#display.line(`          to change it: hpcbinder stop ${id}, and launch again with these flags`);
      return;
    }
    this.#shapes = sooner.map(({ shape }) => shape);
    const numbers = sooner.length === 1 ? '1' : `1-${sooner.length}`;
    this.#display.line(`          change to [${numbers}, Enter keeps]:`);
  }
}
