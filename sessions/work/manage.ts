/** `work ls | rm | mv`: one constant program on the cluster, told by its arguments what to do. */
import { readFileSync } from 'node:fs';
import type { Answer, CommandResult, Question } from '../../core/command.ts';
import { endedInWords, ok, refused, succeeded, textOf, unreachable } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { type Fields, isFields, parseFields, text } from '../../core/json.ts';
import { harmless, lastLines } from '../../core/text.ts';

export type WorkEntry = {
  /** absolute, on the cluster */
  directory: string;
  /** relative to the base: what `work rm` takes */
  name: string;
  /** `git:<commit>` or `tree:<hex>`: what was put there last */
  id: string;
  /** epoch seconds at which the last session began or ended */
  usedAt: number;
  /** the live session in it */
  session?: string;
  /** on disk; absent where counting took too long */
  bytes?: number;
};

/** All work directories under `base` (absolute, or with a leading `~/`). Refused: E-WORK. */
export function listWork(python: string, base: string): Question<readonly WorkEntry[]> {
  return question([python, 'ls', base], 60_000, (value) => {
    const found = value.directories;
    return Array.isArray(found) ? found.map(entryOf) : undefined;
  });
}

/** Deletes one that no live session uses; `name` relative to base or absolute. Answers its path. */
export function removeWork(python: string, base: string, name: string): Question<string> {
  return question([python, 'rm', base, name], 600_000, (value) => text(value.directory));
}

/** Moves one that no live session uses to a place where nothing is; `target` relative to base or absolute. */
export function moveWork(python: string, base: string, name: string, target: string): Question<string> {
  return question([python, 'mv', base, name, target], 60_000, (value) => text(value.directory));
}

function question<T>(
  [python = 'python3', ...words]: readonly string[],
  timeoutMs: number,
  read: (value: Fields) => T | undefined,
): Question<T> {
  const program = readFileSync(new URL('./manage.py', import.meta.url), 'utf8');
  return {
    command: { argv: [python, '-I', '-c', program, ...words], timeoutMs },
    parse: (result) => parse(result, read),
  };
}

function parse<T>(result: CommandResult, read: (value: Fields) => T | undefined): Answer<T> {
  if (result.ended.kind !== 'exit') {
    return unreachable(
      new HpcbinderError('E-REMOTE', {
        message: `the work directories could not be asked for (${endedInWords(result.ended)})`,
        transient: true,
      }),
    );
  }
  const value = succeeded(result) ? parseFields(textOf(result.stdout)) : undefined;
  const no = text(value?.refused);
  if (no !== undefined) return refused(new HpcbinderError('E-WORK', { message: harmless(no) }));
  const answer = value === undefined ? undefined : read(value);
  if (answer !== undefined) return ok(answer);
  return refused(
    new HpcbinderError('E-WORK', {
      message: `the cluster's answer about work directories cannot be read (${endedInWords(result.ended)})`,
      evidence: lastLines(textOf(result.stderr), 5),
    }),
  );
}

function entryOf(value: unknown): WorkEntry {
  const fields = isFields(value) ? value : {};
  const session = text(fields.session);
  return {
    directory: text(fields.directory) ?? '',
    name: text(fields.name) ?? '',
    id: text(fields.id) ?? '',
    usedAt: typeof fields.usedAt === 'number' ? fields.usedAt : 0,
    ...(session === undefined ? {} : { session }),
    ...(typeof fields.bytes === 'number' ? { bytes: fields.bytes } : {}),
  };
}
