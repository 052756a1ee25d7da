/**
 * `hpcbinder launch` killed at 20 moments, at least two in each phase that the terminal shows (docs/faults.md). The moments
 * come from a seed, which is printed: HPCBINDER_SEED=n runs them again. HPCBINDER_MOMENTS=n runs the first n.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { leftAfter, NOTHING, tracesOf } from '../e2e/oracles.ts';
import { hpcbinder, on, type Ready, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { Line } from './line.ts';
import { eventually, type Shown, status, stop } from './rig.ts';
import { SmallRepo } from './small-repo.ts';

/** How long after its first word each phase is struck at most, in ms; and whether it needs an image that nobody has. */
const PHASES = {
  repo: { within: 400, fresh: false },
  plan: { within: 30, fresh: false },
  build: { within: 2500, fresh: true },
  convert: { within: 1000, fresh: true },
  upload: { within: 1000, fresh: true },
  submit: { within: 150, fresh: false },
  queue: { within: 500, fresh: false },
  start: { within: 200, fresh: false },
  ready: { within: 1500, fresh: false },
} as const;
type Phase = keyof typeof PHASES;
type Moment = { number: number; phase: Phase; part: number };

const SEED = Number(process.env.HPCBINDER_SEED ?? Math.floor(Math.random() * 1e9));
process.stderr.write(`kills: HPCBINDER_SEED=${SEED}\n`);
const MOMENTS = momentsOf(SEED).slice(0, Number(process.env.HPCBINDER_MOMENTS ?? 20));

/** Each phase twice and two more, in the seed's order (mulberry32). */
function momentsOf(seed: number): Moment[] {
  let state = seed >>> 0;
  const random = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const names = Object.keys(PHASES) as Phase[];
  const some = () => names[Math.floor(random() * names.length)] ?? 'repo';
  const drawn = [...names, ...names, some(), some()].map((phase) => ({ phase, part: random(), order: random() }));
  drawn.sort((a, b) => a.order - b.order);
  return drawn.map(({ phase, part }, index) => ({ number: index + 1, phase, part }));
}

let world: OwnWorld;
let line: Line;
let repo: SmallRepo;

beforeAll(async () => {
  // the base is then known
  await storedImage();
  world = new OwnWorld();
  line = await Line.to(world.entry.port);
  world.through(line);
  repo = await SmallRepo.in(world);
  const stored = await hpcbinder(['build', repo.url, '--partition', 'gpu'], { env: world.env });
  if (stored.code !== 0) throw new Error(stored.stderr);
});

afterAll(async () => {
  await world?.[Symbol.asyncDispose]();
  await line?.close();
});

const launched = () =>
  new Running(['launch', repo.url, '--partition', 'gpu', '--time', '10m', '--mem', '500M', '--cpus', '1'], {
    env: world.env,
  });

/** The phase that the launch is in by its own last word. */
function phaseNow({ events }: Running): Phase | undefined {
  if (events.some(({ type }) => type === 'ready')) return 'ready';
  const started = events.filter(({ type }) => type === 'start').at(-1);
  const over = events.some(({ type, phase }) => type === 'done' && phase === started?.phase);
  return over ? undefined : (started?.phase as Phase | undefined);
}

/** Kills a launch in the phase; a moment that came too late is tried again, earlier. */
async function killedIn({ phase, part }: Moment): Promise<{ running: Running; children: string[]; at: string }> {
  for (let late = 0; ; late++) {
    if (PHASES[phase].fresh) await repo.another();
    const running = launched();
    const begins = ({ type, phase: now }: Record<string, unknown>) =>
      phase === 'ready' ? type === 'ready' : type === 'start' && now === phase;
    await running.until(begins);
    const delay = (part * PHASES[phase].within) / 3 ** late;
    if (delay >= 1) await new Promise((resolve) => setTimeout(resolve, delay));
    const children = descendants(running.pid);
    await running.kill();
    if (phaseNow(running) === phase) return { running, children, at: `${phase} +${Math.round(delay)} ms` };
    if (late === 5) throw new Error(`${phase} was over each time: ${JSON.stringify(running.events.slice(-3))}`);
  }
}

async function records(...flags: string[]): Promise<Shown[]> {
  return JSON.parse((await hpcbinder(['list', '--all', '--json', ...flags], { env: world.env })).stdout);
}

/** Names of this world's jobs that Slurm has not ended. */
async function queue(): Promise<string[]> {
  const { stdout } = await on('login', 'root', "squeue -h -u alice -o '%j %Z'");
  const ours = stdout.split('\n').filter((row) => row.includes(`${world.home}/`));
  return ours.map((row) => row.split(' ')[0] ?? '').sort();
}

const live = (all: readonly Shown[]) =>
  all
    .filter(({ phase }) => phase !== 'ended')
    .map(({ id }) => id)
    .sort();

