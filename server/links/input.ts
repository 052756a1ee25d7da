/** What somebody typed or pasted into the form → a provider's spec (REES section 7.3, front-page input). Pure. */
import { browserPath } from '../../core/browser-url.ts';
import { gitUrl, type Provider, readSpec, refuse, type SpecOptions, shownText } from './spec.ts';

export type Input = { provider: Provider; spec: string };

const HOSTS: ReadonlyMap<string, Provider> = new Map([
  ['github.com', 'gh'],
  ['www.github.com', 'gh'],
  ['gist.github.com', 'gist'],
  ['gitlab.com', 'gl'],
]);

/**
 * `org/repo`, or the address of a repository as a browser shows it, a branch's page included. `provider`: what short forms mean;
 * GitHub where it is not said. `ref` goes before one in the address; without any the default branch. Throws E-LINK.
 */
export function fromInput(text: string, how: { provider?: Provider; ref?: string } & SpecOptions = {}): Input {
  const typed = text.trim();
  const ref = how.ref?.trim() || undefined;
  const address =
    /^(https?):\/\/([^/?#]+)\/([^?#]*)/i.exec(typed) ??
    /^()((?:www\.)?github\.com|gitlab\.com|gist\.github\.com)\/([^?#]*)/i.exec(typed);
  if (address === null) {
    if (how.provider === 'git' || typed.includes('://')) return git(typed, ref, how);
    return made(how.provider ?? 'gh', typed.replace(/\/+$/, ''), ref, how);
  }
  const [, , host = '', path = ''] = address;
  const provider = HOSTS.get(host.toLowerCase());
  if (provider === undefined) return git(typed, ref, how);
  const segments = path
    .split('/')
    .filter((segment) => segment !== '')
    .map(decoded);
  if (provider === 'gist') return made('gist', segments.slice(0, 2).join('/'), ref ?? segments[2], how);
  const found = browserPath(
    provider === 'gh' ? 'github.com' : 'gitlab.com',
    provider === 'gl' && !segments.includes('-') ? [...segments, '-'] : segments,
  );
  return made(provider, found.segments.join('/'), ref ?? found.ref, how);
}

function made(provider: Provider, repo: string, ref: string | undefined, options: SpecOptions): Input {
  const stripped = repo.replace(/\.git$/, '');
  const name = provider === 'gl' || provider === 'git' ? encodeURIComponent(stripped) : stripped;
  if (provider === 'gh' && stripped.split('/').length !== 2)
    refuse(`"${shownText(repo)}" is no repository`, 'Write it like org/repository, or paste its address.');
  const spec = provider === 'gist' && ref === undefined ? name : `${name}/${ref ?? 'HEAD'}`;
  readSpec(provider, spec, options);
  return { provider, spec };
}

function git(typed: string, ref: string | undefined, options: SpecOptions): Input {
  const { url } = gitUrl(typed.replace(/\/+$/, ''), options);
  const spec = `${encodeURIComponent(url)}/${ref ?? 'HEAD'}`;
  readSpec('git', spec, options);
  return { provider: 'git', spec };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return refuse(`"${shownText(segment)}" cannot be read`, 'Each % must be followed by two digits.');
  }
}
