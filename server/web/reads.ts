/** What a request says to the pages, read without trust; and what an error says to its reader. */
import type { FastifyRequest } from 'fastify';
import { asHpcbinderError } from '../../core/errors.ts';
import { plainLine } from '../../core/text.ts';
import type { BadgeView } from './parts/badge.ts';
import { wantedOf } from './parts/fields.ts';
import type { Fault } from './parts/frame.ts';

/** What was done before the page was asked for again; a word of the address is looked up, never shown. */
const DONE: ReadonlyMap<string, string> = new Map([
  ['stopped', 'Stopped. The work directory is kept.'],
  ['extended', 'Extended.'],
  ['touched', 'It stays.'],
  ['cancelled', 'The launch is cancelled.'],
]);

export function idOf(req: FastifyRequest, name = 'id'): string {
  return String(stringsOf(req.params)[name] ?? '');
}

/** Of a query, params or a posted form: the fields that have one value, as text, cut where no field is so long. */
export function stringsOf(fields: unknown): Record<string, string> {
  if (typeof fields !== 'object' || fields === null) return {};
  return Object.fromEntries(
    Object.entries(fields).flatMap(([name, value]) =>
      typeof value === 'string' ? [[name, value.slice(0, 2000)]] : [],
    ),
  );
}

export function doneOf(req: FastifyRequest): { done?: string } {
  const done = DONE.get(stringsOf(req.query).done ?? '');
  return done === undefined ? {} : { done };
}

export function understood(typed: Record<string, string>): Pick<BadgeView, 'wanted' | 'fault'> {
  if (!typed.repo) return {};
  try {
    return { wanted: wantedOf(typed) };
  } catch (error) {
    return { fault: faultOf(error) };
  }
}

export function faultOf(error: unknown): Fault {
  const { message, hint, code } = asHpcbinderError(error);
  const lines = hint?.split('\n').map(plainLine).join('\n');
  return { message: plainLine(message), code, ...(lines === undefined ? {} : { hint: lines }) };
}

/** What went wrong, as a heading. */
export function titleOf(status: number): string {
  if (status === 404) return 'There is nothing here';
  if (status === 403) return 'Not allowed';
  return status >= 500 ? 'This did not work' : 'This cannot be done';
}
