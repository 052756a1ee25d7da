/** A home that the compute node does not have, or may not write (docs/faults.md). */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client } from '../e2e/client.ts';
import { on, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { launchOf, status, stop } from './rig.ts';

let world: OwnWorld;
let sif: string;

beforeAll(async () => {
  sif = await storedImage();
  world = new OwnWorld();
});

afterAll(() => world[Symbol.asyncDispose]());

async function root(command: string): Promise<void> {
  const { code, stderr } = await on('c2', 'root', command);
  if (code !== 0) throw new Error(stderr);
}

async function homeOnNode(how: 'missing' | 'read-only'): Promise<AsyncDisposable> {
  await root(how === 'missing' ? 'mount -t tmpfs -o mode=755 tmpfs /home' : 'mount -o remount,bind,ro /home');
  const back = how === 'missing' ? 'umount -l /home' : 'mount -o remount,bind,rw /home';
  return { [Symbol.asyncDispose]: () => root(back) };
}

async function failed() {
  const running = new Running(launchOf(sif), { env: world.env });
  const error = await running.until(({ type }) => type === 'error', 90_000);
  expect(await running.ended()).not.toBe(0);
  expect((await on('login', 'root', 'squeue -h -u alice')).stdout).toBe('');
  return error;
}

it.each(['missing', 'read-only'] as const)(
  'F-42: with a home that is %s there, the directory, the node and the settings are named',
  async (how) => {
    await using _ = await homeOnNode(how);
    const error = await failed();
    expect(error).toMatchObject({
      code: 'E-NODE-DIRECTORY',
      message: expect.stringMatching(/could not open \/home\/alice\/\S+: missing, read-only or another one on c2$/),
      hint: expect.stringContaining(
        'state_dir: /scratch/alice/hpcbinder/state and work_dir: /scratch/alice/hpcbinder/work',
      ),
    });
  },
);

it('F-42: with its own files on scratch and the work in such a home, the work directory is what is named', async () => {
  world.entry.state_dir = `${world.scratch}/state`;
  world.write();
  for (const [how, why] of [
    ['missing', 'permission denied'],
    ['read-only', 'read-only file system'],
  ] as const) {
    await using _ = await homeOnNode(how);
    const message = expect.stringMatching(
      new RegExp(`^the work directory /home/alice/.* cannot be used on (c2|the compute node): ${why}$`),
    );
    expect(await failed()).toMatchObject({ code: 'E-NODE-DIRECTORY', message });
  }
});

it('F-42: with both on scratch, a session needs no home on the node', async () => {
  Object.assign(world.entry, { state_dir: `${world.scratch}/state`, work_dir: `${world.scratch}/work` });
  world.write();
  await using _ = await homeOnNode('missing');
  const running = new Running(launchOf(sif), { env: world.env });
  try {
    const session = await running.ready();
    const client = await Client.enter(session.url);
    const kernel = await client.startKernel();
    expect(await client.run(kernel, 'open("made", "w").close(); print(6 * 7)')).toContain('42');
    expect((await on('login', 'root', `ls ${session.workDirectory}/made`)).code).toBe(0);
    expect(await status(world, session.id)).toMatchObject({ phase: 'ready' });
    expect(await stop(world, session.id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
  } finally {
    await running.close();
  }
});
