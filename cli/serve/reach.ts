/** The way to each cluster as each account; and what the service does there for itself: polls, offers, streams to the jobs' ports. */
import type { Duplex } from 'node:stream';
import type { Cluster } from '../../core/cluster.ts';
import type { KeptSession, Offers } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { JobRef } from '../../core/scheduler.ts';
import { ask, askAll } from '../../core/transport.ts';
import { Poller } from '../../jobs/poller.ts';
import type { Choice } from '../connect.ts';
import { toAgent } from '../world.ts';
import { Nodes } from './nodes.ts';
import { type People, wayKey } from './people.ts';

/** What `offers` said counts so long: the form is looked at more often than nodes become free. */
const OFFERS_MS = 20_000;

export type ReachOptions = {
  people: People;
  /** the account that `serve` runs as: it polls, and asks what a cluster offers */
  own: string;
  /** a session whose address leads elsewhere than to its job: for the audit */
  onRefused?(session: string, words: string): void;
};

export class Reach {
  readonly #people: People;
  readonly #own: string;
  readonly #nodes: Nodes;
  readonly #pollers = new Map<string, Promise<Poller>>();
  readonly #offers = new Map<string, { at: number; coming: Promise<Offers> }>();

  constructor({ people, own, onRefused }: ReachOptions) {
    this.#people = people;
    this.#own = own;
    this.#nodes = new Nodes({
      ask: (name, job) => this.#nodesOf(name, job),
      onRefused: ({ id }, words) => onRefused?.(id, words),
    });
  }

  choice(name: string): Choice {
    const choice = this.#people.choice(name);
    if (choice) return choice;
    throw new HpcbinderError('E-CLUSTER-UNKNOWN', { message: `this endpoint has no cluster "${name}"` });
  }

  /** Throws what the connection throws. */
  async as<T>(account: string, name: string, work: (cluster: Cluster) => Promise<T>): Promise<T> {
    using lent = await this.lend(account, name);
    return await work(lent.cluster);
  }

  /** The connection for as long as the caller needs it. Streams to a session's agent go to nodes of its job alone. */
  async lend(account: string, name: string, choice = this.choice(name)): Promise<Disposable & { cluster: Cluster }> {
    const lent = await this.#people.lend(account, choice);
    const vouch: Cluster['vouch'] = (session) => this.#nodes.check(session, lent.cluster.profile);
    return { cluster: { ...lent.cluster, vouch }, [Symbol.dispose]: () => lent[Symbol.dispose]() };
  }

  /** One per cluster, by the service's own account. Each query takes the connection that there is then. */
  async poller(name: string): Promise<Poller> {
    const key = wayKey(this.choice(name));
    const there = this.#pollers.get(key);
    if (there) return there;
    const coming = this.as(this.#own, name, async ({ scheduler, profile }) => {
      const run: Cluster['transport']['run'] = (command, signal) =>
        this.as(this.#own, name, ({ transport }) => transport.run(command, signal));
      return new Poller({ run }, scheduler, { owner: profile.uid });
    });
    this.#pollers.set(key, coming);
    coming.catch(() => this.#pollers.delete(key));
    return coming;
  }

  async offers(name: string, signal: AbortSignal): Promise<Offers> {
    const key = wayKey(this.choice(name));
    const known = this.#offers.get(key);
    if (known && Date.now() - known.at < OFFERS_MS) return known.coming;
    const coming = this.as(this.#own, name, async ({ transport, scheduler, partitions }) => {
      const answer = await askAll(transport, scheduler.offers(), signal);
      return { cluster: name, partitions: answer.ok ? answer.value : partitions, askedAt: Date.now() };
    });
    this.#offers.set(key, { at: Date.now(), coming });
    coming.catch(() => this.#offers.delete(key));
    return coming;
  }

  /** By the service's own account: the login node reaches the job's port whoever asks, and the agent wants the session's key. */
  async connect(record: KeptSession, account: string): Promise<Duplex> {
    if (!this.#nodes.has(record))
      await this.as(account, record.cluster, ({ profile }) => this.#nodes.check(record, profile));
    return this.#people.as(this.#own, this.choice(record.cluster), (cluster) => toAgent(cluster, record)());
  }

  /** The nodes of a job, by the scheduler of its cluster. */
  #nodesOf(name: string, job: JobRef): Promise<readonly string[] | undefined> {
    return this.as(this.#own, name, async ({ transport, scheduler, profile }) => {
      const answer = await ask(transport, scheduler.status([job], profile.uid));
      return answer.ok ? answer.value.get(job.id)?.nodes : undefined;
    });
  }

  async close(): Promise<void> {
    for (const coming of this.#pollers.values()) (await coming.catch(() => undefined))?.close();
    await this.#people.close();
  }
}
