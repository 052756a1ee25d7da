/**
 * How an error is shown (EXPERIENCE section 4): cause, the last lines that show it, what to do, the next command, the log,
 * the code, and what is left behind. No stack trace but under HPCBINDER_DEBUG.
 */
import { asHpcbinderError, exitCodeOf, type HpcbinderError } from '../core/errors.ts';
import type { PhaseName } from '../core/progress.ts';
import { redact } from '../core/redact.ts';
import { cutMiddle, harmless, plainLine } from '../core/text.ts';
import { folded } from './display.ts';
import { noteFailure } from './failure-log.ts';
import { type Doing, nextCommand } from './next.ts';
import { paint, plain } from './terminal.ts';

/** The last ten of a log, and a line above them that says whose they are. */
const MOST_EVIDENCE = 11;
/** Columns; the whole line is in the log. */
const LONGEST = 400;

export type Failing = {
  json?: boolean;
  /** what was being done; the words of the command line where nothing is given */
  doing?: Partial<Doing>;
  /** of a launch, whose display has shown it already */
  phase?: PhaseName | undefined;
  /** the id of a launch, whose story the failure is written to */
  story?: string;
  /** one or more sentences on what stays where */
  left?: string | undefined;
};

export type Shown = Pick<Failing, 'left'> & { log?: string | undefined; next?: string | undefined };

/** All that applies, in the order of reading. */
export function failureLines(error: HpcbinderError, shown: Shown = {}): string[] {
  const lines = [folded(paint('failed', 'error'.padEnd(HEAD)), clean(error.message))];
  const evidence = error.evidence.slice(-MOST_EVIDENCE);
  if (evidence.length > 0)
    lines.push('', ...evidence.map((line) => `  | ${cutMiddle(redact(plainLine(line)), LONGEST)}`), '');
  for (const line of error.hint?.split('\n') ?? []) lines.push(folded(' '.repeat(HEAD), clean(line)));
  if (shown.next !== undefined) lines.push(`  next    ${shown.next}`);
  if (shown.log !== undefined) lines.push(`  log     ${harmless(shown.log)}`);
  lines.push(`  code    ${error.code} (docs/errors.md)`);
  if (shown.left !== undefined) lines.push('', clean(shown.left));
  return lines;
}

const HEAD = 10;

function clean(text: string): string {
  return redact(harmless(text));
}

/** `hpcbinder stop k3f9` is about k3f9. */
function aboutSession([command = '', id = '']: readonly string[]): { id?: string } {
  const known = ['status', 'open', 'stop', 'logs', 'shell', 'extend', 'audit'].includes(command);
  return known && /^[a-z0-9-]+$/.test(id) ? { id } : {};
}

/** Writes it down, shows it and gives the exit code. */
export function showFailure(thrown: unknown, failing: Failing = {}): number {
  const error = asHpcbinderError(thrown);
  const code = exitCodeOf(error);
  const words = process.argv.slice(2);
  const doing: Doing = { words, ...aboutSession(words), ...failing.doing };
  // a word that was mistyped is no event; in a launch it is part of the story
  const trifle = error.code === 'E-CANCELLED' || (error.code === 'E-USAGE' && failing.story === undefined);
  const written = trifle ? undefined : noteFailure(error, doing, failing.story);
  // where nothing was begun there is nothing to read
  const log = code === 2 && failing.story === undefined ? undefined : (written ?? error.log);
  const next = nextCommand(error, doing);
  const { phase, left } = failing;
  if (failing.json) {
    const { message, hint, evidence, transient } = error;
    const event = { type: 'error', code: error.code, phase, message, hint, evidence, next, log, left, transient };
    process.stdout.write(
      `${JSON.stringify(event, (_, value) => (typeof value === 'string' ? redact(value) : value))}\n`,
    );
  } else if (error.code === 'E-CANCELLED') {
    process.stderr.write(`${plain(harmless(error.message))}\n`);
  } else {
    const lines = failureLines(error, { next, log, left });
    process.stderr.write(`${lines.map((line) => plain(line)).join('\n')}\n`);
  }
  if (process.env.HPCBINDER_DEBUG)
    process.stderr.write(`${error.stack}\n${error.cause instanceof Error ? (error.cause.stack ?? '') : ''}\n`);
  return code;
}
