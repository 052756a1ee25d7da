/**
 * Where an endpoint connects to: the address that a job wrote down is its owner's word, and counts only where the scheduler has
 * the job on that node (SECURITY NET-08).
 */
import { HpcbinderError } from '../../core/errors.ts';
import type { JobRef } from '../../core/scheduler.ts';
import type { Session } from '../../core/session.ts';

/** The scheduler is asked about one session no more often, whatever its address says meanwhile. */
const AGAIN_MS = 10_000;
/** A scheduler that was silent may answer soon, and a job that has just begun may have no node yet. */
const UNSAID_MS = 3_000;
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

type Verdict = 'good' | 'elsewhere' | 'unsaid';
/** `coming` never rejects; `verdict` once it is there */
type Known = { host: string; at: number; coming: Promise<Verdict>; verdict?: Verdict };

export class Nodes {
  readonly #options: NodesOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: NodesOptions) {
    this.#options = options;
  }

  /** Was it found to be of its job already? Then nobody needs to be asked. */
  has({ id, address, job }: Addressed): boolean {
    if (address === undefined) return false;
    const known = this.#known.get(id);
    const found = known?.verdict === 'good' && known.host === address.host;
    return found || isOneOf(address.host, job?.nodes ?? []);
  }

  /** E-AGENT where the address leads elsewhere; the same, transient, where the scheduler does not say. */
  async check(session: Addressed, owner: Owner): Promise<void> {
    const { id, address } = session;
    if (address === undefined || this.has(session)) return;
    const now = this.#options.now?.() ?? Date.now();
    const known = this.#known.get(id);
    const recent = known && now - known.at < (known.verdict === 'unsaid' ? UNSAID_MS : AGAIN_MS) ? known : undefined;
    if (recent && recent.host !== address.host) throw unsaid(session);
    // who comes while it is asked waits for the same answer
    const verdict = await (recent ?? this.#ask(session, address.host, owner, now)).coming;
    if (verdict === 'elsewhere') throw elsewhere(session);
    if (verdict === 'unsaid') throw unsaid(session);
  }

  #ask(session: Addressed, host: string, owner: Owner, at: number): Known {
    const known: Known = { host, at, coming: this.#verdict(session, host, owner) };
    void known.coming.then((verdict) => {
      known.verdict = verdict;
    });
    this.#known.delete(session.id);
    this.#known.set(session.id, known);
    const [oldest] = this.#known.keys();
    if (oldest !== undefined && this.#known.size > MOST_KNOWN) this.#known.delete(oldest);
    return known;
  }

  async #verdict(session: Addressed, host: string, owner: Owner): Promise<Verdict> {
    const { id, cluster, jobId } = session;
    if (jobId === undefined) return 'unsaid';
    const nodes = await this.#options.ask(cluster, { id: jobId, tag: id, owner }).catch(() => undefined);
    if (nodes === undefined || nodes.length === 0) return 'unsaid';
    if (isOneOf(host, nodes)) return 'good';
    const words = `${host} is no node of job ${jobId}, which runs on ${nodes.slice(0, 8).join(', ')}`;
    try {
      this.#options.onRefused(session, words);
    } catch {
      // It leads elsewhere, whether that can be written down or not.
    }
    return 'elsewhere';
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

function elsewhere({ id, jobId, address }: Addressed): HpcbinderError {
  return new HpcbinderError('E-AGENT', {
    message: `session ${id} says that it is on ${address?.host}, which is no node of its job ${jobId}: nothing is connected`,
    hint: 'The endpoint connects to nodes of the job alone, as the scheduler names them. Are nodes called otherwise there? Tell the admins.',
  });
}

function unsaid({ id, address }: Addressed): HpcbinderError {
  return new HpcbinderError('E-AGENT', {
    message: `whether ${address?.host} is the node of session ${id} is not known yet: the scheduler has not said it`,
    transient: true,
  });
}
