/** A laptop without a container engine: the same repository, built on the cluster by a batch job, ends in the same page. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ensureBrowser, launchBrowser, newNotebook, openLab } from '../browser.mjs';
import { notRun } from '../not-run.ts';
import { hpcbinder, on, Running } from './rig.ts';
import { OwnWorld } from './worlds.ts';

let world: OwnWorld;
const quickstart = ['launch', './examples/quickstart', '--partition', 'gpu', '--time', '20m', '--mem', '2G'];

beforeAll(() => {
  // its state knows of no base image: what it knows of Python 3.13 is what the cluster's entry says
  world = new OwnWorld({}, { pinned: false });
  world.env.HPCBINDER_ENGINE = 'none';
});

afterAll(() => world[Symbol.asyncDispose]());

describe('the quickstart without an engine', () => {
  it('is built by a batch job, on a compute node, and opens in the browser on c2', async () => {
    const running = new Running(quickstart, { env: world.env });
    try {
      const { id, url, jobId } = await running.ready(500_000);
      const said = running.events.filter(({ type }) => type === 'note' || type === 'done').map(({ text }) => text);
      expect(said).toContainEqual(expect.stringContaining('a batch job on 127.0.0.1 builds the image'));
      expect(said).toContainEqual(expect.stringMatching(/^image built by a job on 127\.0\.0\.1/));
      const jobs = await world.jobs();
      expect(jobs.map((line) => line.split('|')[2])).toEqual(['COMPLETED', 'RUNNING']);
      expect(jobs[1]).toContain(`${jobId}|${id}`);
      if (ensureBrowser()) {
        const browser = await launchBrowser();
        try {
          const run = await newNotebook(await openLab(browser, url));
          expect(await run('import socket, matplotlib; print(socket.gethostname())')).toBe('c2');
        } finally {
          await browser.close();
        }
      } else notRun('the page of an image built on the cluster: there is no Chromium here');
      expect(await hpcbinder(['stop', id], { env: world.env })).toMatchObject({ code: 0 });
    } finally {
      await running.close();
    }
  }, 600_000);

  it('has the key that it has with an engine, so that either finds what the other built', async () => {
    const { stdout } = await on('login', 'alice', `cd ${world.scratch}/images; ls *.sif`);
    const key = stdout.replace('.sif', '');
    const { HPCBINDER_ENGINE: _, ...withEngine } = world.env;
    const made = await hpcbinder(['build', './examples/quickstart', '--partition', 'gpu', '--json'], {
      env: { ...withEngine, HPCBINDER_STATE: process.env.HPCBINDER_STATE ?? '' },
    });
    expect(made.stderr).toBe('');
    expect(JSON.parse(made.stdout.split('\n').at(-1) ?? '')).toMatchObject({ type: 'built', key });
    expect(made.stdout).toContain('reused, built');
  });

  it('is launched the next time from that image, with no further build', async () => {
    const before = await world.jobs();
    const { code, stdout } = await hpcbinder([...quickstart, '--detach', '--json'], { env: world.env });
    expect(code).toBe(0);
    expect(stdout).toContain('reused, built');
    const { id } = JSON.parse(stdout.split('\n').at(-1) ?? '');
    expect(await hpcbinder(['stop', id], { env: world.env })).toMatchObject({ code: 0 });
    expect((await world.jobs()).length - before.length).toBe(1);
  });

  it('leaves nothing of the build behind but the image', async () => {
    const { stdout } = await on('login', 'alice', `cd ${world.scratch}/images; find . -mindepth 1 | sort`);
    const names = stdout.split('\n').filter((name) => !name.startsWith('./contents'));
    expect(names.filter((name) => !/^\.\/[0-9a-f]{32}\.(sif|json|seal)$/.test(name))).toEqual([
      './build-modes',
      './builds',
      './tmp',
    ]);
  });
});
