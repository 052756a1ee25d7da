/** Partitions with their limits and GPUs, by sinfo: one row for each kind of node in each state (--exact). */
import { type Inquiry, inquiry, ok, type Question } from '../../core/command.ts';
import type { Partition } from '../../core/scheduler.ts';
import { listing } from './answers.ts';
import { gpusOf } from './gres.ts';
import { nodesBehind } from './nodes.ts';
import { rows } from './queue.ts';

type Kind = Omit<Partition, 'architectures' | 'free'>;

export function offers(): Inquiry<readonly Partition[]> {
  return inquiry(kinds(), nodesBehind(), (found, nodes) => {
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
    const byName = new Map<string, Kind>();
    for (const kind of rows(text, 9).map(kindOf)) {
      const other = byName.get(kind.name);
      byName.set(kind.name, other === undefined ? kind : merged(other, kind));
    }
    return [...byName.values()];
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
  const [maxSeconds, defaultSeconds] = [secondsOf(most), secondsOf(usual)];
  if (maxSeconds !== undefined) kind.maxSeconds = maxSeconds;
  if (defaultSeconds !== undefined) kind.defaultSeconds = defaultSeconds;
  return kind;
}

function merged(a: Kind, b: Kind): Kind {
  const gpus = new Map(Object.entries(a.gpusPerNode));
  for (const [type, count] of Object.entries(b.gpusPerNode)) gpus.set(type, Math.max(count, gpus.get(type) ?? 0));
  return {
    ...a,
    nodes: a.nodes + b.nodes,
    cpusPerNode: Math.min(a.cpusPerNode, b.cpusPerNode),
    memoryMbPerNode: Math.min(a.memoryMbPerNode, b.memoryMbPerNode),
    gpusPerNode: Object.fromEntries(gpus),
    allNodesHaveGpus: a.allNodesHaveGpus && b.allNodesHaveGpus,
    idleNodes: a.idleNodes + b.idleNodes,
  };
}

/** `[D-]HH:MM:SS` or `MM:SS`; `infinite` and `n/a` are no limit. */
export function secondsOf(text: string): number | undefined {
  const match = /^(?:([0-9]+)-)?(?:([0-9]+):)?([0-9]+):([0-9]+)$/.exec(text);
  if (match === null) return undefined;
  const [d, h, m, s] = match.slice(1).map((part) => Number(part ?? 0));
  return (d ?? 0) * 86_400 + (h ?? 0) * 3600 + (m ?? 0) * 60 + (s ?? 0);
}
