/** Images of before 2017 that no builder knows any more (REES section 1.2, row 1). */
import type { RepoFiles } from '../core/artifacts.ts';
import { HpcbinderError } from '../core/errors.ts';

/** E-LEGACY where the root's Dockerfile begins from andrewosh/binder-base, even if another config directory is active. */
export function refuseLegacy(files: RepoFiles): void {
  if (files.get('Dockerfile')?.kind !== 'file') return;
  const from = (files.text('Dockerfile') ?? '')
    .split('\n')
    .map((line) => (line.split('#', 1)[0] ?? '').trim())
    .find((line) => /^from\s/i.test(line));
  if (from === undefined || !from.toLowerCase().includes('andrewosh/binder-base')) return;
  throw new HpcbinderError('E-LEGACY', {
    message: 'the Dockerfile builds on andrewosh/binder-base, which is no longer supported',
    hint: 'Remove the Dockerfile and list the packages in requirements.txt and apt.txt.',
  });
}
