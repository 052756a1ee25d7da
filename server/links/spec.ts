/**
 * What stands after a provider's prefix, by BinderHub's grammar (REES section 7.3): a repository that git is given, and a ref.
 * Pure; what is refused here never reaches a process (SECURITY GIT-01, 02, 04, 11, 12).
 */
import { HpcbinderError } from '../../core/errors.ts';
import { isCommitId, isRefName } from '../../core/refname.ts';
import { cutMiddle, harmless, hasControls } from '../../core/text.ts';

export const SERVED = ['gh', 'gist', 'git', 'gl'] as const;
export type Provider = (typeof SERVED)[number];

/** BinderHub's other prefixes: known by name, for a plain refusal. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ['zenodo', 'Zenodo'],
  ['figshare', 'Figshare'],
  ['dataverse', 'Dataverse'],
  ['hydroshare', 'Hydroshare'],
  ['ckan', 'CKAN'],
  ['swh', 'Software Heritage'],
  ['hg', 'Mercurial'],
]);

/** A repository as policy judges it and git fetches it. */
export type LinkedRepo = {
  /** https://…, without credentials */
  url: string;
  /** lower case, without a port */
  host: string;
  /** `org/repo`, decoded, without `.git` */
  path: string;
  ref?: string;
  /** `org/repo` of GitHub, `host/path` of others */
  shown: string;
  /** to be tried where `ref` does not exist: links of before 2020 say `master` whatever the branch is called */
  fallback?: 'HEAD';
};

/** `http`: policy lets repositories be fetched without TLS. */
export type SpecOptions = { http?: boolean };

