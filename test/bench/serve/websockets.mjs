// Three WebSockets to each of 700 sessions, held open and in use: who drops, what one weighs in the endpoint's memory, and how
// often the scheduler is asked meanwhile.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { memoryOf } from './rig.mjs';
import { Tab } from './tab.mjs';

const EACH = 3;
const MOST_KIB = 110;
const SAY_MS = 10_000;
/** jobs/pace.ts: of running jobs whose agents answer */
const INTERVAL_MS = 300_000;

/** `campus`: {made, real, endpoint, tabs}; the tabs stay open for the next part. */
export async function webSockets(campus, seconds) {
  const { made, real, endpoint, tabs } = campus;
  const since = Date.now();
  const before = await settledMemory(endpoint.pid);
  for (let at = 0; at < made.sessions.length; at += 20) {
    const some = made.sessions
      .slice(at, at + 20)
      .flatMap((each) => Array.from({ length: EACH }, () => new Tab(made.port, each)));
    await Promise.all(some.map((tab) => tab.open()));
    tabs.push(...some);
  }
  const opened = (Date.now() - since) / 1000;
  process.stderr.write(`${tabs.length} WebSockets are open after ${opened.toFixed(0)} s, for ${seconds} s\n`);
  let next = 60;
  for (const began = Date.now(); Date.now() < began + seconds * 1000; ) {
    for (const tab of tabs) tab.say();
    await wait(Math.min(SAY_MS, Math.max(0, began + seconds * 1000 - Date.now())));
    if (Date.now() - began < next * 1000) continue;
    process.stderr.write(
      `${next} s: ${sum(tabs, 'cuts')} dropped, ${(memoryOf(endpoint.pid) / 1024).toFixed(0)} MiB\n`,
    );
    next += 60;
  }
  for (const until = Date.now() + 10_000; sum(tabs, 'echoed') < sum(tabs, 'sent') && Date.now() < until; )
    await wait(100);
  const each = ((await settledMemory(endpoint.pid)) - before) / tabs.length;
  const cuts = sum(tabs, 'cuts');
  const lost = sum(tabs, 'sent') - sum(tabs, 'echoed');
  const held = (Date.now() - campus.since) / 1000;
  const queries = join(made.directory, 'queries');
  const asked = existsSync(queries) ? readFileSync(queries, 'utf8').trim().split('\n').length : 0;
  const most = Math.floor((held * 1000) / INTERVAL_MS);
  const row = (what, value, unit, limit, met) => ({ what, ours: [value], theirs: [], unit, limit, met });
  return {
    rows: [
      row(
        `dropped of ${tabs.length} WebSockets to ${made.sessions.length} sessions in ${seconds} s`,
        cuts,
        '',
        '0',
        cuts === 0,
      ),
      row(
        `of ${(sum(tabs, 'sent') / 1e6).toFixed(1)} MB through them, bytes that did not come back`,
        lost,
        '',
        '0',
        lost === 0,
      ),
      row('memory of one WebSocket', each, 'KiB', `at most ${MOST_KIB} KiB`, each <= MOST_KIB),
      row(
        `squeue, asked in ${held.toFixed(0)} s for all ${made.sessions.length}`,
        asked,
        '',
        `one each ${INTERVAL_MS / 1000} s: ${most}`,
        asked <= most,
      ),
    ],
    notes: [
      `of the ${made.sessions.length} agents ${real} are real (agent.py, a process each, before a small app); the others are one process that speaks their three protocols over mutual TLS. All are watched and measured as \`serve\` does it`,
      `the ${tabs.length} WebSockets were opened in ${opened.toFixed(1)} s, 60 at a time, ${sum(tabs, 'refused')} of them not at the first attempt; the endpoint without them had ${(before / 1024).toFixed(0)} MiB of its own`,
    ],
  };
}

/** KiB that are held by something. */
async function settledMemory(pid) {
  for (let n = 0; n < 2; n++) {
    process.kill(pid, 'SIGUSR2');
    await wait(1500);
  }
  return memoryOf(pid);
}

export function sum(tabs, what) {
  return tabs.reduce((all, tab) => all + tab[what], 0);
}
