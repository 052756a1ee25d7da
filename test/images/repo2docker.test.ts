import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { Engine } from '../../core/engine.ts';
import { checkBuildx, findRepo2docker, repo2dockerFact, toolEnvironment } from '../../images/repo2docker.ts';
import { buildByRepo2docker, repo2dockerWords } from '../../images/repo2docker-build.ts';
import { checkoutOf, PLAN } from './plans.ts';

const dir = mkdtempSync(join(tmpdir(), 'hb-r2d-test-'));
afterAll(() => rmSync(dir, { recursive: true }));

/** A fake program: what it prints, what it does. */
function program(name: string, script: string): string {
  const path = join(dir, name);
  mkdirSync(dir, { recursive: true });
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A fake engine: knows the images that it is told of, and notes what a build is given. */
function fakeEngine(images: string[] = [], parts: Partial<Engine> = {}) {
  const labels: Record<string, string>[] = [];
  const engine: Engine = {
    kind: 'docker',
    version: '0',
    platform: 'linux/amd64',
    address: 'unix:///run/fake.sock',
    inspect: async (image) => {
      if (!images.includes(image)) return undefined;
      const config = { env: [], entrypoint: [], cmd: [], workingDir: '', user: '', architecture: 'amd64' };
      const ref = { id: `sha256:${'1'.repeat(64)}`, tag: image, created: '', size: 1, platform: PLAN.platform };
      return { ref, config: { ...config, labels: labels.at(-1) ?? {} } };
    },
    build: async (context, how) => {
      for await (const _ of context);
      labels.push({ ...how.labels });
      images.push(how.tag);
      return {};
    },
    untag: async (tag) => void images.splice(images.indexOf(tag), images.includes(tag) ? 1 : 0),
    pull: async () => undefined,
    built: never,
    exportRoot: never,
    run: never,
    filter: never,
    tool: never,
    save: never,
    importRoot: never,
    ...parts,
  };
  return { engine, images, labels };
}

function never(): never {
  throw new Error('the fake engine was asked for more than it has');
}

const SECRETS = { GITHUB_TOKEN: 't0ken', AWS_SECRET_ACCESS_KEY: 's3cret', SSH_AUTH_SOCK: '/x', PYTHONPATH: '.' };

describe('the words of repo2docker', () => {
  it('are constants, the image, the user and the folder behind --', () => {
    expect(repo2dockerWords(PLAN, 'hpcbinder/k:1', '/cache/tree', [])).toEqual([
      ...['--json-logs', '--no-run', '--image-name=hpcbinder/k:1', '--user-name=jovyan', '--user-id=1000'],
      ...['--target-repo-dir=/srv/repo', '--Repo2Docker.platform=linux/amd64'],
      ...['--DockerEngine.extra_buildx_build_args=--load', '--', '/cache/tree'],
    ]);
  });

  it('name a proxy and do not show it', () => {
    const words = repo2dockerWords(PLAN, 't', '/d', ['https_proxy']);
    expect(words).toContain('--DockerEngine.extra_buildx_build_args=https_proxy');
    expect(words.join(' ')).not.toContain('=https_proxy=');
  });
});

describe('the environment of repo2docker', () => {
  it('has what it needs, no token of ours, and no PATH that begins in the repository', () => {
    const env = { ...SECRETS, HOME: '/home/u', PATH: '.:/usr/bin::bin:/bin', https_proxy: 'http://u:p@proxy' };
    expect(toolEnvironment(env, fakeEngine().engine)).toEqual({
      HOME: '/home/u',
      PATH: '/usr/bin:/bin',
      https_proxy: 'http://u:p@proxy',
      DOCKER_HOST: 'unix:///run/fake.sock',
    });
  });
});

describe('looking for repo2docker', () => {
  const engine = async () => fakeEngine().engine;

  it('finds the program of PATH and asks its version', async () => {
    program('jupyter-repo2docker', 'echo "a warning" >&2; echo 2026.4.0');
    const tool = await findRepo2docker({ env: { PATH: dir }, engine });
    expect(repo2dockerFact(tool)).toEqual({ version: '2026.4.0' });
  });

  it('says how to install it where there is neither program nor image', async () => {
    await expect(findRepo2docker({ env: { PATH: '/nowhere' }, engine })).rejects.toMatchObject({
      code: 'E-TOOL-NONE',
      message: expect.stringContaining("can't be pulled"),
      hint: expect.stringContaining('pipx install jupyter-repo2docker'),
    });
    await expect(findRepo2docker({ env: {}, engine, command: '/nowhere/r2d' })).rejects.toMatchObject({
      code: 'E-TOOL-NONE',
    });
  });

  it('takes its image, by id, where that is named', async () => {
    const run = async () => ({ exitCode: 0, stdout: '2026.4.0\n', stderr: '' });
    const { engine: has } = fakeEngine(['quay.io/x/r2d:1'], { run });
    const tool = await findRepo2docker({ env: { PATH: dir }, engine: async () => has, image: 'quay.io/x/r2d:1' });
    expect(repo2dockerFact(tool)).toEqual({ version: '2026.4.0', image: `sha256:${'1'.repeat(64)}` });
  });

  it('says which plugin is missing before a build begins', async () => {
    const tool = { version: '1', program: '/x' };
    const docker = program('docker', 'echo "unknown command: docker buildx" >&2; exit 1');
    await expect(checkBuildx(fakeEngine().engine, tool, { PATH: join(docker, '..') })).rejects.toMatchObject({
      code: 'E-TOOL-NONE',
      message: expect.stringContaining('"docker buildx"'),
      evidence: ['unknown command: docker buildx'],
    });
    await expect(checkBuildx(fakeEngine().engine, tool, { PATH: '/nowhere' })).rejects.toMatchObject({
      message: expect.stringContaining('the command docker'),
    });
    program('docker', 'exit 0');
  });
});

describe('a build by repo2docker (a fake one)', () => {
  const key = 'a'.repeat(32);
  const checkout = checkoutOf({ 'environment.yml': '' });
  const plan = { ...PLAN, builder: 'repo2docker' as const };
  const raw = `hpcbinder/${key}-upstream:${process.pid}`;

  it('shows its log, gives the image our labels by the engine, and takes its first name away', async () => {
    const fake = fakeEngine();
    const lines: string[] = [];
    const done = program(
      'fake-r2d',
      `pwd; ls -A; env | sort; printf '%s\\n' '{"message": "#7 [2/3] RUN make\\n", "phase": "building"}' '{"message": "#7 0.4 made\\n"}' '{"message": "#7 DONE 0.5s\\n"}' '{"message": ""}' >&2`,
    );
    const engine = { ...fake.engine, inspect: async (tag: string) => fake.engine.inspect(tag === raw ? 'raw' : tag) };
    fake.images.push('raw');
    await buildByRepo2docker(
      engine,
      plan,
      checkout,
      { version: '1', program: done },
      {
        key,
        env: { ...SECRETS, PATH: `${dir}:/usr/bin:/bin` },
        on: (line) => lines.push(line),
      },
    );
    expect(lines.slice(-2)).toEqual(['step 2 of 3: RUN make', 'made']);
    expect(lines[0]).toMatch(/\/hb-r2d-/);
    expect(lines.join('\n')).not.toMatch(/t0ken|s3cret|SSH_AUTH_SOCK|PYTHONPATH/);
    expect(fake.labels).toEqual([{ 'hpcbinder.repo': 'https://example.org/"quoted"', 'org.hpcbinder.key': key }]);
    expect(fake.images).toContain(`hpcbinder/${key}:latest`);
  });

  it('ends with its last lines where it fails', async () => {
    const bad = program(
      'bad-r2d',
      `echo '{"message": "#7 [1/1] RUN false\\n"}'; echo '{"message": "#7 0.1 no such thing\\n"}'; exit 1`,
    );
    const how = { key, env: { PATH: `${dir}:/usr/bin:/bin` }, on: () => {} };
    await expect(
      buildByRepo2docker(fakeEngine().engine, plan, checkout, { version: '1', program: bad }, how),
    ).rejects.toMatchObject({
      code: 'E-BUILD',
      evidence: expect.arrayContaining([expect.stringMatching(/no such thing/)]),
    });
  });

  it('is ended with all its children by ctrl-C', async () => {
    const slow = program('slow-r2d', `sleep 300 & echo "child $!"; wait`);
    const stop = new AbortController();
    let child = '';
    const on = (line: string) => {
      child = /^child ([0-9]+)/.exec(line)?.[1] ?? child;
      if (child) stop.abort();
    };
    const how = { key, env: { PATH: `${dir}:/usr/bin:/bin` }, on, signal: stop.signal };
    await expect(
      buildByRepo2docker(fakeEngine().engine, plan, checkout, { version: '1', program: slow }, how),
    ).rejects.toMatchObject({ code: 'E-CANCELLED' });
    const isAlive = () => {
      try {
        return process.kill(Number(child), 0);
      } catch {
        return false;
      }
    };
    // a background child of sh ignores SIGINT
    for (let i = 0; i < 30 && isAlive(); i++) await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isAlive()).toBe(false);
  });
});
