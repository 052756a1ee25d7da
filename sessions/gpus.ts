/** What an agent tells of GPUs, looked at before it is believed: the job is its user's. Pure. */
import type { Figures } from '../core/endpoint.ts';
import { type Fields, isFields, momentOf } from '../core/json.ts';

const MOST_GPUS = 64;

/** Of the `figures` in a `status` (docs/agent.md). What is no figure is left out. */
export function gpuFiguresOf(figures: unknown): Pick<Figures, 'gpus' | 'gpuIdleSince'> {
  const { gpus: told, gpuIdleSince: since } = fieldsOf(figures);
  const gpus = Array.isArray(told) ? told.slice(0, MOST_GPUS).flatMap(gpuOf) : [];
  if (gpus.length === 0) return {};
  const gpuIdleSince = momentOf(since);
  return { gpus, ...(gpuIdleSince ? { gpuIdleSince } : {}) };
}

function gpuOf(told: unknown): NonNullable<Figures['gpus']> {
  const { index, busy, usedMb, totalMb } = fieldsOf(told);
  if (!amount(index, 9999) || !Number.isInteger(index) || !amount(busy, 1)) return [];
  return [{ index, busy, ...(amount(usedMb, 1e9) ? { usedMb } : {}), ...(amount(totalMb, 1e9) ? { totalMb } : {}) }];
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function amount(value: unknown, most: number): value is number {
  return typeof value === 'number' && value >= 0 && value <= most;
}
