/** `list`, `status`, `open`, `logs`, `stop`. */
import type { Cluster } from '../core/cluster.ts';
import { orThrow } from '../core/command.ts';
import { asHpcbinderError, HpcbinderError } from '../core/errors.ts';
import type { SessionPhase } from '../core/session.ts';
import { ask } from '../core/transport.ts';
import { duration } from '../core/units.ts';
import { cancelJob } from '../jobs/cancel.ts';
import { endInWords } from '../sessions/advance.ts';
import { clock } from '../sessions/await.ts';
import { controlRequest } from '../sessions/control.ts';
import { readRecord, type SessionRecord } from '../sessions/records.ts';
import { lookAt, saveSession } from '../sessions/remote.ts';
import { requestInWords } from '../sessions/request.ts';
import { ago } from '../sessions/words.ts';
import { loadConfig } from './config-file.ts';
import { chooseCluster, connectCluster } from './connect.ts';
import { clusterOf, findLocal, freshRecord } from './find.ts';
import { refreshed } from './refresh.ts';
import { plain, prompter, table } from './terminal.ts';
import { shortId, whereOf } from './words.ts';
import { localRecords, toAgent } from './world.ts';

type Flags = Record<string, unknown>;

/** A record without what must not be printed. */
function shown(record: SessionRecord): Omit<SessionRecord, 'secrets'> {
  const { secrets: _, ...rest } = record;
  return rest;
}

const DAY_MS = 86_400_000;

export async function list(flags: Flags): Promise<number> {
  const local = localRecords();
  if (flags.refresh) await refreshAll();
  const records = local
    .all()
    .filter((r) => flags.all || r.phase !== 'ended' || Date.now() - Date.parse(r.ended?.at ?? r.createdAt) < DAY_MS);
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(records.map(shown))}\n`);
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
    ends(r),
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
  const words: Readonly<Record<SessionPhase, string>> = {
    preparing: 'preparing',
    submitting: 'submitting',
    queued: 'queued',
    starting: 'starting',
    ready: 'ready',
    ended: record.ended ? endInWords(record.ended.why) : 'ended',
  };
  if (record.phase !== 'ready' || !record.idle) return words[record.phase];
  const { busyKernels, since } = record.idle;
  if (busyKernels > 0) return `ready · busy (${busyKernels} ${busyKernels === 1 ? 'kernel' : 'kernels'})`;
  return since > 0 ? `ready · idle ${duration(Math.max(1, Date.now() / 1000 - since))}` : 'ready';
}

function ends(record: SessionRecord): string {
  if (record.ended) return clock(new Date(record.ended.at), new Date());
  if (!record.endsAt) return '–';
  const left = record.endsAt - Date.now() / 1000;
  return `${clock(new Date(record.endsAt * 1000), new Date())}  ${left > 0 ? `in ${duration(Math.max(60, left))}` : 'over'}`;
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
        const record = { ...read.record, cluster: name, ...(before?.localPort ? { localPort: before.localPort } : {}) };
        if (before?.phase !== 'ended') local.save(record.phase === 'ended' ? record : await refreshed(cluster, record));
      }
    } catch (error) {
      process.stderr.write(plain(`${name}: ${asHpcbinderError(error).message}\n`));
    } finally {
      await cluster?.transport[Symbol.asyncDispose]();
    }
  }
}

export async function status(id: string, flags: Flags): Promise<number> {
  let record = findLocal(id);
  if (record.phase !== 'ended') {
    await using cluster = await disposable(record);
    record = await refreshed(cluster.value, await freshRecord(cluster.value, record));
    localRecords().save(record);
  }
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(shown(record))}\n`);
    return 0;
  }
  const rows: [string, string | undefined][] = [
    ['session', record.id],
    ['repository', `${record.repo.shown}${record.repo.commit ? ` @ ${record.repo.commit.slice(0, 7)}` : ''}`],
    ['state', stateInWords(record)],
    ['detail', record.ended?.detail],
    ['cluster', record.cluster],
    ['job', record.jobId],
    ['node', record.address?.host],
    ['asked for', requestInWords(record.request)],
    ['started', record.startedAt ? clock(new Date(record.startedAt * 1000), new Date()) : undefined],
    ['ends', ends(record)],
    ['work', record.workDirectory],
    ['image', record.sif],
    ['directory', record.directory],
  ];
  for (const [name, value] of rows) if (value) process.stdout.write(plain(`${name.padEnd(11)}${value}\n`));
  return 0;
}

export async function disposable(record: SessionRecord): Promise<AsyncDisposable & { value: Cluster }> {
  const value = await clusterOf(record);
  return { value, [Symbol.asyncDispose]: () => value.transport[Symbol.asyncDispose]() };
}

/** The agent ends the app in order; where it does not answer, the scheduler is asked. Idempotent. */
export async function stop(id: string, flags: Flags): Promise<number> {
  const found = findLocal(id);
  if (found.phase === 'ended') return stopped(found, flags, 'was over already');
  await using cluster = await disposable(found);
  const record = await stopSession(cluster.value, await freshRecord(cluster.value, found));
  localRecords().save(record);
  return stopped(record, flags, 'stopped');
}

export async function stopSession(cluster: Cluster, before: SessionRecord): Promise<SessionRecord> {
  const record = await refreshed(cluster, before);
  if (record.phase === 'ended') return record;
  if (record.address)
    await controlRequest(toAgent(cluster, record), record.id, record.secrets, { verb: 'stop', why: 'stopped' }).catch(
      () => undefined,
    );
  else if (record.jobId) await cancelJob(cluster.transport, cluster.scheduler, record.jobId);
  const over = await refreshed(cluster, record, { untilEnded: 20_000 });
  const settled = over.phase === 'ended' || !record.jobId ? over : await cancelled(cluster, record);
  const end: SessionRecord =
    settled.phase === 'ended' && settled.ended?.why !== 'cancelled'
      ? settled
      : { ...settled, phase: 'ended', ended: { why: 'stopped', at: new Date().toISOString() } };
  await ask(cluster.transport, saveSession(cluster.profile, end));
  return end;
}

async function cancelled(cluster: Cluster, record: SessionRecord): Promise<SessionRecord> {
  await cancelJob(cluster.transport, cluster.scheduler, record.jobId ?? '');
  return refreshed(cluster, record, { untilEnded: 40_000 });
}

function stopped(record: SessionRecord, flags: Flags, words: string): number {
  if (flags.json) process.stdout.write(`${JSON.stringify(shown(record))}\n`);
  else
    process.stderr.write(
      plain(`${shortId(record.id)} ${words}. Your work is kept: ${whereOf(record.cluster, record.workDirectory)}\n`),
    );
  return 0;
}

export async function open(id: string, flags: Flags): Promise<number> {
  const found = findLocal(id);
  if (found.phase === 'ended') {
    throw new HpcbinderError('E-SESSION-STATE', {
      message: `session ${shortId(found.id)} is over: ${endInWords(found.ended?.why ?? 'lost')}`,
      hint: `Its work is kept in ${found.workDirectory}; go on with: hpcbinder launch ${found.repo.url ?? found.repo.shown}`,
    });
  }
  const { reopen } = await import('./launch.ts');
  return reopen(found, flags);
}
