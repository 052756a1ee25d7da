/** Who may enter, and as which account. */
import type { IncomingMessage } from 'node:http';
import { HpcbinderError } from '../../core/errors.ts';
import { Staying } from '../staying.ts';
import { scopesOf } from './accounts.ts';
import { type Answers, signInAnswers } from './answers.ts';
import { checkSignIn } from './check.ts';
import { cookies as cookiesOf } from './cookies.ts';
import { HeaderSignIn } from './header.ts';
import { Logins } from './logins.ts';
import { Oidc } from './oidc.ts';
import { Pace } from './pace.ts';
import type { Parts } from './parts.ts';
import { PendingSignIns } from './pending.ts';
import { returnPath } from './return-path.ts';
import { signInRoutes } from './routes.ts';
import { SshSignIn } from './ssh.ts';
import { TokenDesk } from './token-desk.ts';
import { tokenRoutes } from './token-routes.ts';
import { bearerOf, Tokens } from './tokens.ts';
import type { SignIn, SignInOptions, SignInState, Who } from './types.ts';
import { isOurs } from './xsrf.ts';

export { type AccountRules, mayEnter } from './accounts.ts';
export { checkSignIn } from './check.ts';
export { EndpointAccess, type EndpointSession } from './endpoint-access.ts';
export { BuildTokens, Codes } from './one-time.ts';
export { readSecretFile } from './secret-file.ts';
export type { SignIn, SignInOptions, SignInState, TokenWanted, Who } from './types.ts';

const IDLE_SECONDS = 12 * 3600;
const MAX_SECONDS = 7 * 86_400;
const TOKEN_SECONDS = 90 * 86_400;

/**
 * @param base the endpoint's own address; https, or http on loopback
 * @throws HpcbinderError E-SIGN-IN: what `checkSignIn` says, or a secret's file cannot be used
 */
export async function createSignIn(options: SignInOptions, state: SignInState, base: URL): Promise<SignIn> {
  checkSignIn(options, base);
  const now = () => (options.now?.() ?? new Date()).getTime();
  const header = options.header && (await HeaderSignIn.create(options.header, options.unixSocket ?? false));
  const oidc = options.oidc && (await Oidc.create(options.oidc, base));
  const { accounts } = options;
  const maxSeconds = options.maxSeconds ?? MAX_SECONDS;
  const rate = options.rate ?? (() => ({ count: 60, seconds: 60 }));
  const idleSeconds = options.idleSeconds ?? IDLE_SECONDS;
  const logins = new Logins({ state: state.logins, accounts, idleSeconds, maxSeconds, now });
  const tokens = new Tokens(state.tokens, accounts, now);
  const mostSeconds = options.tokenSeconds ?? TOKEN_SECONDS;
  const desk = new TokenDesk({ tokens, state: state.tokens, audit: state.audit, mostSeconds, now });
  const cookies = cookiesOf(base);
  const failures = new Pace({ burst: 20, perMinute: 10 }, now);

  function who(req: IncomingMessage): Who | undefined {
    const bearer = bearerOf(req);
    if (bearer !== undefined) {
      // whoever sends a token means it: a cookie beside it does not count
      const found = tokens.find(bearer);
      return found && { user: found.user, via: 'token', scopes: found.scopes, token: found.id, login: found.hash };
    }
    const said = header?.read(req);
    for (const secret of cookies.logins(req.headers.cookie)) {
      const login = logins.bySecret(secret);
      if (login === undefined) continue;
      // the reverse proxy has the last word: who signed out there, or is somebody else now, is not let in by our cookie
      if (said !== undefined && (said.said !== 'identity' || said.identity !== login.user.shown)) continue;
      const { user, hash, xsrf } = login;
      return { user, via: 'login', scopes: scopesOf(user.roles), login: hash, xsrf };
    }
    return undefined;
  }

  const checkXsrf: SignIn['checkXsrf'] = (req, sender, body) => {
    if (sender.via === 'token') return true;
    return sender.xsrf !== undefined && isOurs(req, { origin: base.origin, expected: sender.xsrf, body });
  };

  const most: Omit<Parts, 'ssh'> = {
    base,
    cookies,
    logins,
    desk,
    state: state.tokens,
    pending: new PendingSignIns(now),
    // a sign-in is two requests: there and back
    pace: new Pace(() => {
      const { count, seconds } = rate();
      return { burst: 2 * count, perMinute: (120 * count) / seconds };
    }, now),
    header,
    oidc,
    accounts,
    contact: options.contact ?? (() => undefined),
    maxSeconds,
    who,
    checkXsrf,
    note(request, account, action, detail) {
      if (account === '-' && failures.take(request.ip) > 0) return;
      state.audit.write({ account, action, from: request.ip, ...(detail === undefined ? {} : { detail }) });
    },
  };

  const answers = signInAnswers(most);
  const ssh = sshOf(options, most, answers, now);
  const parts: Parts = { ...most, ssh };

  const alive = (hash: string) => logins.alive(hash) || tokens.alive(hash);
  const staying = new Staying();

  return {
    who,
    checkXsrf,
    login: (hash) => logins.get(hash)?.user ?? tokens.userOf(hash),
    alive,
    makeToken: (sender, wanted, from) => desk.make(sender, wanted, from),
    revokeToken: (sender, id, from) => desk.revoke(sender, id, from),
    signInUrl: (target) => `${base.pathname}sign-in?next=${encodeURIComponent(returnPath(target, base))}`,
    register(app) {
      app.addHook('onRequest', async (request, reply) => {
        const said = header?.read(request.raw);
        if (said?.said === 'refused') {
          parts.note(request, '-', 'header-refused', said.why);
          const error = { code: 'E-SIGN-IN', message: `a header that says who somebody is was refused: ${said.why}` };
          return reply.code(403).send({ error });
        }
        const sender = who(request.raw);
        if (sender !== undefined) staying.watch(reply.raw, () => alive(sender.login));
        else if (bearerOf(request.raw) !== undefined) parts.note(request, '-', 'token-refused');
      });
      signInRoutes(app, parts, answers);
      ssh?.register(app);
      tokenRoutes(app, parts);
    },
  };
}

/** @throws HpcbinderError E-SIGN-IN: the file has no key of the host */
function sshOf(options: SignInOptions, parts: Omit<Parts, 'ssh'>, answers: Answers, now: () => number) {
  const { ssh, siteLogin } = options;
  if (ssh === undefined) return undefined;
  if (siteLogin === undefined)
    throw new HpcbinderError('E-SIGN-IN', { message: 'sign_in.ssh: nothing here speaks SSH' });
  return new SshSignIn({ ...parts, answers, host: ssh.host, login: siteLogin(ssh), now });
}
