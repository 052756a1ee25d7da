/** The life of a devcluster by its commands: one of its own, in folders of its own, beside the one that the other tests use. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { execIn, type Host, type User } from '../../devcluster/index.ts';
import { MAIN } from './rig.ts';

const NAME = 'devcluster-life';
let home = '';

async function devcluster(command: string, ...rest: readonly string[]) {
  const env = { HPCBINDER_STATE: join(home, 'state'), HPCBINDER_CONFIG: join(home, 'config'), NODE_OPTIONS: '' };
  const args = [MAIN, 'devcluster', command, '--name', NAME, ...rest];
  return execa(process.execPath, args, { env, reject: false, stdin: 'ignore', timeout: 900_000 });
}

async function on(host: Host, user: User, command: string): Promise<string> {
  const { stdout, stderr } = await execIn(host, ['bash', '-c', command], { user, name: NAME });
  return (stdout + stderr).trim();
}

const port = async () => Number(await readFile(join(home, 'state', NAME, 'port'), 'utf8'));
const config = () => readFile(join(home, 'config', 'config.yaml'), 'utf8');

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'hb-life-'));
}, 10_000);

afterAll(async () => {
  await devcluster('down');
  await rm(home, { recursive: true, force: true });
}, 120_000);

describe('a devcluster', () => {
  it('comes up; a second `up` at the same time waits for the first and finds the work done', async () => {
    const both = await Promise.all([devcluster('up', '--yes'), devcluster('up', '--yes')]);
    expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
    const story = both.map(({ stderr }) => stderr).join('\n');
    expect(story).toContain('The devcluster is up');
    expect(story).toContain('The devcluster was up already');
    expect(story).toContain('is working on the devcluster; waiting for it');
    expect(await config()).toContain(`${NAME}:`);
  }, 900_000);

  it('says what runs, and what Slurm says of its nodes', async () => {
    const { exitCode, stdout } = await devcluster('status', '--json');
    expect(exitCode).toBe(0);
    const { state, hosts } = JSON.parse(stdout);
    expect(state).toBe('up');
    expect(hosts).toMatchObject([
      { host: 'login', state: 'running', missing: [] },
      { host: 'c1', node: { state: 'idle', partitions: ['debug'] } },
      { host: 'c2', node: { state: 'idle', gres: 'gpu:fake:2' } },
    ]);
  }, 60_000);

  it('is a host that ssh knows beforehand, for its own key only', async () => {
    const folder = join(home, 'state', NAME);
    const ssh = async (user: string, identity: string) => {
      const options = [
        '-F',
        'none',
        '-o',
        'BatchMode=yes',
        '-o',
        'StrictHostKeyChecking=yes',
        '-o',
        'IdentitiesOnly=yes',
      ];
      const where = ['-o', `UserKnownHostsFile=${join(folder, 'known_hosts')}`, '-p', String(await port())];
      const args = [...options, ...where, '-i', identity, `${user}@127.0.0.1`, 'id -u'];
      return execa('ssh', args, { reject: false, timeout: 20_000 });
    };
    expect((await ssh('alice', join(folder, 'id_ed25519'))).stdout).toBe('2001');
    expect((await ssh('bob', join(folder, 'id_ed25519'))).stdout).toBe('2002');
    expect((await ssh('root', join(folder, 'id_ed25519'))).stderr).toContain('Permission denied');
    expect((await ssh('alice', join(folder, 'host_key'))).stderr).toContain('Permission denied');
  }, 60_000);

  it('listens on 127.0.0.1 and on no other address of this machine', async () => {
    const others = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ internal, family }) => !internal && family === 'IPv4');
    expect(others.length).toBeGreaterThan(0);
    const listening = await port();
    for (const { address } of others) {
      const answer = await new Promise<string>((resolve) => {
        const socket = createConnection({ host: address, port: listening, timeout: 3000 });
        socket.once('connect', () => resolve('open'));
        socket.once('error', () => resolve('closed'));
        socket.once('timeout', () => resolve('closed'));
      });
      expect(`${address} ${answer}`).toBe(`${address} closed`);
    }
  }, 30_000);

  it('shares /home and /scratch between its hosts, and no /tmp', async () => {
    await on('login', 'alice', 'echo one > ~/f; echo two > /scratch/alice/f; echo three > /tmp/f');
    expect(await on('c1', 'alice', 'cat ~/f /scratch/alice/f')).toBe('one\ntwo');
    expect(await on('c2', 'alice', 'cat /tmp/f')).toContain('No such file');
  }, 30_000);

  it('counts its GPUs: two jobs get one each, and a third would be too much for one job', async () => {
    const ask = (seconds: number) =>
      on('login', 'alice', `srun -p gpu --gpus=1 bash -c 'echo $(hostname) $CUDA_VISIBLE_DEVICES; sleep ${seconds}'`);
    expect((await Promise.all([ask(4), ask(4)])).sort()).toEqual(['c2 0', 'c2 1']);
    expect(await on('login', 'alice', 'srun -p gpu --gpus=3 true')).toContain('Requested node configuration');
  }, 60_000);

  it('keeps accounts: a job under another one is refused, and sacct remembers those that ran', async () => {
    expect(await on('login', 'alice', 'srun -A physics true')).toContain('Invalid account');
    const accounts = await on('login', 'alice', 'sacct -X -n -P -o user,account,state | sort -u');
    expect(accounts).toContain('alice|lab|COMPLETED');
  }, 60_000);

  it('runs Apptainer as a user without a line in /etc/subuid, and mounts images by FUSE', async () => {
    expect(await on('c1', 'alice', 'cat /etc/subuid')).toBe('');
    const root =
      'rm -rf r && mkdir -p r/{proc,sys,dev,tmp,etc,home} && cp -L --parents /usr/bin/bash $(ldd /usr/bin/bash | grep -o "/[^ ]*") r';
    const image = 'mksquashfs r r.sqfs -noappend -quiet >/dev/null';
    const run = 'apptainer -s exec r.sqfs /usr/bin/bash -c "echo inside of \\$APPTAINER_CONTAINER"';
    const said = await on('c1', 'alice', `cd /tmp && ${root} && ${image} && ${run}`);
    expect(said).toBe('inside of /tmp/r.sqfs');
  }, 60_000);

  it('is repaired by `up` when a daemon died or a host is gone, and gives no job number twice', async () => {
    const submit = () => on('login', 'alice', 'cd && sbatch --parsable -o /dev/null --wrap true');
    const before = Number(await submit());
    await on('c1', 'root', 'pkill -x slurmd; sleep 1');
    const broken = await devcluster('status');
    expect(broken.exitCode).toBe(1);
    expect(broken.stdout).toContain('missing: slurmd');
    await execa('docker', ['stop', `hpcbinder-${NAME}-login`]);
    await execa('docker', ['rm', `hpcbinder-${NAME}-login`]);
    const repaired = await devcluster('up', '--yes');
    expect(repaired.stderr).toContain('The devcluster is repaired');
    expect((await devcluster('status')).exitCode).toBe(0);
    expect(Number(await submit())).toBeGreaterThan(before);
  }, 240_000);

  it('gives a shell, here fed by a pipe, with the exit code of its last command', async () => {
    const env = { HPCBINDER_STATE: join(home, 'state'), HPCBINDER_CONFIG: join(home, 'config'), NODE_OPTIONS: '' };
    const args = [MAIN, 'devcluster', 'shell', 'c2', '--name', NAME, '--user', 'bob'];
    const done = await execa(process.execPath, args, {
      env,
      reject: false,
      input: 'hostname; whoami; exit 3\n',
      timeout: 30_000,
    });
    expect([done.stdout, done.exitCode]).toEqual(['c2\nbob', 3]);
  }, 60_000);

  it('is gone after `down` with its data, keys and config entry, and its images stay', async () => {
    expect((await devcluster('down')).exitCode).toBe(0);
    const listed = async (...args: string[]) => (await execa('docker', args)).stdout;
    const filter = ['--filter', `name=hpcbinder-${NAME}`];
    expect(await listed('ps', '-aq', ...filter)).toBe('');
    expect(await listed('volume', 'ls', '-q', ...filter)).toBe('');
    expect(await listed('network', 'ls', '-q', ...filter)).toBe('');
    expect(await listed('images', '-q', 'hpcbinder-devcluster')).not.toBe('');
    expect(existsSync(join(home, 'state', NAME))).toBe(false);
    expect(await config()).not.toContain(NAME);
    expect((await devcluster('down')).stderr).toContain('There was no devcluster');
  }, 120_000);
});
