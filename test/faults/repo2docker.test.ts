/** `--builder repo2docker`, with the real tool of PyPI and Debian's buildx, where both can be had (docs/faults.md). */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { Client } from '../e2e/client.ts';
import { CLUSTER, hpcbinder, on, ROOT, Running } from '../e2e/rig.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { notRun } from '../not-run.ts';
import { status, stop } from './rig.ts';

/** kept between runs, outside of the repository's own files */
const TOOLS = join(ROOT, '.tmp', 'repo2docker');
const VERSION = '2026.4.0';
const BUILDX = {
  url: 'http://deb.debian.org/debian/pool/main/d/docker-buildx/docker-buildx_0.13.1+ds1-3_amd64.deb',
  sha256: 'fcf8c48204d1603c8f209451d7827eb91bf30759578baf7704e9e1a87e5f1d7f',
};

const run = (program: string, args: readonly string[], env = process.env) =>
  execFileSync(program, args, { stdio: 'pipe', encoding: 'utf8', timeout: 300_000, env });

/** The environment in which the tool is found; a sentence where it can't be had. */
async function tools(): Promise<Record<string, string> | string> {
  const program = join(TOOLS, 'venv', 'bin', 'jupyter-repo2docker');
  try {
    if (!existsSync(program)) {
      run('python3', ['-m', 'venv', join(TOOLS, 'venv')]);
      run(join(TOOLS, 'venv', 'bin', 'pip'), ['install', '--quiet', `jupyter-repo2docker==${VERSION}`]);
    }
  } catch {
    return `jupyter-repo2docker ${VERSION} can't be installed from PyPI here`;
  }
  const env = { PATH: `${join(program, '..')}:${process.env.PATH}` };
  try {
    run('docker', ['buildx', 'version']);
    return env;
  } catch {
    const config = join(TOOLS, 'docker');
    const plugin = join(config, 'cli-plugins', 'docker-buildx');
    try {
      if (!existsSync(plugin)) await fetchBuildx(plugin);
      run('docker', ['buildx', 'version'], { ...process.env, DOCKER_CONFIG: config });
      return { ...env, DOCKER_CONFIG: config };
    } catch {
      return "there is no docker buildx here, and Debian's can't be had";
    }
  }
}

async function fetchBuildx(plugin: string): Promise<void> {
  const answer = await fetch(BUILDX.url, { signal: AbortSignal.timeout(60_000) });
  const bytes = Buffer.from(await answer.arrayBuffer());
  if (createHash('sha256').update(bytes).digest('hex') !== BUILDX.sha256) throw new Error('not what was expected');
  const dir = mkdtempSync(join(tmpdir(), 'hb-buildx-'));
  writeFileSync(join(dir, 'buildx.deb'), bytes);
  run('dpkg-deb', ['--extract', join(dir, 'buildx.deb'), dir]);
  mkdirSync(join(plugin, '..'), { recursive: true });
  run('cp', [join(dir, 'usr/libexec/docker/cli-plugins/docker-buildx'), plugin]);
  rmSync(dir, { recursive: true });
}

const world = new OwnWorld();
const found = await tools();
const env = { ...world.env, ...(typeof found === 'string' ? {} : found), SECRET_TOKEN: 'hb-secret' };
const where = ['--cluster', CLUSTER, '--partition', 'gpu'];
const upstream = ['--builder', 'repo2docker', ...where];

afterAll(() => world[Symbol.asyncDispose]());

function repository(files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(world.dir, 'repo-'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text, { mode: 0o755 });
  return dir;
}

/** An image with JupyterLab that the engine has: the quickstart's. */
async function baseImage(): Promise<string> {
  const build = ['build', './examples/quickstart', ...where, '--json'];
  const imageOf = ({ stdout, stderr, code }: Awaited<ReturnType<typeof hpcbinder>>) => {
    if (code !== 0) throw new Error(stderr);
    return `hpcbinder/${(JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { key: string }).key}`;
  };
  const image = imageOf(await hpcbinder(build));
  const has = run('docker', ['images', '--quiet', image]).trim() !== '';
  return has ? image : imageOf(await hpcbinder([...build, '--rebuild']));
}

it('is what a repository with conda is told of', async () => {
  const dir = repository({ 'environment.yml': 'dependencies: [numpy]\n' });
  const { code, stderr } = await hpcbinder(['launch', dir, ...where, '--detach'], { env: world.env });
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/environment\.yml asks for conda[\s\S]*--builder repo2docker/),
  ]);
});

