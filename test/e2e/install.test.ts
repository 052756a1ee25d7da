/**
 * The packed tarball on a machine that has Node and nothing else: no compiler, no Python, no git, no container engine.
 * Installed by `npm i -g` from the registry that this machine uses, then used from there against the devcluster.
 */
import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type Docker from 'dockerode';
import { execa } from 'execa';
import { baseImage } from '../../devcluster/base.ts';
import { requireEngine } from '../../devcluster/engine.ts';
import { runOn } from '../../devcluster/exec.ts';
import { CLUSTER, type Event, hpcbinder, on, type Ready, ROOT } from './rig.ts';

const NAME = 'hpcbinder-test-install';
const scratch = mkdtempSync(join(tmpdir(), 'hb-install-'));
const UNWANTED = 'gcc g++ cc c++ make python3 python git docker podman apptainer';

let docker: Docker;
let tarball = '';
let sif = '';

/** On the empty machine, by sh. */
async function there(command: string, env: Record<string, string> = {}) {
  const how = { env, timeoutMs: 200_000 };
  const done = await runOn(docker, { container: () => NAME }, 'login', ['/bin/sh', '-c', command], how);
  return { code: done.exitCode, stdout: done.stdout.trim(), stderr: done.stderr.trim() };
}

/** What npm needs to reach the registry from here: proxy, certificates, registry. */
async function npmSettings(): Promise<{ env: string[]; cafile: string | undefined }> {
  const setting = async (name: string) => {
    const value = (await execa('npm', ['config', 'get', name])).stdout.trim();
    return value === 'null' || value === 'undefined' || value === '' ? undefined : value;
  };
  const [registry, cafile] = [await setting('registry'), await setting('cafile')];
  const passed = Object.entries(process.env).filter(([name]) => /^(https?_proxy|no_proxy)$/i.test(name));
  return {
    env: [
      ...passed.map(([name, value]) => `${name}=${value}`),
      ...(registry ? [`npm_config_registry=${registry}`] : []),
      ...(cafile ? ['npm_config_cafile=/etc/registry-ca.crt'] : []),
    ],
    cafile,
  };
}

async function remove(): Promise<void> {
  await docker
    .getContainer(NAME)
    .remove({ force: true, v: true })
    .catch(() => undefined);
}

beforeAll(async () => {
  docker = await requireEngine();
  await remove();
  const packed = await execa('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch], {
    cwd: ROOT,
  });
  tarball = (JSON.parse(packed.stdout) as { filename: string }[])[0]?.filename ?? '';
  const npm = join((await execa('npm', ['root', '-g'])).stdout.trim(), 'npm');
  const { env, cafile } = await npmSettings();
  const state = process.env.HPCBINDER_STATE ?? '';
  const key = realpathSync(join(state, CLUSTER));
  const container = await docker.createContainer({
    name: NAME,
    Image: await baseImage(docker, { stateDir: state, tell: () => undefined, confirm: async () => true }),
    Cmd: ['sleep', '1000'],
    Env: [...env, 'PATH=/usr/local/bin:/usr/bin:/bin', 'HPCBINDER_CONFIG=/config'],
    HostConfig: {
      // the devcluster listens on 127.0.0.1 only
      NetworkMode: 'host',
      Init: true,
      Binds: [
        `${process.execPath}:/usr/local/bin/node:ro`,
        `${npm}:/usr/local/lib/node_modules/npm:ro`,
        `${scratch}:/package:ro`,
        `${process.env.HPCBINDER_CONFIG}:/config:ro`,
        `${key}:${key}:ro`,
        ...(cafile ? [`${cafile}:/etc/registry-ca.crt:ro`] : []),
      ],
    },
  });
  await container.start();
  // the base may bring a Python for Debian's own tools
  await there(`for name in ${UNWANTED}; do rm -f "$(command -v $name)"; done`);
  const built = await hpcbinder(['build', './examples/quickstart', '--cluster', CLUSTER, '--json']);
  const last = JSON.parse(built.stdout.split('\n').at(-1) ?? '') as Event;
  sif = String(last.sif);
});
afterAll(async () => {
  await remove();
  rmSync(scratch, { recursive: true, force: true });
});

