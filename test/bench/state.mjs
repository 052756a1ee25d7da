// The endpoint's state after some years: 5,000 users, 100,000 past sessions, 700 live ones. Generated, with keys of real length.
import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { State } from '../../dist/server/state/index.js';

const USERS = 5000;
const PAST = 100_000;
const LIVE = 700;
const ASKS = 400;
const BEGAN = Date.parse('2025-01-01T00:00:00Z');
const MOST = { start: 2000, page: 100, write: 20, poll: 200 };

export async function state({ rounds, scratch }) {
  const directory = join(scratch, 'state');
  rmSync(directory, { recursive: true, force: true });
  const bytes = fill(directory);
  const [starts, pages, writes, polls] = [[], [], [], []];
  for (let round = 0; round < rounds; round++) {
    const began = performance.now();
    const opened = State.open(directory);
    const live = opened.sessions({ live: true });
    starts.push(performance.now() - began);
    if (live.length !== LIVE) throw new Error(`${live.length} live sessions instead of ${LIVE}`);
    pages.push(at(0.95, (n) => opened.sessions({ account: accountOf(n * 7 + round), limit: 200 })));
    writes.push(at(0.99, (n) => save(opened, PAST + (n % LIVE), `${round} ${n}`)));
    const each = () => {
      for (let n = 0; n < LIVE; n++) save(opened, PAST + n, `all ${round}`);
    };
    polls.push(timed(() => opened.together(each)));
    opened.close();
  }
  rmSync(directory, { recursive: true, force: true });
  const row = (what, ours, most) => ({
    ...{ what, ours, theirs: [], unit: 'ms', limit: `at most ${most} ms` },
    met: ours.every((value) => value <= most),
  });
  return {
    title: 'The endpoint’s state',
    about: `One SQLite file of ${(bytes / 1e6).toFixed(0)} MB: ${PAST} past sessions of ${USERS} users and ${LIVE} live ones, ${2 * PAST} lines of audit. Each write is on the disk when it returns. Every round must hold its limit.`,
    rows: [
      row('start: opened, looked over, all live sessions read', starts, MOST.start),
      row(`somebody’s sessions, 95th percentile of ${ASKS}`, pages, MOST.page),
      row(`one session written, 99th percentile of ${ASKS}`, writes, MOST.write),
      row(`${LIVE} sessions written together`, polls, MOST.poll),
    ],
  };
}

function fill(directory) {
  const filled = State.open(directory);
  for (let first = 0; first < PAST + LIVE; first += 1000)
    filled.together(() => {
      for (let n = first; n < Math.min(first + 1000, PAST + LIVE); n++) save(filled, n, 'filled');
    });
  filled.together(() => {
    for (let n = 0; n < 2 * PAST; n++)
      filled.audit.write({
        account: accountOf(n),
        action: n % 2 ? 'launch' : 'open',
        session: idOf(n),
        from: '10.0.0.1',
      });
  });
  filled.close();
  return statSync(filled.path).size;
}

const accountOf = (n) => `user${n % USERS}`;
const idOf = (n) => `hb-${String(n).padStart(10, '0')}`;

function save(into, n, seenAt) {
  const pem = 'x'.repeat(800);
  const createdAt = new Date(BEGAN + n * 300_000).toISOString();
  const record = {
    ...{ schema: 1, id: idOf(n), cluster: 'campus', createdAt, phase: n < PAST ? 'ended' : 'ready', seenAt },
    ...{ repo: { shown: 'org/repo', url: 'https://github.com/org/repo', commit: 'f'.repeat(40) }, key: 'a'.repeat(32) },
    ...{ sif: '/scratch/hpcbinder/images/a.sif', directory: `/home/user/${idOf(n)}`, workDirectory: '/home/user/work' },
    ...{ app: 'lab', request: { partition: 'gpu', cpus: 2, memoryMb: 8192, seconds: 7200, gpus: 1, extra: [] } },
    ...{
      limits: { idleSeconds: 3600 },
      jobId: String(n),
      ...(n < PAST ? { ended: { why: 'idle', at: createdAt } } : {}),
    },
    secrets: { ca: pem, clientCert: pem, clientKey: pem, appToken: 't'.repeat(64), cookieKey: 'c'.repeat(64) },
  };
  into.saveSession(record, { account: accountOf(n) });
}

function timed(work) {
  const began = performance.now();
  work();
  return performance.now() - began;
}

/** The value that so many of the asks stay under. */
function at(part, ask) {
  const times = Array.from({ length: ASKS }, (_, n) => timed(() => ask(n))).sort((a, b) => a - b);
  return times[Math.floor(ASKS * part)];
}
