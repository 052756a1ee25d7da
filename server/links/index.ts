/** Launch links: what they mean, and what BinderHub's clients are told while one is followed. */

export { checkHost, isAllowedHost } from '../../core/hosts.ts';
export { BADGE_HEADERS, BADGES, type Badge, badge } from './badges.ts';
export { acceptsEvents, BinderEvents, EVENT_STREAM_HEADERS, type Ready, type Sink } from './binder-events.ts';
export { fromInput, type Input } from './input.ts';
export { type LinkOptions, legacyTarget, parseLink, type ReadLink, readLink, repoOf } from './link.ts';
export { atCommit, imageName } from './names.ts';
export { PROVIDERS, type RepoProvider } from './providers.ts';
export { type LinkedRepo, type Provider, SERVED } from './spec.ts';
export { type Targets, targetPath } from './target.ts';
export { linkOf } from './written.ts';
