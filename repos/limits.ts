/** How much a repository may be (GIT-13). Everything that grows has a cap, and the error names it. */
import { HpcbinderError } from '../core/errors.ts';
import { size } from '../core/units.ts';

export type Limits = {
  /** of the checkout, and of what is fetched */
  bytes: number;
  files: number;
  fetchMs: number;
  submodules: number;
  submoduleDepth: number;
};

export const DEFAULT_LIMITS: Limits = {
  bytes: 10e9,
  files: 300_000,
  fetchMs: 30 * 60_000,
  submodules: 64,
  submoduleDepth: 5,
};

export function overFiles(limits: Limits): HpcbinderError {
  return new HpcbinderError('E-REPO-FETCH', {
    message: `the repository has more than ${limits.files} files or ${size(limits.bytes)}`,
    hint: 'Keep data outside of it: on the cluster, shown to the session with --bind.',
  });
}
