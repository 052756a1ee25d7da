/**
 * Our progress in BinderHub's words (REES section 7.5): `waiting`, `fetching`, `building`, `built`, `launching`, and ours between
 * them, which clients that do not know them show as lines: `converting`, `staging`, `queued`, `starting`.
 */
import type { PhaseName, Progress } from '../../core/progress.ts';
import { plainLine } from '../../core/text.ts';
import { size } from '../../core/units.ts';

export const BINDER_PHASES = [
  'waiting',
  'fetching',
  'building',
  'converting',
  'staging',
  'built',
  'launching',
  'queued',
  'starting',
  'ready',
  'failed',
] as const;
export type BinderPhase = (typeof BINDER_PHASES)[number];

/** One `data:` of the stream. `message` ends with a newline, or with a carriage return where the next one draws over it. */
export type BinderEvent = {
  phase?: BinderPhase;
  message?: string;
  /** with `built` */
  imageName?: string;
  /** bytes, while something is sent or converted */
  progress?: { current: number; total?: number };
};

const OF: Readonly<Record<PhaseName, BinderPhase>> = {
  cluster: 'waiting',
  repo: 'fetching',
  plan: 'building',
  build: 'building',
  convert: 'converting',
  check: 'converting',
  upload: 'staging',
  submit: 'launching',
  queue: 'queued',
  start: 'starting',
  // `ready` itself is said with the address, when there is one
  ready: 'starting',
  stop: 'starting',
};
/** From here on the image is on the cluster. */
const AFTER_THE_IMAGE: readonly PhaseName[] = ['submit', 'queue', 'start', 'ready'];

/** Keeps what the stream has said: `built` comes once, bytes at most once a second. */
export class Phases {
  readonly #image: string | undefined;
  readonly #now: () => number;
  #built = false;
  #present: BinderPhase = 'waiting';
  #bytesAt = Number.NEGATIVE_INFINITY;
  #said = '';

  /** `image`: BinderHub's name of the image, for `built`. */
  constructor(how: { image?: string; now?: () => number } = {}) {
    this.#image = how.image;
    this.#now = how.now ?? Date.now;
  }

  of(event: Progress): BinderEvent[] {
    if (event.type === 'note' || event.type === 'warning')
      return [
        { phase: this.#present, message: line(event.type === 'warning' ? `warning: ${event.text}` : event.text) },
      ];
    const phase = OF[event.phase];
    const first: BinderEvent[] = [];
    if (!this.#built && AFTER_THE_IMAGE.includes(event.phase)) {
      this.#built = true;
      first.push({
        phase: 'built',
        ...(this.#image === undefined ? {} : { imageName: this.#image }),
        message: 'The image is on the cluster, launching...\n',
      });
    }
    this.#present = phase;
    const said = this.#message(event);
    return said === undefined ? first : [...first, { phase, ...said }];
  }

  #message(event: Exclude<Progress, { type: 'note' | 'warning' }>): Omit<BinderEvent, 'phase'> | undefined {
    if (event.type === 'log') return { message: line(event.line) };
    if (event.type === 'start' || event.type === 'done') return { message: line(event.text) };
    if (event.done !== undefined) return this.#bytes(event.done, event.total, event.text);
    const words = [event.text ?? event.waiting?.means, likely(event.startsAt)]
      .filter((word) => word !== undefined)
      .join(' · ');
    // the queue is asked again and again and mostly says the same
    if (words === '' || words === this.#said) return undefined;
    this.#said = words;
    return { message: line(words) };
  }

  #bytes(done: number, total: number | undefined, text: string | undefined): Omit<BinderEvent, 'phase'> | undefined {
    const now = this.#now();
    if (now - this.#bytesAt < 1000 && done !== total) return undefined;
    this.#bytesAt = now;
    const amount = total === undefined ? size(done) : `${size(done)} of ${size(total)}`;
    return {
      message: `${text === undefined ? '' : `${plainLine(text)} `}${amount}\r`,
      progress: { current: done, ...(total === undefined ? {} : { total }) },
    };
  }
}

function likely(startsAt: number | undefined): string | undefined {
  return startsAt === undefined ? undefined : `likely start ${new Date(startsAt * 1000).toISOString().slice(0, 16)}Z`;
}

/** What others wrote is shown in a terminal view: without escape sequences. */
function line(text: string): string {
  return `${text.split('\n').map(plainLine).join('\n')}\n`;
}
