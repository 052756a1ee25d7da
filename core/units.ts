/** Sizes and times as people and schedulers write them. Memory in MiB, time in whole seconds, sizes in bytes. */
import { HpcbinderError } from './errors.ts';

const MEMORY = /^([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(?:i?B|(?<=[KMGT])i)?$/i;

/** `8G`, `8 GB`, `512M`, `1.5T` (binary units, as Slurm counts); a bare number is MiB. Answer in MiB, rounded up. */
export function parseMemory(text: string): number {
  const match = MEMORY.exec(text.trim());
  const factor = { K: 1 / 1024, M: 1, G: 1024, T: 1024 * 1024 }[(match?.[2] || 'M').toUpperCase()];
  const mib = match && factor ? Math.ceil(Number(match[1]) * factor) : Number.NaN;
  if (!Number.isSafeInteger(mib) || mib < 1 || mib > 1 << 30) {
    throw new HpcbinderError('E-USAGE', {
      message: `"${text}" is no amount of memory`,
      hint: 'Write it like 8G or 512M.',
    });
  }
  return mib;
}

/**
 * A duration in seconds: `2h`, `90m`, `1d12h`, `45s`, or as Slurm writes it: `MM`, `MM:SS`, `HH:MM:SS`, `D-HH[:MM[:SS]]`
 * (sbatch(1), --time).
 */
export function parseDuration(text: string): number {
  const seconds = fromLetters(text.trim()) ?? fromSlurm(text.trim());
  if (seconds === undefined || !Number.isSafeInteger(seconds) || seconds < 1 || seconds > 366 * 86400) {
    throw new HpcbinderError('E-USAGE', {
      message: `"${text}" is no duration`,
      hint: 'Write it like 2h, 90m, 1d12h or 02:00:00.',
    });
  }
  return seconds;
}

function fromLetters(text: string): number | undefined {
  const match =
    /^(?:([0-9]+)\s*d)?\s*(?:([0-9]+(?:\.[0-9]+)?)\s*h)?\s*(?:([0-9]+)\s*m(?:in)?)?\s*(?:([0-9]+)\s*s)?$/i.exec(text);
  if (!match || text === '') return undefined;
  const [d, h, m, s] = match.slice(1).map((part) => Number(part ?? 0));
  return Math.round((d ?? 0) * 86400 + (h ?? 0) * 3600 + (m ?? 0) * 60 + (s ?? 0));
}

function fromSlurm(text: string): number | undefined {
  const match = /^(?:([0-9]+)-)?([0-9]+)(?::([0-9]+))?(?::([0-9]+))?$/.exec(text);
  if (!match) return undefined;
  const days = match[1];
  const [a, b, c] = [Number(match[2]), Number(match[3] ?? 0), Number(match[4] ?? 0)];
  if (days !== undefined) return Number(days) * 86400 + a * 3600 + b * 60 + c;
  if (match[4] !== undefined) return a * 3600 + b * 60 + c;
  return a * 60 + b;
}

/** `[D-]HH:MM:SS`, the form that Slurm and PBS both take when days are folded into hours by `days: false`. */
export function clockTime(seconds: number, how: { days: boolean } = { days: true }): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const days = how.days ? Math.floor(seconds / 86400) : 0;
  const rest = seconds - days * 86400;
  const text = `${two(Math.floor(rest / 3600))}:${two(Math.floor((rest % 3600) / 60))}:${two(Math.floor(rest % 60))}`;
  return days > 0 ? `${days}-${text}` : text;
}

/** The other way round: `[D-]HH:MM:SS`, `MM:SS`, `SS`; undefined: it is none, as Slurm's `infinite`. */
export function clockSeconds(text: string): number | undefined {
  const [, days = '0', clock] = /^(?:([0-9]+)-)?([0-9]+(?::[0-9]+){0,2})$/.exec(text) ?? [];
  const seconds = clock?.split(':').reduce((sum, part) => sum * 60 + Number(part), 0);
  return seconds === undefined ? undefined : Number(days) * 86400 + seconds;
}

/** `2 h`, `1 h 30 min`, `45 s`, `1 d 12 h`. */
export function duration(seconds: number): string {
  const s = Math.round(seconds);
  if (s < 60) return `${s} s`;
  const [d, h, m] = [Math.floor(s / 86400), Math.floor((s % 86400) / 3600), Math.floor((s % 3600) / 60)];
  const parts = [d > 0 ? `${d} d` : '', h > 0 ? `${h} h` : '', m > 0 && d === 0 ? `${m} min` : ''];
  return parts.filter((part) => part !== '').join(' ');
}

/** As `--time` takes it: `4h`, `90m`, `45s`. */
export function durationWord(seconds: number): string {
  const [size, unit] = (
    [
      [3600, 'h'],
      [60, 'm'],
    ] as const
  ).find(([each]) => seconds % each === 0) ?? [1, 's'];
  return `${seconds / size}${unit}`;
}

/** `410 MB`: decimal, as disks are sold and files are listed. */
export function size(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 9.95 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** As `--mem` takes it: `8G`, `15900M`. */
export function memoryWord(mib: number): string {
  return mib % 1024 === 0 ? `${mib / 1024}G` : `${mib}M`;
}

/** Memory in MiB as people ask for it: `8 GB`. */
export function memory(mib: number): string {
  return mib % 1024 === 0 || mib >= 10240 ? `${Math.round(mib / 102.4) / 10} GB` : `${mib} MB`;
}
