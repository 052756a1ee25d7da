/** What a launch may be at this endpoint: one file, read anew while it runs. */
export { choices } from './choices.ts';
export { clusterOf } from './data.ts';
export { explain, type PolicyLine } from './explain.ts';
export { checkExtension } from './extension.ts';
export { PolicyFile, type Reload, readPolicyText } from './file.ts';
export { checkRepository, judge, repositoryKey } from './judge.ts';
export { parsePolicy } from './parse.ts';
export { matches } from './patterns.ts';
export type { Ceilings, Policy } from './policy.ts';
export { type Paced, Rates } from './rates.ts';
export type { Seen } from './room.ts';
export type { Listen, Rate, ServedCluster } from './schema.ts';
