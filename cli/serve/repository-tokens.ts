/** Private repositories at the endpoint: the site's own tokens from its files, and each user's from a file of theirs. */
import { textOf } from '../../core/command.ts';
import type { User } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { GitCredentials, RepositoryToken, RepositoryTokens } from '../../core/repository-tokens.ts';
import { bytes, readAll } from '../../core/transport.ts';
import { formatCredentials, parseCredentials, withToken } from '../../repos/credentials.ts';
import type { CredentialsFor } from '../../repos/resolve.ts';
import { matches, type Policy } from '../../server/policy/index.ts';
import { readSecretFile } from '../../server/sign-in/index.ts';
import type { Choice } from '../connect.ts';
import type { People } from './people.ts';

const MOST_BYTES = 64 << 10;

export type TokenPolicy = {
  repositories: Pick<Policy['repositories'], 'tokens'>;
  defaults: Pick<Policy['defaults'], 'cluster'>;
};

export class Tokens implements RepositoryTokens {
  readonly #people: People;
  readonly #policy: () => TokenPolicy;
  readonly #changing = new Map<string, Promise<void>>();

  constructor(people: People, policy: () => TokenPolicy) {
    this.#people = people;
    this.#policy = policy;
  }

  /** What may be tried for a repository that cannot be read without: the site's, where it has one, before the user's own. */
  for({ account }: Pick<User, 'account'>): CredentialsFor {
    return async ({ url, host, path }) => {
      if (!url.startsWith('https://')) return undefined;
      const site = this.#policy().repositories.tokens.find(
        ({ match, accounts }) => matches(match, { host, path }) && (accounts?.includes(account) ?? true),
      );
      if (site) return { user: site.user, password: await siteToken(site.file) };
      const own = (await this.#read(account)).find((token) => token.host === new URL(url).host);
      return own && credentialsOf(own);
    };
  }

  async list({ account }: Pick<User, 'account'>) {
    return (await this.#read(account)).map(({ host, user }) => ({ host, user }));
  }

  keep({ account }: Pick<User, 'account'>, token: RepositoryToken): Promise<void> {
    return this.#change(account, (tokens) => withToken(tokens, token));
  }

  forget({ account }: Pick<User, 'account'>, host: string): Promise<void> {
    return this.#change(account, (tokens) => tokens.filter((token) => token.host !== host));
  }

  async #read(account: string): Promise<RepositoryToken[]> {
    return this.#people.as(account, this.#home(), async ({ transport, profile }) =>
      parseCredentials(textOf((await readAll(transport, fileOf(profile), MOST_BYTES)) ?? new Uint8Array())),
    );
  }

  /** One after the other: two that read the same file would lose what one of them wrote. */
  #change(account: string, how: (tokens: readonly RepositoryToken[]) => readonly RepositoryToken[]): Promise<void> {
    const before = this.#changing.get(account) ?? Promise.resolve();
    const mine = before
      .catch(() => undefined)
      .then(async () => this.#write(account, formatCredentials(how(await this.#read(account)))));
    this.#changing.set(account, mine);
    const over = () => this.#changing.get(account) === mine && this.#changing.delete(account);
    mine.then(over, over);
    return mine;
  }

  async #write(account: string, text: string): Promise<void> {
    await this.#people.as(account, this.#home(), async ({ transport, profile }) => {
      await transport.run({ argv: ['mkdir', '-p', '--mode=0700', profile.stateDir] });
      await transport.write(fileOf(profile), bytes(text), { mode: 0o600 });
    });
  }

  /** Of the endpoint's usual cluster: one place for each user, wherever a launch goes. */
  #home(): Choice {
    const choice = this.#people.choice(this.#policy().defaults.cluster);
    if (choice) return choice;
    throw new HpcbinderError('E-CLUSTER-UNKNOWN', { message: 'this endpoint has no usual cluster' });
  }
}

/** For users: where the file is, and what is wrong with it, is the admins' to know. */
async function siteToken(file: string): Promise<string> {
  try {
    return await readSecretFile(file, 'repositories.tokens');
  } catch (cause) {
    throw new HpcbinderError('E-POLICY', {
      message: "this endpoint's own token for the repository cannot be used",
      hint: 'Ask the admins of this endpoint; "hpcbinder serve --check" tells them why.',
      cause,
    });
  }
}

function fileOf({ stateDir }: { stateDir: string }): string {
  return `${stateDir}/git-credentials`;
}

function credentialsOf({ user, password }: RepositoryToken): GitCredentials {
  return { user, password };
}
