/** `partitions`: what a cluster offers, what of it is free now, and what the user may charge it to. */
import type { Account, Allowance, Limits, Qos } from '../core/allowance.ts';
import { NO_ALLOWANCE } from '../core/allowance.ts';
import { orThrow } from '../core/command.ts';
import type { Partition } from '../core/scheduler.ts';
import { askAll } from '../core/transport.ts';
import { duration, memory } from '../core/units.ts';
import { chargeable } from '../sessions/allowed.ts';
import { cores, gpuCount } from '../sessions/within-bounds.ts';
import type { Flags } from './flags.ts';
import { fittedTable, plain } from './terminal.ts';
import { withCluster } from './with-cluster.ts';

export async function partitions(name: string | undefined, flags: Flags): Promise<number> {
  const command = 'partitions USER@HOST';
  return withCluster(
    { ...flags, ...(name === undefined ? {} : { cluster: name }) },
    command,
    async (cluster) => {
      const { scheduler, transport, allowance = NO_ALLOWANCE } = cluster;
      const found =
        cluster.partitions.length > 0 ? cluster.partitions : orThrow(await askAll(transport, scheduler.offers()));
      const sorted = inOrder(found);
      if (flags.json) {
        const { accounts, qos, enforces, unknown } = allowance;
        const rows = sorted.map((one) => ({ ...one, usable: isOpen(one, allowance) }));
        const all = {
          cluster: cluster.profile.name,
          scheduler: scheduler.name,
          partitions: rows,
          accounts,
          qos,
          enforces,
        };
        process.stdout.write(`${JSON.stringify({ ...all, ...(unknown ? { unknown } : {}) })}\n`);
        return 0;
      }
      const most = Math.max(40, process.stdout.columns || 80);
      process.stdout.write(
        `${fittedTable(
          ['PARTITION', 'TIME', 'A NODE HAS', 'FREE NOW'],
          sorted.map((one) => row(one, allowance)),
          most,
        )}\n`,
      );
      const charged = chargedRows(allowance);
      if (charged.length > 0) {
        process.stdout.write(`\n${fittedTable(['ACCOUNT', 'QOS', 'ONE JOB MAY HAVE'], charged, most)}\n`);
      }
      process.stderr.write('* where none is named; TIME: at most (usual); (GPUs): some nodes have them\n');
      if (allowance.unknown) process.stderr.write(plain(`${allowance.unknown}\n`));
      else if (!allowance.enforces.limits && charged.length > 0)
        process.stderr.write('this cluster does not enforce the limits of accounts and QOS\n');
      return 0;
    },
    { allowance: 'fresh' },
  );
}

/** The usual one first, those that start nothing last, else by name. */
export function inOrder(all: readonly Partition[]): Partition[] {
  const rank = ({ isDefault, up }: Partition) => (up ? (isDefault ? 0 : 1) : 2);
  return [...all].sort((a, b) => rank(a) - rank(b) || a.name.localeCompare(b.name, 'en', { numeric: true }));
}

function isOpen(partition: Partition, allowance: Allowance): boolean {
  return chargeable(allowance, partition.name);
}

export function row(partition: Partition, allowance: Allowance): string[] {
  const { name, isDefault, maxSeconds, defaultSeconds, cpusPerNode, memoryMbPerNode, gpusPerNode } = partition;
  const usual = defaultSeconds === undefined ? '' : ` (${duration(defaultSeconds)})`;
  const some = gpus(gpusPerNode).join(', ');
  const shown = some === '' ? '' : partition.allNodesHaveGpus ? `, ${some}` : ` (${some})`;
  return [
    `${name}${isDefault ? ' *' : ''}`,
    maxSeconds === undefined ? 'no limit' : `${duration(maxSeconds)}${usual}`,
    `${cores(cpusPerNode)}, ${memory(memoryMbPerNode)}${shown}`,
    freeNow(partition, allowance),
  ];
}

function freeNow(partition: Partition, allowance: Allowance): string {
  const { up, nodes, idleNodes, free } = partition;
  if (!up) return 'closed for now';
  if (!isOpen(partition, allowance)) return 'not for your accounts';
  const whole = `${idleNodes}/${nodes} ${nodes === 1 ? 'node' : 'nodes'}`;
  return free === undefined ? whole : [whole, cores(free.cpus), ...gpus(free.gpus)].join(', ');
}

/** `2 a100`; `2 GPUs` where the site names no type. */
function gpus(counts: Readonly<Record<string, number>>): string[] {
  return Object.entries(counts).map(([type, count]) => (type === '' ? gpuCount(count) : `${count} ${type}`));
}

/** A row for each account, and one for each QOS that has limits of its own. */
export function chargedRows({ accounts, qos }: Allowance): string[][] {
  const ofAccount = (one: Account) => [
    `${one.name}${one.isDefault ? ' *' : ''}${one.partition ? ` (in ${one.partition})` : ''}`,
    one.qos.map((each) => `${each}${each === one.defaultQos && one.qos.length > 1 ? ' *' : ''}`).join(', '),
    limits(one.limits),
  ];
  const ofQos = (one: Qos) => ['', one.name, limits(one.limits)];
  const limited = qos.filter((one) => Object.keys(one.limits).length > 0);
  const inOrder = [...accounts].sort(
    (a, b) => Number(b.isDefault) - Number(a.isDefault) || a.name.localeCompare(b.name),
  );
  return [...inOrder.map(ofAccount), ...limited.map(ofQos)];
}

function limits({ seconds, cpus, memoryMb, gpus: all, gpusOfType = [] }: Limits): string {
  const parts = [
    seconds === undefined ? '' : duration(seconds),
    cpus === undefined ? '' : cores(cpus),
    memoryMb === undefined ? '' : memory(memoryMb),
    all === undefined ? '' : gpuCount(all),
    ...gpusOfType.map(([type, most]) => `${most} ${type}`),
  ].filter((part) => part !== '');
  return parts.length === 0 ? 'no limit of its own' : `at most ${parts.join(', ')}`;
}
