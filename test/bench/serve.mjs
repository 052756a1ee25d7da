// The campus endpoint under load: its real proxy, doors, sign-in and state, beside configurable-http-proxy and nginx.
import { join } from 'node:path';
import { abandoned } from './serve/abandoned.mjs';
import { bulk } from './serve/bulk.mjs';
import { campus } from './serve/campus.mjs';
import { sessionFiles, startApp } from './serve/nginx.mjs';
import { rates } from './serve/rate.mjs';
import { freePort, makeState, startOwn, stopAll } from './serve/rig.mjs';

/** The first has nginx for an agent; the others' agents hang, count and echo. */
const SESSIONS = 12;

/** `HPCBINDER_BENCH_SECONDS`: how long the campus is at work, 600 unless it is said. */
export async function serve({ scratch, rounds }) {
  const directory = join(scratch, 'serve');
  const own = join(directory, 'few');
  const app = { plain: await freePort(), tls: await freePort() };
  const agentsPort = await freePort();
  try {
    const made = await makeState(own, SESSIONS, async () => [app.tls, agentsPort]);
    const session = sessionFiles(own, made.sessions[0]);
    await startApp(own, app, session);
    const agents = await startOwn('agents.mjs', [own, agentsPort], agentsPort);
    const parts = [];
    for (const part of [rates, abandoned, bulk]) parts.push(await part({ rounds, made, app, session, agents }));
    parts.push(await campus({ directory, rounds }));
    return {
      title: 'The campus endpoint',
      about:
        'Ours: `openEndpoint` with its state, its doors (a session’s cookie whose login is alive), http-proxy and connections kept by mutual TLS; theirs: configurable-http-proxy 5 before the same app without TLS, nginx where it is named. The app is nginx with 1 KiB per answer, and in the chain the TLS before it is nginx’s too, with the session’s certificates: a fake agent, so that the proxies are the limit. Load: autocannon with 64 connections, 3 s per side and round; the processor time per request is the process’s own and its threads’. Then a campus at work (L-1, L-6, L-8): 700 sessions, watched and measured as `serve` does it. Again: `npm run bench serve`, 20 minutes; `HPCBINDER_BENCH_SECONDS=60` shortens the ten minutes of the campus, which the table then says.',
      rows: parts.flatMap(({ rows }) => rows),
      notes: parts.flatMap(({ notes }) => notes),
    };
  } finally {
    await stopAll();
  }
}
