/** What sessions/ needs of the other rooms and of this machine, for one cluster: put together once per command. */
import type { Duplex } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import type { Cluster } from '../core/cluster.ts';
import { HpcbinderError } from '../core/errors.ts';
import { countOf, momentOf } from '../core/json.ts';
import type { ResourceRequest } from '../core/scheduler.ts';
import type { Seen } from '../core/session.ts';
import type { Interest } from '../jobs/pace.ts';
import { Poller } from '../jobs/poller.ts';
import { submitOnce } from '../jobs/submit.ts';
import type { AwaitWorld } from '../sessions/await.ts';
import { controlRequest, OtherVersion } from '../sessions/control.ts';
import { gpuFiguresOf } from '../sessions/gpus.ts';
import type { LaunchWorld } from '../sessions/launch.ts';
import { LocalRecords } from '../sessions/local.ts';
import { readSaved, type SessionRecord } from '../sessions/records.ts';
import { reshape } from '../sessions/reshape.ts';
import { stateDir } from './paths.ts';

export function localRecords(): LocalRecords {
  return new LocalRecords(stateDir());
}

/** The tunnel to a session's agent: a fresh stream at each call. */
export function toAgent(
  { transport, scheduler, vouch }: Pick<Cluster, 'transport' | 'scheduler' | 'vouch'>,
  record: Pick<SessionRecord, 'id' | 'cluster' | 'address' | 'jobId' | 'job'>,
): () => Promise<Duplex> {
  return async () => {
    if (!record.address)
      throw new HpcbinderError('E-SESSION-STATE', { message: `session ${record.id} has no address yet` });
    await vouch?.(record);
    const inside = (record.jobId === undefined ? undefined : scheduler.inside?.(record.jobId)) ?? [];
    return transport.connect(record.address, inside);
  };
}

/** What the agent says of itself. No answer is no end. `onFigures`: what the session uses, as in docs/agent.md. */
export async function askAgent(
  cluster: Cluster,
  record: SessionRecord,
  onFigures?: (figures: unknown) => void,
): Promise<NonNullable<Seen['agent']>> {
  try {
    const status = await controlRequest(toAgent(cluster, record), record.id, record.secrets, { verb: 'status' });
    onFigures?.(status.figures);
    const saved = readSaved(status.saved);
    const { gpuIdleSince } = gpuFiguresOf(status.figures);
    return {
      ready: status.ready === true,
      idleSince: momentOf(status.idleSince),
      busyKernels: countOf(status.busyKernels),
      ...(gpuIdleSince ? { gpuIdleSince } : {}),
      ...(momentOf(status.now) ? { now: momentOf(status.now) } : {}),
      ...(momentOf(status.endsAt) ? { endsAt: momentOf(status.endsAt) } : {}),
      ...(saved ? { saved } : {}),
      ...(typeof status.internet === 'boolean' ? { internet: status.internet } : {}),
    };
  } catch (error) {
    // who says so is there: its app is served, and no more is known of it
    if (error instanceof OtherVersion && record.phase === 'ready')
      return { ready: true, idleSince: record.idle?.since ?? 0, busyKernels: record.idle?.busyKernels ?? 0 };
    return 'unreachable';
  }
}

/** Signal 0 reaches nobody; EPERM says that there is somebody (kill(2)). */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

export class World implements AwaitWorld {
  readonly #records = localRecords();
  #cluster: Cluster | undefined;
  #poller: Poller | undefined;
  /** the newest record of this launch: for ctrl-C and for the attendance after it */
  latest: SessionRecord | undefined;
  /** a tunnel is up: the scheduler is then asked rarely (DESIGN 9) */
  interest: Interest = 'usual';

  #request: ResourceRequest | undefined;

  use(cluster: Cluster): void {
    this.#cluster = cluster;
    this.#poller ??= new Poller(cluster.transport, cluster.scheduler, { owner: cluster.profile.uid });
  }

  get cluster(): Cluster | undefined {
    return this.#cluster;
  }

  readonly watchJob: AwaitWorld['watchJob'] = (job, on) =>
    this.#poller?.watch(job, on, () => this.interest) ?? (() => {});

  readonly agent: AwaitWorld['agent'] = async (record) =>
    this.#cluster ? askAgent(this.#cluster, record) : 'unreachable';

  readonly keep = (record: SessionRecord): void => {
    this.latest = record;
    const submitting = record.phase === 'submitting' ? { localPid: process.pid } : {};
    this.#records.save({ ...record, ...submitting });
  };

  readonly learned = (record: SessionRecord): void => this.#records.save(record);

  readonly cutOff = ({ profile }: Cluster): readonly SessionRecord[] =>
    this.#records
      .all()
      .filter(({ cluster, phase, jobId }) => cluster === profile.name && phase === 'submitting' && jobId === undefined)
      .filter(({ localPid }) => localPid !== undefined && !isAlive(localPid))
      .map(({ localPid: _, ...shared }) => shared);

  readonly reshaped = (): ResourceRequest | undefined => this.#request;

  /** Another shape for the job of this launch, which waits. False: it began meanwhile, and nothing was changed. */
  async reshape(request: ResourceRequest): Promise<boolean> {
    if (!this.#cluster || !this.latest) return false;
    const changed = await reshape(this.#cluster, this.latest, request);
    if (changed === undefined) return false;
    this.#request = changed.request;
    this.keep(changed);
    return true;
  }

  now = () => new Date();

  sleep = (ms: number, signal: AbortSignal) => wait(ms, undefined, { signal });

  readonly submit: LaunchWorld['submit'] = (cluster, job, scriptPath, signal, onDoubt) =>
    submitOnce(cluster.transport, cluster.scheduler, job, scriptPath, {
      owner: cluster.profile.uid,
      user: cluster.profile.user,
      signal,
      onDoubt,
    });

  async [Symbol.asyncDispose](): Promise<void> {
    this.#poller?.close();
    await this.#cluster?.transport[Symbol.asyncDispose]();
  }
}
