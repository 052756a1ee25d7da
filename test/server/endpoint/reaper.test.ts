import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { LaunchView, User } from '../../../core/endpoint.ts';
import { HpcbinderError } from '../../../core/errors.ts';
import { Reaper } from '../../../server/endpoint/reaper.ts';
import type { State } from '../../../server/state/index.ts';
import { kept, Rig } from '../state/rig.ts';

const MINUTE = 60_000;
const BEGAN = Date.parse('2026-11-24T00:00:00Z');
const at = (ms: number) => new Date(BEGAN + ms).toISOString();
const launch = (id: string, state: LaunchView['state'], session: string): LaunchView => ({
  id,
  account: 'alice',
  wanted: { provider: 'gh', spec: 'org/repo/HEAD' },
  startedAt: at(0),
  state,
  session,
});

let rig: Rig;
let state: State;
let now: number;
/** session → number: what alice's queue has; a fake of the cluster */
let queue: Map<string, string>;
let asked: string[][];
let silent: boolean;
let watched: Set<string>;
let said: Record<string, unknown>[];
let reaper: Reaper;

beforeEach(() => {
  rig = new Rig();
  state = rig.open();
  now = BEGAN + 5 * MINUTE;
  queue = new Map();
  [asked, silent, watched, said] = [[], false, new Set(), []];
  reaper = new Reaper({
    kept: state,
    services: {
      async reap(_user: User, _cluster: string, sessions: ReadonlySet<string>) {
        asked.push([...sessions].sort());
        if (silent) throw new HpcbinderError('E-SCHEDULER-DOWN', { message: 'squeue does not answer' });
        const found = [...queue.keys()].filter((id) => sessions.has(id));
        for (const id of found) queue.delete(id);
        return found;
      },
    },
    watched: (id) => watched.has(id),
    userOf: (account) => ({ account, shown: account, roles: ['user'] }),
    log: (line) => said.push(line),
    now: () => now,
  });
});
afterEach(() => {
  state.close();
  rig.remove();
});

function ended(id: string, after: number, jobId: string | null = '7', account = 'alice'): void {
  const { jobId: _, ...record } = kept({
    id,
    phase: 'ended',
    createdAt: at(0),
    ended: { why: 'failed', at: at(after) },
  });
  state.saveSession(jobId === null ? record : { ...record, jobId }, { account });
}

describe('the reaper (F-53)', () => {
  it('ends the job of a session that is over, and says so in log and audit', async () => {
    ended('hb-aaaaaaaaaa', MINUTE);
    queue.set('hb-aaaaaaaaaa', '7');
    await reaper.look();
    expect(queue.size).toBe(0);
    expect(said).toEqual([{ event: 'reaped', session: 'hb-aaaaaaaaaa', account: 'alice' }]);
    expect(state.audit.read({}).map(({ action }) => action)).toEqual(['reap']);
  });

  it('never asks for a job that is not in its table: it is of a command line, or of another endpoint', async () => {
    ended('hb-aaaaaaaaaa', MINUTE);
    queue.set('hb-somebodyz0', '8');
    await reaper.look();
    expect(asked).toEqual([['hb-aaaaaaaaaa']]);
    expect(queue.has('hb-somebodyz0')).toBe(true);
  });

  it('asks no more for what it has seen to be gone: an endpoint where nothing ends asks nothing', async () => {
    ended('hb-aaaaaaaaaa', MINUTE);
    await reaper.look();
    await reaper.look();
    expect(asked).toHaveLength(1);
  });

  it('concludes nothing from silence, and comes back', async () => {
    ended('hb-aaaaaaaaaa', MINUTE);
    queue.set('hb-aaaaaaaaaa', '7');
    silent = true;
    await reaper.look();
    expect(queue.size).toBe(1);
    silent = false;
    await reaper.look();
    expect(queue.size).toBe(0);
  });

  it('asks for other owners first where those of the last minute gave no answer', async () => {
    for (let n = 0; n < 11; n++) ended(`hb-session0${n.toString(36)}0`, MINUTE, '7', `user${n}`);
    silent = true;
    await reaper.look();
    expect(asked).toHaveLength(10);
    await reaper.look();
    expect(new Set(asked.flat()).size).toBe(11);
  });

  it('leaves a job time to end by itself', async () => {
    ended('hb-aaaaaaaaaa', 5 * MINUTE - 10_000);
    await reaper.look();
    expect(asked).toEqual([]);
  });

  it('looks for ten minutes where the answer to a submit was lost: the job may still come', async () => {
    ended('hb-aaaaaaaaaa', MINUTE, null);
    await reaper.look();
    queue.set('hb-aaaaaaaaaa', '9');
    now = BEGAN + 9 * MINUTE;
    await reaper.look();
    expect(queue.size).toBe(0);
    now = BEGAN + 12 * MINUTE;
    await reaper.look();
    await reaper.look();
    expect(asked).toHaveLength(3);
  });

  it('ends what a failed launch could not end, job and record; what somebody follows is left alone', async () => {
    for (const [id, of, how] of [
      ['hb-failed0000', 'la-1', 'failed'],
      ['hb-going00000', 'la-2', 'running'],
      ['hb-ready00000', 'la-3', 'ready'],
      ['hb-cancelled0', 'la-4', 'cancelled'],
    ] as const) {
      state.saveLaunch(launch(of, how, id));
      state.saveSession(kept({ id, phase: 'queued', jobId: '7', createdAt: at(0) }), { account: 'alice', launch: of });
      queue.set(id, '7');
    }
    watched.add('hb-going00000');
    await reaper.look();
    expect([...queue.keys()]).toEqual(['hb-going00000', 'hb-ready00000']);
    expect(state.session('hb-failed0000')?.record.phase).toBe('queued');
    now += MINUTE;
    await reaper.look();
    expect(state.session('hb-failed0000')?.record).toMatchObject({ phase: 'ended', ended: { why: 'failed' } });
    expect(state.session('hb-cancelled0')?.record).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
    expect(asked.flat()).not.toContain('hb-ready00000');
  });
});
