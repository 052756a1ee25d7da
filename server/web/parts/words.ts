/** Times, states and apps in the page's words. Pure; the same on the server and in the browser. */
import { APP_WORDS, appNamed } from '../../../core/apps.ts';
import type { SessionView } from '../../../core/endpoint.ts';
import type { PhaseName } from '../../../core/progress.ts';
import { harmless } from '../../../core/text.ts';
import { duration } from '../../../core/units.ts';

/** what is left of the walltime when the countdown turns yellow, seconds */
export const SOON = 900;

/** Text of others in one line: no control characters, and no more of it than a page can bear. */
export function said(text: string | undefined, most = 400): string {
  const whole = harmless(text ?? '');
  return whole.length > most ? `${whole.slice(0, most)}…` : whole;
}

/** `16:38`; with the weekday where it is another day and far, with the date where it is another week. Epoch seconds. */
export function clock(at: number, now: number): string {
  const date = new Date(at * 1000);
  const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
  const near = Math.abs(at - now) < 12 * 3600;
  if (near || date.toDateString() === new Date(now * 1000).toDateString()) return time;
  if (Math.abs(at - now) < 6 * 86400) return `${DAYS[date.getDay()]} ${time}`;
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${time}`;
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const two = (n: number) => String(n).padStart(2, '0');

/** `42 min`, `1 h 30 min`; the last two minutes in seconds. */
export function span(seconds: number): string {
  if (seconds < 120) return `${Math.max(0, Math.round(seconds))} s`;
  return duration(Math.floor(seconds / 60) * 60);
}

/** `3 hours ago`, as people say it. */
export function ago(seconds: number): string {
  const units = [
    [86400, 'day'],
    [3600, 'hour'],
    [60, 'minute'],
  ] as const;
  for (const [size, unit] of units) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return `${count} ${unit}${count === 1 ? '' : 's'} ago`;
  }
  return 'just now';
}

export function epoch(iso: string): number {
  return Date.parse(iso) / 1000;
}

export const PHASE_WORDS: Readonly<Record<PhaseName, string>> = {
  cluster: 'cluster',
  repo: 'repository',
  plan: 'plan',
  build: 'build',
  convert: 'convert',
  check: 'check',
  upload: 'upload',
  submit: 'submit',
  queue: 'queue',
  start: 'start',
  ready: 'ready',
  stop: 'stop',
};

export function appWords(app: string): string {
  const known = appNamed(app);
  return known === undefined ? said(app, 40) : APP_WORDS[known];
}

/** `1 GPU (a100) · 8 cores · 32 GB · 2 h` */
export function askedWords(request: SessionView['request'], memory: (mib: number) => string): string {
  const { gpus, gpuType, cpus } = request;
  return [
    ...(gpus > 0 ? [`${gpus} GPU${gpus === 1 ? '' : 's'}${gpuType ? ` (${said(gpuType, 40)})` : ''}`] : []),
    `${cpus} core${cpus === 1 ? '' : 's'}`,
    memory(request.memoryMb),
    duration(request.seconds),
  ].join(' · ');
}

/** One or two words, and how it is coloured: colour is never the only sign. */
export function stateOf(session: SessionView): { word: string; tone: 'good' | 'wait' | 'bad' | 'over' } {
  if (session.phase === 'ended') {
    const bad = ['app-failed', 'out-of-memory', 'node-failed', 'failed', 'lost'].includes(session.ended?.why ?? '');
    return { word: bad ? 'failed' : 'ended', tone: bad ? 'bad' : 'over' };
  }
  if (session.silentSince !== undefined) return { word: 'no contact', tone: 'wait' };
  if (session.phase === 'ready') return { word: session.idleSince === undefined ? 'busy' : 'ready', tone: 'good' };
  return { word: session.phase, tone: 'wait' };
}

/** The last part of a repository's name, for a tab's title. */
export function shortName(shown: string): string {
  return said(shown.replace(/\/+$/, '').split('/').at(-1), 60);
}
