/** The person's terminal: width, colour, questions. stdout is for scripts, stderr for the story (EXPERIENCE section 1). */
import { createInterface } from 'node:readline';
import { HpcbinderError } from '../core/errors.ts';
import { cutMiddle, harmless, width } from '../core/text.ts';
import type { Prompter } from '../core/transport.ts';
import { keysPaused } from './keys.ts';
import { lendTerminal } from './lend.ts';

export const isTerminal = process.stderr.isTTY === true && process.stdin.isTTY === true;

const unicode = /UTF-?8/i.test(process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || '');
const colours = process.stderr.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';

const ASCII = new Map([
  ['·', '-'],
  ['→', '->'],
  ['…', '...'],
  ['–', '-'],
  ['’', "'"],
  ['█', '#'],
  ['░', '.'],
]);

/** ASCII where the locale is not UTF-8. */
export function plain(text: string): string {
  return unicode ? text : ascii(text);
}

export function ascii(text: string): string {
  return text.replace(/[^\0-\x7f]/gu, (character) => ASCII.get(character) ?? '?');
}

/** What stands where something was cut out. */
export const CUT: string = plain('…');

export type State = 'done' | 'waiting' | 'failed' | 'quiet';

/** Colour says state and nothing else, and is never the only sign. */
export function paint(state: State, text: string): string {
  if (!colours) return text;
  const code = { done: 32, waiting: 33, failed: 31, quiet: 2 }[state];
  return `\u001b[${code}m${text}\u001b[0m`;
}

export function columns(): number {
  return Math.max(20, Math.min(process.stderr.columns || 80, 100));
}

/** Can a line be drawn over? */
export const canMove: boolean = isTerminal && process.env.TERM !== 'dumb';

let drawn = false;
let asking = false;

/** The one line that moves, in place of what it was. It is shorter than the terminal is wide, and yields to a question. */
export function drawMoving(text: string): void {
  if (asking) return;
  process.stderr.write(`${drawn ? ERASE : ''}${text}`);
  drawn = true;
}

export function eraseMoving(): void {
  if (drawn) process.stderr.write(ERASE);
  drawn = false;
}

const ERASE = '\r\u001b[2K';

/** Questions on stderr, answers from stdin. Undefined where no person can answer. */
export function prompter(): Prompter | undefined {
  if (!isTerminal) return undefined;
  return {
    say: (line) => {
      eraseMoving();
      process.stderr.write(`${plain(line)}\n`);
    },
    ask: (prompt, how) => question(prompt, how.secret),
    lend: (typed) => {
      eraseMoving();
      asking = true;
      const resumeKeys = keysPaused();
      const lent = lendTerminal(typed);
      return {
        ...lent,
        end: () => {
          asking = false;
          lent.end();
          resumeKeys();
        },
      };
    },
    async confirm(text, fallback) {
      const answer = (await question(`${text} [${fallback ? 'Y/n' : 'y/N'}] `, false)).trim().toLowerCase();
      return answer === '' ? fallback : answer === 'y' || answer === 'yes';
    },
  };
}

function question(prompt: string, secret: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    eraseMoving();
    asking = true;
    const resumeKeys = keysPaused();
    const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
    lines.once('SIGINT', () => lines.close());
    // ctrl-C, ctrl-D, or the terminal went away; after an answer this changes nothing
    lines.once('close', () => {
      asking = false;
      resumeKeys();
      process.stderr.write(answered && !secret ? '' : '\n');
      reject(new HpcbinderError('E-CANCELLED', { message: 'cancelled' }));
    });
    let answered = false;
    lines.question(plain(prompt), (answer) => {
      answered = true;
      resolve(answer);
      lines.close();
    });
    if (secret) {
      // the prompt is written by now; what is typed after it is not shown
      (lines as unknown as { _writeToOutput: (text: string) => void })._writeToOutput = () => {};
    }
  });
}

/** A yes by flag, by a person, or E-CONFIRM that names the flag. */
export async function confirm(text: string, how: { yes: boolean; flag: string }): Promise<void> {
  if (how.yes) return;
  const person = prompter();
  if (person === undefined) {
    throw new HpcbinderError('E-CONFIRM', {
      message: `${text}: nobody is here to say yes`,
      hint: `Say yes beforehand with ${how.flag}.`,
    });
  }
  if (!(await person.confirm(text, false)))
    throw new HpcbinderError('E-CANCELLED', { message: 'not confirmed; nothing was done' });
}

/** A table with a head, columns as wide as they need; what others wrote in its cells is made harmless. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return fittedTable(head, rows, Number.POSITIVE_INFINITY);
}

/** The same in so many columns: the widest give way, and their cells are cut in the middle. */
export function fittedTable(head: readonly string[], rows: readonly (readonly string[])[], most: number): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => plain(harmless(cell))));
  const widths = head.map((_, i) => Math.max(...cells.map((row) => width(row[i] ?? ''))));
  const sum = () => widths.reduce((total, each) => total + each, 2 * (widths.length - 1));
  for (let widest = Math.max(...widths); sum() > most && widest > 8; widest = Math.max(...widths))
    widths[widths.indexOf(widest)] = widest - 1;
  const cell = (text: string, i: number) => padTo(cutMiddle(text, widths[i] ?? 0, CUT), widths[i] ?? 0);
  return cells.map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
}

/** Filled up with spaces to so many columns. */
export function padTo(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - width(text)));
}
