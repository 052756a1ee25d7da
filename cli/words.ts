/** How sessions and places are written for the person. */
import type { WorkReport } from '../sessions/records.ts';

/** `hb-k3f9q2x7ma` → `k3f9`: enough for a handful of sessions; longer prefixes work too. */
export function shortId(id: string): string {
  return id.slice(3, 7);
}

/** `login.hpc.edu:/home/alice/hpcbinder/github.com/org/repo` */
export function whereOf(host: string, directory: string): string {
  return host === 'this machine' ? directory : `${host}:${directory}`;
}

/** What became of the user's own changes when a new commit came. */
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
  return [...lines, ...work.notes];
}
