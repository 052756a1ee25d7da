/** What a build job tells: its log, and the mode in which the node lets it build, seen before the first step of the repository's. */
import { modeInWords, parseMode, type SeenMode } from '../converters/build-modes.ts';
import { STEP_MARK } from '../converters/definition.ts';
import type { SifReceipt } from '../core/artifacts.ts';
import type { JobEvent } from '../core/jobs.ts';
import type { OnProgress } from '../core/progress.ts';

/** what a failure's words are taken from */
const KEPT_LINES = 5000;
const KEPT_CHARACTERS = 8 << 20;

export class BuildStory {
  readonly log: string[] = [];
  seen: SeenMode | undefined;
  readonly #tell: OnProgress;
  #kept = 0;
  #inSteps = false;

  constructor(tell: OnProgress) {
    this.#tell = tell;
  }

  readonly on = (event: JobEvent): void => {
    if (event.type === 'unreachable')
      this.#tell({ type: 'update', phase: 'build', text: 'the scheduler does not answer; the build goes on' });
    if (event.type !== 'log') return;
    const { line } = event;
    this.log.push(line);
    this.#kept += line.length;
    if (this.log.length > KEPT_LINES || this.#kept > KEPT_CHARACTERS)
      for (const old of this.log.splice(0, Math.ceil(this.log.length / 2))) this.#kept -= old.length;
    this.#tell({ type: 'log', phase: 'build', line });
    if (this.#inSteps) return;
    // of several ways that were tried the last one counts
    this.seen = parseMode(line) ?? this.seen;
    this.#inSteps = line.startsWith(STEP_MARK);
    if (this.#inSteps && this.seen) this.#tell({ type: 'note', text: modeInWords(this.seen), build: this.seen });
  };

  /** For the receipt. */
  get place(): Pick<SifReceipt, 'mode' | 'node'> {
    return this.seen ? { mode: this.seen.mode, node: this.seen.node } : {};
  }
}
