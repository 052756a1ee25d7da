/** Partitions with their limits and GPUs, by sinfo: one row for each kind of node in each state (--exact). */
import { type Inquiry, inquiry, ok, type Question } from '../../core/command.ts';
import { together } from '../../core/offers.ts';
import type { Partition } from '../../core/scheduler.ts';
import { clockSeconds } from '../../core/units.ts';
import { listing } from './answers.ts';
import { gpusOf } from './gres.ts';
import { nodesBehind } from './nodes.ts';
import { rows } from './queue.ts';

type Kind = Omit<Partition, 'architectures' | 'free'>;

export function offers(): Inquiry<readonly Partition[]> {
  return inquiry([kinds(), nodesBehind()], (found, nodes) => {
    if (!found.ok) return found;
    return ok(
      found.value.map((one) => {
        const behind = nodes.ok ? nodes.value.get(one.name) : undefined;
        if (behind === undefined) return { ...one, architectures: [] };
        return { ...one, architectures: [...behind.architectures].sort(), free: behind.free };
      }),
    );
  });
}

function kinds(): Question<readonly Kind[]> {
  return listing(['sinfo', '-h', '--exact', '-o', '%P|%a|%l|%L|%D|%t|%c|%m|%G'], (text) => {
    const byName = new Map<string, Kind[]>();
    for (const kind of rows(text, 9).map(kindOf)) byName.set(kind.name, [...(byName.get(kind.name) ?? []), kind]);
    return [...byName.values()].map((kinds) => ({ ...(kinds[0] as Kind), ...together(kinds) }));
  });
}

function kindOf(row: readonly string[]): Kind {
  const [name = '', up, most = '', usual = '', count, state, cpus = '', memory = '', gres = ''] = row;
  const gpusPerNode = gpusOf(gres);
  const kind: Kind = {
    name: name.replace(/\*$/, ''),
    isDefault: name.endsWith('*'),
    up: up === 'up',
    nodes: Number(count),
    cpusPerNode: Number.parseInt(cpus, 10),
    memoryMbPerNode: Number.parseInt(memory, 10),
    gpusPerNode,
    allNodesHaveGpus: Object.keys(gpusPerNode).length > 0,
    // idle~ is powered down to save energy and comes up by itself; idle* does not respond
    idleNodes: /^idle~?$/.test(state ?? '') ? Number(count) : 0,
  };
  const [maxSeconds, defaultSeconds] = [clockSeconds(most), clockSeconds(usual)];
  if (maxSeconds !== undefined) kind.maxSeconds = maxSeconds;
  if (defaultSeconds !== undefined) kind.defaultSeconds = defaultSeconds;
  return kind;
}
