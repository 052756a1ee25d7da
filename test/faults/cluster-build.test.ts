/** Builds on the cluster that are joined, ended, taken over, refused (docs/cluster-builds.md, docs/faults.md). */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CLUSTER, hpcbinder, on, Running } from '../e2e/rig.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { eventually } from './rig.ts';

const HOSTS = ['login', 'c1', 'c2'] as const;
const WITH_IDS = 'usermod --add-subuids 200000-265535 --add-subgids 200000-265535 alice';
const WITHOUT_IDS = ': > /etc/subuid; : > /etc/subgid';
let world: OwnWorld;
let folder: string;
let drained = false;
const laptops: Record<string, string>[] = [];

/** A repository whose build lasts long enough to be met; another `word` is another environment. */
function repository(word: string, apt: readonly string[] = []): string {
  const dir = join(folder, word);
  mkdirSync(dir);
  writeFileSync(join(dir, 'postBuild'), `#!/bin/sh\n# ${word}\nls -d /home/alice; touch /tmp/left\nsleep 5\n`);
  chmodSync(join(dir, 'postBuild'), 0o755);
  if (apt.length > 0) writeFileSync(join(dir, 'apt.txt'), `${apt.join('\n')}\n`);
  return dir;
}

const isBuilt = ({ type }: { type: string }) => type === 'built';
/** a build takes a minute on an idle machine */
const BUILT_MS = 600_000;
const TEST_MS = 900_000;
const build = (dir: string) => ['build', dir, '--cluster', CLUSTER, '--build-partition', 'debug'];
const lineWith =
  (words: string) =>
  ({ type, line }: Record<string, unknown>) =>
    type === 'log' && String(line).includes(words);
const jobs = async () => (await world.jobs()).filter((line) => line.includes('/builds/'));

/** What lies about on nodes and scratch, but the images. */
async function litter(): Promise<string> {
  const nodes = await Promise.all(
    (['c1', 'c2'] as const).map((host) =>
      on(host, 'root', 'ls -d /tmp/hpcbinder-build.* /var/tmp/hpcbinder-build.* 2>/dev/null'),
    ),
  );
  const { stdout } = await on(
    'login',
    'root',
    `cd ${world.scratch}/images && find builds tmp *.lock *.building -mindepth 1 ! -name '*.failed' 2>/dev/null`,
  );
  return [...nodes.map((one) => one.stdout), stdout].join('').trim();
}

beforeAll(async () => {
  world = new OwnWorld({}, { pinned: false });
  folder = mkdtempSync(join(tmpdir(), 'hb-builds-'));
  for (const name of ['one', 'two']) {
    const [state, cache] = ['state', 'cache'].map((kind) => join(folder, `${name}-${kind}`));
    laptops.push({
      ...world.env,
      HPCBINDER_ENGINE: 'none',
      HPCBINDER_STATE: state ?? '',
      HPCBINDER_CACHE: cache ?? '',
    });
  }
  for (const host of HOSTS) await on(host, 'root', WITHOUT_IDS);
});

