import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { sha256 } from '../../../core/canonical.ts';
import type { User } from '../../../core/endpoint.ts';
import type { AccountRules } from '../../../server/sign-in/accounts.ts';
import { EndpointAccess } from '../../../server/sign-in/endpoint-access.ts';
import { Logins } from '../../../server/sign-in/logins.ts';
import { Codes } from '../../../server/sign-in/one-time.ts';
import { State } from '../../../server/state/index.ts';

const ALICE: User = { account: 'alice', shown: 'alice@campus', roles: ['user'] };
const HOUR = 3_600_000;
let directory: string;
let state: State;
let now: number;
let rules: AccountRules;
let logins: Logins;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hb-logins-'));
  now = Date.parse('2026-03-01T10:00:00Z');
  state = State.open(join(directory, 'state'), { now: () => new Date(now) });
  rules = {
    map: new Map([
      ['alice@campus', 'alice'],
      ['admina@campus', 'admina'],
    ]),
    admins: ['admina'],
  };
  logins = open();
});
afterEach(() => {
  state.close();
  rmSync(directory, { recursive: true, force: true });
});

/** As after a restart: what was in memory is gone. */
function open(): Logins {
  return new Logins({
    state: state.logins,
    accounts: () => rules,
    idleSeconds: 4 * 3600,
    maxSeconds: 12 * 3600,
    now: () => now,
  });
}
function create(user = ALICE): string {
  return logins.create(user, '192.0.2.1').secret;
}

describe('a login', () => {
  it('outlives a restart, and is kept as a hash', () => {
    const secret = create();
    expect(secret).toMatch(/^[\w-]{43}$/);
    expect(open().bySecret(secret)?.user).toEqual(ALICE);
    expect(state.logins.get(secret)).toBeUndefined();
    expect(state.logins.get(sha256(secret))).toBeDefined();
  });

  it('ends after so many hours without use, which puts that off; to ask whether it is alive is no use', () => {
    const secret = create();
    for (let i = 0; i < 2; i++) {
      now += 3 * HOUR;
      expect(logins.bySecret(secret)).toBeDefined();
    }
    now += 2 * HOUR;
    expect(logins.alive(sha256(secret))).toBe(true);
    now += 2 * HOUR + 1;
    expect(logins.alive(sha256(secret))).toBe(false);
    expect(logins.bySecret(secret)).toBeUndefined();
    expect(open().bySecret(secret)).toBeUndefined();
  });

  it('ends after so many hours, however much it is used', () => {
    const secret = create();
    for (let i = 0; i < 11; i++) {
      now += HOUR;
      expect(logins.bySecret(secret)).toBeDefined();
    }
    now += HOUR;
    expect(logins.bySecret(secret)).toBeUndefined();
  });

  it('that another process ended is over within seconds', () => {
    const secret = create();
    expect(logins.bySecret(secret)).toBeDefined();
    state.logins.endAll('alice');
    now += 2500;
    expect(logins.alive(sha256(secret))).toBe(false);
    expect(logins.bySecret(secret)).toBeUndefined();
  });

  it('has the roles of now, not those of its beginning', () => {
    const secret = create({ account: 'admina', shown: 'admina@campus', roles: ['user', 'admin'] });
    expect(logins.bySecret(secret)?.user.roles).toEqual(['user', 'admin']);
    rules = { ...rules, admins: [] };
    expect(logins.bySecret(secret)?.user.roles).toEqual(['user']);
  });

  it('all of an account end at once, and no one else’s', () => {
    const [one, two] = [create(), create()];
    const other = create({ account: 'admina', shown: 'admina@campus', roles: ['user'] });
    for (const each of [one, two, other]) logins.bySecret(each);
    logins.endAll('alice');
    expect([logins.bySecret(one), logins.bySecret(two)]).toEqual([undefined, undefined]);
    expect(logins.bySecret(other)).toBeDefined();
  });

  it('is one of fifty at most of an account: the oldest makes room, no one else’s', () => {
    const other = create({ account: 'admina', shown: 'admina@campus', roles: ['user'] });
    const all = Array.from({ length: 52 }, () => {
      now += 1;
      return create();
    });
    expect(all.map((secret) => logins.bySecret(secret) !== undefined)).toEqual([false, false, ...Array(50).fill(true)]);
    expect(logins.bySecret(other)).toBeDefined();
  });

  it('goes on while the state’s disk fails, but nobody else comes in, and idleness still ends it', () => {
    const [known, unknown] = [create(), create()];
    logins.bySecret(known);
    state.close();
    now += 10_000;
    expect(logins.bySecret(known)).toBeDefined();
    expect(logins.bySecret(unknown)).toBeUndefined();
    now += 5 * HOUR;
    expect(logins.bySecret(known)).toBeUndefined();
    expect(logins.bySecret(known)).toBeUndefined();
    state = State.open(join(directory, 'state'), { now: () => new Date(now) });
  });
});

