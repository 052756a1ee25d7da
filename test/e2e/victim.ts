/** alice, careless, with a session on a cluster where bob was before her. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HOSTS } from '../../devcluster/index.ts';
import type { Door } from './bob.ts';
import { Client } from './client.ts';
import { type Secrets, secretsOf, type Traces, tracesOf } from './oracles.ts';
import { CLUSTER, type Ended, hpcbinder, on, type Ready, Running } from './rig.ts';

/** A store of its own, so that it is made, and an image put into it, under her umask. */
export const IMAGES = '/scratch/alice/open/images';
/** Names in /tmp that somebody might take for granted: bob has made them before her. */
export const TRAPS = ['hpcbinder', 'hpcbinder-alice', 'hb-alice', 'hb'].map((name) => `/tmp/${name}`).join(' ');

const LAUNCH = ['launch', './examples/quickstart', '--cluster', CLUSTER, '--partition', 'gpu', '--gpus', '0'];
const SMALL = ['--cpus', '1', '--mem', '1G', '--time', '20m'];

export type Shown = { phase: string; directory: string; jobId: string; address?: Door };
export type Victim = {
  running: Running;
  ready: Ready;
  client: Client;
  kernel: string;
  /** of the session, on the cluster */
  directory: string;
  traces: Traces;
  secrets: Secrets;
  door: Door;
  /** the program, with her config */
  run(...args: string[]): Promise<Ended>;
  status(id?: string): Promise<Shown>;
  launchAnother(...args: string[]): Promise<{ id: string; jobId: string }>;
  leave(): Promise<void>;
};

export async function victim(): Promise<Victim> {
  const env = { HPCBINDER_CONFIG: await carelessAlice() };
  await bobWasHereFirst();
  const running = new Running([...LAUNCH, ...SMALL], { env });
  const run = (...args: string[]) => hpcbinder(args, { env });
  const leave = async () => {
    await running.close();
    await on('login', 'bob', 'scancel --me');
    for (const host of HOSTS) await on(host, 'bob', `rm -rf ${TRAPS} /tmp/hb-out.log /tmp/stamp`);
    await on('login', 'alice', 'mv .ssh/bashrc .bashrc; rm -rf umask.seen /scratch/alice/open');
    await rm(env.HPCBINDER_CONFIG, { recursive: true });
  };
  try {
    const ready = await running.ready();
    const status = async (id = ready.id) => JSON.parse((await run('status', id, '--json')).stdout) as Shown;
    const launchAnother = async (...args: string[]) => {
      const { stdout } = await run(...LAUNCH, ...SMALL, '--detach', '--json', ...args);
      return JSON.parse(stdout.split('\n').at(-1) ?? '') as { id: string; jobId: string };
    };
    const client = await Client.enter(ready.url);
    const kernel = await client.startKernel();
    await client.run(kernel, 'print(6 * 7)');
    const { directory, address } = await status();
    if (!address) throw new Error('a ready session has an address');
    const traces = await tracesOf(ready, directory);
    const code = new URL(ready.url).searchParams.get('c') ?? '';
    const secrets = { ...(await secretsOf(directory, traces.node)), cookie: client.secret, code };
    const session = { running, ready, client, kernel, directory, traces, secrets, door: address };
    return { ...session, run, status, launchAnother, leave };
  } catch (error) {
    await leave();
    throw error;
  }
}

/** Her home can be entered and her umask is 000; answers her config folder. */
async function carelessAlice(): Promise<string> {
  const config = await mkdtemp(join(tmpdir(), 'hb-neighbour-'));
  const usual = await readFile(join(process.env.HPCBINDER_CONFIG ?? '', 'config.yaml'), 'utf8');
  await writeFile(join(config, 'config.yaml'), usual.replace(/image_store: .*/g, `image_store: ${IMAGES}`));
  const careless = `chmod 755 ~; rm -rf /scratch/alice/open; cp -p .bashrc .ssh/bashrc
    echo 'umask 000; umask >~/umask.seen' | cat - .ssh/bashrc >.bashrc`;
  await on('login', 'alice', careless);
  return config;
}

async function bobWasHereFirst(): Promise<void> {
  const links = 'rm -f /tmp/hb-out.log; ln -s /tmp/victim /tmp/hb-out.log';
  for (const host of HOSTS) await on(host, 'bob', `rm -rf ${TRAPS}; mkdir -m 777 ${TRAPS}; ${links}; touch /tmp/stamp`);
}

/** Milliseconds of the slowest of her requests: on a kept connection, and on a new one (a WebSocket is never pooled). */
export async function slowest({ client, kernel }: Victim, rounds: number): Promise<number> {
  let most = 0;
  for (let i = 0; i < rounds; i++) {
    const began = performance.now();
    const { status } = await client.send('GET', '/api/status');
    if (status !== 200) throw new Error(`her request was answered with ${status}`);
    (await client.open(`/api/kernels/${kernel}/channels`)).terminate();
    most = Math.max(most, performance.now() - began);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return most;
}
