/** Builds on the cluster that are joined, ended, taken over, refused (docs/cluster-builds.md, docs/faults.md). */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CLUSTER, hpcbinder, on, Running } from '../e2e/rig.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { eventually } from './rig.ts';

const HOSTS = ['login', 'c1', 'c2'] as const;
const WITH_IDS = 'usermod --add-subuids 200000-265535 --add-subgids 200000-265535 alice';
const WITHOUT_IDS = ': > /etc/subuid; : > /etc/subgid';
let world: OwnWorld;
let folder: string;
const laptops: Record<string, string>[] = [];

/** A repository whose build lasts long enough to be met; another `word` is another environment. */
function repository(word: string, apt: readonly string[] = []): string {
  const dir = join(folder, word);
  mkdirSync(dir);
  writeFileSync(join(dir, 'postBuild'), `#!/bin/sh\n# ${word}\nls -d /home/alice; touch /tmp/left\nsleep 15\n`);
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
    `cd ${world.scratch}/images && find builds tmp *.lock *.building -mindepth 1 2>/dev/null`,
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

describe('one build for two laptops', () => {
  it(
    'F-38: the second sees what the first does, joins it, and both have the image of one job; the home directory is as it was',
    async () => {
      const home = async () =>
        (await on('login', 'root', `find /home/alice -not -path '${world.home}*' | sort | sha256sum`)).stdout;
      const before = await home();
      const dir = repository('joined');
      const first = new Running(build(dir), { env: laptops[0] ?? {} });
      await first.until(lineWith('hpcbinder: step '));
      const second = new Running(build(dir), { env: laptops[1] ?? {} });
      const shown = await second.until(
        ({ type, text }) => type === 'update' && String(text).includes('making the image'),
      );
      expect(shown.text).toMatch(/^(build · |waiting for )/);
      await second.until(lineWith('hpcbinder: step '));
      const [one, two] = await Promise.all([first, second].map((each) => each.until(isBuilt, BUILT_MS)));
      expect(two?.sif).toBe(one?.sif);
      expect(one).toMatchObject({ receipt: { mode: 'userns', node: expect.stringMatching(/^c[12]$/) } });
      expect(first.events).toContainEqual(
        expect.objectContaining({ type: 'note', build: expect.objectContaining({ mode: 'userns', ids: false }) }),
      );
      expect(await jobs()).toHaveLength(1);
      // the repository's own step saw nothing of the home directory
      expect(first.events.some(({ line }) => line === '/home/alice')).toBe(false);
      expect(await home()).toBe(before);
      expect(await litter()).toBe('');
    },
    TEST_MS,
  );

  it(
    'F-38: the first is killed; the second takes over within two minutes, and goes on with the same job',
    async () => {
      const dir = repository('taken-over');
      const before = (await jobs()).length;
      const first = new Running(build(dir), { env: laptops[0] ?? {} });
      await first.until(lineWith('hpcbinder: step '));
      const second = new Running(build(dir), { env: laptops[1] ?? {} });
      await second.until(({ type, text }) => type === 'update' && String(text).includes('making the image'));
      await first.kill();
      await second.until(isBuilt, BUILT_MS);
      expect((await jobs()).length - before).toBe(1);
      expect(await litter()).toBe('');
    },
    TEST_MS,
  );
});

describe('ctrl-C', () => {
  it(
    'ends the build job, says so, and leaves nothing on the nodes',
    async () => {
      const running = new Running(build(repository('ended')), { env: laptops[0] ?? {} });
      await running.until(lineWith('hpcbinder: step '));
      running.interrupt();
      expect(await running.ended()).toBe(130);
      const last = running.events.at(-1);
      expect(last).toMatchObject({ code: 'E-CANCELLED', message: expect.stringContaining('the build job was ended') });
      const ended = await eventually(jobs, (all) => /CANCELLED/.test(all.at(-1) ?? ''), 60);
      expect(ended.at(-1)).toMatch(/CANCELLED/);
      expect(await eventually(litter, (left) => left === '', 60)).toBe('');
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
    'is installed once the admin has given ids to the user',
    async () => {
      for (const host of HOSTS) expect((await on(host, 'root', WITH_IDS)).code).toBe(0);
      const running = new Running(build(repository('with-ids', apt)), { env: laptops[0] ?? {} });
      expect(await running.until(isBuilt, BUILT_MS)).toMatchObject({ receipt: { mode: 'subuid' } });
      expect(await litter()).toBe('');
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
