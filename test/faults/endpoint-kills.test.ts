/**
 * `hpcbinder serve` killed (SIGKILL) at moments of its launches that a seed gives, and started again (F-06): each round begins some, by
 * real Slurm with an image that is there, and strikes 0 to 9 s later: while it resolves, plans, submits, waits, registers, or is live. Some
 * are cancelled meanwhile. HPCBINDER_SEED=n runs a seed again, HPCBINDER_MOMENTS=n so many rounds.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { on } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { root } from './as-user-rig.ts';
import { type Campus, campus } from './campus.ts';
import { byHeader, Client } from './campus-client.ts';
import { eventually } from './rig.ts';

const SEED = Number(process.env.HPCBINDER_SEED ?? Math.floor(Math.random() * 1e9));
const ROUNDS = Number(process.env.HPCBINDER_MOMENTS ?? 20);
const EACH = 2;
const WITHIN_MS = 9_000;
process.stderr.write(`endpoint-kills: HPCBINDER_SEED=${SEED}\n`);

let site: Campus;
let alice: Client;
const begun = new Set<string>();
const cancelled = new Set<string>();
const struck = new Map<string, number>();

/** mulberry32 */
let seed = SEED >>> 0;
function random(): number {
  seed = (seed + 0x6d2b79f5) >>> 0;
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

beforeAll(async () => {
  await storedImage();
  const many = '100000 per 1m';
  site = await campus({
    ...byHeader(),
    limits: { per_user: 200, per_repository: 200, launches_per_user: 200 },
    rate: { launches: many, requests: many, sign_in: many, resolve: many },
  });
  alice = await Client.signedIn(site.url, 'alice@campus');
}, 480_000);

afterAll(async () => {
  await root('scancel -u alice; scancel -u bob');
  await site?.[Symbol.asyncDispose]();
});

/** name → number of what Slurm has of alice's sessions */
async function queue(): Promise<Map<string, string>> {
  const rows = (await root("squeue -h -u alice -t PD,R,CF -o '%j %A'")).trim().split('\n').filter(Boolean);
  return new Map(rows.map((row) => row.split(' ') as [string, string]));
}

describe(`seed ${SEED}`, () => {
  it(`killed at ${ROUNDS} moments, each launch is live, failed or cancelled, with no second job and none that nobody knows`, async () => {
    for (let round = 1; round <= ROUNDS; round++) {
      for (let i = 0; i < EACH; i++) {
        const { id } = await alice.launch(site.link, {
          partition: 'debug',
          cpus: 1,
          memoryMb: 700,
          seconds: 1200 + begun.size,
        });
        begun.add(id);
      }
      const after = random() * WITHIN_MS;
      await sleep(after);
      const [one] = (await alice.launches()).filter(({ state }) => state === 'running');
      if (one && random() < 0.2) {
        expect((await alice.ask('DELETE', `/api/v1/launches/${one.id}`)).status).toBe(200);
        cancelled.add(one.id);
      }
      // what is going on is counted by the last phase that each launch has told
      for (const phase of await phases()) struck.set(phase, (struck.get(phase) ?? 0) + 1);
      await site.kill();
      await site.start();
      // room on the nodes for the next ones
      const ready = (await alice.sessions()).filter(({ phase }) => phase === 'ready');
      for (const { id } of ready.slice(4)) void alice.stop(id);
    }
    process.stderr.write(`  struck in ${[...struck].map(([phase, times]) => `${phase} ${times}`).join(', ')}\n`);

    const all = await eventually(
      () => alice.launches(),
      (launches) => launches.every(({ state }) => state !== 'running'),
      300,
    );
    const over = all.filter(({ id }) => begun.has(id));
    expect(over).toHaveLength(begun.size);
    process.stderr.write(
      `  ${['ready', 'failed', 'cancelled'].map((how) => `${over.filter(({ state }) => state === how).length} ${how}`).join(', ')}\n`,
    );
    expect(over.filter(({ state, id }) => state !== 'ready' && !cancelled.has(id))).toEqual([]);
    // squeue and the table agree, by name and number
    const [jobs, live] = await eventually(
      async () => [await queue(), (await alice.sessions()).filter(({ phase }) => phase !== 'ended')] as const,
      ([there, known]) => there.size === known.length,
      120,
    );
    expect([...jobs].sort()).toEqual(live.map(({ id, jobId }) => [id, jobId]).sort());
    // no name was ever given to two jobs
    const names = (await root("sacct -X -n -P -S now-2hours -u alice -o jobname,jobid | grep '^hb-' | sort -u"))
      .trim()
      .split('\n');
    const sessions = new Set((await alice.sessions()).map(({ id }) => id));
    const ours = names.map((row) => row.split('|')[0] ?? '').filter((name) => sessions.has(name));
    expect(ours.filter((name, i) => ours.indexOf(name) !== i)).toEqual([]);
    expect(ours.length).toBeGreaterThanOrEqual(ROUNDS);
  }, 900_000);

  it('after their end nothing of them is left: no job, no process, no half launch', async () => {
    for (const { id, phase } of await alice.sessions()) if (phase !== 'ended') void alice.stop(id);
    const left = await eventually(
      async () => (await alice.sessions()).filter(({ phase }) => phase !== 'ended').length + (await queue()).size,
      (count) => count === 0,
      180,
    );
    expect(left).toBe(0);
    for (const node of ['c1', 'c2'] as const)
      expect((await on(node, 'root', 'ps -u alice -o args= || true')).stdout).toBe('');
    await site.kill();
    // what a killed endpoint had started as its users ends with it
    const helpers = () => root("pgrep -af '[a]s-user' || true");
    expect(await eventually(helpers, (text) => text === '', 15)).toBe('');
    await site.start();
    expect((await alice.launches()).filter(({ state }) => state === 'running')).toEqual([]);
  }, 300_000);
});

async function phases(): Promise<string[]> {
  const going = (await alice.launches()).filter(({ state }) => state === 'running');
  const told = await Promise.all(going.map(({ id }) => alice.told(id)));
  const live = (await alice.sessions()).some(({ phase }) => phase === 'ready') ? ['live'] : [];
  return [...told.map((events) => events.filter(({ type }) => type === 'start').at(-1)?.phase ?? 'begun'), ...live];
}
