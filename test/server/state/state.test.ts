import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { KeptSession, LaunchGranted, User } from '../../../core/endpoint.ts';
import { END_REASONS, SESSION_PHASES } from '../../../core/session.ts';
import { HASH, kept, launched, Rig, SECRETS } from './rig.ts';

const ALICE: User = { account: 'alice', shown: 'Alice A.', roles: ['user'] };
const DAY = 86_400_000;
const GRANTED: LaunchGranted = {
  provider: 'gh',
  spec: 'org/repo/HEAD',
  cluster: 'campus',
  repo: { url: 'https://github.com/org/repo', shown: 'org/repo' },
  binds: [],
  idleSeconds: 3600,
  notes: ['2 h instead of 9 h'],
};

let rig: Rig;
beforeEach(() => {
  rig = new Rig();
});
afterEach(() => rig.remove());

/** ISO */
function inDays(days: number): string {
  return new Date(rig.clock.getTime() + days * DAY).toISOString();
}

/** After a restart of the endpoint. */
function again() {
  return rig.open();
}

describe('a session', () => {
  it('comes back with its owner, launch, grant and keys, after a restart too', () => {
    const record = kept({ phase: 'ready', variables: [['A', 'b']] });
    rig.open().saveSession(record, { account: 'alice', launch: 'la-1', granted: GRANTED });
    expect(again().session(record.id)).toEqual({ record, account: 'alice', launch: 'la-1', granted: GRANTED });
    expect(again().session('hb-aaaaaaaaaa')).toBeUndefined();
  });

  it('keeps launch and grant where a later change does not name them', () => {
    const state = rig.open();
    state.saveSession(kept(), { account: 'alice', launch: 'la-1', granted: GRANTED });
    state.saveSession(kept({ phase: 'ready' }), { account: 'alice' });
    expect(state.session(kept().id)).toMatchObject({ record: { phase: 'ready' }, launch: 'la-1', granted: GRANTED });
  });

  it('never changes its owner', () => {
    const state = rig.open();
    state.saveSession(kept(), { account: 'alice' });
    expect(() => state.saveSession(kept({ phase: 'ready' }), { account: 'bob' })).toThrow('not a session of bob');
    expect(state.session(kept().id)).toMatchObject({ account: 'alice', record: { phase: 'submitting' } });
  });

  it('that has ended stays so, and its keys are nowhere in the files (TOK-11)', () => {
    const state = rig.open();
    state.saveSession(kept({ variables: [['KEY', 'a-variable']] }), { account: 'alice' });
    state.saveSession(kept({ phase: 'ended', ended: { why: 'stopped', at: '2026-11-23T12:00:00Z' } }), {
      account: 'alice',
    });
    state.saveSession(kept({ phase: 'ready' }), { account: 'alice' });
    expect(state.session(kept().id)?.record).toMatchObject({
      phase: 'ended',
      secrets: { clientKey: '', appToken: '', cookieKey: SECRETS.cookieKey },
    });
    state.close();
    const bytes = readFileSync(state.path, 'latin1');
    expect(bytes).toContain(kept().id);
    for (const secret of [SECRETS.clientKey, SECRETS.appToken, 'a-variable']) expect(bytes).not.toContain(secret);
  });

  it('is listed newest first, by owner, and only where it lives', () => {
    const state = rig.open();
    const at = (id: string, day: number, account: string, phase: KeptSession['phase']) =>
      state.saveSession(kept({ id, phase, createdAt: `2026-11-${day}T00:00:00Z` }), { account });
    at('hb-aaaaaaaaaa', 20, 'alice', 'ready');
    at('hb-bbbbbbbbbb', 22, 'bob', 'queued');
    at('hb-cccccccccc', 21, 'alice', 'ended');
    const ids = (which: Parameters<typeof state.sessions>[0]) => state.sessions(which).map(({ record }) => record.id);
    expect(ids({})).toEqual(['hb-bbbbbbbbbb', 'hb-cccccccccc', 'hb-aaaaaaaaaa']);
    expect(ids({ account: 'alice' })).toEqual(['hb-cccccccccc', 'hb-aaaaaaaaaa']);
    expect(ids({ live: true })).toEqual(['hb-bbbbbbbbbb', 'hb-aaaaaaaaaa']);
    expect(ids({ account: 'alice', live: true, limit: 1 })).toEqual(['hb-aaaaaaaaaa']);
  });

  it('is read as it was saved, whatever is in it', () => {
    const state = rig.open();
    const text = fc.string({ unit: 'binary', maxLength: 40 });
    const records = fc.record({
      id: fc.stringMatching(/^hb-[a-z0-9]{10}$/),
      phase: fc.constantFrom(...SESSION_PHASES.filter((phase) => phase !== 'ended')),
      cluster: text,
      workDirectory: text,
      repo: fc.record({ shown: text, url: text }),
      variables: fc.array(fc.tuple(text, text), { minLength: 1, maxLength: 3 }),
      secrets: fc.record({ ca: text, clientCert: text, clientKey: text, appToken: text, cookieKey: text }),
      endsAt: fc.nat(),
    });
    const check = () =>
      fc.assert(
        fc.property(records, fc.stringMatching(/^[a-z]{1,8}$/), (more, account) => {
          const record = kept(more as Partial<KeptSession>);
          if (state.session(record.id)) return;
          state.saveSession(record, { account });
          expect(state.session(record.id)).toEqual({ record: JSON.parse(JSON.stringify(record)), account });
        }),
        { numRuns: 150 },
      );
    // one wait for the disk, not 150
    state.together(check);
  });
});