describe("a session's origin", () => {
  const session = 'hb-aaaaaaaaaa';
  const origin = 'https://hb-aaaaaaaaaa.binder.campus';
  let codes: Codes;

  beforeEach(() => {
    codes = new Codes(() => now);
  });
  function access(how: { owner?: string; session?: string; path?: string } = {}): EndpointAccess {
    const of = { session, owner: 'alice', cookieKey: 'ab'.repeat(32), path: '/', secure: true, codes, ...how };
    const login = (hash: string) => logins.get(hash)?.user;
    return new EndpointAccess({ ...of, login, alive: (hash) => logins.alive(hash) });
  }
  function enter(door: EndpointAccess, user = ALICE, secret = create(user)) {
    const code = codes.issue({ account: user.account, session, path: '/lab', login: sha256(secret) });
    return { secret, code, set: door.enter(code, origin, now) };
  }
  const cookie = (set: string | undefined) => set?.split(';')[0];

  it('is entered by a code, once, and then by the cookie that it was swapped for', () => {
    const door = access();
    const { code, set } = enter(door);
    expect(set).toMatch(
      /^__Host-hb_aaaaaaaaaa_[0-9a-f]{8}=.*; Path=\/; Max-Age=691200; HttpOnly; SameSite=Lax; Secure$/,
    );
    expect(door.admits(cookie(set), now)).toBeDefined();
    expect([door.knows(code), door.enter(code, origin, now)]).toEqual([false, undefined]);
    expect(door.admits(`other=1; ${cookie(set)}; x`, now)).toBeDefined();
    expect(door.admits(undefined, now)).toBeUndefined();
  });

  it('has in path mode a cookie of its path alone', () => {
    expect(enter(access({ path: '/s/hb-aaaaaaaaaa/' })).set).toMatch(
      /^hb_aaaaaaaaaa_[0-9a-f]{8}=.*; Path=\/s\/hb-aaaaaaaaaa\/;/,
    );
  });

  it('closes with the login that opened it', () => {
    const door = access();
    const { secret, set } = enter(door);
    const entry = door.admits(cookie(set), now);
    expect(entry?.holds?.()).toBe(true);
    logins.end(sha256(secret));
    expect(entry?.holds?.()).toBe(false);
    expect(door.admits(cookie(set), now)).toBeUndefined();
  });

  it('opens again by the same cookie after a restart', () => {
    const { set } = enter(access());
    logins = open();
    expect(access().admits(cookie(set), now)).toBeDefined();
  });

  it('is its owner’s alone: an admin’s code or cookie opens nothing, and is not spent on it', () => {
    const admina: User = { account: 'admina', shown: 'admina@campus', roles: ['user', 'admin'] };
    const door = access();
    const { code, set } = enter(door, admina);
    expect(set).toBeUndefined();
    expect(codes.peek(code)).toBeDefined();
    const foreign = enter(access({ owner: 'admina' }), admina).set;
    expect(door.admits(cookie(foreign), now)).toBeUndefined();
  });

  it('takes no code and no cookie of another session of the same person', () => {
    const other = access({ session: 'hb-bbbbbbbbbb' });
    const { code, set } = enter(access());
    expect(other.admits(cookie(set), now)).toBeUndefined();
    expect(other.admits(cookie(set)?.replace(/^[^=]*/, other.cookieName), now)).toBeUndefined();
    expect(other.enter(code, origin, now)).toBeUndefined();
  });

  it('does not take a code after a minute, nor one whose login is over meanwhile', () => {
    const door = access();
    const secret = create();
    const issue = () => codes.issue({ account: 'alice', session, path: '/', login: sha256(secret) });
    const late = issue();
    now += 60_000;
    expect(door.enter(late, origin, now)).toBeUndefined();
    const code = issue();
    logins.end(sha256(secret));
    expect(door.enter(code, origin, now)).toBeUndefined();
  });
});
