import type { RepositoryTokens } from '../../core/repository-tokens.ts';

/** A fake of a cluster on which nobody has kept a token. */
export const NO_TOKENS: RepositoryTokens = { list: async () => [], keep: async () => {}, forget: async () => {} };