describe('a launch', () => {
  it('comes back, and those that run are told apart', () => {
    const state = rig.open();
    state.saveLaunch(launched());
    state.saveLaunch(launched({ id: 'la-2', account: 'bob', state: 'failed', startedAt: '2026-11-24T00:00:00Z' }));
    state.saveLaunch(launched({ state: 'ready', session: 'hb-k3f9q2x7ma' }));
    expect(again().launch(launched().id)).toEqual(launched({ state: 'ready', session: 'hb-k3f9q2x7ma' }));
    expect(state.launches().map(({ id }) => id)).toEqual(['la-2', launched().id]);
    expect(state.launches({ running: true })).toEqual([]);
    expect(state.launches({ account: 'bob' }).map(({ id }) => id)).toEqual(['la-2']);
  });
});

describe('a login', () => {
  it('is good until it expires or is ended, and outlives a restart', () => {
    rig.open().logins.create(ALICE, { id: HASH, xsrf: 'x', expires: inDays(1), from: '10.0.0.1' });
    expect(again().logins.get(HASH)).toEqual({ user: ALICE, xsrf: 'x', expires: inDays(1) });
    expect(again().logins.get('b'.repeat(64))).toBeUndefined();
    const state = again();
    rig.clock = new Date(inDays(1));
    expect(state.logins.get(HASH)).toBeUndefined();
  });

  it('is not good where the clock went back, for nobody knows how old it is', () => {
    const state = rig.open();
    state.logins.create(ALICE, { id: HASH, xsrf: 'x', expires: inDays(1) });
    rig.clock = new Date(rig.clock.getTime() - 5 * 60_000);
    expect(state.logins.get(HASH)).toBeDefined();
    rig.clock = new Date(rig.clock.getTime() - DAY);
    expect(state.logins.get(HASH)).toBeUndefined();
  });

  it('is ended alone or with all of an account', () => {
    const state = rig.open();
    for (const id of ['1', '2', '3']) state.logins.create(ALICE, { id, xsrf: 'x', expires: inDays(1) });
    state.logins.end('1');
    expect(state.logins.get('1')).toBeUndefined();
    expect(state.logins.endAll('alice')).toBe(2);
    expect(state.logins.get('2')).toBeUndefined();
    expect(state.logins.users()).toMatchObject([{ account: 'alice', shown: 'Alice A.', roles: ['user'] }]);
  });
});

