/** `admin drain`, `announce`, `revoke`, `prune`, `backup`, `repair`, `export` and `forget`. */

import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { HpcbinderError } from '../../core/errors.ts';
import { harmless } from '../../core/text.ts';
import { size } from '../../core/units.ts';
import { type Pruned, RETENTION_DAYS, type Repaired, repair as repaired } from '../../server/state/index.ts';
import { confirm, plain } from '../terminal.ts';
import { type AdminFlags, audited, placeOf, print, whole, whoTyped, withState } from './opened.ts';

/** What a page can show in a line or two. */
const MOST_WORDS = 2000;

/** `on`, `off`, or nothing: how it is. */
export function drain(word: string | undefined, flags: AdminFlags): Promise<number> {
  if (word !== undefined && word !== 'on' && word !== 'off')
    throw new HpcbinderError('E-USAGE', { message: `"${word}" is neither on nor off` });
  return withState(flags, (state) => {
    const words = spoken('--words', flags.words);
    if (word !== undefined) {
      const value = { ...(words ? { words } : {}), since: new Date().toISOString(), by: whoTyped() };
      state.settings.set('drain', word === 'on' ? value : undefined);
      audited(state, `drain ${word}`, words);
    }
    const value = state.settings.get('drain');
    const since = value && `drained since ${value.since.slice(0, 16).replace('T', ' ')} UTC by ${value.by}`;
    const said = value?.words === undefined ? '' : `: ${value.words}`;
    const line = since ? `${since}${said}; what runs goes on` : 'launches are accepted';
    return print(flags, { drained: value !== undefined, ...value }, plain(harmless(line)), '');
  });
}

/** A text, `--clear`, or nothing: what is announced. */
export function announce(text: string | undefined, flags: AdminFlags): Promise<number> {
  return withState(flags, (state) => {
    const words = spoken('the announcement', text);
    if (words && flags.clear) throw new HpcbinderError('E-USAGE', { message: 'either a text or --clear' });
    if (words || flags.clear) {
      const value = words ? { text: words, since: new Date().toISOString(), by: whoTyped() } : undefined;
      state.settings.set('announcement', value);
      audited(state, words ? 'announce' : 'announce --clear', words);
    }
    const value = state.settings.get('announcement');
    return print(flags, value ?? null, value ? plain(harmless(value.text)) : '', 'nothing is announced');
  });
}

/** One API token by its id, or with --user all tokens and logins of an account. */
export function revoke(id: string | undefined, flags: AdminFlags): Promise<number> {
  return withState(flags, (state) => {
    const all = state.tokens.all();
    const account = typeof flags.user === 'string' ? flags.user : undefined;
    if ((id === undefined) === (account === undefined))
      throw new HpcbinderError('E-USAGE', { message: 'name either the id of a token or --user ACCOUNT' });
    const going = all.filter((one) => (id === undefined ? one.account === account : one.id === id));
    if (id !== undefined && going.length === 0)
      throw new HpcbinderError('E-USAGE', {
        message: `there is no token ${id}`,
        hint: '`hpcbinder admin tokens` lists them.',
      });
    for (const one of going) state.tokens.revoke(one.account, one.id);
    const logins = account === undefined ? 0 : state.logins.endAll(account);
    audited(state, 'revoke', id ?? account);
    const value = { tokens: going.map((one) => one.id), logins };
    return print(
      flags,
      value,
      plain(`revoked: ${many(going.length, 'token')}${account ? `, ${many(logins, 'login')}` : ''}`),
      '',
    );
  });
}

export function prune(flags: AdminFlags): Promise<number> {
  return withState(flags, async (state, place) => {
    const days = whole('days', flags.days, 1) ?? place.retentionDays ?? RETENTION_DAYS;
    const going = state.prune(days, true);
    const words = countsOf(going);
    if (words === '' || flags.dryRun)
      return print(
        flags,
        { days, dryRun: true, ...going },
        '',
        words === '' ? `nothing is older than ${days} days` : `older than ${days} days: ${words}; nothing was done`,
      );
    await confirm(`Remove what is older than ${days} days: ${words}?`, { yes: flags.yes === true, flag: '--yes' });
    const gone = state.prune(days);
    audited(state, 'prune', `older than ${days} days: ${countsOf(gone)}`);
    return print(flags, { days, dryRun: false, ...gone }, plain(`removed: ${countsOf(gone)}`), '');
  });
}

export function backup(path: string, flags: AdminFlags): Promise<number> {
  return withState(flags, async (state) => {
    const to = resolve(path);
    await state.backup(to);
    audited(state, 'backup', to);
    const bytes = statSync(to).size;
    return print(
      flags,
      { path: to, bytes },
      plain(`${harmless(to)}, ${size(bytes)}; the keys of live sessions are in it`),
      '',
    );
  });
}

/** Only where the server does not run. */
export async function repair(flags: AdminFlags): Promise<number> {
  const { directory } = placeOf(flags);
  await confirm(`Set ${directory}/hpcbinder.db aside and keep what can be read of it?`, {
    yes: flags.yes === true,
    flag: '--yes',
  });
  const done = repaired(directory);
  return print(flags, done ?? null, done ? plain(repairedInWords(done)) : '', 'it is whole: nothing was done');
}

/** The person's rows as one JSON text. */
export function exported(account: string, flags: AdminFlags): Promise<number> {
  return withState(flags, (state) => {
    const all = state.exportOf(account);
    audited(state, 'export', account);
    process.stdout.write(`${JSON.stringify(all, undefined, 2)}\n`);
    return 0;
  });
}

export function forget(account: string, flags: AdminFlags): Promise<number> {
  return withState(flags, async (state) => {
    await confirm(`Remove all sessions, launches, logins and tokens of ${harmless(account)}?`, {
      yes: flags.yes === true,
      flag: '--yes',
    });
    state.forget(account);
    audited(state, 'forget', account);
    return print(
      flags,
      { account, forgotten: true },
      plain(`${harmless(account)} is forgotten; the audit log keeps its lines until they are too old`),
      '',
    );
  });
}

function repairedInWords({ aside, rows, damaged }: Repaired): string {
  const kept = Object.entries(rows).map(([table, count]) => `${count} ${table}`);
  const lost = damaged.length === 0 ? 'all could be read' : `not all could be read of ${damaged.join(', ')}`;
  return `kept: ${kept.join(', ')}; ${lost}\nthe damaged file is ${aside}; it holds keys: remove it when it is no longer needed`;
}

function countsOf(pruned: Pruned): string {
  const words: readonly (readonly [number, string])[] = [
    [pruned.sessions, 'session'],
    [pruned.launches, 'launch'],
    [pruned.images, 'entry of an image'],
    [pruned.builds, 'entry of a build'],
    [pruned.logins, 'login'],
    [pruned.tokens, 'token'],
    [pruned.audit, 'audit line'],
  ];
  return words
    .filter(([count]) => count > 0)
    .map(([count, what]) => many(count, what))
    .join(', ');
}

function many(count: number, what: string): string {
  if (count === 1) return `1 ${what}`;
  const [one = what, ...rest] = what.split(/(?= of )/);
  return [`${count} ${one.replace(/y$/, 'ie')}${one.endsWith('h') ? 'es' : 's'}`, ...rest].join('');
}

function spoken(what: string, text: unknown): string | undefined {
  if (typeof text !== 'string' || text.trim() === '') return undefined;
  if (text.length > MOST_WORDS)
    throw new HpcbinderError('E-USAGE', { message: `${what} has more than ${MOST_WORDS} characters` });
  return text.trim();
}
