/** What the sign-in offers to the rest of the server room, and what it asks of the state. Times are ISO texts by this machine's clock. */
import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import type { Scope, TokenView, User } from '../../core/endpoint.ts';
import type { OpenSiteLogin, SiteHost } from '../../core/site-login.ts';
import type { AccountRules } from './accounts.ts';

/** Who sent a request, and what that lets them do. */
export type Who = {
  user: User;
  via: 'login' | 'token';
  scopes: readonly Scope[];
  /** hash of the login's cookie or of the API token: session cookies and streams that come of it end with it */
  login: string;
  /** id of the API token, where it is one */
  token?: string;
  /** what a form or script must send along to act; tokens need none */
  xsrf?: string;
};

export type SignIn = {
  /** Undefined: nobody, or somebody whose login or token is over. */
  who(req: IncomingMessage): Who | undefined;
  /**
   * The routes /sign-in, /sign-in/callback, /sign-out and /api/v1/tokens, below the prefix of `app`.
   * For all routes of `app`: a forged header is refused, and an answer that goes on ends with the login that asked for it.
   */
  register(app: FastifyInstance): void;
  /**
   * May this request act? A token always; a login only with its own XSRF value (header `X-Xsrftoken`, or the form's field
   * `_xsrf` in `body`), from our own origin.
   */
  checkXsrf(req: IncomingMessage, who: Who, body?: unknown): boolean;
  /** Whose login or token this hash is of, if it is alive. Session origins ask it for every request. */
  login(hash: string): User | undefined;
  /** The same without counting as a use: open streams ask it. */
  alive(hash: string): boolean;
  /** Makes an API token. Throws E-TOKEN in the user's words. `from`: the address that asks. */
  makeToken(who: Who, wanted: TokenWanted, from: string): { token: string; view: TokenView };
  /** Throws E-TOKEN where this account has no such token. */
  revokeToken(who: Who, id: string, from: string): void;
  /** Where a page without a login sends the browser; `target` is path and query of the page itself. */
  signInUrl(target: string): string;
};

/** `seconds`: how long it lives; 30 days where absent, or the most that is allowed. */
export type TokenWanted = { name: string; scopes: readonly Scope[]; seconds?: number };

export type OidcOptions = {
  issuer: string;
  clientId: string;
  /** absent: a public client, which PKCE alone protects */
  clientSecretFile?: string | undefined;
  /** `openid` is always among them */
  scopes?: readonly string[];
  /** the claim that is the identity, like `preferred_username`; of the ID token, else of the userinfo answer */
  accountClaim: string;
};

export type HeaderOptions = {
  /** like `X-Remote-User` */
  name: string;
  /** addresses of the reverse proxies that may say who it is; `unix` is whoever may connect to our Unix socket */
  from: readonly string[];
  /** a second header with a secret: needed where others could connect from the same address */
  secret?: { header: string; file: string } | undefined;
};

export type SignInOptions = {
  /** one of the three */
  oidc?: OidcOptions | undefined;
  header?: HeaderOptions | undefined;
  ssh?: SiteHost | undefined;
  /** how `ssh` is asked */
  siteLogin?: OpenSiteLogin | undefined;
  /** read anew for each request, as all functions here: a reloaded policy holds at once */
  accounts: () => AccountRules;
  /** whom a person asks who has no account: a name, an address, a URL */
  contact?: () => string | undefined;
  /** does the endpoint listen on a Unix socket (and on nothing else)? */
  unixSocket?: boolean;
  /** of logins; 12 hours and 7 days where absent */
  idleSeconds?: number;
  maxSeconds?: number;
  /** of API tokens: the longest life, 90 days where absent */
  tokenSeconds?: number;
  /** sign-ins of one address, which may be a whole campus; 60 a minute where absent */
  rate?: () => { count: number; seconds: number };
  now?: () => Date;
};

/** The part of server/state that signing in needs. */
export type SignInState = {
  logins: {
    create(user: User, login: { id: string; xsrf: string; expires: string; from?: string }): void;
    get(hash: string): { user: User; xsrf: string; expires: string } | undefined;
    end(hash: string): void;
    endAll(account: string): void;
  };
  tokens: {
    create(token: {
      account: string;
      shown: string;
      hash: string;
      name: string;
      scopes: readonly Scope[];
      expires: string;
    }): string;
    /** `shown`: the identity of whoever made it */
    find(
      hash: string,
    ): { id: string; account: string; shown: string; scopes: readonly Scope[]; expires: string } | undefined;
    list(account: string): readonly TokenView[];
    /** false: this account has no such token */
    revoke(account: string, id: string): boolean;
    used(id: string): void;
  };
  audit: { write(row: { account: string; action: string; from?: string; detail?: string }): void };
};
