/**
 * `doctor` on a cluster with ten things broken, chosen by a seed from the twenty of breakages.ts: each is found and named, and
 * nothing else is. HPCBINDER_SEED=n breaks the same ten again, HPCBINDER_BREAK=20 all of them.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Finding } from '../../sessions/doctor/finding.ts';
import { hpcbinder, on } from '../e2e/rig.ts';
import { Terminal } from '../e2e/terminal.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { BREAKAGES, chosen } from './breakages.ts';

const SEED = Number(process.env.HPCBINDER_SEED ?? Math.floor(Math.random() * 1e9));
const BROKEN = chosen(SEED, Number(process.env.HPCBINDER_BREAK ?? 10));
process.stderr.write(`doctor: HPCBINDER_SEED=${SEED}: ${BROKEN.map(({ finding }) => finding).join(', ')}\n`);

const ARGS = ['doctor', '--partition', 'gpu', '--yes'];
let world: OwnWorld;
let healthy: Finding[];

beforeAll(async () => {
  world = new OwnWorld();
  const directories = ['state', 'work'].map((name) => `${world.home}/${name}`).join(' ');
  await on('login', 'alice', `umask 077; mkdir -p ${directories} ${world.scratch}/images`);
  healthy = await told();
});
afterAll(() => world[Symbol.asyncDispose]());

/** All that is not fine. */
async function told(): Promise<Finding[]> {
  const { code, stdout, stderr } = await hpcbinder([...ARGS, '--json'], { env: world.env });
  if (stdout === '') throw new Error(stderr);
  const said = JSON.parse(stdout) as { stops: boolean; findings: Finding[] };
  expect(code).toBe(said.stops ? 1 : 0);
  return said.findings.filter(({ status }) => status !== 'fine');
}

const ids = (findings: readonly Finding[]) => findings.map(({ id }) => id).sort();

/** The directory of sessions is the world's own; other tests' lie elsewhere. */
async function left(): Promise<string> {
  const files = `find /home/alice /scratch/alice -name '.hpcbinder-doctor*'; ls -A ${world.home}/state/sessions`;
  return (await on('login', 'root', `${files}; squeue -h -u alice; ls /tmp | grep hpcbinder-doctor`)).stdout;
}

it('finds nothing that stops a launch on the devcluster as it is, and leaves nothing there', async () => {
  expect(healthy.filter(({ status }) => status === 'broken')).toEqual([]);
  expect(await left()).toBe('');
});

it(`finds each of ten things that are broken, and nothing else (seed ${SEED})`, async () => {
  expect(BREAKAGES).toHaveLength(20);
  const undo: (() => Promise<void>)[] = [];
  const stuck: unknown[] = [];
  try {
    for (const breakage of BROKEN) undo.unshift(await breakage.make(world));
    const found = await told();
    expect(ids(found)).toEqual([...ids(healthy), ...BROKEN.map(({ finding }) => finding)].sort());
    for (const { consequence } of found) expect(consequence).toMatch(/\.$/);
    expect(await left()).toBe('');
  } finally {
    // one that fails must not keep the others
    for (const back of undo) await back().catch((error: unknown) => stuck.push(error));
  }
  expect(stuck).toEqual([]);
  expect(ids(await told())).toEqual(ids(healthy));
});

it('asks before it submits a job, and ctrl-C ends that job with nothing left', async () => {
  const terminal = new Terminal(ARGS.slice(0, -1), world.env);
  await terminal.until(/by a job of one minute on gpu\? \[Y\/n\]/, 60_000);
  expect((await on('login', 'root', 'squeue -h -u alice')).stdout).toBe('');
  terminal.type('y\r');
  await terminal.until(/job \d+ looks at a node of gpu/, 60_000);
  terminal.type('\x03');
  await terminal.until(/cancelled: the job was ended, nothing is left/, 60_000);
  await terminal.ended();
  expect(await left()).toBe('');
});
