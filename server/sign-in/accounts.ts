/** From who somebody is elsewhere to the Unix account here. Explicit, exact, and no match is no entry. */
import { type Role, SCOPES, type Scope, type User } from '../../core/endpoint.ts';
import { hasControls } from '../../core/text.ts';

export type AccountRules = {
  /** identity, as the claim or header has it, to account */
  map: ReadonlyMap<string, string>;
  /** for identities that the map does not name; its one group is the account */
  pattern?: RegExp | undefined;
  /** accounts that have the role admin */
  admins: readonly string[];
};

/** Names of accounts as sites have them, directories' `user@domain` too; never an option, a path, or what reads as a uid. */
export const ACCOUNT = /^(?![0-9]+$)[A-Za-z0-9_][A-Za-z0-9_.@-]{0,63}$/;
const MAX_IDENTITY = 255;

/** Is it something that a provider may call a person? Whoever shows or stores it need not care further. */
export function isIdentity(text: unknown): text is string {
  return (
    typeof text === 'string' && text !== '' && text.length <= MAX_IDENTITY && text.trim() === text && !hasControls(text)
  );
}

/** The user of an identity, or undefined: no entry. The identity is what they are shown as. */
export function userOf(rules: AccountRules, identity: string): User | undefined {
  const account = rules.map.get(identity) ?? byPattern(rules.pattern, identity);
  if (account === undefined || !ACCOUNT.test(account) || account === 'root') return undefined;
  const roles: readonly Role[] = rules.admins.includes(account) ? ['user', 'admin'] : ['user'];
  return { account, shown: identity, roles };
}

/** The whole identity or nothing: `^a|b$` is a pattern that looks as if it had both ends. */
function byPattern(pattern: RegExp | undefined, identity: string): string | undefined {
  const [whole, account] = pattern?.exec(identity) ?? [];
  return whole === identity ? account : undefined;
}

/**
 * Can somebody still come in as this account: by the map, or by one of the identities that they are known to have come with? Where
 * none is known, it is in doubt, and yes. The same rules end the logins and tokens of those identities.
 */
export function mayEnter(rules: AccountRules, account: string, identities: readonly string[]): boolean {
  if (identities.length === 0) return true;
  const mapped = [...rules.map].filter(([, of]) => of === account).map(([identity]) => identity);
  return [...mapped, ...identities].some((identity) => userOf(rules, identity)?.account === account);
}

/** What these roles may do at most. */
export function scopesOf(roles: readonly Role[]): readonly Scope[] {
  return roles.includes('admin') ? SCOPES : SCOPES.filter((scope) => scope !== 'admin');
}
