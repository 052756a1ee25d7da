/** What a partition's nodes have together. */
import type { Partition } from './scheduler.ts';

/** Of one node, or of several that are alike. */
export type Nodes = Pick<
  Partition,
  'nodes' | 'cpusPerNode' | 'memoryMbPerNode' | 'gpusPerNode' | 'allNodesHaveGpus' | 'idleNodes'
>;
export type Room = NonNullable<Partition['free']>;

type Gpus = Readonly<Record<string, number>>;

/** A node's size is that of the smallest, its GPUs are the most of each type. */
export function together(kinds: readonly Nodes[]): Nodes {
  const sum = (of: (kind: Nodes) => number) => kinds.reduce((all, kind) => all + of(kind), 0);
  const least = (of: (kind: Nodes) => number) => (kinds.length === 0 ? 0 : Math.min(...kinds.map(of)));
  return {
    nodes: sum((kind) => kind.nodes),
    cpusPerNode: least((kind) => kind.cpusPerNode),
    memoryMbPerNode: least((kind) => kind.memoryMbPerNode),
    gpusPerNode: byType(
      kinds.map((kind) => kind.gpusPerNode),
      Math.max,
    ),
    allNodesHaveGpus: kinds.length > 0 && kinds.every((kind) => kind.allNodesHaveGpus),
    idleNodes: sum((kind) => kind.idleNodes),
  };
}

export function sumOf(rooms: readonly Room[]): Room {
  return {
    cpus: rooms.reduce((all, { cpus }) => all + cpus, 0),
    memoryMb: rooms.reduce((all, { memoryMb }) => all + memoryMb, 0),
    gpus: byType(
      rooms.map(({ gpus }) => gpus),
      (a, b) => a + b,
    ),
  };
}

function byType(counts: readonly Gpus[], join: (a: number, b: number) => number): Gpus {
  const all = new Map<string, number>();
  for (const [type, count] of counts.flatMap((one) => Object.entries(one)))
    all.set(type, join(all.get(type) ?? 0, count));
  return Object.fromEntries(all);
}
