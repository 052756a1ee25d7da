// A campus at work: 700 sessions, 20 of them with real agents, 2,100 WebSockets for ten minutes, and restarts under them.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { startAgents, stopAgents } from './real-agents.mjs';
import { restart } from './restart.mjs';
import { freePort, makeState, startOwn } from './rig.mjs';
import { webSockets } from './websockets.mjs';

const SECONDS = Number(process.env.HPCBINDER_BENCH_SECONDS ?? 600);

/** `count` sessions, the first `real` of them with real agents. */
export async function campus({ directory, rounds, count = 700, real = 20 }) {
  const port = await freePort();
  process.stderr.write(`${count} sessions are made, ${real} of them real\n`);
  try {
    const made = await makeState(join(directory, 'campus'), count, async ({ directory: own, sessions }) => {
      await startOwn('agents.mjs', [own, port], port);
      return [...(await startAgents(sessions.slice(0, real))), port];
    });
    const start = () => startOwn('endpoint.mjs', [made.directory], made.port, ['--expose-gc']);
    rmSync(join(made.directory, 'queries'), { force: true });
    const on = { made, start, real, tabs: [], since: Date.now(), endpoint: await start() };
    // each agent is asked and heard once
    await wait(35_000);
    const held = await webSockets(on, SECONDS);
    const restarted = await restart(on, rounds);
    for (const tab of on.tabs) tab.close();
    return { rows: [...held.rows, ...restarted.rows], notes: [...held.notes, ...restarted.notes] };
  } finally {
    await stopAgents();
  }
}
