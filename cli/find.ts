/** Which session is meant, and the way to its cluster. */
import type { Cluster } from '../core/cluster.ts';
import { orThrow } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import { matchIds } from '../core/ids.ts';
import { ask } from '../core/transport.ts';
import { readRecord, type SessionRecord } from '../sessions/records.ts';
import { lookAt } from '../sessions/remote.ts';
import { loadConfig } from './config-file.ts';
import { chooseCluster, connectCluster } from './connect.ts';
import { prompter } from './terminal.ts';
import { localRecords } from './world.ts';

/** By the local copies, which know the cluster; E-SESSION-UNKNOWN where none or several fit. */
export function findLocal(text: string): SessionRecord {
  const records = localRecords().all();
  const ids = matchIds(
    text,
    records.map((record) => record.id),
  );
  const found = records.find((record) => record.id === ids[0]);
  if (ids.length === 1 && found) return found;
  if (ids.length > 1) {
    throw new HpcbinderError('E-SESSION-UNKNOWN', {
      message: `"${text}" fits ${ids.length} sessions: ${ids.join(', ')}`,
      hint: 'Type more of the id.',
    });
  }
  throw new HpcbinderError('E-SESSION-UNKNOWN', {
    message: `there is no session "${text}" on this machine's list`,
    hint: 'hpcbinder list --all shows them; hpcbinder list --refresh also finds those launched from elsewhere.',
  });
}

/** `offers: true`: also what its scheduler offers, for the words of a queue. */
export async function clusterOf(
  record: Pick<SessionRecord, 'cluster'>,
  { offers }: { offers: boolean } = { offers: false },
): Promise<Cluster> {
  const choice = chooseCluster(loadConfig(), record.cluster);
  if (!choice)
    throw new HpcbinderError('E-CLUSTER-UNKNOWN', { message: `cluster ${record.cluster} is no longer in your config` });
  return connectCluster(choice, prompter(), offers ? {} : { offers });
}

/** The truth on the cluster where it is newer than our copy, ours where the cluster has none yet. */
export async function freshRecord(cluster: Cluster, record: SessionRecord): Promise<SessionRecord> {
  const looked = orThrow(await ask(cluster.transport, lookAt(cluster.profile, [record.id], ['session.json'])));
  const read = readRecord(looked[0]?.files.get('session.json'));
  if (read.kind === 'newer') {
    throw new HpcbinderError('E-SESSION-STATE', {
      message: `session ${record.id} was written by a newer hpcbinder (schema ${read.schema})`,
      hint: 'Update hpcbinder on this machine.',
    });
  }
  if (read.kind !== 'record') return record;
  return withOurs(read.record, record);
}

/** The cluster's record with what is of this machine: its port and its clock. `ours`: the copy here, where there is one. */
export function withOurs(theirs: SessionRecord, ours: SessionRecord | undefined): SessionRecord {
  const { localPort: _, localPid: __, localAhead: ___, ...shared } = theirs;
  const { localPort, localAhead } = ours ?? {};
  return { ...shared, ...(localPort ? { localPort } : {}), ...(localAhead ? { localAhead } : {}) };
}

export async function disposable(record: SessionRecord): Promise<AsyncDisposable & { value: Cluster }> {
  const value = await clusterOf(record);
  return { value, [Symbol.asyncDispose]: () => value.transport[Symbol.asyncDispose]() };
}
