/** Reading what others wrote: records of this and of newer versions, the agent's address and end files. All pure. */
import { SESSION_ID } from '../core/ids.ts';
import { countOf, momentOf, parseFields, wordsIn } from '../core/json.ts';
import {
  END_REASONS,
  type EndReason,
  type SaveReport,
  type Seen,
  type Session,
  type SessionSecrets,
} from '../core/session.ts';
import type { Variable } from '../core/variables.ts';

/** The record as it lies on the cluster and in the local copy; the secrets are in it, and it is 0600. */
export type SessionRecord = Session & {
  secrets: SessionSecrets;
  /** that the user set for the inside, maybe secret; absent: none */
  variables?: readonly Variable[];
};

export type RecordRead =
  | { kind: 'record'; record: SessionRecord }
  | { kind: 'newer'; schema: number }
  | { kind: 'unreadable' };

export function readRecord(text: string | undefined): RecordRead {
  const value = parseFields(text ?? '');
  if (value === undefined) return { kind: 'unreadable' };
  const schema = value.schema;
  if (typeof schema === 'number' && schema > 1) return { kind: 'newer', schema };
  if (schema !== 1 || typeof value.id !== 'string' || !SESSION_ID.test(value.id) || typeof value.phase !== 'string')
    return { kind: 'unreadable' };
  return { kind: 'record', record: value as unknown as SessionRecord };
}

/** The address must be the session's own; anything else is "not yet". */
export function readAddress(text: string | undefined, session: string): Seen['address'] {
  const value = parseFields(text ?? '');
  if (value?.schema !== 1 || value.session !== session) return undefined;
  const { host, port, startedAt, endsAt } = value;
  if (typeof host !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9.-]{0,252}$/.test(host)) return undefined;
  if (!Number.isInteger(port) || Number(port) < 1 || Number(port) > 65535) return undefined;
  return { host, port: Number(port), startedAt: momentOf(startedAt), endsAt: momentOf(endsAt) };
}

export function readEnd(text: string | undefined): Seen['end'] {
  const value = parseFields(text ?? '');
  const why = END_REASONS.find((reason) => reason === value?.why) as EndReason | undefined;
  if (value?.schema !== 1 || why === undefined) return undefined;
  const at = momentOf(value.at);
  const saved = readSaved(value.saved);
  return {
    why,
    at,
    ...(typeof value.detail === 'string' ? { detail: value.detail } : {}),
    ...(saved ? { saved } : {}),
  };
}

/** kept of what could not be saved, by name or reason */
const MOST_FAILED = 100;

export function readSaved(value: unknown): SaveReport | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { at, pages, files, failed, silent } = value as Record<string, unknown>;
  return {
    at: momentOf(at),
    pages: countOf(pages),
    files: countOf(files),
    failed: wordsIn(failed, MOST_FAILED),
    silent: countOf(silent),
  };
}

export type WorkReport = {
  directory: string;
  created: boolean;
  updated: readonly string[];
  kept: readonly string[];
  conflicts: readonly { path: string; theirs: string }[];
  deleted: readonly string[];
  notes: readonly string[];
};

export function readWorkReport(text: string | undefined): WorkReport | undefined {
  const value = parseFields(text ?? '');
  if (typeof value?.directory !== 'string') return undefined;
  const list = (key: string) => (Array.isArray(value[key]) ? (value[key] as unknown[]) : []);
  const strings = (key: string) => list(key).filter((item): item is string => typeof item === 'string');
  const conflicts = list('conflicts').filter((item): item is { path: string; theirs: string } => {
    const pair = item as { path?: unknown; theirs?: unknown } | null;
    return typeof pair?.path === 'string' && typeof pair?.theirs === 'string';
  });
  return {
    directory: value.directory,
    created: value.created === true,
    updated: strings('updated'),
    kept: strings('kept'),
    deleted: strings('deleted'),
    notes: strings('notes'),
    conflicts,
  };
}