const MOST = 2000;
const GH_USER = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;
const PART = /^(?!\.{1,2}$)[A-Za-z0-9_.][A-Za-z0-9_.-]{0,254}$/;
const GISTS = 'gist.github.com';
const HOST = /^[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?$/;
const ADDRESS_6 = /^\[[0-9a-f:.]+\]$/;

export function refuse(what: string, hint: string): never {
  throw new HpcbinderError('E-LINK', { message: what, hint });
}

/** What others wrote, fit to be shown: short, harmless, without what could be a password. */
export function shownText(text: string): string {
  return cutMiddle(harmless(text.slice(0, 500)).replace(/\/\/[^/]*@/g, '//***@'), 100);
}

export function isServed(provider: string): provider is Provider {
  return SERVED.some((name) => name === provider);
}

/** E-LINK where the provider is none of ours. */
export function checkProvider(provider: string): Provider {
  if (isServed(provider)) return provider;
  const known = ELSEWHERE.get(provider);
  refuse(
    known === undefined ? `there is no provider "${shownText(provider)}"` : `${known} (${provider}) is not served here`,
    `This endpoint serves: gh (GitHub), gist (GitHub Gist), gl (GitLab) and git (any git repository by https).`,
  );
}

/** `spec` as in `LaunchWanted`: decoded once, the repository of `gl` and `git` still one encoded part. Throws E-LINK. */
export function readSpec(provider: string, spec: string, options: SpecOptions = {}): LinkedRepo {
  const served = checkProvider(provider);
  if (spec.length > MOST) refuse('the link is too long', `A repository and a ref take at most ${MOST} characters.`);
  if (hasControls(spec)) refuse(`"${shownText(spec)}" has control characters in it`, 'Write the link anew by hand.');
  const trimmed = spec.replace(/\/+$/, '');
  switch (served) {
    case 'gh':
      return github(trimmed);
    case 'gist':
      return gist(trimmed);
    case 'gl':
      return gitlab(trimmed);
    case 'git':
      return anyGit(trimmed, options);
  }
}

function github(spec: string): LinkedRepo {
  const [user = '', name = '', ...rest] = spec.split('/');
  if (rest.length === 0) {
    const complete = name === '' || ['HEAD', 'main', 'master'].includes(name);
    refuse(
      `"${shownText(spec)}" is not of the form user/repo/ref`,
      complete
        ? 'Write gh/USER/REPOSITORY/REF; HEAD as the ref means the default branch.'
        : `Did you mean "${shownText(spec)}/HEAD"?`,
    );
  }
  const repo = name.replace(/\.git$/, '');
  if (!GH_USER.test(user) || !PART.test(repo))
    refuse(`"${shownText(`${user}/${name}`)}" is no repository of GitHub`, 'Write gh/USER/REPOSITORY/REF.');
  const ref = checkedRef(rest.join('/'));
  return {
    url: `https://github.com/${user}/${repo}`,
    host: 'github.com',
    path: `${user}/${repo}`,
    ref,
    shown: `${user}/${repo}`,
    ...(ref === 'main' || ref === 'master' ? { fallback: 'HEAD' as const } : {}),
  };
}

function gist(spec: string): LinkedRepo {
  const [user = '', id = '', ...rest] = spec.split('/');
  if (!GH_USER.test(user) || !/^[0-9a-f]{1,64}$/i.test(id))
    refuse(`"${shownText(spec)}" is no gist`, 'Write gist/USER/ID, or gist/USER/ID/COMMIT for an older state of it.');
  const ref = rest.join('/');
  const newest = ['', 'HEAD', 'master', 'main'].includes(ref);
  if (!newest && !isCommitId(ref))
    refuse(
      `a gist has no "${shownText(ref)}"`,
      'Leave the ref out for its newest state, or name a commit by its 40 digits.',
    );
  return {
    url: `https://${GISTS}/${user}/${id}.git`,
    host: GISTS,
    path: `${user}/${id}`,
    ...(newest ? {} : { ref }),
    shown: `${GISTS}/${user}/${id}`,
  };
}

function gitlab(spec: string): LinkedRepo {
  const [encoded, ref] = inTwo(spec, 'gl/GROUP%2FPROJECT/REF');
  const parts = decodeOnce(encoded)
    .replace(/\.git$/, '')
    .split('/');
  if (parts.length < 2 || !parts.every((part) => PART.test(part)))
    refuse(
      `"${shownText(encoded)}" is no project of GitLab`,
      'Write gl/GROUP%2FPROJECT/REF: the slashes between groups and project as %2F.',
    );
  const path = parts.join('/');
  return { url: `https://gitlab.com/${path}.git`, host: 'gitlab.com', path, ref, shown: `gitlab.com/${path}` };
}

function anyGit(spec: string, options: SpecOptions): LinkedRepo {
  const [encoded, ref] = inTwo(spec, 'git/https%3A%2F%2FHOST%2FPATH/REF');
  return { ...gitUrl(decodeOnce(encoded), options), ref };
}

/** Of a git URL as somebody wrote it; E-LINK for all that is not plain https (GIT-03, 04, 11). */
export function gitUrl(text: string, options: SpecOptions = {}): Omit<LinkedRepo, 'ref'> {
  const hint = `Write it like git/https%3A%2F%2Fgit.example.org%2Forg%2Frepo/HEAD${options.http ? ' (http is served, too)' : ''}.`;
  const no = (why: string) => refuse(`"${shownText(text)}" is no repository: ${why}`, hint);
  if (hasControls(text)) no('it has control characters in it');
  if (text.startsWith('-')) no('it looks like an option');
  const [, scheme = '', authority = '', rest = ''] = /^([a-z][a-z0-9+.-]*):\/\/([^/]*)(.*)$/i.exec(text) ?? [];
  const protocol = scheme.toLowerCase();
  if (protocol === '') no('it is no address that begins with https://');
  if (protocol !== 'https' && !(protocol === 'http' && options.http)) no(`${protocol}:// is not served here`);
  if (authority.includes('@')) no('a user name or password in an address would be seen by all');
  if (/[?#\\]/.test(rest)) no('its path is none of a repository');
  const parsed = URL.canParse(`${protocol}://${authority}/`) ? new URL(`${protocol}://${authority}/`) : undefined;
  // a dot at the end is the same host by another name: no ban would hold
  if (parsed === undefined || !(HOST.test(parsed.hostname) || ADDRESS_6.test(parsed.hostname)))
    return no('it has no host');
  const segments = rest
    .split('/')
    .filter((segment) => segment !== '')
    .map(decodeOnce);
  const odd = segments.some((s) => s === '.' || s === '..' || s.startsWith('-') || /[/\\]/.test(s) || hasControls(s));
  if (odd || segments.length === 0) no('its path is none of a repository');
  // GitHub serves gist.github.com/ID.git as well: without its user no ban or allow-list by user would hold
  if (parsed.hostname === GISTS && segments.length !== 2)
    refuse(`"${shownText(text)}" does not name the user of the gist`, 'Write it as gist/USER/ID.');
  const path = segments.join('/').replace(/\.git$/, '');
  const written = segments.map((segment) => encodeURIComponent(segment).replaceAll('%40', '@').replaceAll('%2B', '+'));
  return {
    url: `${parsed.origin}/${written.join('/')}`,
    host: parsed.hostname,
    path,
    shown: `${parsed.host}/${path}`,
  };
}

/** The encoded repository, and the ref that follows. */
function inTwo(spec: string, form: string): [string, string] {
  const cut = spec.indexOf('/');
  const encoded = cut < 0 ? spec : spec.slice(0, cut);
  if (cut < 0) refuse(`"${shownText(spec)}" names no ref`, `Write ${form}; HEAD as the ref means the default branch.`);
  // somebody forgot to encode: https: would be taken for the repository
  if (/^[a-z]+:$/i.test(encoded))
    refuse(`"${shownText(spec)}" is not encoded`, `Write ${form}: each / of the repository as %2F.`);
  return [encoded, checkedRef(spec.slice(cut + 1))];
}

export function decodeOnce(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse(
      `"${shownText(text)}" cannot be read`,
      'Each % must be followed by two digits of UTF-8; % itself is %25.',
    );
  }
}

function checkedRef(ref: string): string {
  if (isCommitId(ref) || isRefName(ref)) return ref;
  return refuse(
    `"${shownText(ref)}" can be no branch, tag or commit`,
    'Name a branch or a tag, or write all 40 digits of a commit; HEAD is the default branch.',
  );
}
