/** What is judged alike on the login node and on a compute node. Pure. */
import { duration, size } from '../../core/units.ts';
import type { Findings } from './finding.ts';
import type { Machine } from './look.ts';

type Limit = {
  id: string;
  /** as proc(5) names it */
  name: string;
  least: number;
  shown: (value: number) => string;
  here: 'login' | 'node' | 'both';
  consequence: string;
};

/** 64 GB: Go programs, Apptainer and CUDA among them, reserve address space far beyond what they use. */
const LIMITS: readonly Limit[] = [
  {
    id: 'limit-files',
    name: 'open files',
    least: 1024,
    shown: (value) => `${value} open files`,
    here: 'both',
    consequence: 'Many kernels, notebooks and connections at once run out of them.',
  },
  {
    id: 'limit-processes',
    name: 'processes',
    least: 1024,
    shown: (value) => `${value} processes and threads`,
    here: 'both',
    consequence:
      'Jupyter and numerical libraries start hundreds of threads, and fail with "Resource temporarily unavailable".',
  },
  {
    id: 'limit-memory',
    name: 'address space',
    least: 64e9,
    shown: (value) => `${size(value)} of address space`,
    here: 'both',
    consequence: 'Apptainer, Python with many threads and CUDA reserve more than that, and do not start.',
  },
  {
    id: 'limit-file-size',
    name: 'file size',
    least: 20e9,
    shown: (value) => `files of ${size(value)}`,
    here: 'both',
    consequence: 'A larger image cannot be written: its upload breaks off.',
  },
  {
    id: 'limit-cpu',
    name: 'cpu time',
    least: 3600,
    shown: (value) => `${duration(value)} of processor time for each process`,
    here: 'login',
    consequence: 'A long upload, or the connection itself, is ended in the middle.',
  },
];

export function judgeLimits(found: Findings, { limits }: Machine, where: 'login' | 'node'): void {
  const on = where === 'login' ? 'the login node' : 'the compute node';
  const low = LIMITS.filter(({ here, name, least }) => {
    return (here === 'both' || here === where) && (limits.get(name) ?? Number.POSITIVE_INFINITY) < least;
  });
  for (const { id, name, shown, consequence } of low) {
    const mend =
      where === 'login'
        ? 'Look for ulimit in your start-up files (.bashrc, .profile); else ask the site (limits.conf).'
        : 'Ask the site for a higher limit of jobs (slurmd: LimitNOFILE, LimitNPROC and their like).';
    found.warning(id, `A process on ${on} may have no more than ${shown(limits.get(name) ?? 0)}.`, consequence, mend);
  }
  if (low.length === 0) found.fine('limits', 'limits');
}

/** `x86_64, glibc 2.34` */
export function system({ machine, glibc, kernel }: Machine): string {
  return [machine, glibc ? `glibc ${glibc}` : `Linux ${kernel}`].join(', ');
}
