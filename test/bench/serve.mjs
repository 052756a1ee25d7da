// The campus endpoint under load: its real proxy, doors, sign-in and state, beside configurable-http-proxy and nginx.
import { join } from 'node:path';
import { abandoned } from './serve/abandoned.mjs';
import { sessionFiles, startApp } from './serve/nginx.mjs';
import { rates } from './serve/rate.mjs';
import { freePort, makeState, startOwn, stopAll } from './serve/rig.mjs';

const SESSIONS = 8;

export async function serve(bench) {
  const directory = join(bench.scratch, 'serve');
  const app = { plain: await freePort(), tls: await freePort() };
  const agentsPort = await freePort();
  try {
    const made = await makeState(directory, SESSIONS, [app.tls, agentsPort]);
    const session = sessionFiles(directory, made.sessions[0]);
    await startApp(directory, app, session);
    const agents = await startOwn('agents.mjs', [directory, agentsPort], agentsPort);
    const all = { rounds: bench.rounds, made, app, session, agents };
    const parts = [];
    for (const part of [rates, abandoned]) parts.push(await part(all));
    return {
      title: 'The campus endpoint',
      about:
        'Ours: `openEndpoint` with its state, its doors (a session’s cookie whose login is alive), http-proxy and connections kept by mutual TLS; theirs: configurable-http-proxy 5 before the same app without TLS, nginx where it is named. The app is nginx with 1 KiB per answer, and in the chain the TLS before it is nginx’s too, with the session’s certificates: a fake agent, so that the proxies are the limit. Load: autocannon with 64 connections, 3 s per side and round.',
      rows: parts.flatMap(({ rows }) => rows),
      notes: parts.flatMap(({ notes }) => notes),
    };
  } finally {
    await stopAll();
  }
}
