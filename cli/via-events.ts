/** What an endpoint tells of a launch, read as words of others: known shapes alone get through, and each is told once. */
import { createHash } from 'node:crypto';
import type { LaunchView } from '../core/endpoint.ts';
import { ERROR_CODES, type ErrorCode, HpcbinderError } from '../core/errors.ts';
import { type Fields, isFields, parseFields, text } from '../core/json.ts';
import { PHASES, type PhaseName, type Progress } from '../core/progress.ts';
import { harmless } from '../core/text.ts';

const MOST_WORDS = 4_000;
const LAUNCH_ID = /^la-[0-9a-f]{16}$/;
const SESSION_ID = /^hb-[a-z0-9]{10}$/;
const STATES = ['running', 'ready', 'failed', 'cancelled'] as const;

/** What is needed of a launch, checked. */
export type SeenLaunch = Pick<LaunchView, 'id' | 'state' | 'session'> & { error?: Problem };
export type Problem = { code: ErrorCode; message: string; hint?: string };
export type SeenEvent = Progress | { type: 'launch'; launch: SeenLaunch };

/** Of whatever stands in a launch's answer; undefined where it is none. */
export function readLaunch(value: unknown): SeenLaunch | undefined {
  if (!isFields(value)) return undefined;
  const [id, session] = [text(value.id), text(value.session)];
  const state = STATES.find((each) => each === value.state);
  if (id === undefined || !LAUNCH_ID.test(id) || state === undefined) return undefined;
  const error = isFields(value.error) ? problemOf(value.error) : undefined;
  return {
    id,
    state,
    ...(session !== undefined && SESSION_ID.test(session) ? { session } : {}),
    ...(error ? { error } : {}),
  };
}

/** `{code, message, hint}` of an endpoint, made harmless and short. */
export function problemOf(value: Fields): Problem | undefined {
  const message = text(value.message);
  if (message === undefined) return undefined;
  const code = ERROR_CODES.find((each) => each === value.code) ?? 'E-ENDPOINT';
  const hint = text(value.hint);
  const short = (words: string) => harmless(words.slice(0, MOST_WORDS));
  return { code, message: short(message), ...(hint ? { hint: short(hint) } : {}) };
}

/** One message of the stream; undefined: of a kind that a newer endpoint may have. */
export function readEvent(data: string): SeenEvent | undefined {
  const value = parseFields(data);
  if (!value) return undefined;
  if (value.type === 'launch') {
    const launch = readLaunch(value.launch);
    return launch && { type: 'launch', launch };
  }
  const words = text(value.text)?.slice(0, MOST_WORDS);
  if (value.type === 'note' || value.type === 'warning') return words ? { type: value.type, text: words } : undefined;
  const phase: PhaseName | undefined = PHASES.find((each) => each === value.phase);
  if (!phase) return undefined;
  switch (value.type) {
    case 'start':
      return { type: 'start', phase, text: words ?? '' };
    case 'done':
      return { type: 'done', phase, text: words ?? '', seconds: amount(value.seconds) ?? 0 };
    case 'log':
      return { type: 'log', phase, line: text(value.line)?.slice(0, MOST_WORDS) ?? '' };
    case 'update': {
      const [done, total] = [amount(value.done), amount(value.total)];
      const counted = { ...(done === undefined ? {} : { done }), ...(total === undefined ? {} : { total }) };
      return { type: 'update', phase, ...(words === undefined ? {} : { text: words }), ...counted };
    }
    default:
      return undefined;
  }
}

function amount(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : undefined;
}

/**
 * Each stream tells a launch from its beginning: what was shown already is passed over. Where an endpoint was restarted and the
 * launch began anew, its story differs, and is shown from there.
 */
export class ToldOnce {
  #known: string[] = [];
  #at = 0;

  /** A new stream begins. */
  again(): void {
    this.#at = 0;
  }

  /** Is it to be shown? Updates come together in a story, so they are not counted. */
  isNew(event: SeenEvent): boolean {
    if (event.type === 'update') return this.#at === this.#known.length;
    const digest = createHash('sha256').update(JSON.stringify(event)).digest('base64').slice(0, 16);
    if (this.#at < this.#known.length) {
      if (this.#known[this.#at] === digest) {
        this.#at += 1;
        return false;
      }
      this.#known.length = this.#at;
    }
    this.#known.push(digest);
    this.#at += 1;
    return true;
  }
}

/** Server-sent events → the data of each; other fields and comments are passed over. E-ENDPOINT where one has no end. */
export async function* messages(chunks: AsyncIterable<string>, most: number): AsyncGenerator<string> {
  let rest = '';
  let data: string[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    rest += chunk;
    const lines = rest.split(/\r?\n/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line === '') {
        if (data.length > 0) yield data.join('\n');
        data = [];
        size = 0;
      } else if (line.startsWith('data:')) {
        data.push(line.slice(line[5] === ' ' ? 6 : 5));
        size += line.length;
      }
    }
    if (rest.length + size > most)
      throw new HpcbinderError('E-ENDPOINT', { message: `the endpoint sent an event of more than ${most} characters` });
  }
}
