/** Queues with their limits, and the nodes behind them: qstat -Q, qstat -B, pbsnodes, all words of administrators. */
import { type Answer, type Inquiry, ok } from '../../core/command.ts';
import type { Partition } from '../../core/scheduler.ts';
import { asked, entries, isJson, type Json } from './answers.ts';
import { number, secondsOf, text } from './jobs.ts';

type Room = { cpus: number; memoryMb: number; gpus: number };
type Node = ReturnType<typeof nodeOf>;

/** A server that is frozen was waited for already. */
const BRIEF = 5_000;

export function offers(): Inquiry<readonly Partition[]> {
  const queues = asked(['qstat', '-Q', '-f', '-F', 'json'], (answer) => entries(answer, 'Queue'));
  const server = asked(
    ['qstat', '-B', '-f', '-F', 'json'],
    (answer) => text(entries(answer, 'Server')[0]?.[1].default_queue),
    BRIEF,
  );
  const nodes = asked(
    ['pbsnodes', '-a', '-F', 'json'],
    (answer) => entries(answer, 'nodes').map(([, node]) => nodeOf(node)),
    BRIEF,
  );
  return {
    questions: [queues, server, nodes],
    combine: ([found, usual, machines]) => {
      if (!found?.ok) return found as Answer<never>;
      const all = found.value as ReturnType<typeof entries>;
      const known = machines?.ok ? (machines.value as readonly Node[]) : [];
      const named = all.filter(([, queue]) => queue.from_route_only !== 'True');
      return ok(
        named.map(([name, queue]) => partition(name, queue, usual?.ok === true && usual.value === name, known)),
      );
    },
  };
}

function partition(name: string, queue: Json, isDefault: boolean, all: readonly Node[]): Partition {
  // one that routes has no nodes of its own
  const routes = queue.queue_type === 'Route';
  const nodes = all.filter((node) => node.up && (routes || (node.queues?.includes(name) ?? true)));
  const least = (of: (node: Node) => number) => (nodes.length === 0 ? 0 : Math.min(...nodes.map(of)));
  const most = Math.max(0, ...nodes.map((node) => node.gpus));
  const [maxSeconds, defaultSeconds] = [limit(queue.resources_max), limit(queue.resources_default)];
  return {
    name,
    isDefault,
    up: queue.enabled === 'True' && queue.started === 'True',
    nodes: nodes.length,
    cpusPerNode: least((node) => node.cpus),
    memoryMbPerNode: least((node) => node.memoryMb),
    ...(maxSeconds && { maxSeconds }),
    ...(defaultSeconds && { defaultSeconds }),
    gpusPerNode: most > 0 ? { '': most } : {},
    allNodesHaveGpus: nodes.length > 0 && nodes.every((node) => node.gpus > 0),
    architectures: [],
    idleNodes: nodes.filter((node) => node.idle).length,
    ...(nodes.length > 0 && { free: freeOf(nodes.map((node) => node.free)) }),
  };
}

function freeOf(nodes: readonly Room[]): NonNullable<Partition['free']> {
  const sum = (of: keyof Room) => nodes.reduce((all, room) => all + room[of], 0);
  return { cpus: sum('cpus'), memoryMb: sum('memoryMb'), gpus: sum('gpus') > 0 ? { '': sum('gpus') } : {} };
}

function limit(resources: unknown): number | undefined {
  return isJson(resources) ? secondsOf(text(resources.walltime)) : undefined;
}

/** A node without a queue of its own serves all queues that have none either; PBS itself decides, this is for the words. */
function nodeOf(node: Json) {
  const state = (text(node.state) ?? '').split(',');
  const has = roomOf(node.resources_available);
  const used = state.includes('free') ? roomOf(node.resources_assigned) : has;
  const left = (of: keyof Room) => Math.max(0, has[of] - used[of]);
  return {
    ...has,
    queues: text(node.queue)?.split(','),
    up: state.every((word) => ['free', 'job-busy', 'job-exclusive', 'resv-exclusive', 'busy'].includes(word)),
    idle: state.includes('free') && !(Array.isArray(node.jobs) && node.jobs.length > 0),
    free: { cpus: left('cpus'), memoryMb: left('memoryMb'), gpus: left('gpus') },
  };
}

function roomOf(resources: unknown): Room {
  const { ncpus, mem, ngpus } = isJson(resources) ? resources : {};
  return { cpus: number(ncpus) ?? 0, memoryMb: megabytes(text(mem)), gpus: number(ngpus) ?? 0 };
}

/** `24682416kb` → MiB. */
export function megabytes(size: string | undefined): number {
  const [, count = '0', unit = ''] = /^([0-9]+)(b|kb|mb|gb|tb)?$/i.exec(size ?? '') ?? [];
  const power = ['b', 'kb', 'mb', 'gb', 'tb'].indexOf(unit.toLowerCase() || 'b') - 2;
  return Math.floor(Number(count) * 1024 ** power);
}
