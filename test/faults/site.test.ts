/** What root publishes on the login node is used by all; what another could have written is used by nobody (docs/doctor.md). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, it } from '@jest/globals';
import { CLUSTER, hpcbinder, on } from '../e2e/rig.ts';
import { OwnWorld } from '../e2e/worlds.ts';

const SITE = '/etc/hpcbinder/site.yaml';
const NOTHING = { image_store: undefined, work_dir: undefined, state_dir: undefined };
const worlds: OwnWorld[] = [];

async function root(command: string): Promise<void> {
  const { code, stderr } = await on('login', 'root', command);
  if (code !== 0) throw new Error(`${command}: ${stderr}`);
}

async function publish(text: string): Promise<void> {
  await root(
    `install -d -m 755 ${SITE.replace('/site.yaml', '')}; echo ${Buffer.from(text).toString('base64')} | base64 -d > ${SITE}`,
  );
}

beforeEach(() => root(`rm -rf ${SITE.replace('/site.yaml', '')}`));
afterAll(async () => {
  await root(`rm -rf ${SITE.replace('/site.yaml', '')} /opt/site`);
  for (const world of worlds) await world[Symbol.asyncDispose]();
});

function worldOf(change: Record<string, unknown>): OwnWorld {
  const world = new OwnWorld({ ...NOTHING, ...change });
  worlds.push(world);
  return world;
}

type Seen = { imageStore: string; workDir: string; container: { command: string } };

/** The cluster as a command met it, from the copy that it keeps. */
async function met(world: OwnWorld): Promise<Seen> {
  const { code, stderr } = await hpcbinder(['partitions'], { env: world.env });
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(readFileSync(join(world.env.HPCBINDER_STATE ?? '', 'clusters', `${CLUSTER}.json`), 'utf8'));
}

it("is in force for who says nothing, and a user's own entry wins", async () => {
  await publish('schema: 1\ncluster: { image_store: /scratch/$USER/ours, work_dir: ~/ours }\n');
  expect(await met(worldOf({}))).toMatchObject({ imageStore: '/scratch/alice/ours', workDir: '/home/alice/ours' });
  expect(await met(worldOf({ work_dir: '~/mine' }))).toMatchObject({
    imageStore: '/scratch/alice/ours',
    workDir: '/home/alice/mine',
  });
});

it('may load what the container command comes with: it is looked for behind that', async () => {
  await root('mkdir -p /opt/site/bin && ln -sf /usr/bin/apptainer /opt/site/bin/apptainer');
  await publish('cluster:\n  prologue: |\n    PATH=/opt/site/bin:$PATH\n    export PATH\n');
  expect((await met(worldOf({}))).container.command).toBe('/opt/site/bin/apptainer');
});

it('that doctor prints is read as it is', async () => {
  const world = worldOf({ ports: '40000-40100' });
  const { stdout, stderr, code } = await hpcbinder(['doctor', '--no-job', '--publish'], { env: world.env });
  expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringMatching(/as root on each login node/) });
  await publish(stdout);
  const own = worldOf({ bases: undefined });
  const { stdout: told } = await hpcbinder(['doctor', '--no-job', '--json'], { env: own.env });
  expect(told).not.toContain('site-file');
  expect((await met(own)).container.command).toBe('/usr/bin/apptainer');
});

it.each([
  ['others may write to it', `chmod 666 ${SITE}`],
  ['its group may write to it', `chmod 664 ${SITE}`],
  ['a user owns it', `chown alice ${SITE}`],
  ['a user owns its directory', 'chown alice /etc/hpcbinder'],
  ['others may write in its directory', 'chmod 777 /etc/hpcbinder'],
  ["it is a link to a user's", `mv ${SITE} /opt/site.yaml; ln -s /opt/site.yaml ${SITE}`],
  ['it has a key that nobody knows', `echo 'imagestore: /x' >> ${SITE}`],
])('is ignored where %s, and a launch says so', async (_how, command) => {
  await publish('cluster: { image_store: /scratch/evil, prologue: "touch /tmp/hb-evil" }\n');
  await root(command);
  const world = worldOf({});
  expect((await met(world)).imageStore).toBe('/scratch/alice/hpcbinder/images');
  expect((await on('login', 'alice', 'ls /tmp/hb-evil')).code).not.toBe(0);
  const { stdout } = await hpcbinder(['launch', '--sif', '/nosuch.sif', '--json'], { env: world.env });
  expect(stdout).toMatch(/"type":"note","text":"the site's own settings are not used: \/etc\/hpcbinder\/site\.yaml/);
});
