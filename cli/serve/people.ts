/** Connections to the clusters, one for each account that something is done for; closed when nobody has used it for a while. */
import { asJson, canonical, sha256 } from '../../core/canonical.ts';
import type { Cluster } from '../../core/cluster.ts';
import { type Choice, type ClusterLink, connectCluster } from '../connect.ts';

/** a process or a login of the account's on the login node goes after so long without use */
const IDLE_MS = 600_000;
const SWEEP_MS = 60_000;

type Held = { coming: Promise<Cluster>; usedAt: number; users: number };

/** of an entry: what the way there and the profile are not made of */
const ASIDE = new Set(['partitions', 'builds', 'build_partition', 'defaults', 'images']);
const keys = new WeakMap<Choice['entry'], string>();

/** Another for an entry that leads elsewhere since the policy was saved: what was opened by the old one serves nobody new. */
export function wayKey({ name, entry }: Choice): string {
  const known = keys.get(entry);
  if (known !== undefined) return `${name} ${known}`;
  const way = Object.fromEntries(Object.entries(entry).filter(([key]) => !ASIDE.has(key)));
  const key = sha256(canonical(asJson(way)));
  keys.set(entry, key);
  return `${name} ${key}`;
}

export type OpenAs = (account: string, choice: Choice) => Promise<ClusterLink>;

export class People {
  readonly #openAs: OpenAs;
  readonly #choices: () => ReadonlyMap<string, Choice>;
  readonly #held = new Map<string, Held>();
  readonly #timer: NodeJS.Timeout;

  /** `choices` by the cluster's name, as the policy has them now. */
  constructor(openAs: OpenAs, choices: () => ReadonlyMap<string, Choice>) {
    this.#openAs = openAs;
    this.#choices = choices;
    this.#timer = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  choice(name: string): Choice | undefined {
    return this.#choices().get(name);
  }

  /** Runs `work` as the account; the connection stays for the next. Throws what the connection throws. */
  async as<T>(account: string, choice: Choice, work: (cluster: Cluster) => Promise<T>): Promise<T> {
    using lent = await this.lend(account, choice);
    return await work(lent.cluster);
  }

  /** The connection for as long as the caller needs it. */
  async lend(account: string, choice: Choice): Promise<Disposable & { cluster: Cluster }> {
    const held = await this.#hold(account, choice);
    held.users += 1;
    const back = () => {
      held.users -= 1;
      held.usedAt = Date.now();
    };
    try {
      return { cluster: await held.coming, [Symbol.dispose]: back };
    } catch (error) {
      back();
      throw error;
    }
  }

  async #hold(account: string, choice: Choice): Promise<Held> {
    const key = `${account} ${wayKey(choice)}`;
    const there = this.#held.get(key);
    if (there) {
      const alive = await there.coming.then(
        ({ transport }) => transport.link.value !== 'down',
        () => false,
      );
      if (alive) return there;
      if (this.#held.get(key) === there) this.#held.delete(key);
      return this.#hold(account, choice);
    }
    const coming = this.#openAs(account, choice).then((transport) =>
      connectCluster(choice, undefined, { transport, allowance: 'known' }),
    );
    const held = { coming, usedAt: Date.now(), users: 0 };
    this.#held.set(key, held);
    // whoever asked hears of it; the next one tries anew
    coming.catch(() => this.#held.get(key) === held && this.#held.delete(key));
    return held;
  }

  #sweep(): void {
    for (const [key, held] of this.#held) {
      if (held.users > 0 || Date.now() - held.usedAt < IDLE_MS) continue;
      this.#held.delete(key);
      void held.coming.then(({ transport }) => transport[Symbol.asyncDispose]()).catch(() => {});
    }
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    const all = [...this.#held.values()];
    this.#held.clear();
    await Promise.allSettled(all.map(async ({ coming }) => (await coming).transport[Symbol.asyncDispose]()));
  }
}
