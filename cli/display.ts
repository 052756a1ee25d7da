/**
 * A launch as the person reads it: one line per phase, written once, with its time at the right; only the present one
 * moves. Without a terminal: plain lines. `--json`: one event a line on stdout. `--quiet`: errors and the last lines only.
 */
import type { PhaseName, Progress } from '../core/progress.ts';
import { cutMiddle, plainLine } from '../core/text.ts';
import { duration, size } from '../core/units.ts';
import { columns, paint, plain } from './terminal.ts';

export type Style = 'moving' | 'lines' | 'json' | 'quiet';
const NAME_WIDTH = 10;
/** plain lines repeat a phase that is long, so that nothing is silent for more than 10 s */
const SILENCE_MS = 10_000;

export class Display {
  readonly #style: Style;
  readonly #verbose: boolean;
  #phase: { name: PhaseName; text: string; since: number; told: number; lastLog: string } | undefined;
  #timer: NodeJS.Timeout | undefined;
  #drawn = false;

  constructor(style: Style, how: { verbose?: boolean } = {}) {
    this.#style = style;
    this.#verbose = how.verbose ?? false;
  }

  readonly on = (event: Progress): void => {
    if (this.#style === 'json') {
      process.stdout.write(`${JSON.stringify(event)}\n`);
      return;
    }
    if (this.#style === 'quiet' && event.type !== 'warning') return;
    switch (event.type) {
      case 'start':
        this.#phase = { name: event.phase, text: event.text, since: Date.now(), told: 0, lastLog: '' };
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
        this.#erase();
        this.#phase = undefined;
        this.line(this.#row(event.phase, event.text, event.seconds < 0.5 ? '' : duration(event.seconds), 'done'));
        break;
      case 'note':
      case 'warning':
        this.line(
          `${' '.repeat(NAME_WIDTH)}${event.type === 'warning' ? paint('waiting', 'note: ') : ''}${event.text}`,
        );
    }
  };

  /** A line of its own, above the moving one. */
  line(text: string): void {
    this.#erase();
    process.stderr.write(`${plain(text)}\n`);
  }

  /** The present phase ends red; its time is kept. */
  fail(): void {
    const phase = this.#phase;
    this.stop();
    if (phase && this.#style !== 'json')
      this.line(this.#row(phase.name, `failed after ${duration((Date.now() - phase.since) / 1000)}`, '', 'failed'));
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#erase();
    this.#phase = undefined;
  }

  #tick(): void {
    const phase = this.#phase;
    if (!phase || this.#style === 'quiet') return;
    const seconds = (Date.now() - phase.since) / 1000;
    if (this.#style === 'moving') {
      const log = phase.lastLog === '' ? '' : ` · ${phase.lastLog}`;
      this.#erase();
      process.stderr.write(plain(this.#row(phase.name, `${phase.text}${log}`, duration(seconds), 'waiting')));
      this.#drawn = true;
    } else if (Date.now() - phase.told >= SILENCE_MS && seconds >= SILENCE_MS / 1000) {
      phase.told = Date.now();
      process.stderr.write(
        `${plain(this.#row(phase.name, `… ${phase.lastLog || phase.text}`, duration(seconds), 'waiting'))}\n`,
      );
    }
  }

  #erase(): void {
    if (this.#drawn) process.stderr.write('\r\u001b[2K');
    this.#drawn = false;
  }

  #row(name: string, text: string, right: string, state: 'done' | 'waiting' | 'failed'): string {
    const room = columns() - NAME_WIDTH - (right === '' ? 0 : right.length + 1) - 1;
    // a finished line is kept whole, for it is what is copied from the scrollback; a moving one must not wrap
    const body = state === 'waiting' ? cutMiddle(text, room) : text;
    return `${paint(state, name.padEnd(NAME_WIDTH))}${right === '' ? body : `${body.padEnd(room)} ${right}`}`;
  }
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
