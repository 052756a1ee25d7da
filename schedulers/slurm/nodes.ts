/** What sinfo has no field for: each partition's machines, and what is free on those of its nodes that take jobs now. */
import type { Question } from '../../core/command.ts';
import { type Room, sumOf } from '../../core/offers.ts';
import { listing } from './answers.ts';
import { gpusOf } from './gres.ts';

export type Behind = { architectures: Set<string>; free: Room };

/** A base state, with flags behind it: IDLE+CLOUD+POWERED_DOWN comes up by itself, all that follow take no job now. */
const USABLE =
  /^(IDLE|MIXED|ALLOCATED)(?!.*(\*|[A-Z]*DOWN(?<!\+POWERED_DOWN)|DRAIN|FAIL|MAINT|RESERVED|REBOOT|PLANNED|INVALID|BLOCKED|NOT_RESP|NO_RESP))/;

/** A node's record holds words of administrators only. `-d` adds what is used of its GPUs. */
export function nodesBehind(): Question<ReadonlyMap<string, Behind>> {
  return listing(['scontrol', '-d', '--oneliner', 'show', 'node'], (text) => {
    const byPartition = new Map<string, Behind>();
    for (const line of text.split('\n')) {
      const fields = new Map<string, string>();
      for (const [, name = '', value = ''] of line.matchAll(/(?:^| )([A-Za-z]+)=(\S*)/g)) {
        if (!fields.has(name)) fields.set(name, value);
      }
      for (const name of fields.get('Partitions')?.split(',') ?? []) {
        const behind = byPartition.get(name) ?? { architectures: new Set(), free: { cpus: 0, memoryMb: 0, gpus: {} } };
        byPartition.set(name, added(behind, fields));
      }
    }
    return byPartition;
  });
}

function added({ architectures, free }: Behind, fields: ReadonlyMap<string, string>): Behind {
  const text = (name: string) => fields.get(name) ?? '';
  const left = (total: string, used: string) => Math.max(0, (Number(text(total)) || 0) - (Number(text(used)) || 0));
  if (text('Arch') !== '') architectures.add(text('Arch'));
  if (!USABLE.test(text('State'))) return { architectures, free };
  const used = gpusOf(text('GresUsed'));
  const gpus = Object.entries(gpusOf(text('Gres'))).map(([type, count]) => [
    type,
    Math.max(0, count - (used[type] ?? 0)),
  ]);
  const room = {
    cpus: left(fields.has('CPUEfctv') ? 'CPUEfctv' : 'CPUTot', 'CPUAlloc'),
    memoryMb: left('RealMemory', 'AllocMem'),
    gpus: Object.fromEntries(gpus),
  };
  return { architectures, free: sumOf([free, room]) };
}
