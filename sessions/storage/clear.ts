/** Removing what was decided on; each thing is looked at again on the cluster, under the store's lock. */
import type { Cluster } from '../../core/cluster.ts';
import { orThrow } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { isFields } from '../../core/json.ts';
import { ask } from '../../core/transport.ts';
import { program, type Thing } from './inventory.ts';

export type Cleared = {
  count: number;
  bytes: number;
  /** what stays after all, and why */
  kept: readonly { name: string; why: string }[];
  /** of the hollow directories: what is still in them */
  left: readonly string[];
};

export type ClearHow = {
  on?(done: number, bytes: number): void;
  /** absolute; they go where nothing but empty directories is left in them */
  hollow?: readonly string[];
  signal?: AbortSignal;
};

/** The scheduler is asked once more: what began meanwhile is spared. An interrupted one goes on when it is called again. */
export async function clear(cluster: Cluster, things: readonly Thing[], how: ClearHow = {}): Promise<Cleared> {
  const { profile, transport, scheduler } = cluster;
  const live = orThrow(await ask(transport, scheduler.unfinished(profile.uid), how.signal));
  const kept: { name: string; why: string }[] = [];
  let cleared: Cleared | undefined;
  const input = {
    store: profile.imageStore,
    state: profile.stateDir,
    live: [...live.keys()],
    things: things.map(({ kind, name, usedAt, job }) => ({ kind, name, usedAt, ...(job ? { job } : {}) })),
    hollow: how.hollow ?? [],
  };
  await program(cluster, 'clear.py', input, how.signal, (said) => {
    if (typeof said.kept === 'string') kept.push({ name: said.kept, why: String(said.why) });
    else if (isFields(said.end)) {
      const left = Array.isArray(said.end.left) ? said.end.left.map(String) : [];
      cleared = { count: Number(said.end.done), bytes: Number(said.end.bytes), kept, left };
    } else how.on?.(Number(said.done), Number(said.bytes));
  });
  if (cleared) return cleared;
  throw new HpcbinderError('E-REMOTE', { message: `${profile.host} did not say what was removed`, transient: true });
}