describe('on a machine with Node and nothing else', () => {
  it('there is no compiler, no Python, no git and no engine', async () => {
    expect(await there(`for name in ${UNWANTED}; do command -v $name; done; ls /var/run/docker.sock`)).toMatchObject({
      stdout: '',
    });
  });

  it('the tarball installs', async () => {
    const npm = 'node /usr/local/lib/node_modules/npm/bin/npm-cli.js';
    const done = await there(`${npm} install --global --no-audit --no-fund /package/${tarball}`);
    expect(done).toMatchObject({ code: 0 });
  });

  it('the program says its version and its help', async () => {
    expect(await there('hpcbinder --version')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+/) });
    expect((await there('hpcbinder launch --help')).stdout).toContain('--partition');
  });

  it('shows a launch without doing it, for a directory', async () => {
    const make = 'mkdir -p /tmp/repo && echo numpy >/tmp/repo/requirements.txt && cd /tmp/repo';
    const done = await there(`${make} && hpcbinder launch . --cluster ${CLUSTER} --dry-run`);
    expect(done).toMatchObject({
      code: 0,
      stderr: '',
      stdout: expect.stringContaining('requirements.txt (1 package)'),
    });
  });

  it('says in one sentence that git is missing where it is needed', async () => {
    const done = await there(`hpcbinder launch https://github.com/org/repo --cluster ${CLUSTER}`);
    expect(done.code).toBe(1);
    expect(done.stderr).toMatch(/git is not installed|no git/i);
    expect(done.stderr).not.toContain('E-INTERNAL');
  });

  it('runs a session: launch, shell, cp, stop', async () => {
    const launch = `hpcbinder launch --sif ${sif} --cluster ${CLUSTER} --partition debug --mem 1G --time 10m --no-browser --json`;
    const ready = `until grep '"ready"' /tmp/events; do kill -0 $! || { cat /tmp/events; exit 1; }; sleep 0.2; done`;
    const launched = await there(`${launch} >/tmp/events & ${ready}; kill -INT $!; wait $!`);
    expect(launched).toMatchObject({ code: 0 });
    const { id } = JSON.parse(launched.stdout) as Ready;
    expect(await there(`hpcbinder shell ${id} -- sh -c 'hostname; echo text >made'`)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^c[12]$/),
    });
    expect(await there(`hpcbinder cp ${id}:made /tmp/ && cat /tmp/made`)).toMatchObject({ stdout: 'text' });
    expect(await there(`hpcbinder stop ${id}`)).toMatchObject({ code: 0 });
    const gone = `for n in $(seq 40); do [ -z "$(squeue -h -n ${id})" ] && exit 0; sleep 0.5; done; exit 1`;
    expect(await on('login', 'alice', gone)).toMatchObject({ code: 0 });
  });
});

describe('the tarball', () => {
  it('has every file that is no TypeScript, and nothing that only we need', async () => {
    const { stdout } = await execa('tar', ['-tzf', join(scratch, tarball)]);
    const names = stdout.split('\n').map((name) => name.replace(/^package\//, ''));
    for (const room of readdirSync(join(ROOT, 'dist'), { recursive: true, encoding: 'utf8' })) {
      if (/\.(py|sh|conf|cnf|list)$/.test(room)) expect(names).toContain(`dist/${room}`);
    }
    expect(names.filter((name) => /\.(ts|map)$|^(test|docs|examples|scripts)\/|__pycache__/.test(name))).toEqual([]);
    const stale = names.filter(
      (name) =>
        /^dist\/.*\.js$/.test(name) &&
        ![name, name.replace(/js$/, 'ts')].some((path) => existsSync(join(ROOT, path.slice(5)))),
    );
    expect(stale).toEqual([]);
  });
});
