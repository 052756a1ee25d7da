/**
 * What failed on this machine, whole, for `logs` and `bugreport`: that of a launch in its own story, all else in one file.
 * 0600, capped, one older one kept; secrets are taken out before anything is written (SECURITY TOK-07).
 */
import { appendFileSync, existsSync, readFileSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { HpcbinderError } from '../core/errors.ts';
import { redact } from '../core/redact.ts';
import { plainText } from '../core/text.ts';
import type { Doing } from './next.ts';
import { stateDir } from './paths.ts';
import { PRODUCT } from './version.ts';
import { localRecords } from './world.ts';

const MOST_BYTES = 256 << 10;

export function failuresPath(): string {
  return join(stateDir(), 'failures.log');
}

/** The path of the log that has it now; undefined where none can be written, for that must not hide the failure. */
export function noteFailure(error: HpcbinderError, doing: Doing, story: string | undefined): string | undefined {
  const text = redact(plainText(entry(error, doing)));
  try {
    if (story !== undefined) {
      const records = localRecords();
      for (const line of text.split('\n')) records.tell(story, line);
      return records.logPath(story);
    }
    const path = failuresPath();
    if (existsSync(path) && statSync(path).size > MOST_BYTES) renameSync(path, `${path}.1`);
    appendFileSync(path, `${text}\n`, { mode: 0o600 });
    return path;
  } catch {
    return undefined;
  }
}

/** Where it arose and what caused it are in here, and not on the screen. */
function entry(error: HpcbinderError, doing: Doing): string {
  const causes: string[] = [];
  for (let cause: unknown = error; cause instanceof Error && causes.length < 5; cause = cause.cause)
    causes.push(cause.stack ?? cause.message);
  const lines = [
    `failed  ${new Date().toISOString()}  ${PRODUCT}  node ${process.version}`,
    `command hpcbinder ${doing.words.join(' ')}`,
    `code    ${error.code}`,
    `what    ${error.message}`,
    ...error.evidence.map((each) => `  | ${each}`),
    ...(error.hint?.split('\n') ?? []).map((each) => `hint    ${each}`),
    ...causes.flatMap((each, depth) => `${depth === 0 ? 'at' : 'because'}      ${each}`.split('\n')),
  ];
  return lines.join('\n');
}

/** The newest failures that belong to no launch, as they were written; undefined where there was none. */
export function failures(): { text: string; at: number } | undefined {
  const path = failuresPath();
  if (!existsSync(path)) return undefined;
  return { text: readFileSync(path, 'utf8'), at: statSync(path).mtimeMs };
}