describe('an API token', () => {
  const make = (state = rig.open()) =>
    state.tokens.create({
      account: 'alice',
      shown: 'Alice A.',
      hash: HASH,
      name: 'ci\u001b[2J',
      scopes: ['read', 'launch'],
      expires: inDays(1),
    });

  it('is found by its hash with what it may do, until it expires', () => {
    const state = rig.open();
    state.logins.create(ALICE, { id: '1', xsrf: 'x', expires: inDays(1) });
    const id = make(state);
    const expires = inDays(1);
    const scopes = ['read', 'launch'];
    expect(state.tokens.find(HASH)).toEqual({
      id,
      account: 'alice',
      shown: 'Alice A.',
      roles: ['user'],
      scopes,
      expires,
    });
    rig.clock = new Date(expires);
    expect(state.tokens.find(HASH)).toBeUndefined();
  });

  it('of an account that has never signed in has no role', () => {
    make();
    expect(again().tokens.find(HASH)).toMatchObject({ account: 'alice', roles: [] });
  });

  it('is listed without its hash, says when it was used, and is revoked by its owner only', () => {
    const state = rig.open();
    const id = make(state);
    state.tokens.used(id);
    expect(state.tokens.list('alice')).toMatchObject([{ id, name: 'ci\\x1b[2J', usedAt: rig.clock.toISOString() }]);
    expect(JSON.stringify(state.tokens.all())).not.toContain(HASH);
    expect(state.tokens.revoke('bob', id)).toBe(false);
    expect(state.tokens.find(HASH)).toBeDefined();
    expect(state.tokens.revoke('alice', id)).toBe(true);
    expect(state.tokens.find(HASH)).toBeUndefined();
  });
});

describe('the audit log', () => {
  it('says who did what, newest first, by account, session and time', () => {
    const state = rig.open();
    const at = rig.clock.toISOString();
    const later = inDays(1);
    state.audit.write({ account: 'alice', action: 'launch', launch: 'la-1', from: '10.0.0.1' });
    state.audit.write({ at: later, account: 'bob', action: 'open', session: 'hb-aaaaaaaaaa' });
    expect(again().audit.read()).toEqual([
      { at: later, account: 'bob', action: 'open', session: 'hb-aaaaaaaaaa' },
      { at, account: 'alice', action: 'launch', launch: 'la-1', from: '10.0.0.1' },
    ]);
    expect(state.audit.read({ account: 'alice' })).toHaveLength(1);
    expect(state.audit.read({ session: 'hb-aaaaaaaaaa' })).toHaveLength(1);
    expect(state.audit.read({ since: later })).toHaveLength(1);
    expect(state.audit.read({ limit: 1 })).toHaveLength(1);
  });

  it('steers no terminal and does not grow by a name of a megabyte', () => {
    const state = rig.open();
    state.audit.write({ account: '\u001b]0;x\u0007', action: 'sign-in', detail: `\r\n${'x'.repeat(1e6)}` });
    const [entry] = state.audit.read();
    expect(entry?.account).toBe('\\x1b]0;x\\x07');
    expect(entry?.detail).toMatch(/^\\x0d\\x0ax+…$/);
    expect(entry?.detail?.length).toBeLessThan(1100);
  });
});

describe('settings', () => {
  it('are read at each use, also those that another process has set', () => {
    const [server, admin] = [rig.open(), rig.open()];
    expect(server.settings.get('drain')).toBeUndefined();
    admin.settings.set('drain', { words: 'back at noon', since: '2026-11-23T12:00:00Z', by: 'root' });
    expect(server.settings.get('drain')).toMatchObject({ words: 'back at noon' });
    admin.settings.set('drain', undefined);
    expect(server.settings.get('drain')).toBeUndefined();
  });
});

describe('the files', () => {
  it('are the service’s alone', () => {
    const state = rig.open();
    state.saveSession(kept(), { account: 'alice' });
    expect(statSync(rig.directory).mode & 0o777).toBe(0o700);
    for (const end of ['', '-wal', '-shm']) expect(statSync(`${state.path}${end}`).mode & 0o777).toBe(0o600);
  });

  it('are copied whole while the state is written to', async () => {
    const state = rig.open();
    state.saveSession(kept(), { account: 'alice' });
    const copy = join(rig.directory, 'copy', 'hpcbinder.db');
    await expect(state.backup(copy)).rejects.toThrow();
    const other = new Rig();
    try {
      await state.backup(join(other.directory, 'hpcbinder.db'));
      await expect(state.backup(join(other.directory, 'hpcbinder.db'))).rejects.toMatchObject({ code: 'E-STATE' });
      expect(statSync(join(other.directory, 'hpcbinder.db')).mode & 0o777).toBe(0o600);
      expect(other.open().session(kept().id)).toEqual(state.session(kept().id));
    } finally {
      other.remove();
    }
  });
});

