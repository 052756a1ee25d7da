/** RepoRef → ResolvedRepo: a branch becomes a commit once, before anything else (GIT-16). */
import type { RepoRef, ResolvedRepo } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';
import { isCommitId } from '../core/refname.ts';
import type { GitCredentials } from '../core/repository-tokens.ts';
import { nearest } from '../core/text.ts';
import { type GitAccess, git } from './git.ts';
import { resolveLocal } from './local.ts';
import { listed, refusal } from './refusal.ts';

type GitRef = RepoRef & { kind: 'git' };
export type Found = { commit: string; ref?: string };
/** What may be tried for a repository that cannot be read without; undefined where there is nothing for it. */
export type CredentialsFor = (repo: Pick<GitRef, 'url' | 'host' | 'path'>) => Promise<GitCredentials | undefined>;

/**
 * A branch, tag (an annotated one is its commit), `refs/…`, the default branch, or a whole commit id, which is believed until it
 * is fetched. A directory gets the hash of its content. E-REPO-MISSING, E-REF-MISSING with the nearest, E-REPO-FETCH.
 */
export async function resolveRepo(ref: RepoRef, access: GitAccess = {}): Promise<ResolvedRepo> {
  if (ref.kind === 'local') return resolveLocal(ref.path, access);
  const { ref: asked, ...rest } = ref;
  if (asked !== undefined && isCommitId(asked)) return { ...rest, commit: asked };
  const wanted = asked ?? 'HEAD';
  const refs = await lsRemote(
    ref,
    access,
    ['--symref'],
    candidates(wanted).flatMap((name) => [name, `${name}^{}`]),
  );
  const found = pick(wanted, refs);
  if (found !== undefined) return { ...rest, ...found };
  throw await missing(ref, wanted, access);
}

/**
 * Of an endpoint's link. Asked without credentials first: what is public is nobody's secret, and needs no token of anybody's. A
 * whole commit id is believed until it is fetched, so that here the repository itself is asked for before.
 */
export async function resolveLinked(
  ref: RepoRef,
  access: GitAccess & { credentialsFor?: CredentialsFor },
  tell: (text: string) => void = () => {},
): Promise<ResolvedRepo> {
  const { credentialsFor, ...git } = access;
  if (ref.kind !== 'git' || credentialsFor === undefined) return resolveUsual(ref, git, tell);
  try {
    if (isCommitId(ref.ref ?? '')) await lsRemote(ref, git, [], ['HEAD']);
    return await resolveUsual(ref, git, tell);
  } catch (error) {
    if (!(error instanceof HpcbinderError) || error.code !== 'E-REPO-MISSING') throw error;
    const credentials = await credentialsFor(ref);
    if (credentials === undefined) throw error;
    const opened = await resolveUsual({ ...ref, credentials }, git, tell);
    tell('a private repository');
    return opened;
  }
}

/**
 * Links of before 2020 say `master` whatever the branch is called, so at GitHub the default branch is
 * taken where there is none of that name, and told (REES section 7.3).
 */
async function resolveUsual(ref: RepoRef, access: GitAccess, tell: (text: string) => void): Promise<ResolvedRepo> {
  try {
    return await resolveRepo(ref, access);
  } catch (error) {
    const usual = ref.kind === 'git' && ref.host === 'github.com' && /^(?:main|master)$/.test(ref.ref ?? '');
    if (!usual || !(error instanceof HpcbinderError) || error.code !== 'E-REF-MISSING') throw error;
    const { ref: asked, ...rest } = ref;
    const found = await resolveRepo(rest, access);
    tell(`there is no branch ${asked}: the default branch is taken`);
    return found;
  }
}

/** In this order; git's own commands disagree about a branch and a tag of one name: here the branch, which is what checkout takes. */
export function candidates(wanted: string): string[] {
  if (wanted === 'HEAD' || wanted.startsWith('refs/')) return [wanted];
  const plain = [`refs/heads/${wanted}`, `refs/tags/${wanted}`];
  return wanted.startsWith('origin/') ? [...plain, `refs/heads/${wanted.slice('origin/'.length)}`] : plain;
}

type Refs = { ids: ReadonlyMap<string, string>; symbolic: ReadonlyMap<string, string> };

/** Names compared whole: `git ls-remote` itself matches the ends of names. */
export function pick(wanted: string, { ids, symbolic }: Refs): Found | undefined {
  for (const name of candidates(wanted)) {
    const commit = ids.get(`${name}^{}`) ?? ids.get(name);
    if (commit === undefined) continue;
    const real = symbolic.get(name) ?? name;
    return real === 'HEAD' ? { commit } : { commit, ref: real.replace(/^refs\/(?:heads|tags)\//, '') };
  }
  return undefined;
}

/** Lines `<id>\t<name>` and, with --symref, `ref: <name>\t<name>`. */
export function parseLsRemote(stdout: string): Refs {
  const ids = new Map<string, string>();
  const symbolic = new Map<string, string>();
  for (const line of stdout.split('\n')) {
    const [, left, name] = /^(\S.*)\t(\S+)$/.exec(line) ?? [];
    if (left === undefined || name === undefined) continue;
    if (left.startsWith('ref: ')) symbolic.set(name, left.slice('ref: '.length));
    else if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(left)) ids.set(name, left);
  }
  return { ids, symbolic };
}

async function lsRemote(ref: GitRef, access: GitAccess, flags: string[], names: string[]): Promise<Refs> {
  const how = { ...access, url: ref.url, ...(ref.credentials === undefined ? {} : { credentials: ref.credentials }) };
  const result = await git(['ls-remote', ...flags, '--end-of-options', ref.url, ...names], how);
  if (result.code !== 0 && !result.truncated) throw refusal(result, ref.url);
  return parseLsRemote(result.stdout);
}

async function missing(ref: GitRef, wanted: string, access: GitAccess): Promise<HpcbinderError> {
  const { ids } = await lsRemote(ref, access, ['--heads', '--tags'], []);
  const names = [...ids.keys()]
    .filter((name) => !name.endsWith('^{}'))
    .map((name) => name.replace(/^refs\/(?:heads|tags)\//, ''));
  if (names.length === 0) {
    return new HpcbinderError('E-REF-MISSING', {
      message: `${ref.url} is empty: it has no branch and no tag`,
      hint: 'Push a commit first.',
      next: listed(ref.url),
    });
  }
  const near = nearest(wanted, names);
  const digits = /^[0-9a-f]{4,39}$/.test(wanted);
  return new HpcbinderError('E-REF-MISSING', {
    message: `${ref.url} has no branch or tag "${wanted}"${near === undefined ? '' : `; did you mean ${near}?`}`,
    hint: digits
      ? 'A commit must be written with all its 40 digits: a server cannot be asked for a shortened one.'
      : `There are ${names.slice(0, 8).join(', ')}${names.length > 8 ? ` and ${names.length - 8} more` : ''}.`,
    next: listed(ref.url),
  });
}
