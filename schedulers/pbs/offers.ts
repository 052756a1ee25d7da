/** Queues with their limits, and the nodes behind them: qstat -Q, qstat -B, pbsnodes, all words of administrators. */
import { type Inquiry, inquiry, ok } from '../../core/command.ts';
import { entries, type Fields, isFields, number, text } from '../../core/json.ts';
import { type Nodes, type Room, sumOf, together } from '../../core/offers.ts';
import type { Partition } from '../../core/scheduler.ts';
import { asked, command, qstat } from './answers.ts';
import { walltimeOf } from './jobs.ts';

type Node = Nodes & { up: boolean; queues: readonly string[] | undefined; free: Room };

/** A server that is frozen was waited for already. */
const BRIEF = 5_000;

export function offers(): Inquiry<readonly Partition[]> {
  const queues = asked(command(qstat('-Q')), (answer) => entries(answer, 'Queue'));
  const usual = asked(command(qstat('-B'), BRIEF), (answer) => text(entries(answer, 'Server')[0]?.[1].default_queue));
  const nodes = asked(command(['pbsnodes', '-a', '-F', 'json'], BRIEF), (answer) =>
    entries(answer, 'nodes').map(([, node]) => nodeOf(node)),
  );
  return inquiry([queues, usual, nodes], (found, usual, nodes) => {
    if (!found.ok) return found;
    const named = found.value.filter(([, queue]) => queue.from_route_only !== 'True');
    const all = nodes.ok ? nodes.value : [];
    return ok(named.map(([name, queue]) => partition(name, queue, usual.ok && usual.value === name, all)));
  });
}

function partition(name: string, queue: Fields, isDefault: boolean, all: readonly Node[]): Partition {
  // one that routes has no nodes of its own
  const routes = queue.queue_type === 'Route';
  const nodes = all.filter((node) => node.up && (routes || (node.queues?.includes(name) ?? true)));
  const [maxSeconds, defaultSeconds] = [walltimeOf(queue.resources_max), walltimeOf(queue.resources_default)];
  return {
    name,
    isDefault,
    up: queue.enabled === 'True' && queue.started === 'True',
    ...together(nodes),
    ...(maxSeconds && { maxSeconds }),
    ...(defaultSeconds && { defaultSeconds }),
    architectures: [],
    ...(nodes.length > 0 && { free: sumOf(nodes.map((node) => node.free)) }),
  };
}

/** A node without a queue of its own serves all queues that have none either; PBS itself decides, this is for the words. */
function nodeOf(node: Fields): Node {
  const state = (text(node.state) ?? '').split(',');
  const [has, used] = [roomOf(node.resources_available), roomOf(node.resources_assigned)];
  const isFree = state.includes('free');
  const left = (of: keyof typeof has) => (isFree ? Math.max(0, has[of] - used[of]) : 0);
  return {
    nodes: 1,
    cpusPerNode: has.cpus,
    memoryMbPerNode: has.memoryMb,
    gpusPerNode: gpusOf(has.gpus),
    allNodesHaveGpus: has.gpus > 0,
    idleNodes: isFree && !(Array.isArray(node.jobs) && node.jobs.length > 0) ? 1 : 0,
    queues: text(node.queue)?.split(','),
    up: state.every((word) => ['free', 'job-busy', 'job-exclusive', 'resv-exclusive', 'busy'].includes(word)),
    free: { cpus: left('cpus'), memoryMb: left('memoryMb'), gpus: gpusOf(left('gpus')) },
  };
}

/** PBS has one kind of GPU, without a name. */
const gpusOf = (count: number): Room['gpus'] => (count > 0 ? { '': count } : {});

function roomOf(resources: unknown) {
  const { ncpus, mem, ngpus } = isFields(resources) ? resources : {};
  return { cpus: number(ncpus) ?? 0, memoryMb: megabytes(text(mem)), gpus: number(ngpus) ?? 0 };
}

/** `24682416kb` → MiB. */
export function megabytes(size: string | undefined): number {
  const [, count = '0', unit = ''] = /^([0-9]+)(b|kb|mb|gb|tb)?$/i.exec(size ?? '') ?? [];
  const power = ['b', 'kb', 'mb', 'gb', 'tb'].indexOf(unit.toLowerCase() || 'b') - 2;
  return Math.floor(Number(count) * 1024 ** power);
}
