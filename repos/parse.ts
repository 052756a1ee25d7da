/** What was typed → RepoRef. Nothing is looked up and no process starts: what is refused here never reaches git (GIT-01). */
import type { RepoRef } from '../core/artifacts.ts';
import { browserPath } from '../core/browser-url.ts';
import { HpcbinderError } from '../core/errors.ts';
import { isCommitId, isRefName } from '../core/refname.ts';
import { harmless, hasControls } from '../core/text.ts';

export type ParseOptions = {
  ref?: string;
  /** the text is a directory, whatever it looks like */
  local?: boolean;
  /** http:// is refused: anybody on the way could hand out another repository */
  allowHttp?: boolean;
};

const HOST = /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/;
const USER = /^[A-Za-z0-9_][A-Za-z0-9._-]*$/;
const FORMS = [
  'Write a repository as one of these:',
  '  https://host/org/repo   ssh://git@host/org/repo   git@host:org/repo',
  '  org/repo                (on GitHub)',
  '  ./directory             (or ../  /  ~/ ; any name with --local)',
].join('\n');

/** E-REPO-SYNTAX for everything but the forms that its hint names. */
export function parseRepo(text: string, options: ParseOptions = {}): RepoRef {
  if (hasControls(text)) throw refused(text, 'it has control characters in it');
  const typed = text.trim();
  if (typed === '' || typed.length > 2000) throw refused(typed.slice(0, 80), 'its length cannot be right');
  if (options.ref !== undefined) checkRef(options.ref);
  if (options.local || /^(?:\.{1,2}|~)?\/|^\.{1,2}$|^~$/.test(typed)) {
    if (options.ref !== undefined) {
      throw new HpcbinderError('E-REPO-SYNTAX', {
        message: `${typed} is a directory and taken as it is: --ref ${options.ref} has no meaning for it`,
        hint: 'Check that branch out there, or give the URL of the repository.',
      });
    }
    return { kind: 'local', path: typed };
  }
  if (typed.startsWith('-')) throw refused(typed, 'it looks like an option');
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):\/\//.exec(typed)?.[1]?.toLowerCase();
  if (scheme === 'https' || (scheme === 'http' && options.allowHttp)) return fromHttp(typed, scheme, options.ref);
  if (scheme === 'ssh') return fromSsh(typed, options.ref);
  if (scheme !== undefined) throw refused(typed, `${scheme}:// is not accepted`);
  return fromShort(typed, options.ref);
}

/** E-REPO-SYNTAX where it can be no name of a branch or tag and no commit id. */
export function checkRef(ref: string): void {
  if (isCommitId(ref) || isRefName(ref)) return;
  throw new HpcbinderError('E-REPO-SYNTAX', {
    message: `"${harmless(ref.slice(0, 80))}" can be no branch, tag or commit`,
    hint: 'Name a branch or a tag, or write all 40 digits of a commit.',
  });
}

/** `--subdir`, as a clean relative path (GIT-15). */
export function parseSubdir(text: string): string {
  const parts = text.split('/').filter((part) => part !== '' && part !== '.');
  if (
    hasControls(text) ||
    text.startsWith('/') ||
    parts.length === 0 ||
    parts.includes('..') ||
    parts.includes('.git')
  ) {
    throw new HpcbinderError('E-REPO-SYNTAX', {
      message: `"${harmless(text)}" is no directory inside the repository`,
      hint: 'Write --subdir like path/inside/the/repository.',
    });
  }
  return parts.join('/');
}