if (typeof found === 'string') notRun(`--builder repo2docker: ${found}`);
else {
  describe('--builder repo2docker', () => {
    it('opens a Dockerfile repository in JupyterLab on a node; its image is used again', async () => {
      const lines = [
        `FROM ${await baseImage()}`,
        'ARG NB_USER',
        'ARG REPO_DIR',
        'COPY --chown=1000:1000 . /srv/repo',
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a Dockerfile
        'RUN echo "built for ${NB_USER} in ${REPO_DIR}" > /srv/repo/built.txt && env > /srv/repo/env.txt && sleep 1',
        'LABEL ours="a \\"quoted\\" one"',
      ];
      // new on each run: of what the engine's cache gives at once no step is shown
      const notes = `of the repository, ${Date.now()}`;
      const dir = repository({ Dockerfile: `${lines.join('\n')}\n`, 'notes.md': notes });
      const running = new Running(['launch', dir, ...upstream, '--time', '15m'], { env });
      try {
        const session = await running.ready();
        const client = await Client.enter(session.url);
        const content = async (path: string) =>
          (JSON.parse((await client.send('GET', `/api/contents/${path}?content=1`)).text) as { content: string })
            .content;
        expect(await content('built.txt')).toBe('built for jovyan in /srv/repo\n');
        expect(await content('notes.md')).toBe(notes);
        expect(await content('env.txt')).not.toContain('hb-secret');
        const said = running.events.map((event) => String(event.text ?? event.line ?? ''));
        expect(said).toContainEqual(`repo2docker ${VERSION} · Dockerfile`);
        expect(said).toContainEqual(expect.stringMatching(/^step 3 of 3: RUN echo/));

        const receipts = await on('login', 'alice', `cat ${world.scratch}/images/*.json`);
        expect(JSON.parse(receipts.stdout)).toMatchObject({ builder: `repo2docker ${VERSION}`, contentInImage: true });
        const { key } = JSON.parse(receipts.stdout) as { key: string };
        const labels = JSON.parse(
          run('docker', ['inspect', `hpcbinder/${key}`, '--format', '{{json .Config.Labels}}']),
        );
        expect(labels).toMatchObject({
          'hpcbinder.builder': `repo2docker ${VERSION}`,
          'repo2docker.version': VERSION,
          ours: 'a "quoted" one',
        });
        expect(run('docker', ['images', '--quiet', `hpcbinder/${key}-upstream`])).toBe('');

        const again = await hpcbinder(['build', dir, ...upstream], { env });
        expect([again.code, again.stderr]).toEqual([0, expect.stringContaining('reused')]);
        await stop(world, session.id);
        expect(await status(world, session.id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
      } finally {
        await running.close();
      }
    }, 300_000);

    it('ends a build that fails with the lines of the step', async () => {
      const dir = repository({ Dockerfile: 'FROM scratch\nCOPY nothing-of-that-name /x\n' });
      const { code, stderr } = await hpcbinder(['build', dir, ...upstream], { env });
      expect([code, stderr]).toEqual([1, expect.stringMatching(/nothing-of-that-name[\s\S]*E-BUILD/)]);
    });

    it('is ended by ctrl-C with all that it started, and leaves no image', async () => {
      const image = await baseImage();
      const dir = repository({ Dockerfile: `FROM ${image}\nRUN echo it runs && sleep 289\n` });
      const running = new Running(['launch', dir, ...upstream], { env });
      await running.until((event) => event.type === 'log' && String(event.line).startsWith('it runs'));
      running.interrupt();
      expect(await running.ended()).toBe(130);
      const left = run('sh', [
        '-c',
        `pgrep -af 'jupyter-repo2docke[r]|docker-build[x]' | grep -F '${world.dir}' || true`,
      ]);
      expect(left).toBe('');
      expect(run('docker', ['images', '--quiet', '--filter', 'reference=hpcbinder/*-upstream'])).toBe('');
    }, 120_000);
  });
}

const channel = 'https://conda.anaconda.org/conda-forge/noarch/repodata.json.zst';
const reached = await fetch(channel, { method: 'HEAD', signal: AbortSignal.timeout(10_000) }).then(
  (answer) => answer.ok,
  () => false,
);
if (!reached || typeof found === 'string') {
  notRun(
    'a conda repository by --builder repo2docker: conda-forge, from where it takes its base, is not reached from here',
  );
} else {
  it('opens a conda repository', async () => {
    const dir = repository({ 'environment.yml': 'channels: [conda-forge]\ndependencies: [python=3.12, numpy]\n' });
    const running = new Running(['launch', dir, ...upstream, '--time', '15m'], { env });
    try {
      const session = await running.ready(1_800_000);
      const client = await Client.enter(session.url);
      const kernel = await client.startKernel();
      expect(await client.run(kernel, 'import numpy; print(numpy.arange(3).sum())')).toContain('3');
    } finally {
      await running.close();
    }
  }, 2_000_000);
}
