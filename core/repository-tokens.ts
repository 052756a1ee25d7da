/** What opens private repositories at an endpoint. */

/** As git has them: where the host wants a token, any user's name will do. */
export type GitCredentials = { user: string; password: string };

/** `host` as in the repository's address, with the port where it has one. */
export type RepositoryToken = GitCredentials & { host: string };

/** The user's own tokens. They lie in a file of the user's on the cluster, 0600; the endpoint keeps none. */
export interface RepositoryTokens {
  /** hosts and names, never the tokens */
  list(user: { account: string }): Promise<readonly Omit<RepositoryToken, 'password'>[]>;
  /** instead of the one for the same host. E-USAGE for what is no host, name or token */
  keep(user: { account: string }, token: RepositoryToken): Promise<void>;
  forget(user: { account: string }, host: string): Promise<void>;
}
