/** Names that BinderHub gives to images, which clients show and log (REES section 7.5, row 128). */
import { createHash } from 'node:crypto';
import type { LinkedRepo, Provider } from './spec.ts';

/** Letters and digits stay, each other byte becomes `-` and its two hex digits; cut, and 6 hex of its hash behind. */
export function safeSlug(slug: string, limit = 255): string {
  const escaped = [...Buffer.from(slug)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9]/.test(character) ? character : `-${byte.toString(16).padStart(2, '0')}`;
    })
    .join('');
  const hash = createHash('sha256').update(slug).digest('hex').slice(0, 6);
  return `${escaped.slice(0, limit - 7)}-${hash}`.toLowerCase();
}

/** `<prefix><slug>:<commit>`; never ends in `-`, `_` or `.`. */
export function imageName(
  provider: Provider,
  repo: Pick<LinkedRepo, 'path' | 'url'>,
  commit: string,
  prefix = 'hpcbinder-',
): string {
  const slug = {
    gh: () => repo.path.replace('/', '-'),
    gist: () => repo.path.split('/')[1] ?? '',
    gl: () => repo.path.replaceAll('-', '_-').replaceAll('/', '-'),
    git: () => repo.url,
  }[provider]();
  return `${prefix}${safeSlug(slug, 255 - prefix.length)}:${commit}`.replaceAll('_', '-').toLowerCase();
}

/** Where people look at the repository at this commit, and the link that stays the same (`binder_persistent_request`). */
export function atCommit(
  wanted: { provider: string; spec: string },
  repo: LinkedRepo,
  commit: string,
): { page: string; spec: string } {
  const web = repo.url.replace(/\.git$/, '');
  const fixed = wanted.provider === 'gh' || wanted.provider === 'gist' ? 2 : 1;
  const spec = [...wanted.spec.split('/').slice(0, fixed), commit].join('/');
  const page = { gh: `${web}/tree/${commit}`, gist: `${web}/${commit}`, gl: `${web}/-/tree/${commit}` }[
    wanted.provider
  ];
  return { page: page ?? repo.url, spec };
}
