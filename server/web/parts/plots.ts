/** Use figures of the last hour as small plots, with what was asked for as a line. */
import { html } from 'htm/preact';
import type { Figures, SessionView } from '../../../core/endpoint.ts';
import { GPU_IDLE_SECONDS } from '../../../core/session.ts';
import { memory } from '../../../core/units.ts';
import { span } from './words.ts';

const WIDTH = 120;
const HEIGHT = 28;
const HOUR = 3_600_000;
/** of a young session, milliseconds */
const SHORTEST = 600_000;
/** a hole of more than this is shown as one: nothing is drawn between */
const HOLE = 150_000;

/** epoch milliseconds */
type Point = { at: number; value: number };

/** How much of the last hour is drawn, milliseconds: a young session is not a speck at the edge. */
export function rangeOf(points: readonly Point[], now: number): number {
  return Math.min(HOUR, Math.max(SHORTEST, now - (points[0]?.at ?? now)));
}

/** Points → an SVG path over the last `range`, `top` at the upper edge. A lone point is a dot's width. Pure. */
export function pathOf(points: readonly Point[], now: number, top: number, range = HOUR): string {
  let last: number | undefined;
  let path = '';
  for (const { at, value } of points) {
    if (now - at > range) continue;
    const x = WIDTH * (1 - Math.max(0, now - at) / range);
    const y = HEIGHT - (HEIGHT - 2) * Math.min(1, Math.max(0, value / top)) - 1;
    path += `${last === undefined || at - last > HOLE ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`;
    last = at;
  }
  return path === '' ? '' : `${path}h.1`;
}

type Plotted = { name: string; points: readonly Point[]; asked: number; words: string };

/** What there is to plot: CPU in cores, memory in MiB, each GPU's busy share. */
export function plotted(figures: readonly Figures[]): Plotted[] {
  const last = figures.at(-1);
  const plots: Plotted[] = [];
  if (last?.cpu) {
    const points = figures.flatMap(({ at, cpu }) => (cpu ? [{ at, value: cpu.used }] : []));
    plots.push({
      name: 'CPU',
      points,
      asked: last.cpu.asked,
      words: `${rounded(last.cpu.used)} of ${rounded(last.cpu.asked)} cores`,
    });
  }
  if (last?.memory) {
    const { usedMb, askedMb } = last.memory;
    const points = figures.flatMap(({ at, memory: one }) => (one ? [{ at, value: one.usedMb }] : []));
    plots.push({
      name: 'Memory',
      points,
      asked: askedMb,
      words: `${usedMb < 1024 ? memory(Math.round(usedMb)) : `${rounded(usedMb / 1024)} GB`} of ${memory(askedMb)}`,
    });
  }
  for (const { index, busy, usedMb, totalMb } of last?.gpus ?? []) {
    const points = figures.flatMap(
      ({ at, gpus }) => gpus?.filter((gpu) => gpu.index === index).map((gpu) => ({ at, value: gpu.busy })) ?? [],
    );
    const room =
      usedMb === undefined || totalMb === undefined ? '' : ` · ${rounded(usedMb / 1024)} of ${memory(totalMb)}`;
    const words = `${Math.round(busy * 100)} %${room}`;
    plots.push({ name: (last?.gpus?.length ?? 0) > 1 ? `GPU ${index}` : 'GPU', points, asked: 1, words });
  }
  return plots;
}

const rounded = (value: number) => String(Math.round(value * 10) / 10);

/** less than this share is no work, and nothing for so long is worth a word */
const IDLE_BUSY = 0.02;
export const IDLE_MS = GPU_IDLE_SECONDS * 1000;

/** GPUs that did nothing in at least the last 15 minutes, by number. Never said on a doubt: figures must reach back so far. */
export function idleGpus(figures: readonly Figures[]): number[] {
  const last = figures.at(-1);
  const recent = figures.filter(({ at }) => last !== undefined && last.at - at <= IDLE_MS + HOLE);
  const first = recent[0];
  if (!last || !first || last.at - first.at < IDLE_MS) return [];
  return (last.gpus ?? [])
    .map(({ index }) => index)
    .filter((index) => recent.every(({ gpus }) => (gpus?.find((gpu) => gpu.index === index)?.busy ?? 1) < IDLE_BUSY));
}

type IdleProps = { session: SessionView; figures: readonly Figures[]; now: number };

/** Names GPUs that do nothing: all of them by the agent's own count, one of several by the figures that are here. */
export function IdleGpu({ session: { gpuIdleSince, request }, figures, now }: IdleProps) {
  const all = gpuIdleSince === undefined ? 0 : now - gpuIdleSince;
  const some = all >= GPU_IDLE_SECONDS ? [] : idleGpus(figures);
  if (all < GPU_IDLE_SECONDS && some.length === 0) return null;
  const alone = (figures.at(-1)?.gpus?.length ?? request.gpus) === 1;
  const who = alone
    ? 'The GPU has'
    : some.length === 0
      ? 'All GPUs have'
      : `GPU ${some.join(', ')} ${some.length === 1 ? 'has' : 'have'}`;
  return html`<p class="notice wait">${who} done nothing for ${span(Math.max(all, GPU_IDLE_SECONDS))}: others wait for it. Stop when you are done with it.</p>`;
}

export function Plots({ figures, now }: { figures: readonly Figures[]; now: number }) {
  const plots = plotted(figures);
  if (plots.length === 0) return null;
  return html`<dl class="plots">${plots.map((plot) => html`<${Plot} key=${plot.name} plot=${plot} now=${now} />`)}</dl>`;
}

function Plot({ plot: { name, points, asked, words }, now }: { plot: Plotted; now: number }) {
  // a use over what was asked for is seen as such: the line of the asked amount moves down
  const top = Math.max(asked * 1.15, ...points.map(({ value }) => value));
  const line = HEIGHT - (HEIGHT - 2) * (asked / top) - 1;
  const range = rangeOf(points, now * 1000);
  return html`<div>
    <dt>${name}</dt>
    <dd>
      <svg viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${name} of the last ${range < HOUR ? `${Math.round(range / 60_000)} minutes` : 'hour'}">
        <line class="asked" x1="0" x2=${WIDTH} y1=${line.toFixed(1)} y2=${line.toFixed(1)} />
        <path d=${pathOf(points, now * 1000, top, range)} />
      </svg>
      ${words}
    </dd>
  </div>`;
}
