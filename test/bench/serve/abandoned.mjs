// 300 browsers that begin a WebSocket to a hung app and go: does a descriptor stay, in the endpoint or towards the agent?
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { descriptorsOf, startOwn } from './rig.mjs';
import { upgradeOf } from './tab.mjs';

const COUNT = 300;

export async function abandoned({ rounds, made, agents }) {
  const endpoint = await startOwn('endpoint.mjs', [made.directory, 'unwatched'], made.port);
  // the agent of the first session is nginx, these hang
  const hung = made.sessions.slice(1);
  const [left, most] = [[], []];
  for (let round = 0; round <= rounds; round++) {
    const count = () => descriptorsOf(endpoint.pid) + descriptorsOf(agents.pid);
    const before = count();
    const browsers = Array.from({ length: COUNT }, (_, n) => {
      const socket = connect(made.port, '127.0.0.1').on('error', () => {});
      socket.write(upgradeOf(hung[n % hung.length], '/hung'));
      return socket;
    });
    await Promise.all(browsers.map((socket) => once(socket, 'connect')));
    // each is on its way to the app, and waits there
    for (const until = Date.now() + 8_000; count() < before + 3 * COUNT && Date.now() < until; ) await wait(50);
    const peak = count() - before;
    for (const socket of browsers) socket.destroy();
    for (const until = Date.now() + 5_000; count() > before && Date.now() < until; ) await wait(50);
    // the first has libraries and the database's files opened for good
    if (round === 0) continue;
    left.push(Math.max(0, count() - before));
    most.push(peak);
  }
  await endpoint.stop();
  return {
    rows: [
      {
        what: `descriptors left by ${COUNT} abandoned upgrades to a hung app`,
        ...{ ours: left, theirs: [], unit: '', limit: '0', met: left.every((count) => count === 0) },
      },
      {
        what: 'descriptors while they waited (endpoint and agents)',
        ...{
          ours: most,
          theirs: [],
          unit: '',
          limit: `${3 * COUNT}: all of them were there`,
          met: Math.min(...most) >= 3 * COUNT,
        },
      },
    ],
    notes: [],
  };
}
