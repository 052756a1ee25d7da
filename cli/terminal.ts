/** The person's terminal: width, colour, questions. stdout is for scripts, stderr for the story (EXPERIENCE section 1). */
import { createInterface } from 'node:readline';
import { HpcbinderError } from '../core/errors.ts';
import type { Prompter } from '../core/transport.ts';

export const isTerminal = process.stderr.isTTY === true && process.stdin.isTTY === true;

const unicode = /UTF-?8/i.test(process.env.LC_ALL || process.env.LC_CTYPE || process.env.LANG || '');
const colours = process.stderr.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== 'dumb';

/** ASCII where the locale is not UTF-8. */
export function plain(text: string): string {
  if (unicode) return text;
  return text
    .replaceAll('·', '-')
    .replaceAll('→', '->')
    .replaceAll('…', '...')
    .replaceAll('–', '-')
    .replaceAll('█', '#')
    .replaceAll('░', '.');
}

export type State = 'done' | 'waiting' | 'failed' | 'quiet';

/** Colour says state and nothing else, and is never the only sign. */
export function paint(state: State, text: string): string {
  if (!colours) return text;
  const code = { done: 32, waiting: 33, failed: 31, quiet: 2 }[state];
  return `\u001b[${code}m${text}\u001b[0m`;
}

export function columns(): number {
  return Math.max(40, Math.min(process.stderr.columns ?? 80, 100));
}

/** Questions on stderr, answers from stdin. Undefined where no person can answer. */
export function prompter(): Prompter | undefined {
  if (!isTerminal) return undefined;
  return {
    say: (line) => void process.stderr.write(`${plain(line)}\n`),
    ask: (prompt, how) => question(prompt, how.secret),
    async confirm(text, fallback) {
      const answer = (await question(`${text} [${fallback ? 'Y/n' : 'y/N'}] `, false)).trim().toLowerCase();
      return answer === '' ? fallback : answer === 'y' || answer === 'yes';
    },
  };
}

function question(prompt: string, secret: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
    lines.once('SIGINT', () => {
      lines.close();
      process.stderr.write('\n');
      reject(new HpcbinderError('E-CANCELLED', { message: 'cancelled' }));
    });
    lines.question(plain(prompt), (answer) => {
      lines.close();
      if (secret) process.stderr.write('\n');
      resolve(answer);
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

/** A table with a head, columns as wide as they need. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (row: readonly string[]) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i] ?? 0))).join('  ');
  return [line(head), ...rows.map(line)].map((text) => plain(text.trimEnd())).join('\n');
}
