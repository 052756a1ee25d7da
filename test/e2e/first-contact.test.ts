/** No config at all: a person is asked and the launch goes on; without a person it ends with the line to type. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hpcbinder } from './rig.ts';
import { SHARED_SIF, sharedImage } from './stored.ts';
import { Terminal } from './terminal.ts';
import { OwnWorld } from './worlds.ts';

const world = new OwnWorld();
const config = join(world.env.HPCBINDER_CONFIG ?? '', 'config.yaml');
const home = join(world.dir, 'home');
mkdirSync(join(home, '.ssh'), { recursive: true, mode: 0o700 });
const env = { ...world.env, HOME: home, SSH_AUTH_SOCK: '' };
const SIF = ['launch', '--sif', SHARED_SIF, '--mem', '500M', '--cpus', '1', '--time', '5', '--detach'];

beforeAll(sharedImage);
afterAll(() => world[Symbol.asyncDispose]());

describe('a first launch without any config', () => {
  it('ends with 2 and the line to type where nobody can be asked', async () => {
    rmSync(config);
    const { code, stderr } = await hpcbinder(SIF, { env });
    expect(code).toBe(2);
    expect(stderr).toMatch(/no cluster is set up yet[\s\S]*hpcbinder cluster add USER@HOST/);
  });

  it('asks for the host, shows its fingerprint, looks, keeps the entry, and goes on', async () => {
    const { identity_file, port } = world.entry;
    writeFileSync(
      join(home, '.ssh', 'config'),
      `Host hpc\n  HostName 127.0.0.1\n  Port ${port}\n  User alice\n  IdentityFile ${identity_file}\n  UserKnownHostsFile ${home}/.ssh/known_hosts\n`,
    );
    const terminal = new Terminal(SIF, env);
    await terminal.until(/Which host do you log in to\?[\s\S]*1 +hpc +\(from ~\/\.ssh\/config\)[\s\S]*Host \[1\]: /);
    terminal.type('\r');
    await terminal.until(/SHA256:[\s\S]*\[y\/N\] /);
    terminal.type('y\r');
    await terminal.until(/found +Slurm .*Apptainer .*Python 3/);
    await terminal.until(/saved +cluster "hpc"/);
    await terminal.until(/submitted as job [0-9]+/);
    expect(await terminal.ended()).toBe(0);
    expect(readFileSync(config, 'utf8')).toMatch(/default: hpc/);
    const id = /^hb-[a-z0-9]{10}$/m.exec(terminal.text)?.[0] ?? '';
    expect((await hpcbinder(['stop', id], { env })).code).toBe(0);
  });

  it('a host whose key is not accepted is not contacted further, and nothing is kept', async () => {
    rmSync(config);
    rmSync(join(home, '.ssh', 'known_hosts'));
    const terminal = new Terminal(['cluster', 'add', 'hpc'], env);
    await terminal.until(/\[y\/N\] /);
    terminal.type('\r');
    expect(await terminal.ended()).toBe(1);
    expect(terminal.text).toMatch(/You did not accept it\. Nothing was sent\./);
    expect(existsSync(config)).toBe(false);
  });
});

describe('hpcbinder cluster', () => {
  it('add, ls, default and rm are the same dialogue and its opposite', async () => {
    world.write();
    const names = async () =>
      (
        JSON.parse((await hpcbinder(['cluster', 'ls', '--json'], { env })).stdout) as {
          name: string;
          default: boolean;
        }[]
      ).map((row) => (row.default ? `${row.name}*` : row.name));
    const [first = ''] = await names();
    const terminal = new Terminal(['cluster', 'add', 'hpc', '--yes'], env);
    await terminal.until(/\[y\/N\] /);
    terminal.type('y\r');
    expect(await terminal.ended()).toBe(0);
    expect((await names()).map((name) => name.replace('*', ''))).toContain('hpc');
    expect((await hpcbinder(['cluster', 'default', 'hpc'], { env })).code).toBe(0);
    expect(await names()).toContain('hpc*');
    expect((await hpcbinder(['cluster', 'rm', 'hpc'], { env })).code).toBe(0);
    expect(await names()).toEqual([first]);
    expect((await hpcbinder(['cluster', 'rm', 'hpc'], { env })).code).toBe(2);
  });
});
