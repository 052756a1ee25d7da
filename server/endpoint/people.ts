/** Who is who by the policy: what the sign-in goes by, and what an account may do whom nobody has signed in for just now. */
import type { User } from '../../core/endpoint.ts';
import type { OpenSiteLogin } from '../../core/site-login.ts';
import type { Policy, PolicyFile } from '../policy/index.ts';
import { type AccountRules, mayEnter, type SignInOptions } from '../sign-in/index.ts';

export function signInOptions(policy: Pick<PolicyFile, 'value'>, siteLogin?: OpenSiteLogin): SignInOptions {
  const { signIn, listen } = policy.value;
  const { oidc, header, ssh } = signIn;
  return {
    ...(oidc
      ? {
          oidc: {
            issuer: oidc.issuer,
            clientId: oidc.clientId,
            ...(oidc.clientSecretFile === undefined ? {} : { clientSecretFile: oidc.clientSecretFile }),
            scopes: oidc.scopes,
            accountClaim: oidc.accountClaim,
          },
        }
      : {}),
    header,
    ssh,
    siteLogin,
    contact: () => policy.value.accounts.contact,
    accounts: () => accountRules(policy.value),
    unixSocket: 'path' in listen,
    idleSeconds: signIn.idleSeconds,
    maxSeconds: signIn.longestSeconds,
    tokenSeconds: signIn.tokenSeconds,
    rate: () => policy.value.rate.signIn,
  };
}

/** The same, for whoever may still come in; in doubt they may. `identities`: as whom they are known to have come in. */
export function enteringUser(policy: Policy, account: string, identities: readonly string[]): User | undefined {
  return mayEnter(accountRules(policy), account, identities) ? userOfAccount(policy, account) : undefined;
}

function accountRules({ accounts: { map, pattern, admins } }: Policy): AccountRules {
  return { map, admins, ...(pattern === undefined ? {} : { pattern }) };
}

/** For what goes on by itself, and for admins who act on somebody's session. */
export function userOfAccount({ accounts }: Policy, account: string): User {
  return { account, shown: account, roles: accounts.admins.includes(account) ? ['user', 'admin'] : ['user'] };
}
