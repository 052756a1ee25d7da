/** The look at a machine of the cluster (look.sh): its question, and its answer as facts. What does not fit its grammar is not known. */
import { readFileSync } from 'node:fs';
import type { ClusterProfile } from '../../core/cluster.ts';
import { ok, type Question, textOf, unreachable } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';

export type PathFacts = { there: boolean; readable: boolean; writable: boolean; uid?: number; mode?: number };

export type Machine = {
  host: string;
  /** uname -m */
  machine: string;
  kernel: string;
  glibc?: string;
  /** epoch seconds, by its clock */
  now: number;
  /** soft ones that are not unlimited, by their names of proc(5): `open files` */
  limits: ReadonlyMap<string, number>;
  cgroup: string;
  fuse?: 'yes' | 'denied' | 'absent';
  userns?: boolean;
  /** absent: the command is not there; '' where it does not tell its version */
  container?: string;
  python?: string;
  tmp: { path: string; free?: number; runs: 'yes' | 'no' | 'full' | 'unwritable' };
  paths: ReadonlyMap<string, PathFacts>;
  internet: ReadonlyMap<string, 'yes' | 'no' | 'certificate'>;
  /** of the login node: a first shell's chatter, and how long it took */
  shell?: { noise: string; ms?: number };
  /** the sshd that let us in, by its own address */
  sshd?: { host: string; port: number };
  gpus: readonly string[];
  gpuDevice?: 'nvidia' | 'amd';
  /** tiny images by their compression: did one run, and what was said where not */
  images: ReadonlyMap<string, { runs: boolean; said: string }>;
  /** ms from a file of the node's to one of the login node's that answers it; undefined: not tried */
  shared?: number | 'never';
  /** none of the ports of the cluster's entry could be bound */
  noPort: boolean;
  /** it came to its end */
  whole: boolean;
};

const file = (name: string) => readFileSync(new URL(name, import.meta.url), 'utf8');
export const LOOK = file('look.sh');

/** On the login node. `paths`: files and directories that a session needs. */
export function lookAtLogin(profile: ClusterProfile, paths: readonly string[]): Question<Machine> {
  const words = ['login', profile.container.command, profile.python, ...paths];
  return {
    command: { argv: ['/bin/sh', '-c', LOOK, 'sh', ...words], timeoutMs: 120_000, maxBytes: 1 << 20 },
    parse(result) {
      const machine = understand(textOf(result.stdout));
      if (machine.whole) return ok(machine);
      const message = `the look at ${profile.host} did not come to its end`;
      return unreachable(new HpcbinderError('E-REMOTE', { message, transient: true }));
    },
  };
}

/** Of a whole answer or a part of one: what was not said is absent. */
export function understand(text: string): Machine {
  const all = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, key, value] = /^([a-z.]{1,20})=(.{0,4096})$/.exec(line) ?? [];
    if (key !== undefined && value !== undefined) all.set(key, [...(all.get(key) ?? []), value.trim()]);
  }
  const list = (key: string) => all.get(key) ?? [];
  const one = (key: string) => list(key)[0] || undefined;
  const version = (key: string) => /[0-9]+\.[0-9]+(?:\.[0-9]+)?/.exec(one(key) ?? '')?.[0];
  const [fuse, userns, container, python, glibc] = [
    pick(one('fuse'), ['yes', 'denied', 'absent'] as const),
    pick(one('userns'), ['yes', 'no'] as const),
    all.has('container') ? (version('container') ?? '') : undefined,
    version('python'),
    version('glibc'),
  ];
  const [sshdHost, sshdPort] = (one('sshd') ?? '').split(' ');
  const gpuDevice = pick(one('gpu.device'), ['nvidia', 'amd'] as const);
  const [free, ms, shared] = [number(one('tmp.free')), number(one('shell.ms')), one('shared')];
  return {
    host: one('host') ?? '',
    machine: one('machine') ?? '',
    kernel: one('kernel') ?? '',
    now: number(one('now')) ?? 0,
    limits: new Map(list('limit').flatMap((line) => rowOf(line, /^([0-9]+) (.+)$/, (n, name) => [name, Number(n)]))),
    cgroup: one('cgroup') ?? '',
    ...(fuse ? { fuse } : {}),
    ...(userns ? { userns: userns === 'yes' } : {}),
    ...(container === undefined ? {} : { container }),
    ...(python ? { python } : {}),
    ...(glibc ? { glibc } : {}),
    tmp: {
      path: one('tmp') ?? '/tmp',
      ...(free === undefined ? {} : { free: free * 1024 }),
      runs: pick(one('tmp.runs'), ['yes', 'no', 'full', 'unwritable'] as const) ?? 'yes',
    },
    paths: new Map(list('path').flatMap(pathOf)),
    internet: new Map(
      list('internet').flatMap((line) =>
        rowOf(line, /^(yes|no|certificate) (\S+)$/, (said, host) => [host, said as 'yes' | 'no' | 'certificate']),
      ),
    ),
    ...(all.has('shell.noise')
      ? { shell: { noise: one('shell.noise') ?? '', ...(ms === undefined ? {} : { ms }) } }
      : {}),
    ...(sshdHost && sshdPort ? { sshd: { host: sshdHost, port: Number(sshdPort) } } : {}),
    gpus: list('gpu'),
    ...(gpuDevice ? { gpuDevice } : {}),
    images: new Map(
      list('image').flatMap((line) =>
        rowOf(line, /^([0-9]+) ([a-z0-9]+)(.*)$/, (status, how, said) => [
          how,
          { runs: Number(status) === TINY_STATUS, said: said.trim() },
        ]),
      ),
    ),
    ...(shared === undefined ? {} : { shared: shared === 'never' ? ('never' as const) : (number(shared) ?? 0) }),
    noPort: one('port') === 'none',
    whole: one('looked') === '1',
  };
}

/** The exit status of the program in the tiny images: no failure of Apptainer's own has it. */
const TINY_STATUS = 42;

function pathOf(line: string): [string, PathFacts][] {
  return rowOf(line, /^([01]) ([01]) ([01]) ([0-9]+|-) ([0-7]+|-) (\/.*)$/, (there, r, w, uid, mode, path) => [
    path,
    {
      there: there === '1',
      readable: r === '1',
      writable: w === '1',
      ...(uid === '-' ? {} : { uid: Number(uid) }),
      ...(mode === '-' ? {} : { mode: Number.parseInt(mode, 8) }),
    },
  ]);
}

function rowOf<T>(line: string, grammar: RegExp, read: (...parts: string[]) => T): T[] {
  const match = grammar.exec(line);
  return match ? [read(...match.slice(1))] : [];
}

function pick<T extends string>(word: string | undefined, words: readonly T[]): T | undefined {
  return words.find((each) => each === word);
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^[0-9]{1,15}$/.test(text) ? Number(text) : undefined;
}
