/** Where a repository's work lies on the cluster. Two repositories never share a directory, and none lies in another's. */
import type { ResolvedRepo } from '../../core/artifacts.ts';
import { sha256 } from '../../core/canonical.ts';

/** Taken as it is: short, no shell, bind or option character, no leading dot or dash. */
const PLAIN = /^[A-Za-z0-9][A-Za-z0-9._-]{0,47}$/;
/** First names under the base that are ours: local directories, and images that were given without a repository. */
const OURS = ['local', 'given'];

/**
 * `<base>/<host>/<org>/<repo>`; a local directory: `<base>/local/<name>-<6 hex of machine and path>`. `base` may begin
 * with `~/`: the agent expands it. Any other name gets readable characters, `+` (which no plain name has) and 12 hex of
 * its sha256. Groups above the organisation are one name with it, so that all lie at the same depth.
 */
export function workDirectoryOf(base: string, repo: ResolvedRepo, machineId: string): string {
  const root = base.replace(/\/+$/, '');
  if (repo.kind === 'local') {
    const name = readable(repo.path.split('/').filter(Boolean).at(-1) ?? 'root');
    return `${root}/local/${name}-${sha256(`${machineId}\0${repo.path}`).slice(0, 6)}`;
  }
  const parts = repo.path.split('/');
  const name = parts.pop() ?? '';
  const org = parts.length === 0 ? '_' : safe(parts.join('/'));
  const host = OURS.includes(repo.host) ? hashed(repo.host) : safe(repo.host);
  return `${root}/${host}/${org}/${safe(name)}`;
}

function safe(name: string): string {
  return PLAIN.test(name) && !name.endsWith('.') ? name : hashed(name);
}

function hashed(name: string): string {
  return `${readable(name)}+${sha256(name).slice(0, 12)}`;
}

function readable(name: string): string {
  return (
    name
      .replace(/[^A-Za-z0-9._-]+/g, '_')
      .replace(/^[._-]+/, '')
      .slice(0, 40) || 'x'
  );
}
