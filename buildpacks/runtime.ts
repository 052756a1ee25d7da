/** runtime.txt (REES section 2.6): `name-version`, `name-YYYY-MM-DD` or `name-version-YYYY-MM-DD`. */
import { HpcbinderError } from '../core/errors.ts';
import { harmless } from '../core/text.ts';

export type Runtime = { name: string; version?: string; date?: string };

/** E-RUNTIME for any other shape; which names there are is for the builders to say. */
export function parseRuntime(text: string, file: string): Runtime {
  const line = text.replace(/^\ufeff/, '').trim();
  const parts = line.split('-');
  const [name, ...rest] = parts;
  if (name === undefined || name === '' || /\s/.test(line) || ![2, 4, 5].includes(parts.length)) {
    throw malformed(file, `${file} says "${harmless(line.slice(0, 80))}", which is no runtime`);
  }
  const version = parts.length === 4 ? undefined : rest[0];
  if (version === '') throw malformed(file, `${file} names no version`);
  const date = parts.length === 2 ? undefined : rest.slice(-3).join('-');
  if (date !== undefined && !isDate(date)) throw malformed(file, `${file}: "${harmless(date)}" is no date`);
  return { name, ...(version === undefined ? {} : { version }), ...(date === undefined ? {} : { date }) };
}

export function malformed(file: string, message: string): HpcbinderError {
  return new HpcbinderError('E-RUNTIME', { message, hint: `Write one line in ${file}, like python-3.12.` });
}

function isDate(text: string): boolean {
  const match = /^([0-9]{4})-([0-9]{2})-([0-9]{2})$/.exec(text);
  const [year = 0, month = 0, day = 0] = (match ?? []).slice(1).map(Number);
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
  return day >= 1 && day <= (days[month - 1] ?? 0);
}
