/** How an error is shown: cause, evidence, what to do, the code. No stack trace but under HPCBINDER_DEBUG. */
import { asHpcbinderError, exitCodeOf, type HpcbinderError } from '../core/errors.ts';
import { harmless, plainLine } from '../core/text.ts';
import { paint, plain } from './terminal.ts';

export function failureLines(error: HpcbinderError): string[] {
  const lines = [`${paint('failed', 'error')}     ${harmless(error.message)}`];
  if (error.evidence.length > 0) lines.push('', ...error.evidence.map((line) => `  | ${plainLine(line)}`), '');
  for (const line of error.hint?.split('\n') ?? []) lines.push(`          ${harmless(line)}`);
  if (error.log) lines.push(`  log     ${error.log}`);
  lines.push(`  code    ${error.code} (docs/errors.md)`);
  return lines;
}

/** Shows it and gives the exit code. */
export function showFailure(thrown: unknown, how: { json?: boolean } = {}): number {
  const error = asHpcbinderError(thrown);
  if (how.json) {
    const { code, message, hint, evidence, log, transient } = error;
    process.stdout.write(`${JSON.stringify({ type: 'error', code, message, hint, evidence, log, transient })}\n`);
  } else if (error.code === 'E-CANCELLED') {
    process.stderr.write(`${plain(harmless(error.message))}\n`);
  } else {
    process.stderr.write(
      `${failureLines(error)
        .map((line) => plain(line))
        .join('\n')}\n`,
    );
  }
  if (process.env.HPCBINDER_DEBUG)
    process.stderr.write(`${error.stack}\n${error.cause instanceof Error ? (error.cause.stack ?? '') : ''}\n`);
  return exitCodeOf(error);
}
