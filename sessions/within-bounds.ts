/** A request held against its limits. Pure. */
import { HpcbinderError } from '../core/errors.ts';
import type { ResourceRequest } from '../core/scheduler.ts';
import { duration, durationWord, memory, memoryWord } from '../core/units.ts';
import type { Bound } from './allowed.ts';

export type Amounts = Pick<ResourceRequest, 'seconds' | 'cpus' | 'memoryMb' | 'gpus'>;

const AMOUNTS = {
  seconds: { flag: '--time', show: duration, word: durationWord },
  cpus: { flag: '--cpus', show: cores, word: String },
  memoryMb: { flag: '--mem', show: memory, word: memoryWord },
  gpus: { flag: '--gpus', show: gpuCount, word: String },
} as const;

/**
 * What the user typed over a limit is refused with the limit; what we or a repository chose is lowered to it, and noted.
 * Throws E-LIMIT or E-GPU with the nearest request that is allowed.
 */
export function withinBounds(
  asked: Amounts & { gpuType?: string | undefined },
  typed: Partial<Amounts>,
  bounds: readonly Bound[],
  notes: string[],
): Amounts {
  const { seconds, cpus, memoryMb, gpus } = asked;
  const lowered: Amounts = { seconds, cpus, memoryMb, gpus };
  for (const { of, limits } of bounds) {
    for (const key of ['gpus', 'seconds', 'cpus', 'memoryMb'] as const) {
      const ofType = key === 'gpus' ? limits.gpusOfType?.find(([type]) => type === asked.gpuType)?.[1] : undefined;
      const most = ofType === undefined ? limits[key] : Math.min(ofType, limits[key] ?? ofType);
      const { flag, show, word } = AMOUNTS[key];
      if (most === undefined || lowered[key] <= most) continue;
      if (typed[key] !== undefined || (most === 0 && key !== 'gpus')) {
        const elsewhere = of.startsWith('partition ')
          ? 'another partition (--partition)'
          : 'another --account or --qos';
        const type = key === 'gpus' && asked.gpuType && most > 0 ? `${asked.gpuType}:` : '';
        throw new HpcbinderError(key === 'gpus' ? 'E-GPU' : 'E-LIMIT', {
          message: `${flag}: ${show(lowered[key])} is over the limit of ${of}: ${show(most)}`,
          hint: `Ask for at most ${show(most)} (${flag}), or choose ${elsewhere}.`,
          instead: { [flag]: `${type}${word(most)}` },
        });
      }
      notes.push(`${flag} lowered from ${show(lowered[key])} to ${show(most)}, the limit of ${of}`);
      lowered[key] = most;
    }
  }
  return lowered;
}

export function cores(count: number): string {
  return `${count} ${count === 1 ? 'core' : 'cores'}`;
}

export function gpuCount(count: number): string {
  return `${count} ${count === 1 ? 'GPU' : 'GPUs'}`;
}
