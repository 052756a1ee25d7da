/** A build on a node without a way to the package indexes: refused before the queue, or told in the job's first seconds. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { fetchedFrom } from '../../cli/fetched-from.ts';
import { clusterFault, noInternet } from '../../converters/build-faults.ts';
import type { BuildPlan } from '../../core/artifacts.ts';

const site = { host: 'hpc', user: 'alice', partition: 'debug', container: 'apptainer 1.4.5' };
const step = (shell: string) => ({ kind: 'run', name: 'x', as: 'root', shell, cwd: '/' }) as const;
const planOf = (...shells: string[]) => ({ steps: shells.map(step) }) as unknown as BuildPlan;

/** The job's script up to where it would look for room; its directory has no more than the hosts. */
function runJob(reach: string, env: Record<string, string> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'hb-offline-'));
  try {
    const script = readFileSync(new URL('../../converters/build-job.sh', import.meta.url), 'utf8');
    const files = {
      'job.sh': script,
      reach,
      container: '/bin/false\n',
      scratch: '/nonexistent/x\n',
      output: '/nonexistent/y\n',
      'epilogue.sh': 'echo the epilogue ran\n',
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    const { status, stdout } = spawnSync('/bin/sh', ['job.sh'], {
      cwd: dir,
      env: { PATH: process.env.PATH, TMPDIR: '/nonexistent', ...env },
      encoding: 'utf8',
      timeout: 30_000,
    });
    return { status, stdout };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

describe('a build on nodes without internet', () => {
  it('ends in its first seconds, with the node and the host that it did not reach, and runs the epilogue', () => {
    const { status, stdout } = runJob('127.0.0.1 1\n');
    expect(status).toBe(94);
    expect(stdout).toMatch(/^hpcbinder: no way from \S+ to 127\.0\.0\.1\nthe epilogue ran\n$/);
    const fault = clusterFault(
      planOf(),
      { exitCode: 94, seen: undefined, step: '', lines: stdout.split('\n').slice(0, 1) },
      site,
    );
    expect(fault).toMatchObject({ code: 'E-BUILD-CLUSTER', message: expect.stringMatching(/no way to 127\.0\.0\.1/) });
    expect(fault?.hint).toMatch(/--build-on here/);
  });

  it('is not looked at where a proxy of the site speaks for the nodes', () => {
    expect(runJob('127.0.0.1 1\n', { https_proxy: 'http://proxy:3128' }).stdout).not.toContain('no way');
  });

  it('goes on where the host is reached', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const { status, stdout } = runJob(`127.0.0.1 ${port}\n`);
    server.close();
    expect(stdout).not.toContain('no way');
    expect(status).not.toBe(94);
  });

  it('is refused before the queue where the entry says so, with what would help', () => {
    const { message, hint } = noInternet(site, 'the entry says so');
    expect(`${message} ${hint}`).toMatch(/the nodes of hpc do not reach it.*pip\.index_url.*--build-on here/s);
  });
});

describe('where a build fetches from', () => {
  const pip = planOf('/venv/bin/pip install --no-cache-dir -r requirements.txt');
  const apt = planOf('apt-get -qq update\napt-get -qq install -- tree', 'pip install x');
  it('is the index and the mirror, where a step uses them', () => {
    expect(fetchedFrom(pip, { pip: {} })).toEqual(['pypi.org 443']);
    expect(fetchedFrom(apt, { pip: {} })).toEqual(['pypi.org 443', 'deb.debian.org 80']);
    expect(fetchedFrom(planOf('true'), { pip: {} })).toEqual([]);
  });
  it('is the site’s own where the config names one, without its password', () => {
    const own = { pip: { indexUrl: 'https://me:word@pypi.site:8443/simple' }, aptMirror: 'http://mirror.site/debian' };
    expect(fetchedFrom(apt, own)).toEqual(['pypi.site 8443', 'mirror.site 80']);
    expect(fetchedFrom(apt, own, { own: false })).toEqual([]);
  });
});
