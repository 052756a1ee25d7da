/**
 * Where an endpoint connects to: the address that a job wrote down is its owner's word, and counts only where the scheduler has
 * the job on that node (SECURITY NET-08).
 */
import { HpcbinderError } from '../../core/errors.ts';
import type { JobRef } from '../../core/scheduler.ts';
import type { Session } from '../../core/session.ts';

/** The scheduler is asked about one session no more often, whatever its address says meanwhile. */
const AGAIN_MS = 10_000;
const MOST_KNOWN = 10_000;

export type Addressed = Pick<Session, 'id' | 'cluster' | 'jobId' | 'job' | 'address'>;
/** whose job it is, on that cluster */
export type Owner = { uid: number; user: string };

export type NodesOptions = {
  /** the job's nodes by the scheduler of now; undefined: it did not answer, or has none for it */
  ask(cluster: string, job: JobRef): Promise<readonly string[] | undefined>;
  onRefused(session: Addressed, words: string): void;
  now?(): number;
};

type Known = { host: string; good: boolean; at: number };

export class Nodes {
  readonly #options: NodesOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: NodesOptions) {
    this.#options = options;
  }

  /** Was it found to be of its job already? Then nobody needs to be asked. */
  has({ id, address, job }: Addressed): boolean {
    const known = this.#known.get(id);
    return (
      address !== undefined && ((known?.good && known.host === address.host) || isOneOf(address.host, job?.nodes ?? []))
    );
  }

  /** E-AGENT where the address leads elsewhere; the same, transient, where the scheduler does not say. */
  async check(session: Addressed, owner: Owner): Promise<void> {
    const { id, cluster, jobId, address } = session;
    if (address === undefined || this.has(session)) return;
    const { host } = address;
    const now = this.#options.now?.() ?? Date.now();
    const known = this.#known.get(id);
    if (known && now - known.at < AGAIN_MS)
      throw known.host === host && !known.good ? elsewhere(session) : unsaid(session);
    this.#keep(id, { host, good: false, at: now });
    const nodes = jobId === undefined ? undefined : await this.#options.ask(cluster, { id: jobId, tag: id, owner });
    if (nodes === undefined || nodes.length === 0) {
      this.#known.delete(id);
      throw unsaid(session);
    }
    const good = isOneOf(host, nodes);
    this.#keep(id, { host, good, at: now });
    if (good) return;
    this.#options.onRefused(
      session,
      `${host} is no node of job ${jobId}, which runs on ${nodes.slice(0, 8).join(', ')}`,
    );
    throw elsewhere(session, nodes);
  }

  #keep(id: string, known: Known): void {
    this.#known.delete(id);
    this.#known.set(id, known);
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size > MOST_KNOWN) this.#known.delete(oldest);
  }
}

/** Names of hosts have no case, and may be written with their domain or without. */
export function isOneOf(host: string, nodes: readonly string[]): boolean {
  const name = host.toLowerCase();
  const short = (text: string) => text.split('.')[0];
  return nodes.some((node) => {
    const other = node.toLowerCase();
    if (name === other) return true;
    const bare =
      [name, other].some((text) => !text.includes('.')) && ![name, other].some((text) => /^[0-9.]+$/.test(text));
    return bare && short(name) === short(other);
  });
}

function elsewhere({ id, jobId, address }: Addressed, nodes: readonly string[] = []): HpcbinderError {
  return new HpcbinderError('E-AGENT', {
    message: `session ${id} says that it is on ${address?.host}, which is no node of its job ${jobId}: nothing is connected`,
    hint: 'The endpoint connects to nodes of the job alone, as the scheduler names them. Are nodes called otherwise there? Tell the admins.',
    ...(nodes.length === 0 ? {} : { evidence: [`the scheduler has the job on ${nodes.slice(0, 8).join(', ')}`] }),
  });
}

function unsaid({ id, address }: Addressed): HpcbinderError {
  return new HpcbinderError('E-AGENT', {
    message: `whether ${address?.host} is the node of session ${id} is not known yet: the scheduler has not said it`,
    transient: true,
  });
}
