/** How a process that acts as an account is started, and what is connected to from where it is. */
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Duplex } from 'node:stream';
import { HpcbinderError } from '../../core/errors.ts';
import type { Endpoint } from '../../core/transport.ts';

export type Way = {
  name: string;
  spawn(): ChildProcessWithoutNullStreams;
  /** waits until another process may be started; what it gives back ends the turn */
  turn?(): Promise<() => void>;
  dial(to: Endpoint, by: string): Promise<Duplex>;
  /** what its end before the first word means, where that is not a refusal of sudo's */
  fault?(code: number | null, said: string): HpcbinderError | undefined;
};

/** What accounts are called; no `#`, by which sudo knows a uid, and no dash in front. */
const ACCOUNT = /^[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$/;

/** E-USAGE for what is no account's name. */
export function checkAccount(account: string): string {
  if (ACCOUNT.test(account)) return account;
  throw new HpcbinderError('E-USAGE', { message: `"${account}" is no name of an account` });
}
