/** `admin sessions`, `users`, `launches`, `audit` and `tokens`: what the endpoint knows, as tables. */
import type { KeptRow } from '../../server/state/index.ts';
import { ago } from '../../sessions/words.ts';
import { endsInWords, stateInWords } from '../manage.ts';
import { table } from '../terminal.ts';
import { shownRecord } from '../words.ts';
import { type AdminFlags, print, since, whole, withState } from './opened.ts';

const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
/** `2026-11-23 12:00:00`, UTC: lines of a log are compared with other logs. */
const stamp = (iso: string) => iso.slice(0, 19).replace('T', ' ');
const tableOf = (head: readonly string[], rows: readonly (readonly string[])[]) =>
  rows.length === 0 ? '' : table(head, rows);

export function sessions(flags: AdminFlags): Promise<number> {
  return withState(flags, (state) => {
    const account = text(flags.user);
    const rows = state.sessions({ ...(account ? { account } : {}), live: flags.all !== true });
    const shown = ({ record, account: owner, launch, granted }: KeptRow) => ({
      account: owner,
      ...shownRecord(record),
      ...(launch ? { launch } : {}),
      ...(granted ? { granted } : {}),
    });
    const cells = ({ record, account: owner }: KeptRow) => [
      record.id,
      owner,
      record.repo.shown,
      stateInWords(record),
      `${record.cluster} ${record.address?.host ?? record.request.partition ?? ''}`.trim(),
      endsInWords(record),
    ];
    const head = ['ID', 'USER', 'REPOSITORY', 'STATE', 'WHERE', 'ENDS'];
    return print(flags, rows.map(shown), tableOf(head, rows.map(cells)), 'no sessions (--all: those that ended, too)');
  });
}

export function users(flags: AdminFlags): Promise<number> {
  return withState(flags, (state) => {
    const all = state.logins.users();
    const now = new Date();
    const rows = all.map((one) => [
      one.account,
      one.shown,
      one.roles.join(' '),
      String(one.live),
      String(one.sessions),
      String(one.logins),
      ago(new Date(one.lastAt), now),
    ]);
    const head = ['ACCOUNT', 'SIGNED IN AS', 'ROLES', 'LIVE', 'SESSIONS', 'LOGINS', 'LAST SIGN-IN'];
    return print(flags, all, tableOf(head, rows), 'nobody has signed in yet');
  });
}

export function launches(flags: AdminFlags): Promise<number> {
  return withState(flags, (state) => {
    const account = text(flags.user);
    const limit = whole('limit', flags.limit, 1) ?? 100;
    const all = state.launches({ ...(account ? { account } : {}), running: flags.running === true, limit });
    const rows = all.map((one) => [
      one.id,
      one.account,
      `${one.wanted.provider}/${one.wanted.spec}`,
      one.state,
      stamp(one.startedAt),
      one.error ? one.error.code : (one.session ?? ''),
    ]);
    const head = ['ID', 'USER', 'WHAT', 'STATE', 'STARTED (UTC)', 'SESSION'];
    return print(flags, all, tableOf(head, rows), 'no launches');
  });
}

export function audit(flags: AdminFlags): Promise<number> {
  return withState(flags, (state) => {
    const [account, session, from] = [text(flags.user), text(flags.session), since(flags.since, new Date())];
    const entries = state.audit.read({
      ...(account ? { account } : {}),
      ...(session ? { session } : {}),
      ...(from ? { since: from } : {}),
      limit: whole('limit', flags.limit, 1) ?? (flags.since === undefined ? 100 : 100_000),
    });
    const rows = entries.map((one) => [
      stamp(one.at),
      one.account,
      one.action,
      one.session ?? one.launch ?? '',
      one.from ?? '',
      one.detail ?? '',
    ]);
    return print(
      flags,
      entries,
      tableOf(['AT (UTC)', 'WHO', 'WHAT', 'ON', 'FROM', 'DETAIL'], rows),
      'nothing was done',
    );
  });
}

export function tokens(flags: AdminFlags): Promise<number> {
  return withState(flags, (state) => {
    const now = new Date();
    const all = state.tokens.all().filter((one) => flags.user === undefined || one.account === flags.user);
    const rows = all.map((one) => [
      one.id,
      one.account,
      one.name,
      one.scopes.join(' '),
      one.expires === undefined ? '' : Date.parse(one.expires) <= now.getTime() ? 'expired' : stamp(one.expires),
      one.usedAt === undefined ? 'never' : ago(new Date(one.usedAt), now),
    ]);
    const head = ['ID', 'USER', 'NAME', 'MAY', 'ENDS (UTC)', 'LAST USED'];
    return print(flags, all, tableOf(head, rows), 'no API tokens');
  });
}