afterAll(async () => {
  for (const host of HOSTS) await on(host, 'root', WITHOUT_IDS);
  await world[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** Its job builds: the first step runs. */
const building = (running: Running) => running.until(lineWith('hpcbinder: step '));
const waiting = (running: Running) =>
  running.until(({ type, text }) => type === 'update' && String(text).includes('making the image'));

/** What a test left where it failed must not be the next one's fault. */
afterEach(async () => {
  if (drained) await on('login', 'root', 'scontrol update nodename=c2 state=resume');
  drained = false;
  const alive = (await jobs()).filter((line) => /RUNNING|PENDING/.test(line)).map((line) => line.split('|')[0]);
  if (alive.length > 0) await on('login', 'root', `scancel ${alive.join(' ')}`);
  await eventually(litter, (left) => left === '', 60);
  for (const host of HOSTS) await on(host, 'root', 'rm -rf /tmp/hpcbinder-build.* /var/tmp/hpcbinder-build.*');
});

describe('one build for several laptops', () => {
  it(
    'F-38: ctrl-C by the first leaves the job to those who wait; the next is killed and another takes over; a single job makes the image for all',
    async () => {
      const home = async () =>
        (await on('login', 'root', `find /home/alice -not -path '${world.home}*' | sort | sha256sum`)).stdout;
      const before = await home();
      const dir = repository('joined');
      const run = (laptop: number) => new Running(build(dir), { env: laptops[laptop] ?? {} });
      const first = run(0);
      await building(first);
      const { build: mode } = await first.until(({ type, build }) => type === 'note' && build !== undefined);
      expect(mode).toMatchObject({ mode: 'userns', ids: false });
      const second = run(1);
      expect((await waiting(second)).text).toMatch(/^(build · |waiting for )/);
      await building(second);
      first.interrupt();
      expect(await first.ended()).toBe(130);
      const message = expect.stringContaining('another launch waits for this image and goes on with the build job');
      expect(first.events.at(-1)).toMatchObject({ code: 'E-CANCELLED', message });
      await second.until(({ text }) =>
        /^job [0-9]+ of an earlier launch builds the image already: joined/.test(String(text)),
      );
      const [third, fourth] = [run(0), run(1)];
      await Promise.all([third, fourth].map(waiting));
      await second.kill();
      // ninety silent seconds, and a beat's time
      const [one, two] = await Promise.all([third, fourth].map((each) => each.until(isBuilt, BUILT_MS)));
      expect(two?.sif).toBe(one?.sif);
      expect(one).toMatchObject({ receipt: { mode: 'userns', node: expect.stringMatching(/^c[12]$/) } });
      expect((await jobs()).map((line) => line.split('|')[2])).toEqual(['COMPLETED']);
      // the repository's own step saw nothing of the home directory
      const lines = [first, second, third, fourth].flatMap(({ events }) => events.map(({ line }) => line));
      expect(lines).not.toContain('/home/alice');
      expect(await home()).toBe(before);
      expect(await litter()).toBe('');
    },
    TEST_MS,
  );

  it(
    'F-38: a build that fails ends in the same words for the one who waited, and is not tried again',
    async () => {
      const before = (await jobs()).length;
      const dir = repository('fails', ['no-such-package-anywhere']);
      const first = new Running(build(dir), { env: laptops[0] ?? {} });
      await first.until(({ type, text }) => type === 'update' && /^job [0-9]+ builds/.test(String(text)));
      const second = new Running(build(dir), { env: laptops[1] ?? {} });
      await waiting(second);
      expect(await Promise.all([first.ended(), second.ended()])).toEqual([1, 1]);
      const [one, two] = [first, second].map(({ events }) => events.at(-1));
      expect(one).toMatchObject({ code: 'E-BUILD-APT' });
      expect(two).toMatchObject({ code: 'E-BUILD-APT', message: one?.message });
      expect(two?.hint).toMatch(/Another launch that this one waited for met this/);
      expect((await jobs()).length - before).toBe(1);
    },
    TEST_MS,
  );
});

describe('ctrl-C', () => {
  it(
    'ends the build job, says so, and leaves nothing on the nodes',
    async () => {
      const running = new Running(build(repository('ended')), { env: laptops[0] ?? {} });
      await building(running);
      running.interrupt();
      expect(await running.ended()).toBe(130);
      const last = running.events.at(-1);
      expect(last).toMatchObject({ code: 'E-CANCELLED', message: expect.stringContaining('the build job was ended') });
      expect(await eventually(litter, (left) => left === '', 60)).toBe('');
      const ended = await eventually(jobs, (all) => /CANCELLED/.test(all.at(-1) ?? ''), 60);
      expect(ended.at(-1)).toMatch(/CANCELLED/);
    },
    TEST_MS,
  );
});

describe('a package that needs other ids', () => {
  const apt = ['openssh-client'];

  it('is refused before the queue where a user has none, with what to ask of the admin', async () => {
    const before = (await jobs()).length;
    const refused = await hpcbinder([...build(repository('refused', apt))], { env: laptops[0] ?? {} });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/openssh-client of apt\.txt .*needs other ids/);
    expect(refused.stderr).toMatch(/usermod --add-subuids/);
    expect((await jobs()).length).toBe(before);
  });

  it(
    'is installed once the admin has given ids to the user; what a killed node left of these ids goes with the next build there',
    async () => {
      for (const host of HOSTS) expect((await on(host, 'root', WITH_IDS)).code).toBe(0);
      // both builds on one node
      drained = true;
      expect((await on('login', 'root', 'scontrol update nodename=c2 state=drain reason=test')).code).toBe(0);
      const dir = repository('with-ids', apt);
      const killed = new Running(build(dir), { env: laptops[0] ?? {} });
      await building(killed);
      expect((await on('c1', 'root', 'pkill -KILL -u alice')).code).toBe(0);
      expect(await killed.ended()).toBe(1);
      // as a package leaves it that has a closed directory of its own user's
      const other = 'd=$(echo /tmp/hpcbinder-build.*) && install -d -o 200099 -g 200099 -m 700 $d/of-others/inner';
      expect((await on('c1', 'root', `${other} && chown 200099:200099 $d/of-others`)).code).toBe(0);
      expect((await on('c1', 'alice', 'rm -rf /tmp/hpcbinder-build.*/of-others')).stderr).toMatch(/cannot remove/);
      await on('c1', 'root', "touch -d '3 days ago' /tmp/hpcbinder-build.*");
      const running = new Running(build(dir), { env: laptops[0] ?? {} });
      expect(await running.until(isBuilt, BUILT_MS)).toMatchObject({ receipt: { mode: 'subuid', node: 'c1' } });
      expect(await eventually(litter, (all) => all === '', 30)).toBe('');
    },
    TEST_MS,
  );
});

it('a Dockerfile without an engine is refused in one sentence, before anything is sent', async () => {
  const { code, stderr } = await hpcbinder(build('./examples/dockerfile'), { env: laptops[0] ?? {} });
  expect(code).toBe(1);
  expect(stderr).toMatch(/Dockerfile is built by a container engine/);
  expect(stderr).toContain('E-BUILD-CLUSTER');
});

it('nodes on which nothing can be built are named so, with what an admin can allow', async () => {
  // the kernel itself refuses: a namespace in which no further one may be made
  const bin = `${world.scratch}/bin`;
  const inner = 'echo 0 > /proc/sys/user/max_user_namespaces || exit 5; exec /usr/bin/apptainer "$@"';
  const script = `#!/bin/sh\nexec unshare --user --map-current-user --keep-caps sh -c '${inner}' sh "$@"\n`;
  const made = await on(
    'login',
    'alice',
    `mkdir -p ${bin} && cat > ${bin}/apptainer <<'END'\n${script}END\nchmod +x ${bin}/apptainer`,
  );
  expect(made).toMatchObject({ code: 0 });
  for (const host of HOSTS) await on(host, 'root', WITHOUT_IDS);
  world.entry.apptainer = `${bin}/apptainer`;
  world.write();
  const { code, stderr } = await hpcbinder(build(repository('nowhere')), { env: laptops[0] ?? {} });
  expect(code).toBe(1);
  expect(stderr).toMatch(/let alice build nothing/);
  expect(stderr).toMatch(/max_user_namespaces/);
});
