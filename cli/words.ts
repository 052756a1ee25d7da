/** How sessions and places are written for the person. */
import { APP_WORDS, type AppName, hasKernels } from '../core/apps.ts';
import type { SaveReport } from '../core/session.ts';
import { harmless } from '../core/text.ts';
import { secondsUntil } from '../sessions/clocks.ts';
import type { SessionRecord, WorkReport } from '../sessions/records.ts';

/** A save at the end is asked for right before it. */
const AT_END_SECONDS = 20;

/** `hb-k3f9q2x7ma` → `k3f9`: enough for a handful of sessions; longer prefixes work too. */
export function shortId(id: string): string {
  return id.slice(3, 7);
}

/** `login.hpc.edu:/home/alice/hpcbinder/github.com/org/repo` */
export function whereOf(host: string, directory: string): string {
  return harmless(host === 'this machine' ? directory : `${host}:${directory}`);
}

/** The line that goes on from a session's work, at its address. */
export function relaunchOf({ id }: Pick<SessionRecord, 'id'>): string {
  return relaunchWords({ id }).join(' ');
}

export function relaunchWords({ id }: Pick<SessionRecord, 'id'>): string[] {
  return ['hpcbinder', 'launch', '--continue', shortId(id)];
}

/** What came of the request to the open pages to save: one line, or one more for each file that could not be. */
export function savedInWords({ pages, files, failed, silent }: SaveReport, app: AppName = 'lab'): string {
  if (!hasKernels(app)) return `${APP_WORDS[app]} cannot be asked to save: what it has not saved itself is not kept.`;
  if (pages === 0 && silent > 0) return 'The machine that has the session open does not answer: it may not have saved.';
  if (pages === 0) return 'No page of JupyterLab is open: nothing could be saved.';
  const many = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
  const where = pages === 1 ? 'in the open page' : `in ${pages} open pages`;
  const lines = failed.map((words) => `Not saved: ${harmless(words)}`);
  if (files > 0) lines.unshift(`Saved: ${many(files, 'file')} ${where}.`);
  return lines.length > 0 ? lines.join('\n') : `Nothing was unsaved ${where}.`;
}

/** Of a session that is over, where its end asked for it; with a line end. */
export function savedAtEnd(record: Pick<SessionRecord, 'saved' | 'ended' | 'localAhead' | 'app'>): string {
  const { saved, ended, app } = record;
  if (!saved || !ended || Math.abs(secondsUntil(record, saved.at, new Date(ended.at))) > AT_END_SECONDS) return '';
  // whoever stops it knows what is open; an end that comes by itself may come too soon for a page that is closed just then
  if (ended.why === 'stopped' && !hasKernels(app)) return '';
  const nobody = ended.why === 'stopped' && saved.pages === 0 && saved.silent === 0;
  return `${nobody ? 'No page of JupyterLab was open, so none was asked to save.' : savedInWords(saved, app)}\n`;
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
export function shownRecord(record: SessionRecord): Omit<SessionRecord, 'secrets' | 'variables'> {
  const { secrets: _, variables: __, ...rest } = record;
  return rest;
}
