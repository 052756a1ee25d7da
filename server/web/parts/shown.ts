/** A launch's repository as people read and type it. Pure. */
import type { LaunchWanted } from '../../../core/endpoint.ts';

/** The way back: provider and spec of a link as somebody would type them. */
export function typedOf({ provider, spec }: Pick<LaunchWanted, 'provider' | 'spec'>): { repo: string; ref: string } {
  const parts = spec.split('/');
  const refOf = (from: number) =>
    parts
      .slice(from)
      .join('/')
      .replace(/^HEAD$/, '');
  if (provider === 'gh') return { repo: `https://github.com/${parts.slice(0, 2).join('/')}`, ref: refOf(2) };
  if (provider === 'gist') return { repo: `https://gist.github.com/${parts.slice(0, 2).join('/')}`, ref: refOf(2) };
  const decoded = decodedOnce(parts[0] ?? '');
  return { repo: provider === 'gl' ? `https://gitlab.com/${decoded}` : decoded, ref: refOf(1) };
}

/** `org/repo @ main`: hosts that everybody knows are left out. */
export function shownOf(wanted: Pick<LaunchWanted, 'provider' | 'spec'>): string {
  const { repo, ref } = typedOf(wanted);
  const short = repo.replace(/^https?:\/\/(?:github\.com\/|)/, '').replace(/\.git$/, '');
  return ref === '' ? short : `${short} @ ${ref}`;
}

function decodedOnce(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
