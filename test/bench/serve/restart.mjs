// The endpoint is killed (SIGKILL) under 700 sessions with their WebSockets, and started again: until each route answers through
// its agent, until every tab has its WebSocket again, and whether anybody's session was ended by it (F-49, F-52).
import { get } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import { median } from '../report.mjs';
import { agentsAlive } from './real-agents.mjs';
import { sessionsAlive } from './rig.mjs';

const MOST_SECONDS = { routes: 5, tabs: 30 };
const GIVEN_UP_MS = 60_000;

/** `campus`: {made, real, endpoint, tabs, start}. */
export async function restart(campus, rounds) {
  const { made, tabs, real } = campus;
  const [listening, routes, back] = [[], [], []];
  for (let round = 0; round < rounds; round++) {
    await campus.endpoint.stop('SIGKILL');
    const began = performance.now();
    const since = () => (performance.now() - began) / 1000;
    campus.endpoint = await campus.start();
    listening.push(since());
    const all = Promise.all(made.sessions.map((session) => answers(made.port, session)));
    const tabsBack = opened(tabs).then(() => back.push(since()));
    await all.then(() => routes.push(since()));
    await tabsBack;
    process.stderr.write(
      `restart ${round + 1}: listens ${line(listening)}, routes ${line(routes)}, tabs ${line(back)}\n`,
    );
    // as long as a session's first questions take
    await wait(5_000);
  }
  await campus.endpoint.stop();
  const [alive, agents] = [sessionsAlive(made.directory), agentsAlive()];
  const row = (what, ours, most) => ({
    ...{ what, ours, theirs: [], unit: 's', limit: `at most ${most} s`, met: median(ours) <= most },
  });
  const gone = made.sessions.length - alive + (real - agents);
  return {
    rows: [
      row(`killed and started: all ${made.sessions.length} routes answer`, routes, MOST_SECONDS.routes),
      row(`killed and started: all ${tabs.length} WebSockets are back`, back, MOST_SECONDS.tabs),
      {
        ...{ what: `sessions culled by ${rounds} such restarts`, ours: [gone], theirs: [], unit: '' },
        ...{ limit: '0', met: gone === 0 },
      },
    ],
    notes: [
      `after SIGKILL the endpoint listens again after ${median(listening).toFixed(1)} s; the tabs come back as JupyterLab's do, each after a random wait of up to 0, 1, 3, 7, 15 s`,
    ],
  };
}

function line(values) {
  return `${values.at(-1).toFixed(1)} s`;
}

/** Those that are away for longer have missed it by far. */
async function opened(tabs) {
  for (const until = Date.now() + GIVEN_UP_MS; !tabs.every(({ isOpen }) => isOpen); await wait(50)) {
    if (Date.now() < until) continue;
    const away = tabs.filter(({ isOpen }) => !isOpen);
    process.stderr.write(`${away.length} tabs are away still: ${away[0]?.why}\n`);
    return;
  }
}

async function answers(port, { host, cookie }) {
  const ask = () =>
    new Promise((resolve) => {
      const headers = { Host: host, Cookie: cookie };
      get({ port, host: '127.0.0.1', path: '/api', headers, agent: false }, (res) => {
        res.resume().once('end', () => resolve(res.statusCode === 200));
      }).once('error', () => resolve(false));
    });
  for (const until = Date.now() + GIVEN_UP_MS; !(await ask()); await wait(100))
    if (Date.now() > until) throw new Error(`${host} does not come back`);
}
