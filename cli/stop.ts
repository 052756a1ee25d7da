/** `stop`: by the agent, which ends the app in order; where it does not answer, by the scheduler. */
import type { Cluster } from '../core/cluster.ts';
import { ask } from '../core/transport.ts';
import { cancelJob } from '../jobs/cancel.ts';
import { controlRequest } from '../sessions/control.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { saveSession } from '../sessions/remote.ts';
import { disposable, findLocal, freshRecord } from './find.ts';
import type { Flags } from './flags.ts';
import { refreshed } from './refresh.ts';
import { plain } from './terminal.ts';
import { shortId, shownRecord, whereOf } from './words.ts';
import { localRecords, toAgent } from './world.ts';

/** Idempotent. */
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
  if (flags.json) process.stdout.write(`${JSON.stringify(shownRecord(record))}\n`);
  else
    process.stderr.write(
      plain(`${shortId(record.id)} ${words}. Your work is kept: ${whereOf(record.cluster, record.workDirectory)}\n`),
    );
  return 0;
}
