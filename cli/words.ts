/** How sessions and places are written for the person. */
import { quoteWords } from '../core/shell.ts';
import { harmless } from '../core/text.ts';
import type { SessionRecord, WorkReport } from '../sessions/records.ts';

/** `hb-k3f9q2x7ma` → `k3f9`: enough for a handful of sessions; longer prefixes work too. */
export function shortId(id: string): string {
  return id.slice(3, 7);
}

/** `login.hpc.edu:/home/alice/hpcbinder/github.com/org/repo` */
export function whereOf(host: string, directory: string): string {
  return harmless(host === 'this machine' ? directory : `${host}:${directory}`);
}

/** The line that goes on from a session's work. */
export function relaunchOf({ repo, sif }: Pick<SessionRecord, 'repo' | 'sif'>): string {
  const words = repo.url === undefined ? ['--sif', sif] : [repo.url, ...(repo.ref ? ['--ref', repo.ref] : [])];
  return harmless(`hpcbinder launch ${quoteWords(words)}`);
}

/** What became of the user's own changes when a new commit came; the names in it are a repository's. */
export function workLines(work: WorkReport | undefined): string[] {
  if (!work || work.created) return [];
  const lines: string[] = [];
  const files = (count: number) => `${count} ${count === 1 ? 'file' : 'files'}`;
  if (work.updated.length > 0) lines.push(`${files(work.updated.length)} followed the new commit`);
  if (work.deleted.length > 0) lines.push(`${files(work.deleted.length)} went with the new commit`);
  for (const { path, theirs } of work.conflicts.slice(0, 20))
    lines.push(`you changed ${path}: yours is kept, the commit's is ${theirs}`);
  if (work.conflicts.length > 20)
    lines.push(`… and ${work.conflicts.length - 20} more; all in the session's work.json`);
  return [...lines, ...work.notes].map(harmless);
}

/** A record without what must not be printed. */
export function shownRecord(record: SessionRecord): Omit<SessionRecord, 'secrets'> {
  const { secrets: _, ...rest } = record;
  return rest;
}
