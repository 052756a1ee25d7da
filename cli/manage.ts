/** `list` and `status`. */
import { hasKernels } from '../core/apps.ts';
import type { Cluster } from '../core/cluster.ts';
import { orThrow } from '../core/command.ts';
import { asHpcbinderError } from '../core/errors.ts';
import { GPU_IDLE_SECONDS, type SessionPhase } from '../core/session.ts';
import { cutMiddle, harmless } from '../core/text.ts';
import { ask } from '../core/transport.ts';
import { duration } from '../core/units.ts';
import { endInWords } from '../sessions/advance.ts';
import { missingInWords } from '../sessions/await.ts';
import { hereAt, secondsUntil } from '../sessions/clocks.ts';
import { readRecord, type SessionRecord } from '../sessions/records.ts';
import { lookAt } from '../sessions/remote.ts';
import { requestInWords } from '../sessions/request.ts';
import { positionOf, waitingRows } from '../sessions/waiting.ts';
import { ago, clock } from '../sessions/words.ts';
import { loadConfig } from './config-file.ts';
import { chooseCluster, connectCluster } from './connect.ts';
import { disposable, findLocal, freshRecord, withOurs } from './find.ts';
import { refreshed } from './refresh.ts';
import { CUT, plain, prompter, table } from './terminal.ts';
import { savedInWords, shortId, shownRecord } from './words.ts';
import { localRecords } from './world.ts';

type Flags = Record<string, unknown>;

const DAY_MS = 86_400_000;

