/** The admins' view of people: who has signed in, as `hpcbinder admin users` lists them. */
import { html } from 'htm/preact';
import type { UserRow } from '../../../core/endpoint.ts';
import { Table } from './table.ts';
import { ago, epoch, said } from './words.ts';

export function UserTable({ users, now }: { users: readonly UserRow[]; now: number }) {
  const since = (iso: string) => ago(Math.max(0, now - epoch(iso)));
  return html`<p>Whoever has signed in here, the last first; the role as it was then.</p>
    <${Table} name="Users" none="Nobody has signed in yet." heads=${['Account', 'Signed in as', 'Roles', 'Live', 'Sessions', 'Logins', 'Last sign-in', 'First']} rows=${users.map(
      (one) => ({
        key: one.account,
        cells: [
          said(one.account, 40),
          said(one.shown, 80),
          one.roles.join(' '),
          String(one.live),
          String(one.sessions),
          String(one.logins),
          since(one.lastAt),
          since(one.firstAt),
        ],
      }),
    )} />`;
}