function fromHttp(typed: string, scheme: string, ref: string | undefined): RepoRef {
  const match = /^https?:\/\/(?:([^/@]*)@)?([^/:@?#]+)(?::([0-9]{1,5}))?\/([^?#]*)/i.exec(typed);
  const [login, host, port, rest] = match?.slice(1) ?? [];
  if (host === undefined || rest === undefined || !HOST.test(host)) throw refused(typed, 'it has no host and path');
  const { segments, ref: found } = browserPath(host.toLowerCase(), pathOf(typed, rest));
  if (found !== undefined) checkRef(found);
  if (ref !== undefined && found !== undefined && ref !== found) {
    throw refused(typed, `it names ${harmless(found)}, and --ref names ${ref}`);
  }
  const credentials = login === undefined ? undefined : credentialsOf(typed, login);
  const authority = host.toLowerCase() + (port === undefined ? '' : `:${port}`);
  return {
    ...git(`${scheme}://${authority}/`, host, segments, ref ?? found),
    ...(credentials === undefined ? {} : { credentials }),
  };
}

function fromSsh(typed: string, ref: string | undefined): RepoRef {
  const match = /^ssh:\/\/(?:([^/@]*)@)?([^/:@]+)(?::([0-9]{1,5}))?\/(.*)$/i.exec(typed);
  const [user, host, port, rest] = match?.slice(1) ?? [];
  if (host === undefined || rest === undefined || !HOST.test(host)) throw refused(typed, 'it has no host and path');
  if (user !== undefined && !USER.test(user)) throw refused(typed, 'its user name is none');
  const authority = `${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}`;
  return git(`ssh://${authority}/`, host, pathOf(typed, rest), ref);
}

/** `git@host:org/repo`, `host.tld/org/repo`, `org/repo`. */
function fromShort(typed: string, ref: string | undefined): RepoRef {
  const [, user, scpHost, scpPath] = /^([^@/:]+)@([^@/:]+):(?!\/\/)(.+)$/.exec(typed) ?? [];
  if (user !== undefined && scpHost !== undefined && scpPath !== undefined) {
    if (!USER.test(user) || !HOST.test(scpHost)) throw refused(typed, 'its user or host name is none');
    // as BinderHub does; at git hosts a path relative to the home and an absolute one are the same
    return git(`ssh://${user}@${scpHost}/`, scpHost, pathOf(typed, scpPath), ref);
  }
  if (/^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+\/[^/]+\/[^/]/.test(typed)) return fromHttp(`https://${typed}`, 'https', ref);
  if (/^[A-Za-z0-9][A-Za-z0-9-]*\/[A-Za-z0-9._-]+\/?$/.test(typed)) {
    return git('https://github.com/', 'github.com', pathOf(typed, typed), ref);
  }
  throw refused(typed, 'it has none of the forms of a repository');
}

/** Decoded segments. No `..`, no dash in front (git: "strange pathname"), nothing that hides a slash or a control. */
function pathOf(typed: string, path: string): string[] {
  const segments = path
    .split('/')
    .filter((segment) => segment !== '')
    .map((segment) => decoded(typed, segment));
  for (const segment of segments) {
    // a lone dash is GitLab's mark between a repository and its pages
    const dashed = segment.startsWith('-') && segment !== '-';
    if (segment === '.' || segment === '..' || dashed || /[/\\]/.test(segment) || hasControls(segment)) {
      throw refused(typed, 'its path is none of a repository');
    }
  }
  if (segments.length === 0) throw refused(typed, 'it has no path');
  return segments;
}

function decoded(typed: string, part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    throw refused(typed, 'its % signs are not followed by two digits');
  }
}

function credentialsOf(typed: string, login: string): { user: string; password: string } {
  const colon = login.indexOf(':');
  const [user, password] = colon < 0 ? [login, ''] : [login.slice(0, colon), login.slice(colon + 1)];
  const both = { user: decoded(typed, user), password: decoded(typed, password) };
  // a line of git's credential protocol ends with a newline (CVE-2024-50349)
  if (hasControls(both.user) || hasControls(both.password)) throw refused(typed, 'it has control characters in it');
  return both;
}

function git(
  base: string,
  host: string,
  segments: readonly string[],
  ref: string | undefined,
): RepoRef & { kind: 'git' } {
  return {
    kind: 'git',
    url:
      base +
      segments.map((segment) => encodeURIComponent(segment).replaceAll('%40', '@').replaceAll('%2B', '+')).join('/'),
    host: host.toLowerCase(),
    path: segments.join('/').replace(/\.git$/, ''),
    ...(ref === undefined ? {} : { ref }),
  };
}

/** The text is shown without a password that may be in it. */
function refused(typed: string, why: string): HpcbinderError {
  const shown = harmless(typed.slice(0, 120)).replace(/\/\/[^/@]*@/, '//***@');
  return new HpcbinderError('E-REPO-SYNTAX', { message: `"${shown}" is no repository: ${why}`, hint: FORMS });
}