describe('what is kept of a person', () => {
  function filled() {
    const state = rig.open();
    const soon = inDays(1);
    state.logins.create(ALICE, { id: HASH, xsrf: 'xsrf-secret', expires: soon, from: '10.0.0.1' });
    state.tokens.create({ account: 'alice', hash: 'b'.repeat(64), name: 'ci', scopes: ['read'], expires: soon });
    state.saveSession(kept({ phase: 'ready', variables: [['KEY', 'a-variable']] }), {
      account: 'alice',
      granted: GRANTED,
    });
    state.saveLaunch(launched({ state: 'ready', session: kept().id }));
    state.audit.write({ account: 'alice', action: 'launch' });
    state.saveSession(kept({ id: 'hb-bbbbbbbbbb' }), { account: 'bob' });
    return state;
  }

  it('is exported without a key, a hash or a token of it, and nobody else’s', () => {
    const text = JSON.stringify(filled().exportOf('alice'));
    for (const found of [kept().id, launched().id, '"ci"', '10.0.0.1', 'Alice A.', '"launch"'])
      expect(text).toContain(found);
    for (const secret of [
      ...Object.values(SECRETS),
      HASH,
      'b'.repeat(64),
      'xsrf-secret',
      'a-variable',
      'hb-bbbbbbbbbb',
    ])
      expect(text).not.toContain(secret);
  });

  it('is not removed while something of theirs runs, and the refusal names it', () => {
    const state = filled();
    expect(() => state.forget('alice')).toThrow(kept().id);
    expect(state.session(kept().id)).toBeDefined();
    expect(state.logins.get(HASH)).toBeDefined();
  });

  it('is removed, but for the audit log, which is the site’s', () => {
    const state = filled();
    state.saveSession(kept({ phase: 'ended' }), { account: 'alice' });
    state.forget('alice');
    expect(state.sessions({ account: 'alice' })).toEqual([]);
    expect(state.launches({ account: 'alice' })).toEqual([]);
    expect(state.logins.get(HASH)).toBeUndefined();
    expect(state.tokens.list('alice')).toEqual([]);
    expect(state.logins.users()).toEqual([]);
    expect(state.audit.read({ account: 'alice' })).toHaveLength(1);
    expect(state.sessions({ account: 'bob' })).toHaveLength(1);
  });
});

describe('retention', () => {
  const END = END_REASONS[0];
  const endedAt = (id: string, at: string) => kept({ id, phase: 'ended', createdAt: at, ended: { why: END, at } });

  it('removes what ended before its days, and never what lives', () => {
    const state = rig.open();
    rig.clock = new Date('2026-01-01T00:00:00Z');
    state.audit.write({ account: 'alice', action: 'launch' });
    state.saveSession(endedAt('hb-aaaaaaaaaa', '2026-01-01T00:00:00Z'), { account: 'alice' });
    state.saveSession(kept({ id: 'hb-bbbbbbbbbb', createdAt: '2026-01-01T00:00:00Z' }), { account: 'alice' });
    state.saveLaunch(launched({ state: 'failed', startedAt: '2026-01-01T00:00:00Z' }));
    rig.clock = new Date('2026-11-23T12:00:00Z');
    state.audit.write({ account: 'alice', action: 'stop' });
    state.saveSession(endedAt('hb-cccccccccc', '2026-11-01T00:00:00Z'), { account: 'alice' });
    expect(state.prune(180)).toEqual({
      sessions: 1,
      launches: 1,
      images: 0,
      builds: 0,
      logins: 0,
      tokens: 0,
      audit: 1,
    });
    expect(state.sessions().map(({ record }) => record.id)).toEqual(['hb-cccccccccc', 'hb-bbbbbbbbbb']);
    expect(state.prune(180)).toMatchObject({ sessions: 0, audit: 0 });
  });

  it('does not take everything away because the clock jumped by years', () => {
    const state = rig.open();
    state.audit.write({ account: 'alice', action: 'launch' });
    state.saveSession(endedAt('hb-aaaaaaaaaa', '2026-11-20T00:00:00Z'), { account: 'alice' });
    rig.clock = new Date('2039-01-01T00:00:00Z');
    expect(state.prune(180)).toMatchObject({ sessions: 0, audit: 0 });
  });
});
