/** A job that does not get out of completing, on a node that Slurm then drains (docs/faults.md). */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client } from '../e2e/client.ts';
import { left, tracesOf } from '../e2e/oracles.ts';
import { hpcbinder, on, Running } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { configured, eventually, launchOf, status, stop } from './rig.ts';

/** Slurm holds a job in completing while its epilog runs; this one runs for as long as the file is there. */
const EPILOG = '#!/bin/sh\\nwhile [ -e /run/stuck-$SLURM_JOB_ID ]; do sleep 1; done\\n';
/** Deaf to SIGTERM, in a session of its own, with a child that is deaf too. */
const DEAF = `import subprocess
p = subprocess.Popen(["sh", "-c", "trap '' TERM HUP; sleep 987654 & while :; do wait; done"], start_new_session=True)
print("deaf", p.pid)`;

let world: OwnWorld;
let sif: string;

beforeAll(async () => {
  sif = await storedImage();
  world = new OwnWorld();
});

afterAll(async () => {
  await on('c2', 'root', 'rm -f /run/stuck-* /etc/slurm/epilog');
  await on('login', 'root', 'scontrol update nodename=c2 state=resume');
  await world[Symbol.asyncDispose]();
});

it('F-27: stop says that its job still completes and returns, nothing of it runs, and a new launch is not kept waiting', async () => {
  await on('c2', 'root', `printf '${EPILOG}' > /etc/slurm/epilog; chmod 755 /etc/slurm/epilog`);
  await using _ = await configured('Epilog=/etc/slurm/epilog');
  const running = new Running(launchOf(sif), { env: world.env });
  let next: Running | undefined;
  try {
    const session = await running.ready();
    await on('c2', 'root', `touch /run/stuck-${session.jobId}`);
    const client = await Client.enter(session.url);
    expect(await client.run(await client.startKernel(), DEAF)).toContain('deaf');
    const traces = await tracesOf(session, (await status(world, session.id)).directory);

    const began = Date.now();
    const { code, stderr } = await hpcbinder(['stop', session.id], { env: world.env });
    expect(Date.now() - began).toBeLessThan(50_000);
    expect(code).toBe(75);
    expect(stderr).toMatch(new RegExp(`stopping; job ${session.jobId} is still completing on c2`));
    expect(stderr).toMatch(/hpcbinder stop \w+ waits again. Your work is kept: /);
    expect((await hpcbinder(['status', session.id], { env: world.env })).stdout).toMatch(/its job is completing/);
    // of the session nothing: what is there is the epilog
    const { processes, paths, sockets } = await left(traces);
    expect(processes.filter((each) => !/ (\/bin\/sh \/etc\/slurm\/epilog|sleep 1) ?$/.test(each))).toEqual([]);
    expect([paths, sockets]).toEqual([[], []]);
    expect((await on('c2', 'root', "pgrep -f '[9]87654'")).stdout).toBe('');

    // as slurmd does after UnkillableStepTimeout
    await on('login', 'root', 'scontrol update nodename=c2 state=drain reason="Kill task failed"');
    const word = () => on('login', 'root', 'sinfo -h -n c2 -o %T');
    expect((await word()).stdout).toMatch(/drain|completing/);
    next = new Running(['launch', '--sif', sif, '--partition', 'debug', '--time', '15m'], { env: world.env });
    const other = await next.ready(90_000);
    expect(other.node).toBe('c1');
    expect(await stop(world, other.id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });

    await on('c2', 'root', 'rm /run/stuck-*');
    expect((await eventually(word, ({ stdout }) => /^drained/.test(stdout), 30)).stdout).toMatch(/^drained/);
    expect((await hpcbinder(['stop', session.id], { env: world.env })).code).toBe(0);
  } finally {
    await running.close();
    await next?.close();
  }
});
