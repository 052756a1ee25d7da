/** Alice, and a launch of hers that the policy lets through. */
import type { LaunchGranted, User } from '../../../core/endpoint.ts';

export const ALICE: User = { account: 'alice', shown: 'Alice', roles: ['user'] };
export const WANTED = { provider: 'gh', spec: 'org/repo/HEAD' };
export const GRANTED: LaunchGranted = {
  ...WANTED,
  cluster: 'campus',
  repo: { url: 'https://github.com/org/repo', shown: 'org/repo' },
  binds: [],
  idleSeconds: 3600,
  notes: [],
};
