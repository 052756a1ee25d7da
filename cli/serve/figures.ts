/** What a session uses, from the agent's counts: cores are the difference of two, memory is as it was. */
import type { Figures } from '../../core/endpoint.ts';
import type { ResourceRequest } from '../../core/scheduler.ts';
import { gpuFiguresOf } from '../../sessions/gpus.ts';

/** `at` in epoch milliseconds */
export type Sample = { at: number; cpuSeconds: number; memoryBytes: number } & Pick<Figures, 'gpus' | 'gpuIdleSince'>;

/** Undefined where the agent has not counted yet. */
export function sampleOf(figures: unknown, at = Date.now()): Sample | undefined {
  if (typeof figures !== 'object' || figures === null) return undefined;
  const { cpuSeconds, memoryBytes } = figures as Record<string, unknown>;
  if (typeof cpuSeconds !== 'number' || typeof memoryBytes !== 'number') return undefined;
  return { at, cpuSeconds, memoryBytes, ...gpuFiguresOf(figures) };
}

/** `told`: the agent's `figures`. `samples`: of each session the last, which this one replaces; a use of cores is a difference of two. */
export function learned(
  told: unknown,
  { id, request }: { id: string; request: ResourceRequest },
  samples: Map<string, Sample>,
): Figures | undefined {
  const now = sampleOf(told);
  const before = samples.get(id);
  if (now) samples.set(id, now);
  return now && figuresOf(now, before, request);
}

export function figuresOf(now: Sample, before: Sample | undefined, asked: ResourceRequest): Figures {
  const seconds = before ? (now.at - before.at) / 1000 : 0;
  // a process that ended took its time with it: less than before is none
  const used = before && seconds >= 1 ? Math.max(0, (now.cpuSeconds - before.cpuSeconds) / seconds) : undefined;
  return {
    at: now.at,
    ...(used === undefined ? {} : { cpu: { used: Math.round(used * 100) / 100, asked: asked.cpus } }),
    memory: { usedMb: Math.round(now.memoryBytes / 2 ** 20), askedMb: asked.memoryMb },
    ...(now.gpus ? { gpus: now.gpus } : {}),
    ...(now.gpuIdleSince ? { gpuIdleSince: now.gpuIdleSince } : {}),
  };
}
