/**
 * A command travels with its only parser, and what went wrong on the way is part of the answer (DESIGN section 3).
 * Exit codes are data: qstat's 153 carries good JSON, scancel of a stranger's job is 0.
 */
import type { HpcbinderError } from './errors.ts';

export type Command = {
  argv: readonly string[];
  cwd?: string;
  env?: Readonly<Record<string, string>>;
  stdin?: Uint8Array | string;
  /** our own deadline; the default of the transport (30 s) holds where it is absent */
  timeoutMs?: number;
  /** of stdout and of stderr each; more is cut and `truncated` says so */
  maxBytes?: number;
};

export type Ended =
  | { kind: 'exit'; code: number }
  | { kind: 'signal'; name: string }
  | { kind: 'timeout' }
  /** the link broke: nothing is known of the command's end */
  | { kind: 'lost'; cause: unknown };

export type CommandResult = { ended: Ended; stdout: Uint8Array; stderr: Uint8Array; truncated: boolean };

/** `unreachable`: it did not answer, which says nothing of the thing asked for. `refused`: it answered no. */
export type Answer<T> = { ok: true; value: T } | { ok: false; why: 'unreachable' | 'refused'; error: HpcbinderError };

export interface Question<T> {
  readonly command: Command;
  parse(result: CommandResult): Answer<T>;
}

/** Several questions whose answers make one. */
export interface Inquiry<T> {
  readonly questions: readonly Question<unknown>[];
  combine(answers: readonly Answer<unknown>[]): Answer<T>;
}

/** Questions whose answers make one, with their types kept. */
export function inquiry<Values extends readonly unknown[], T>(
  questions: { readonly [K in keyof Values]: Question<Values[K]> },
  join: (...answers: { [K in keyof Values]: Answer<Values[K]> }) => Answer<T>,
): Inquiry<T> {
  return { questions, combine: (answers) => join(...(answers as { [K in keyof Values]: Answer<Values[K]> })) };
}

export function ok<T>(value: T): Answer<T> {
  return { ok: true, value };
}

export function unreachable(error: HpcbinderError): Answer<never> {
  return { ok: false, why: 'unreachable', error };
}

export function refused(error: HpcbinderError): Answer<never> {
  return { ok: false, why: 'refused', error };
}

/** The value, or the error thrown: for callers to whom both kinds of "no" are the end. */
export function orThrow<T>(answer: Answer<T>): T {
  if (answer.ok) return answer.value;
  throw answer.error;
}

const decoder = new TextDecoder('utf-8', { fatal: false });

export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

export function succeeded(result: CommandResult): boolean {
  return result.ended.kind === 'exit' && result.ended.code === 0;
}

export function exitCode(result: CommandResult): number | undefined {
  return result.ended.kind === 'exit' ? result.ended.code : undefined;
}

/** "exit 3", "signal KILL", "no answer in time", "connection lost": for messages. */
export function endedInWords(ended: Ended): string {
  switch (ended.kind) {
    case 'exit':
      return `exit ${ended.code}`;
    case 'signal':
      return `signal ${ended.name}`;
    case 'timeout':
      return 'no answer in time';
    case 'lost':
      return 'connection lost';
  }
}
