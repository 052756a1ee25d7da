import { rmSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import Sqlite from 'better-sqlite3';
import { keepHouse } from '../../../server/state/housekeeping.ts';
import { State } from '../../../server/state/index.ts';
import { kept, Rig } from './rig.ts';

let rig: Rig;
let state: State;
let holder: Sqlite.Database;
beforeEach(() => {
  rig = new Rig();
  state = State.open(rig.directory, { now: () => rig.clock, tell: (words) => rig.told.push(words), patienceMs: 1 });
  holder = new Sqlite(state.path);
});
afterEach(() => {
  holder.close();
  state.close();
  rig.remove();
});

/** Nothing can be written, as on a full disk; returns the end of it. */
function unwritable(): () => void {
  holder.exec('BEGIN IMMEDIATE');
  return () => void holder.exec('ROLLBACK');
}

describe('while the state cannot be written', () => {
  it('what is about to be done is refused, and what has happened is kept in memory, in its order', () => {
    state.saveSession(kept({ phase: 'ready' }), { account: 'alice', launch: 'la-1' });
    const again = unwritable();
    expect(() => state.saveSession(kept({ id: 'hb-bbbbbbbbbb' }), { account: 'alice' })).toThrow(
      'another process holds',
    );
    state.noteSession(kept({ phase: 'ready', endsAt: 7 }), { account: 'alice' });
    state.noteSession(kept({ phase: 'ended', ended: { why: 'stopped', at: '2026-11-23T12:00:00Z' } }), {
      account: 'alice',
    });
    for (const action of ['open', 'stop']) state.audit.write({ account: 'alice', action });
    expect(state.session(kept().id)).toMatchObject({ record: { phase: 'ended' }, launch: 'la-1' });
    expect(state.sessions()).toHaveLength(1);
    expect(state.sessions({ live: true })).toEqual([]);
    expect(() => state.check()).toThrow('another process holds');
    expect(state.audit.read()).toEqual([]);
    again();
    state.check();
    expect(state.trouble).toBeUndefined();
    expect(state.audit.read().map(({ action }) => action)).toEqual(['stop', 'open']);
    expect(rig.open().session(kept().id)).toMatchObject({ record: { phase: 'ended' }, launch: 'la-1' });
    expect(rig.told).toEqual([
      'the state cannot be written: what happens is kept in memory meanwhile',
      'the state can be written again: 3 that waited are in it',
    ]);
  });

  it('a sign-out holds at once, and an API token goes on being good', () => {
    const expires = '2026-11-24T12:00:00Z';
    state.logins.create({ account: 'alice', shown: 'Alice', roles: ['user'] }, { id: 'h', xsrf: 'x', expires });
    const id = state.tokens.create({ account: 'alice', hash: 't', name: 'ci', scopes: ['read'], expires });
    const again = unwritable();
    state.logins.end('h');
    state.tokens.used(id);
    expect(state.logins.get('h')).toBeUndefined();
    expect(state.tokens.find('t')).toBeDefined();
    expect(() => state.tokens.revoke('alice', id)).toThrow('another process holds');
    again();
    state.check();
    expect(rig.open().logins.get('h')).toBeUndefined();
    expect(state.tokens.list('alice')).toMatchObject([{ usedAt: rig.clock.toISOString() }]);
  });

  it('nothing is put before what waits', () => {
    const again = unwritable();
    state.audit.write({ account: 'alice', action: 'open' });
    again();
    // nor is it tried again at each: a try may wait for whoever holds it
    state.audit.write({ account: 'alice', action: 'stop' });
    expect(state.audit.read()).toEqual([]);
    state.check();
    expect(state.audit.read().map(({ action }) => action)).toEqual(['stop', 'open']);
  });

  it('no more is kept in memory than there may be, and what is lost is told', () => {
    const again = unwritable();
    for (let n = 0; n < 10_003; n++) state.audit.write({ account: 'alice', action: 'open', detail: String(n) });
    again();
    state.check();
    expect(state.audit.read({ limit: 20_000 }).at(-1)?.detail).toBe('3');
    expect(rig.told.at(-1)).toBe(
      'the state can be written again: 10000 that waited are in it, 3 more were too many to keep and are lost',
    );
  });

  it('an end that is kept stays the last word', () => {
    state.saveSession(kept({ phase: 'ended', ended: { why: 'idle', at: '2026-11-23T12:00:00Z' } }), {
      account: 'alice',
    });
    const again = unwritable();
    state.noteSession(kept({ phase: 'ready' }), { account: 'alice' });
    expect(state.session(kept().id)?.record.phase).toBe('ended');
    again();
  });
});

describe('the house', () => {
  it('is kept: a fault is logged once, a removed file is put back, what is too old goes', async () => {
    const lines: Record<string, unknown>[] = [];
    const old = '2026-01-01T00:00:00Z';
    state.saveSession(kept({ phase: 'ended', createdAt: old, ended: { why: 'idle', at: old } }), { account: 'alice' });
    state.audit.write({ account: 'alice', action: 'launch' });
    const again = unwritable();
    expect(() => state.saveSession(kept({ id: 'hb-bbbbbbbbbb' }), { account: 'alice' })).toThrow('another process');
    const end = keepHouse(state, { retentionDays: () => 180, log: (line) => lines.push(line), everyMs: 20 });
    try {
      await wait(150);
      expect(lines).toMatchObject([{ event: 'state', code: 'E-STATE' }]);
      again();
      holder.close();
      await wait(150);
      expect(lines.slice(1)).toEqual([
        { event: 'pruned', sessions: 1, launches: 0, images: 0, builds: 0, logins: 0, tokens: 0, audit: 0 },
      ]);
      for (const ending of ['', '-wal', '-shm']) rmSync(`${state.path}${ending}`);
      await wait(300);
      expect(rig.told).toContain(`${state.path} had been removed: it was written again, and nothing is lost`);
    } finally {
      end();
    }
  });
});
