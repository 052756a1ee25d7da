/** The one way git is called: fixed environment, fixed protocols, no prompts nobody can answer, a deadline (SECURITY.md, GIT-*). */
import { HpcbinderError } from '../core/errors.ts';
import { lastLines } from '../core/text.ts';
import { type Guard, guardedWords } from './guard.ts';

export type GitAccess = {
  /** somebody is at a terminal: ssh may ask for a passphrase or about a host; otherwise it fails */
  interactive?: boolean;
  allowHttp?: boolean;
  /**
   * No other protocol, none at all: for a directory that somebody else may have made. Its settings can name a program
   * for git to fetch what is missing with (partial clones), and looking is enough to have it run (CVE-2024-32004).
   */
  only?: 'file' | 'none';
  /** at an endpoint: over https alone, only where `url` says, to addresses that may be asked, without redirects */
  guard?: Guard;
  signal?: AbortSignal;
  timeoutMs?: number;
  credentials?: { user: string; password: string };
};

export type GitResult = { code: number; stdout: string; stderr: string; truncated: boolean };

/** Variables that would point git at another repository: we may run inside a hook. */
const LOCAL =
  'GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_COMMON_DIR GIT_NAMESPACE GIT_PREFIX GIT_SHALLOW_FILE GIT_GRAFT_FILE GIT_CONFIG GIT_CONFIG_PARAMETERS GIT_TEMPLATE_DIR GIT_EXTERNAL_DIFF GIT_QUARANTINE_PATH'.split(
    ' ',
  );

/** No hooks, no bundle URIs (CVE-2025-48385), no submodules by themselves, no filter, checked objects, no endless drip. */
const CONFIG = [
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  'core.autocrlf=false',
  'core.symlinks=true',
  'transfer.bundleURI=false',
  'fetch.fsckObjects=true',
  'fetch.recurseSubmodules=false',
  'submodule.recurse=false',
  'gc.auto=0',
  'maintenance.auto=false',
  'advice.detachedHead=false',
  'http.lowSpeedLimit=1000',
  'http.lowSpeedTime=30',
  'filter.lfs.smudge=',
  'filter.lfs.process=',
  'filter.lfs.required=false',
].flatMap((setting) => ['-c', setting]);

/** Answers for the one host it is configured for; the secret is in git's environment, never in an argument or a file. */
const HELPER =
  '!f() { test "$1" = get && printf "username=%s\\npassword=%s\\n" "$HPCBINDER_GIT_USER" "$HPCBINDER_GIT_PASSWORD"; }; f';

/**
 * Our death closes its standard input, also by SIGKILL (SECURITY F-01): then the whole group goes, for a git whose server is
 * silent would wait for ever.
 */
const GUARDED = `exec 3<&0 </dev/null
(read -r _ <&3; kill -KILL 0) >/dev/null 2>&1 &
git "$@" 3<&-
code=$?
kill $! 2>/dev/null
exit $code`;

/** Never throws for git's own end; E-REPO-FETCH where there is no git or its time is over, E-CANCELLED. */
export async function git(
  args: readonly string[],
  how: GitAccess & { cwd?: string; url?: string; onStderr?: (text: string) => void } = {},
): Promise<GitResult> {
  const { execa } = await import('execa');
  if (how.signal?.aborted) throw cancelled(how.signal);
  const timeoutMs = how.timeoutMs ?? (how.interactive ? 300_000 : 60_000);
  const guarded = how.guard === undefined || how.url === undefined ? [] : await guardedWords(how.guard, how.url);
  const words = [...CONFIG, ...credentialConfig(how), ...guarded, ...args];
  const [program, ...rest] = how.interactive ? ['git', ...words] : ['/bin/sh', '-c', GUARDED, 'git', ...words];
  const running = execa(program, rest, {
    ...(how.cwd === undefined ? {} : { cwd: how.cwd }),
    env: environment(how),
    extendEnv: false,
    stdin: how.interactive ? 'ignore' : 'pipe',
    reject: false,
    // a group of its own, so that git's helpers end with it; ssh needs the terminal, which such a group has not
    detached: how.interactive !== true,
    maxBuffer: 8 << 20,
    stripFinalNewline: false,
  });
  if (how.onStderr !== undefined) running.stderr.setEncoding('utf8').on('data', how.onStderr);
  const end = () => {
    if (running.pid === undefined) return;
    try {
      process.kill(how.interactive ? running.pid : -running.pid, 'SIGKILL');
    } catch {
      // it has ended by itself
    }
    running.stdout.destroy();
    running.stderr.destroy();
  };
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    end();
  }, timeoutMs);
  how.signal?.addEventListener('abort', end, { once: true });
  const result = await running.finally(() => {
    clearTimeout(timer);
    how.signal?.removeEventListener('abort', end);
  });
  if (result.code === 'ENOENT' || result.exitCode === 127) throw noGit();
  if (how.signal?.aborted) throw cancelled(how.signal);
  if (late) {
    throw new HpcbinderError('E-REPO-FETCH', {
      message: `git did not finish within ${Math.round(timeoutMs / 1000)} s`,
      evidence: lastLines(result.stderr, 2),
      hint: 'Try again; or clone the repository yourself and launch the directory.',
      transient: true,
    });
  }
  return { code: result.exitCode ?? 1, stdout: result.stdout, stderr: result.stderr, truncated: result.isMaxBuffer };
}

function environment(how: GitAccess & { url?: string }): Record<string, string> {
  const inherited = Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const usual = ['https', ...(how.guard ? [] : ['ssh']), ...(how.allowHttp ? ['http'] : [])];
  // whose address was not judged reaches nothing
  const unjudged = how.guard !== undefined && how.url === undefined ? 'none' : undefined;
  return {
    ...Object.fromEntries(inherited.filter(([name]) => !LOCAL.includes(name))),
    LC_ALL: 'C',
    GIT_ALLOW_PROTOCOL: how.only ?? unjudged ?? usual.join(':'),
    // git 2.45 and newer; what we fetch is fetched whole
    GIT_NO_LAZY_FETCH: '1',
    GIT_LFS_SKIP_SMUDGE: '1',
    GIT_OPTIONAL_LOCKS: '0',
    // never: GitHub asks for a name where there is no such repository, and a typo is no reason to type a password
    GIT_TERMINAL_PROMPT: '0',
    // a user's own way to ssh is kept: git's group has no terminal that it could ask on
    ...(how.interactive || process.env.GIT_SSH_COMMAND
      ? {}
      : { GIT_SSH_COMMAND: 'ssh -oBatchMode=yes -oConnectTimeout=15 -oPermitLocalCommand=no' }),
    ...(how.credentials === undefined
      ? {}
      : { HPCBINDER_GIT_USER: how.credentials.user, HPCBINDER_GIT_PASSWORD: how.credentials.password }),
  };
}

function credentialConfig(how: GitAccess & { url?: string }): string[] {
  if (how.credentials === undefined || how.url === undefined) return [];
  const { origin } = new URL(how.url);
  return ['-c', `credential.${origin}.helper=`, '-c', `credential.${origin}.helper=${HELPER}`];
}

export function cancelled(signal: AbortSignal | undefined): HpcbinderError {
  return new HpcbinderError('E-CANCELLED', { message: 'cancelled', cause: signal?.reason });
}

function noGit(): HpcbinderError {
  return new HpcbinderError('E-REPO-FETCH', {
    message: 'there is no git on this machine',
    hint: 'Install git (apt install git, brew install git), or launch a directory: hpcbinder launch ./directory',
  });
}
