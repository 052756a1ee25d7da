/** A whole session on a cluster, whatever its scheduler: in the browser, to its stop; and to its walltime. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { ensureBrowser, launchBrowser, newNotebook, openLab } from '../browser.mjs';
import { hpcbinder, type Ready, Running } from '../e2e/rig.ts';
import { eventually } from '../faults/rig.ts';

export type SessionTarget = {
  /** an entry of the config in use */
  cluster: string;
  /** what is asked for, but for the walltime */
  flags: readonly string[];
  jobId: RegExp;
};

type Shown = { phase: string; endsAt?: number; ended?: { why: string } };

export function sessionConformance(name: string, { cluster, flags, jobId }: SessionTarget): void {
  const launch = (...more: string[]) =>
    new Running(['launch', './examples/quickstart', '--cluster', cluster, '--yes', ...flags, ...more]);
  const shown = async ({ id }: Ready) => JSON.parse((await hpcbinder(['status', id, '--json'])).stdout) as Shown;

  describe(`a session on ${name}`, () => {
    let browser: Browser;
    beforeAll(async () => {
      ensureBrowser();
      browser = await launchBrowser();
    }, 120_000);
    afterAll(async () => void (await browser?.close()));

    it('opens in the browser and runs a cell on the compute node, and is over after stop', async () => {
      const running = launch('--time', '10m');
      try {
        const session = await running.ready();
        expect(session.jobId).toMatch(jobId);
        const run = await newNotebook(await openLab(browser, session.url));
        const where =
          'import os, platform; print(os.environ.get("PBS_JOBID") or os.environ["SLURM_JOB_ID"], platform.node())';
        expect(await run(where)).toContain(`${session.jobId} ${session.node}`);
        const stopped = await hpcbinder(['stop', session.id, '--json']);
        expect(JSON.parse(stopped.stdout)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
        expect(await running.ended()).toBe(0);
      } finally {
        await running.close();
      }
    }, 300_000);

    it('ends by itself before its walltime does, and says why', async () => {
      const running = launch('--time', '1m');
      try {
        const session = await running.ready();
        const last = await eventually(
          () => shown(session),
          ({ phase }) => phase === 'ended',
          120,
        );
        expect(last).toMatchObject({ phase: 'ended', ended: { why: 'timeout' } });
      } finally {
        await running.close();
      }
    }, 300_000);
  });
}
