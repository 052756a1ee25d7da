/** A repository becomes an image in the real engine, and that a SIF, by the real mksquashfs here and in a container. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, statSync } from 'node:fs';
import { homedir, hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkImage } from '../../converters/check-image.ts';
import { docker2singularity } from '../../converters/docker2singularity.ts';
import { readSif, SIF_READ_BYTES, SIF_TYPE } from '../../converters/sif.ts';
import type { BuildPlan, BuildSettings, ImageRef } from '../../core/artifacts.ts';
import type { Engine } from '../../core/engine.ts';
import { baseReference, resolveBase } from '../../images/base.ts';
import { buildImage } from '../../images/build.ts';
import { findEngine } from '../../images/find.ts';
import { hostBuildSettings } from '../../images/settings.ts';
import { checkoutOf, PLAN } from '../images/plans.ts';

const KEY = 'e2ec0'.padEnd(32, '0');
const SECRET = 'hb-e2e-secret';
const dir = mkdtempSync(join(tmpdir(), 'hb-convert-'));
const checkout = checkoutOf({ 'requirements.txt': 'numpy\nnunpy==1.26\n', 'notes.txt': 'kept' });

const FAKE_JUPYTER = [
  'mkdir -p /srv/venv/bin',
  "printf '#!/bin/sh\\necho 4.6.6\\n' > /srv/venv/bin/jupyter && chmod 755 /srv/venv/bin/jupyter",
  'cp /bin/true /srv/venv/bin/setuid && chmod 4700 /srv/venv/bin/setuid',
  'mkdir -p /.singularity.d && echo theirs > /.singularity.d/runscript && mkfifo /srv/pipe',
].join('\n');

let engine: Engine;
let plan: BuildPlan;
let settings: BuildSettings;
let image: ImageRef;
const lines: string[] = [];

function planOf(...steps: BuildPlan['steps']): BuildPlan {
  return { ...plan, steps: [...steps] };
}

beforeAll(async () => {
  engine = await findEngine();
  const stateFile = join(dir, 'bases.json');
  const base = await resolveBase(engine, PLAN.base?.name ?? '', '3.13', { stateFile, platform: engine.platform });
  const env = [['PATH', '/srv/venv/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin']] as const;
  plan = { ...PLAN, base, env, platform: engine.platform };
  settings = await hostBuildSettings(process.env, homedir());
  settings.pip.extraIndexUrls = [`https://user:${SECRET}@127.0.0.1:9/simple`];
  const user = 'groupadd --gid 1000 jovyan && useradd --uid 1000 --gid 1000 --create-home jovyan';
  plan = planOf(
    { kind: 'run', name: 'user', as: 'root', cwd: '/', shell: user, onlyWithIds: true },
    { kind: 'run', name: 'app', as: 'root', cwd: '/', shell: FAKE_JUPYTER },
    { kind: 'text', path: '/usr/local/bin/hpcbinder-entrypoint', mode: 0o755, text: '#!/bin/sh\nexec "$@"\n' },
    { kind: 'tree', sha256: '0'.repeat(64), exclude: [] },
  );
  image = await buildImage(engine, plan, checkout, settings, { key: KEY, on: (line) => lines.push(line), force: true });
}, 600_000);

afterAll(() => {
  rmSync(dir, { recursive: true });
  execFileSync('docker', ['rmi', '--force', `hpcbinder/${KEY}`], { stdio: 'ignore' });
});

function listing(sif: string): string {
  const { descriptors } = header(sif);
  const offset = descriptors.find(({ type }) => type === SIF_TYPE.partition)?.offset ?? 0;
  return execFileSync('unsquashfs', ['-lln', '-o', String(offset), sif], { encoding: 'utf8', maxBuffer: 64 << 20 });
}

function header(sif: string) {
  const file = openSync(sif, 'r');
  const front = Buffer.alloc(Math.min(SIF_READ_BYTES, statSync(sif).size));
  readSync(file, front, 0, front.length, 0);
  closeSync(file);
  return readSif(front, statSync(sif).size);
}

describe('a build in the engine', () => {
  it('tells its steps by name and is not done again under its key', async () => {
    expect(lines.filter((line) => line.startsWith('step '))).toContainEqual(
      expect.stringMatching(/^step \d+ of \d+: app$/),
    );
    const again: string[] = [];
    const same = await buildImage(engine, plan, checkout, settings, { key: KEY, on: (line) => again.push(line) });
    expect([same.id, again]).toEqual([image.id, []]);
  });

  it('leaves neither settings nor credentials in the root file system', async () => {
    const grep = `grep -rl ${SECRET} / --exclude-dir=proc --exclude-dir=sys; ls /run`;
    const { stdout } = await engine.run(image.tag, { entrypoint: ['/bin/sh'], command: ['-c', grep], user: 'root' });
    expect(stdout).not.toMatch(/hpcbinder-build|\//);
    expect(JSON.stringify((await engine.inspect(image.tag))?.config)).not.toContain(SECRET);
  });

  it('ends at the line of requirements.txt that is wrong', async () => {
    const shell = 'python3 -m venv /tmp/v && PIP_EXTRA_INDEX_URL= /tmp/v/bin/pip install -q -r requirements.txt';
    const wrong = planOf(...plan.steps, {
      kind: 'run',
      name: 'requirements.txt',
      as: 'user',
      cwd: '/srv/repo',
      shell,
      file: 'requirements.txt',
    });
    await expect(
      buildImage(engine, wrong, checkout, settings, { key: 'e2ec1'.padEnd(32, '0'), on: () => {} }),
    ).rejects.toMatchObject({
      code: 'E-BUILD-PIP',
      message: expect.stringContaining('requirements.txt:2 asks for nunpy==1.26'),
    });
  }, 120_000);

  it('is checked for its app, as a user whom the image does not know', async () => {
    expect(await checkImage(engine, image.tag, { app: 'lab' })).toBe('4.6.6');
    const bare = plan.base === undefined ? '' : baseReference(plan.base);
    await expect(checkImage(engine, bare, { app: 'lab' })).rejects.toMatchObject({ code: 'E-IMAGE-APP' });
    await expect(checkImage(engine, image.tag, { app: 'lab', start: '/srv/repo/notes.txt' })).rejects.toMatchObject({
      code: 'E-IMAGE-APP',
      message: expect.stringContaining('not executable'),
    });
  }, 60_000);
});

describe('docker2singularity', () => {
  it('gives the same bytes twice, with our runscript and none of what is forbidden', async () => {
    const [one, two] = [join(dir, 'one.sif'), join(dir, 'two.sif')];
    const seen: number[] = [];
    const first = await docker2singularity(engine, image.tag, one, { on: ({ done }) => seen.push(done) });
    const second = await docker2singularity(engine, image.tag, two);
    expect(second.sha256).toBe(first.sha256);
    expect(seen.at(-1)).toBeGreaterThan(50e6);
    const list = listing(one);
    expect(list).toMatch(/\.singularity\.d\/env\/10-docker2singularity\.sh$/m);
    expect(list).toMatch(/^-rwxr-xr-x .*\/srv\/venv\/bin\/setuid$/m);
    expect(list).not.toMatch(/^[bcp]|\/srv\/pipe$|^-..s/m);
    expect(list.match(/squashfs-root\/\.singularity\.d\/runscript$/gm)).toHaveLength(1);
  }, 120_000);

  it('works with mksquashfs of a container, where this machine has none', async () => {
    const path = join(dir, 'container.sif');
    const toolsBase = plan.base === undefined ? '' : baseReference(plan.base);
    await docker2singularity(engine, image.tag, path, { squash: 'container', toolsBase });
    expect(listing(path)).toBe(listing(join(dir, 'one.sif')));
  }, 300_000);

  it('leaves no container and no half file behind when it is stopped', async () => {
    const temporary = () =>
      execFileSync('docker', ['ps', '-aq', '--filter', 'label=org.hpcbinder.temporary'], { encoding: 'utf8' });
    const before = temporary();
    const stop = new AbortController();
    const path = join(dir, 'stopped.sif');
    const stopped = docker2singularity(engine, image.tag, path, { signal: stop.signal, on: () => stop.abort() });
    await expect(stopped).rejects.toMatchObject({ code: 'E-CANCELLED' });
    expect(readdirSync(dir).filter((name) => name.startsWith('stopped'))).toEqual([]);
    expect(temporary()).toBe(before);
  }, 60_000);

  it('removes what a killed process left before it, and nothing of a living one', async () => {
    const create = (pid: number) =>
      execFileSync(
        'docker',
        ['create', '--label', `org.hpcbinder.temporary=${hostname()} ${pid}`, image.tag, '/bin/true'],
        { encoding: 'utf8' },
      ).trim();
    // the largest pid that Linux gives is 4194304
    const [dead, alive] = [create(99_999_999), create(process.ppid)];
    const stream = await engine.exportRoot(image.tag);
    stream.destroy();
    const left = execFileSync('docker', ['ps', '-aq', '--no-trunc', '--filter', 'label=org.hpcbinder.temporary'], {
      encoding: 'utf8',
    });
    execFileSync('docker', ['rm', alive]);
    expect([left.includes(dead), left.includes(alive)]).toEqual([false, true]);
  }, 60_000);
});
