/**
 * A launch as the person reads it: one line per phase, written once, with its time at the right; only the present one
 * moves. Without a terminal: plain lines. `--json`: one event a line on stdout. `--quiet`: errors and the last lines only.
 */
import type { PhaseName, Progress } from '../core/progress.ts';
import { cutMiddle, plainLine, width, wrap } from '../core/text.ts';
import { duration, size } from '../core/units.ts';
import { CUT, columns, drawMoving, eraseMoving, isTerminal, padTo, paint, plain } from './terminal.ts';

export type Style = 'moving' | 'lines' | 'json' | 'quiet';
const NAME_WIDTH = 10;
/** plain lines repeat a phase that is long, so that with the timer's second nothing is silent for more than 10 s */
const SILENCE_MS = 9_000;
/** of one phase, where nothing but its bytes changes: a conversion alone tells of them thousands of times */
const UPDATE_MS = 200;

export class Display {
  readonly #style: Style;
  readonly #verbose: boolean;
  #phase: { name: PhaseName; text: string; since: number; told: number; lastLog: string } | undefined;
  #done = new Set<PhaseName>();
  #timer: NodeJS.Timeout | undefined;
  /** the update that was passed on last, and when */
  #told: { words: string; at: number } = { words: '', at: 0 };

  constructor(style: Style, how: { verbose?: boolean } = {}) {
    this.#style = style;
    this.#verbose = how.verbose ?? false;
  }

  /** The present one, also where nothing is shown of it. */
  get phase(): PhaseName | undefined {
    return this.#phase?.name;
  }

  get done(): ReadonlySet<PhaseName> {
    return this.#done;
  }

  readonly on = (event: Progress): void => {
    this.#follow(event);
    if (event.type === 'update' && !this.#isNews(event)) return;
    if (this.#style === 'json') {
      process.stdout.write(`${JSON.stringify(event)}\n`);
      return;
    }
    if (this.#style === 'quiet' && event.type !== 'warning') return;
    switch (event.type) {
      case 'start':
        this.#timer ??= setInterval(() => this.#tick(), this.#style === 'moving' ? 200 : 1000).unref();
        this.#tick();
        break;
      case 'update':
        if (this.#phase) this.#phase.text = describe(event);
        this.#tick();
        break;
      case 'log':
        if (this.#phase) this.#phase.lastLog = plainLine(event.line);
        if (this.#verbose) this.line(`          ${paint('quiet', plainLine(event.line))}`);
        break;
      case 'done':
        this.line(finished(event.phase, event.text, event.seconds < 0.5 ? '' : duration(event.seconds), 'done'));
        break;
      case 'note':
        this.line(folded(' '.repeat(NAME_WIDTH), event.text));
        break;
      case 'warning':
        this.line(folded(paint('waiting', 'note'.padEnd(NAME_WIDTH)), event.text));
    }
  };

  /** Other words, the last byte, or a while since. */
  #isNews({ phase, text, done, total }: Extract<Progress, { type: 'update' }>): boolean {
    const [words, now] = [`${phase} ${text ?? ''}`, Date.now()];
    const counts = done !== undefined && done !== total;
    if (counts && words === this.#told.words && now - this.#told.at < UPDATE_MS) return false;
    this.#told = { words, at: now };
    return true;
  }

  #follow(event: Progress): void {
    if (event.type === 'start') {
      this.#phase = { name: event.phase, text: event.text, since: Date.now(), told: Date.now(), lastLog: '' };
    } else if (event.type === 'done') {
      this.#phase = undefined;
      this.#done.add(event.phase);
    }
  }

  /** A line of its own, above the moving one. */
  line(text: string): void {
    eraseMoving();
    process.stderr.write(`${plain(text)}\n`);
  }

  /** The present phase ends red, or yellow where the person ended it; its time is kept. */
  fail(how: 'failed' | 'interrupted' = 'failed'): void {
    const phase = this.#phase;
    this.stop();
    if (!phase || this.#style === 'json') return;
    const text = `${how} after ${duration((Date.now() - phase.since) / 1000)}`;
    this.line(finished(phase.name, text, '', how === 'failed' ? 'failed' : 'waiting'));
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    eraseMoving();
    this.#phase = undefined;
  }

  #tick(): void {
    const phase = this.#phase;
    if (!phase || this.#style === 'quiet') return;
    const seconds = (Date.now() - phase.since) / 1000;
    if (this.#style === 'moving') {
      const log = phase.lastLog === '' ? '' : ` · ${phase.lastLog}`;
      drawMoving(moving(phase.name, `${phase.text}${log}`, duration(seconds)));
    } else if (Date.now() - phase.told >= SILENCE_MS) {
      phase.told = Date.now();
      this.line(finished(phase.name, `… ${phase.lastLog || phase.text}`, duration(seconds), 'waiting'));
    }
  }
}

/** A full line would wrap, and its frames would stay in the scrollback; so would one that an echoed ^C makes full. */
function moving(name: string, text: string, right: string): string {
  const room = columns() - NAME_WIDTH - right.length - 4;
  const whole = plain(plainLine(text));
  // of the queue's line the end of the wait goes before the length of its words
  const body = cutMiddle(width(whole) > room ? whole.replace('likely start ', '~') : whole, room, CUT);
  return `${paint('waiting', name.padEnd(NAME_WIDTH))}${padTo(body, room)} ${right}`;
}

/** Its time at the right of the last line. Only a terminal's lines are folded: those of a log are searched. */
function finished(name: string, text: string, right: string, state: 'done' | 'waiting' | 'failed'): string {
  const head = paint(state, name.padEnd(NAME_WIDTH));
  const room = columns() - NAME_WIDTH - (right === '' ? 0 : right.length + 1) - 1;
  const rows = lines(text, room);
  const last = rows[rows.length - 1] ?? '';
  return `${head}${indented([...rows.slice(0, -1), right === '' ? last : `${padTo(last, room)} ${right}`])}`;
}

/** One line of the story, folded under its head where it is a terminal's. */
export function folded(head: string, text: string): string {
  return `${head}${indented(lines(text, columns() - NAME_WIDTH - 1))}`;
}

function lines(text: string, room: number): string[] {
  const harmless = plain(plainLine(text));
  return isTerminal ? wrap(harmless, room, CUT) : [harmless];
}

function indented(rows: readonly string[]): string {
  return rows.join(`\n${' '.repeat(NAME_WIDTH)}`);
}

const BAR = 20;

function describe(event: Extract<Progress, { type: 'update' }>): string {
  const { done, total } = event;
  const words = event.text === undefined ? '' : `${event.text} `;
  if (done === undefined) return words.trimEnd();
  if (total === undefined || total === 0) return `${words}${size(done)}`;
  const full = Math.min(BAR, Math.floor((done / total) * BAR));
  return `${words}${'█'.repeat(full)}${'░'.repeat(BAR - full)} ${size(done)} of ${size(total)}`;
}