export async function list(flags: Flags): Promise<number> {
  const local = localRecords();
  if (flags.refresh) await refreshAll();
  const records = local
    .all()
    .filter((r) => flags.all || r.phase !== 'ended' || Date.now() - Date.parse(r.ended?.at ?? r.createdAt) < DAY_MS);
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(records.map(shownRecord))}\n`);
    return 0;
  }
  if (records.length === 0) {
    process.stderr.write('no sessions; hpcbinder launch ORG/REPO starts one\n');
    return 0;
  }
  const rows = records.map((r) => [
    shortId(r.id),
    r.repo.shown,
    stateInWords(r),
    `${r.cluster} ${r.address?.host ?? r.request.partition ?? ''}`.trim(),
    endsInWords(r),
  ]);
  process.stdout.write(`${table(['ID', 'REPOSITORY', 'STATE', 'WHERE', 'ENDS'], rows)}\n`);
  const seen = records
    .filter((r) => r.phase !== 'ended')
    .map((r) => r.seenAt ?? r.createdAt)
    .sort()[0];
  if (seen && !flags.refresh)
    process.stderr.write(plain(`as of ${ago(new Date(seen), new Date())} (--refresh asks the cluster)\n`));
  return 0;
}

export function stateInWords(record: SessionRecord): string {
  if (record.phase === 'ended' && record.job?.state === 'completing')
    return `${endInWords(record.ended?.why ?? 'lost')} · its job is completing`;
  if (record.phase !== 'ended' && record.missingSince !== undefined)
    return `${record.phase} · job unknown since ${clock(new Date(record.missingSince), new Date())}`;
  if (record.phase !== 'ended' && record.job?.state === 'suspended')
    return `${record.phase} · suspended by the scheduler`;
  const words: Readonly<Record<SessionPhase, string>> = {
    preparing: 'preparing',
    submitting: 'submitting',
    queued: queued(record),
    starting: 'starting',
    ready: 'ready',
    ended: record.ended ? endInWords(record.ended.why) : 'ended',
  };
  if (record.phase !== 'ready' || !record.idle) return words[record.phase];
  const gpu = gpuIdleFor(record);
  return `${useInWords(record, record.idle)}${gpu === undefined ? '' : ` · GPU idle ${duration(gpu)}`}`;
}

/** Seconds in which its GPUs have done nothing, where that is worth a word. */
function gpuIdleFor(record: SessionRecord): number | undefined {
  const since = record.phase === 'ready' ? record.idle?.gpuSince : undefined;
  const seconds = since === undefined ? 0 : -secondsUntil(record, since, new Date());
  return seconds >= GPU_IDLE_SECONDS ? seconds : undefined;
}

function useInWords(record: SessionRecord, { busyKernels, since }: NonNullable<SessionRecord['idle']>): string {
  if (busyKernels > 0 && !hasKernels(record.app)) return 'ready · busy';
  if (busyKernels > 0) return `ready · busy (${busyKernels} ${busyKernels === 1 ? 'kernel' : 'kernels'})`;
  return since > 0 ? `ready · idle ${duration(Math.max(1, -secondsUntil(record, since, new Date())))}` : 'ready';
}

/** Short, for the column of a table. */
function queued({ job }: SessionRecord): string {
  const start = job?.startsAt === undefined ? '' : `, ~${clock(new Date(job.startsAt * 1000), new Date())}`;
  return job?.waiting === undefined ? 'queued' : `queued · ${cutMiddle(job.waiting.means, 44, CUT)}${start}`;
}

/** When it ends or ended, for the column of a table. */
export function endsInWords(record: SessionRecord): string {
  if (record.ended) return clock(new Date(record.ended.at), new Date());
  if (!record.endsAt) return '–';
  const left = secondsUntil(record, record.endsAt, new Date());
  return `${clock(hereAt(record, record.endsAt), new Date())}  ${left > 0 ? `in ${duration(Math.max(60, left))}` : 'over'}`;
}

/** Every cluster of the config that has live sessions of ours, and the default one for those launched from elsewhere. */
async function refreshAll(): Promise<void> {
  const local = localRecords();
  const config = loadConfig();
  const names = new Set(
    local
      .all()
      .filter((r) => r.phase !== 'ended')
      .map((r) => r.cluster),
  );
  const usual = chooseCluster(config, undefined);
  if (usual) names.add(usual.name);
  for (const name of names) {
    let cluster: Cluster | undefined;
    try {
      const choice = chooseCluster(config, name);
      if (!choice) continue;
      cluster = await connectCluster(choice, prompter());
      const looked = orThrow(await ask(cluster.transport, lookAt(cluster.profile, undefined, ['session.json'])));
      const known = new Map(local.all().map((record) => [record.id, record]));
      for (const { files } of looked) {
        const read = readRecord(files.get('session.json'));
        if (read.kind !== 'record') continue;
        const before = known.get(read.record.id);
        const record = { ...withOurs(read.record, before), cluster: name };
        if (before?.phase !== 'ended') local.save(record.phase === 'ended' ? record : await refreshed(cluster, record));
        known.delete(read.record.id);
      }
      // of these the cluster has no directory: cut off before it was made, or removed there
      for (const record of known.values())
        if (record.cluster === name && record.phase !== 'ended') local.save(await refreshed(cluster, record));
    } catch (error) {
      process.stderr.write(plain(`${name}: ${asHpcbinderError(error).message}\n`));
    } finally {
      await cluster?.transport[Symbol.asyncDispose]();
    }
  }
}

export async function status(id: string, flags: Flags): Promise<number> {
  let record = findLocal(id);
  let position: Awaited<ReturnType<typeof positionOf>> | undefined;
  let silence: string | undefined;
  if (record.phase !== 'ended') {
    await using cluster = await disposable(record);
    const fresh = await freshRecord(cluster.value, record);
    record = await refreshed(cluster.value, fresh, ({ message }) => {
      silence = `${message}; as of ${ago(new Date(fresh.seenAt ?? fresh.createdAt), new Date())}`;
    });
    localRecords().save(record);
    if (flags.position && record.phase === 'queued') position = await positionOf(cluster.value, record);
  }
  if (flags.json) {
    const more = { ...(position ? { position } : {}), ...(silence ? { silence } : {}) };
    process.stdout.write(`${JSON.stringify({ ...shownRecord(record), ...more })}\n`);
    return 0;
  }
  const gpuIdle = gpuIdleFor(record);
  const rows: [string, string | undefined][] = [
    ['session', record.id],
    ['repository', `${record.repo.shown}${record.repo.commit ? ` @ ${record.repo.commit.slice(0, 7)}` : ''}`],
    ['state', stateInWords(record)],
    ['scheduler', silence],
    ['detail', record.ended?.detail ?? (record.phase === 'ended' ? undefined : missingInWords(record, new Date()))],
    ...(record.phase === 'queued' ? waitingRows(record, new Date()) : []),
    ['position', position?.words],
    ['cluster', record.cluster],
    ['job', record.jobId],
    ['node', record.address?.host],
    ['internet', record.internet === false ? 'none: the session runs offline' : undefined],
    [
      'gpu',
      gpuIdle === undefined
        ? undefined
        : `${record.request.gpus > 1 ? 'the GPUs have' : 'the GPU has'} done nothing for ${duration(gpuIdle)}: others wait for it`,
    ],
    ['asked for', requestInWords(record.request)],
    ['started', record.startedAt ? clock(hereAt(record, record.startedAt), new Date()) : undefined],
    ['ends', endsInWords(record)],
    [
      'saved',
      record.saved &&
        `${clock(hereAt(record, record.saved.at), new Date())}: ${savedInWords(record.saved, record.app).replaceAll('\n', ' ')}`,
    ],
    ['work', record.workDirectory],
    ['image', record.sif],
    ['directory', record.directory],
  ];
  for (const [name, value] of rows) if (value) process.stdout.write(plain(`${name.padEnd(11)}${harmless(value)}\n`));
  return 0;
}