/** A launch that was cut off before its submit is believed after ten minutes: they have passed. */
async function tenMinutesLater(): Promise<void> {
  const early = `s/"createdAt":"[^"]*"/"createdAt":"2026-01-01T00:00:00.000Z"/`;
  await on(
    'login',
    'alice',
    `cd ${world.home}/state/sessions && grep -l '"phase":"submitting"' */session.json | xargs -r sed -i '${early}'`,
  );
  const folder = join(world.dir, 'state', 'sessions');
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
    const record = JSON.parse(readFileSync(join(folder, name), 'utf8'));
    if (record.phase !== 'submitting') continue;
    writeFileSync(join(folder, name), JSON.stringify({ ...record, createdAt: '2026-01-01T00:00:00.000Z' }));
  }
}

describe(`seed ${SEED}`, () => {
  it.each(MOMENTS)(
    'killed in $phase (moment $number), nothing is lost, nothing is left, and the next launch succeeds',
    async (moment) => {
      const { running, children, at } = await killedIn(moment);
      process.stderr.write(`  moment ${moment.number}: ${at}\n`);
      expect(
        await eventually(
          async () => children.filter(alive),
          (left) => left.length === 0,
          20,
        ),
      ).toEqual([]);
      const logins = () => on('login', 'root', "pgrep -u alice -x 'sshd.*' -l; true");
      expect((await eventually(logins, ({ stdout }) => stdout === '', 30)).stdout).toBe('');
      // O2: the records and the queue tell the same
      const known = await eventually(
        () => records('--refresh'),
        (all) => live(all).every((id) => all.find((one) => one.id === id)?.jobId),
        5,
      );
      const withJob = known.filter(({ jobId, phase }) => jobId !== undefined && phase !== 'ended').map(({ id }) => id);
      expect(withJob.sort()).toEqual(await queue());
      // a dead holder's lock is overruled after five minutes: they have passed
      await on('login', 'alice', `touch -d '6 minutes ago' ${world.scratch}/images/*.lock/owner`);

      const again = launched();
      let session: Ready;
      try {
        session = await again.ready();
        const traces = [];
        for (const id of await queue()) {
          const shown = await eventually(
            () => status(world, id),
            ({ phase }) => phase === 'ready',
            60,
          );
          traces.push(await tracesOf({ id, jobId: shown.jobId, node: 'c2' }, shown.directory));
          // O3: a line for each agent that got the session's lock
          expect((await on('login', 'alice', `wc -l < ${shown.directory}/starts.log`)).stdout).toBe('1');
        }
        expect(traces.map(({ id }) => id)).toContain(session.id);
        for (const { id } of traces) expect(await stop(world, id)).toMatchObject({ phase: 'ended' });
        for (const one of traces) expect(await leftAfter(one)).toEqual(NOTHING);
      } finally {
        await again.close();
      }
      await tenMinutesLater();
      expect(live(await records('--refresh'))).toEqual([]);
      expect(await queue()).toEqual([]);
      expect(running.events.filter(({ type }) => type === 'ended')).toEqual([]);
      const { stdout } = await on(
        'login',
        'alice',
        `cd ${world.scratch}/images; find . -name '*.partial*' -o -name '*.lock*'`,
      );
      expect(stdout).toBe('');
      expect(leftHere()).toEqual([]);
    },
  );
});

/** Half files and folders of dead processes on this machine: in the cache, and in the folder for what is temporary. */
function leftHere(): string[] {
  const cache = readdirSync(join(world.dir, 'cache'), { recursive: true }).map(String);
  const half = cache.filter((name) => /\.partial|\.lock|^checkouts\/[^/]+\.[0-9]+[^/]*$/.test(name));
  return [...half, ...readdirSync(tmpdir()).filter((name) => name.startsWith('hpcbinder'))];
}

function descendants(parent: number): string[] {
  const of = new Map<string, string[]>();
  for (const pid of readdirSync('/proc').filter((name) => /^[0-9]+$/.test(name))) {
    const above = /^PPid:\t(\d+)$/m.exec(read(`/proc/${pid}/status`))?.[1] ?? '';
    of.set(above, [...(of.get(above) ?? []), pid]);
  }
  const below = (pid: string): string[] => (of.get(pid) ?? []).flatMap((child) => [child, ...below(child)]);
  return below(String(parent)).map(
    (pid) => `${pid} ${startOf(pid)} ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`,
  );
}

const alive = (child: string) => startOf(child.split(' ')[0] ?? '') === child.split(' ')[1];
/** clock ticks since boot: a number is given again, a start is not; '' for one that is gone or waits to be reaped */
const startOf = (pid: string) => {
  const [state, ...rest] = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /, '')
    .split(' ');
  return state === 'Z' ? '' : (rest[18] ?? '');
};

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
