/** What was typed → commit → checkout. */
export { type CheckoutOptions, checkout } from './checkout.ts';
export type { GitAccess } from './git.ts';
export { DEFAULT_LIMITS, type Limits } from './limits.ts';
export { readRepoFiles } from './listing.ts';
export { type ParseOptions, parseRepo, parseSubdir } from './parse.ts';
export { resolveRepo } from './resolve.ts';
