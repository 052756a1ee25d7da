/** What a job may ask for, before any scheduler or site is asked (SECURITY ABU-08, INJ-02). */
import { HpcbinderError } from './errors.ts';
import { SESSION_ID } from './ids.ts';
import type { JobSpec, ResourceRequest } from './scheduler.ts';
import { cutMiddle, harmless, hasControls } from './text.ts';

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@+:,-]{0,254}$/;
/** Also of constraints and node lists: `a100&(ib|roce)`, `[rack1|rack2]`, `c[1-3]`. No space, quote, `;`, `$` or control. */
export const EXPRESSION = /^[A-Za-z0-9_([!][A-Za-z0-9_.@+:=,/&|*!()[\]-]{0,510}$/;

/** Throws E-OPTION. */
export function refuseOption(what: string, word: string, hint: string): never {
  throw new HpcbinderError('E-OPTION', { message: `${what} "${cutMiddle(harmless(word), 80)}" cannot be used`, hint });
}

type Field = (typeof FIELDS)[number];
const FIELDS = ['partition', 'account', 'qos', 'reservation', 'gpuType', 'constraint'] as const;

/**
 * Throws E-OPTION at a number that no site can mean, and at a name that could be read as something else. `foreign`: what this
 * scheduler has no word for, and what takes its place there.
 */
export function checkResources(request: ResourceRequest, foreign: Readonly<Partial<Record<Field, string>>> = {}): void {
  inRange('the number of cores', request.cpus, 1, 65_535);
  inRange('the memory in MiB', request.memoryMb, 1, 1 << 30);
  inRange('the walltime in seconds', request.seconds, 1, 366 * 86_400);
  inRange('the number of GPUs', request.gpus, 0, 1024);
  for (const field of FIELDS) {
    const value = request[field];
    const grammar = field === 'constraint' ? EXPRESSION : NAME;
    const ill = grammar.test(value ?? 'x') ? foreign[field] : 'It is empty or has a character that no such name has.';
    if (value !== undefined && ill !== undefined) refuseOption(`the ${field}`, value, ill);
  }
}

/** Throws E-OPTION at words of the job itself that no session has. `id`: what a number of this scheduler looks like. */
export function checkJob({ tag, directory, comment, after = '' }: JobSpec, id: RegExp): void {
  if (!SESSION_ID.test(tag)) refuseOption('the job name', tag, 'It must be a session id.');
  if (hasControls(comment)) refuseOption('the comment', comment, 'It has control characters.');
  if (!directory.startsWith('/') || hasControls(directory)) {
    refuseOption('the directory', directory, 'It must be absolute, without control characters.');
  }
  if (after !== '' && !id.test(after)) refuseOption('the job to wait for', after, 'It must be the number of a job.');
}

/** Throws E-OPTION. */
export function checkConstraint(text: string): string {
  if (!EXPRESSION.test(text))
    refuseOption('the constraint', text, 'Write features joined like a100&(ib|roce), without spaces.');
  return text;
}

function inRange(what: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  refuseOption(what, String(value), `It must be a whole number from ${least} to ${most}.`);
}
