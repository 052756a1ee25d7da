/** git's "no" in words that help. Its messages are read under LC_ALL=C; what is not known stays a plain failure. */
import { HpcbinderError } from '../core/errors.ts';
import { lastLines } from '../core/text.ts';
import type { GitResult } from './git.ts';

const MISSING =
  /not found|does not appear to be a git repository|does not exist|could not read (?:Username|Password)|terminal prompts disabled|Authentication failed|Permission denied|access denied|error: 40[134]|no matching host key|repository .* is empty/i;
const UNREACHABLE =
  /Could not resolve host|Failed to connect|Couldn't connect|Connection (?:refused|timed out|reset)|Network is unreachable|No route to host|Operation too slow|timed out|error: 5[0-9][0-9]|early EOF|unexpected disconnect|SSL|certificate/i;
/** what hides the line that says why: advice under a refused ssh connection, and the server's own progress */
const ADVICE =
  /^(?:Please make sure you have the correct access rights|and the repository exists\.|remote: (?:Enumerating|Counting|Compressing|Total) .*)$/gm;

/** What is there, as the person's own git sees it. */
export function listed(url: string): string[] {
  return ['git', 'ls-remote', '--heads', '--tags', url];
}

export function refusal(result: GitResult, url: string): HpcbinderError {
  const evidence = lastLines(result.stderr.replace(ADVICE, ''), 3);
  const ssh = url.startsWith('ssh:');
  if (/Host key verification failed/.test(result.stderr)) {
    return new HpcbinderError('E-REPO-FETCH', {
      message: `${url}: the host's key is not known, or has changed`,
      hint: `Connect once by hand and compare the fingerprint: ssh ${new URL(url).host}`,
      evidence,
    });
  }
  if (/error: 30[12378]/.test(result.stderr)) {
    return new HpcbinderError('E-REPO-FETCH', {
      message: `${url}: its host answers with another address, and an endpoint follows none`,
      hint: 'Name the present address: the repository was renamed, or its address ends with .git.',
      evidence,
    });
  }
  if (MISSING.test(result.stderr)) {
    return new HpcbinderError('E-REPO-MISSING', {
      message: `${url}: there is no such repository, or no right to see it`,
      hint: ssh
        ? 'Check the address; `ssh-add -l` shows the keys that were offered.'
        : 'Check the address. A private repository needs your git credential helper, or its ssh address: git@host:org/repo.',
      next: listed(url),
      evidence,
    });
  }
  return new HpcbinderError('E-REPO-FETCH', {
    message: `${url}: git could not fetch it`,
    evidence,
    hint: `The same by hand: git ls-remote ${url}`,
    transient: UNREACHABLE.test(result.stderr),
  });
}
