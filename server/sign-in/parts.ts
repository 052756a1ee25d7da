/** What the routes of the sign-in work with; put together in index.ts. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { AccountRules } from './accounts.ts';
import type { CookieJar } from './cookies.ts';
import type { HeaderSignIn } from './header.ts';
import type { Logins } from './logins.ts';
import type { Oidc } from './oidc.ts';
import type { Pace } from './pace.ts';
import type { PendingSignIns } from './pending.ts';
import type { TokenDesk } from './token-desk.ts';
import type { SignIn, SignInState } from './types.ts';

export type Parts = Pick<SignIn, 'who' | 'checkXsrf'> & {
  /** the endpoint's own address, ending in `/` */
  base: URL;
  cookies: CookieJar;
  logins: Logins;
  state: SignInState['tokens'];
  pending: PendingSignIns;
  /** sign-ins of one address; a whole campus may share one */
  pace: Pace;
  header: HeaderSignIn | undefined;
  oidc: Oidc | undefined;
  /** the page that begins a login by SSH */
  ssh: { first(request: FastifyRequest, reply: FastifyReply, next: string): FastifyReply } | undefined;
  accounts: () => AccountRules;
  contact: () => string | undefined;
  maxSeconds: number;
  desk: TokenDesk;
  /** a line of the audit log; what fails is written so often per address at most */
  note(request: FastifyRequest, account: string, action: string, detail?: string): void;
};
