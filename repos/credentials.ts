/** The file of `git credential-store`, which people know: a line `https://user:password@host` each. */
import { HpcbinderError } from '../core/errors.ts';
import type { RepositoryToken } from '../core/repository-tokens.ts';
import { hasControls } from '../core/text.ts';

const MOST_TOKENS = 50;
const HOST = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?::[1-9][0-9]{0,4})?$/;

/** Lines that are none of ours (a path, another protocol) open nothing and are left out. */
export function parseCredentials(text: string): RepositoryToken[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('https://') || !URL.canParse(line)) return [];
    const { username, password, host, pathname } = new URL(line);
    if (username === '' || password === '' || pathname !== '/') return [];
    try {
      return [{ host, user: decodeURIComponent(username), password: decodeURIComponent(password) }].map(checked);
    } catch {
      return [];
    }
  });
}

export function formatCredentials(tokens: readonly RepositoryToken[]): string {
  return tokens
    .map(({ host, user, password }) => `https://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${host}\n`)
    .join('');
}

/** Instead of the one for the same host. E-USAGE. */
export function withToken(tokens: readonly RepositoryToken[], token: RepositoryToken): RepositoryToken[] {
  const host = token.host.toLowerCase();
  const others = tokens.filter((one) => one.host !== host);
  if (others.length >= MOST_TOKENS) {
    throw new HpcbinderError('E-USAGE', { message: `there are ${MOST_TOKENS} tokens already`, hint: 'Forget some.' });
  }
  return [...others, checked({ ...token, host })];
}

/** A line of git's credential protocol ends with a newline (CVE-2024-50349), so that no control may be in it. */
function checked(token: RepositoryToken): RepositoryToken {
  const { host, user, password } = token;
  const bad = (what: string, how: string) =>
    new HpcbinderError('E-USAGE', { message: `this is no ${what}`, hint: how });
  if (host.length > 255 || !HOST.test(host)) throw bad('name of a host', 'Write it like git.hpc.example.edu');
  if (user === '' || user.length > 255 || hasControls(user))
    throw bad("user's name", 'Write it as the host knows you.');
  if (password === '' || password.length > 4096 || hasControls(password)) throw bad('token', 'Copy it whole.');
  return token;
}
