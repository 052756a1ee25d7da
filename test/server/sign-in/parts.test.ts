import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { isOwnCookie } from '../../../server/access.ts';
import { userOf } from '../../../server/sign-in/accounts.ts';
import { cookies } from '../../../server/sign-in/cookies.ts';
import { BuildTokens, Codes } from '../../../server/sign-in/one-time.ts';
import { Pace } from '../../../server/sign-in/pace.ts';
import { PendingSignIns } from '../../../server/sign-in/pending.ts';
import { returnPath } from '../../../server/sign-in/return-path.ts';
import { readSessionCookie, writeSessionCookie } from '../../../server/sign-in/session-cookie.ts';
import { isOurs } from '../../../server/sign-in/xsrf.ts';

const BASE = new URL('https://binder.campus/');
const BELOW = new URL('https://campus.edu/binder/');

describe('where one goes after signing in', () => {
  it.each([
    ['/', '/'],
    ['/v2/gh/org/repo/HEAD?partition=gpu#x', '/v2/gh/org/repo/HEAD?partition=gpu#x'],
    ['/v2/gh/org/a%2Fb', '/v2/gh/org/a%2Fb'],
    ['/a/../sessions', '/sessions'],
    ['/sign-inner', '/sign-inner'],
  ])('%s leads to %s', (text, path) => expect(returnPath(text, BASE)).toBe(path));

  // the table of JupyterHub's test_login_redirect, and what SECURITY WEB-07 adds
  it.each([
    'relative/path',
    'https://other.example/',
    'https://binder.campus/x',
    'https://binder.campus//other',
    'ftp://other',
    '//other',
    '///other',
    '\\\\other',
    '/\\other',
    '/x\\..\\other',
    '/%09/evil\t',
    '/\t/evil',
    '/\n/evil',
    '/..//evil.example',
    '/./..//evil.example/x',
    '/%2e%2e//evil.example',
    'javascript:alert(1)',
    '/sign-in',
    '/sign-in/callback?code=x',
    '/sign-out?x',
    '',
    `/${'a'.repeat(2000)}`,
    undefined,
    ['/', '//x'],
    { toString: () => '/x' },
  ])('%j leads to the first page', (text) => expect(returnPath(text, BASE)).toBe('/'));

  it('stays below the path of the endpoint', () => {
    expect(returnPath('/binder/sessions', BELOW)).toBe('/binder/sessions');
    for (const text of ['/', '/binder', '/binderx/', '/binder/../other', '/binder/sign-in', '/binder/..//evil'])
      expect(returnPath(text, BELOW)).toBe('/binder/');
  });

  it('is for every text a path on our own origin, as a browser reads it', () => {
    const hostile = fc.array(
      fc.constantFrom(
        '/',
        '\\',
        '.',
        '..',
        '%2e',
        '%2f',
        ':',
        '@',
        '?',
        '#',
        '\t',
        '\n',
        'evil.example',
        'binder',
        'https:',
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          hostile.map((parts) => `/${parts.join('')}`),
        ),
        (text) => {
          for (const base of [BASE, BELOW]) {
            const path = returnPath(text, base);
            const url = new URL(path, new URL('some/page', base));
            expect([url.origin, url.pathname.startsWith(base.pathname)]).toEqual([base.origin, true]);
          }
        },
      ),
      { numRuns: 5000 },
    );
  });
});

describe('an identity', () => {
  const rules = (pattern?: RegExp) => ({
    map: new Map([
      ['a@x', 'alice'],
      ['r@x', 'root'],
      ['o@x', '-option'],
    ]),
    pattern,
    admins: ['alice'],
  });
  it('is mapped by equality alone', () => {
    expect(userOf(rules(), 'a@x')).toEqual({ account: 'alice', shown: 'a@x', roles: ['user', 'admin'] });
    for (const other of ['A@x', 'a@x ', 'a@x\u0000', '__proto__', 'constructor', 'alice'])
      expect(userOf(rules(), other)).toBeUndefined();
  });
  it('never becomes root or what is no name of an account', () => {
    for (const each of ['r@x', 'o@x']) expect(userOf(rules(), each)).toBeUndefined();
    for (const each of ['root', '..', '-x', '1000', 'a/b', 'a b', 'a'.repeat(65)])
      expect(userOf(rules(/^(.*)$/u), each)).toBeUndefined();
  });
  it('must be all of what the pattern says: one that only looks anchored gives nothing away', () => {
    expect(userOf(rules(/^([a-z]+)@hpc$/u), 'bob@hpc')?.account).toBe('bob');
    expect(userOf(rules(/^([a-z]+)@hpc|@evil$/u), 'bob@hpc.evil')).toBeUndefined();
    expect(userOf(rules(/^([a-z]+)@hpc$/mu), 'bob@hpc\nx')).toBeUndefined();
  });
});

describe('a secret that works once', () => {
  const coming = { account: 'alice', session: 'hb-aaaaaaaaaa', path: '/lab', login: 'f'.repeat(64) };

  it('is 256 bits, good for a minute, and once', () => {
    let now = 0;
    const codes = new Codes(() => now);
    const code = codes.issue(coming);
    expect(code).toMatch(/^[\w-]{43}$/);
    expect(codes.peek(code)).toEqual(coming);
    expect(codes.redeem(code)).toEqual(coming);
    expect(codes.redeem(code)).toBeUndefined();
    const late = codes.issue(coming);
    now = 60_000;
    expect(codes.redeem(late)).toBeUndefined();
  });

  it('of one account never crowds out those of another, however many are asked for', () => {
    const codes = new Codes(() => 0);
    const hers = codes.issue(coming);
    const his = Array.from({ length: 2000 }, () => codes.issue({ ...coming, account: 'bob' }));
    expect(codes.peek(hers)).toEqual(coming);
    expect(his.filter((code) => codes.peek(code) !== undefined).length).toBe(50);
    expect(codes.peek(his.at(-1) ?? '')).toBeDefined();
  });

  it('proves a click for the same user, repository and page alone; a wrong try spends it', () => {
    let now = 0;
    const tokens = new BuildTokens(() => now);
    const click = { account: 'alice', provider: 'gh', spec: 'org/repo/HEAD', origin: BASE.origin };
    expect(tokens.redeem(tokens.issue(click), { ...click })).toBe(true);
    for (const other of [
      { account: 'bob' },
      { provider: 'gl' },
      { spec: 'org/repo/main' },
      { origin: 'https://evil' },
    ]) {
      const token = tokens.issue(click);
      expect(tokens.redeem(token, { ...click, ...other })).toBe(false);
      expect(tokens.redeem(token, click)).toBe(false);
    }
    const old = tokens.issue(click);
    now = 300_000;
    expect(tokens.redeem(old, click)).toBe(false);
    expect(tokens.redeem('', click)).toBe(false);
  });
});

describe('a request that acts', () => {
  const asked = (headers: Record<string, string>, body?: unknown) =>
    isOurs({ headers } as unknown as IncomingMessage, { origin: BASE.origin, expected: 'right', body });
  const right = { 'x-xsrftoken': 'right' };

  it('is ours with the value of the login, in the header or in the form', () => {
    expect(asked(right)).toBe(true);
    expect(asked({}, { _xsrf: 'right' })).toBe(true);
    expect(asked({ ...right, origin: BASE.origin, 'sec-fetch-site': 'same-origin' })).toBe(true);
    // a form on a page of ours, which have Referrer-Policy: no-referrer
    expect(asked({ origin: 'null', 'sec-fetch-site': 'same-origin' }, { _xsrf: 'right' })).toBe(true);
  });

  it.each<[string, Record<string, string>, unknown?]>([
    ['without the value', {}],
    ['with an empty one', { 'x-xsrftoken': '' }],
    ['with that of somebody else', { 'x-xsrftoken': 'wrong' }],
    ['with a list of values', {}, { _xsrf: ['right'] }],
    ['with one that is inherited', {}, Object.create({ _xsrf: 'right' })],
    ['of another origin', { ...right, origin: 'https://evil.example' }],
    ['of a session’s origin, which is the same site', { ...right, origin: 'https://hb-aaaaaaaaaa.binder.campus' }],
    ['of our name over plain http', { ...right, origin: 'http://binder.campus' }],
    ['of our name on another port', { ...right, origin: 'https://binder.campus:8443' }],
    ['of no origin, as a sandboxed frame has', { ...right, origin: 'null' }],
    ['of no origin from elsewhere', { ...right, origin: 'null', 'sec-fetch-site': 'cross-site' }],
    ['that a browser calls cross-site', { ...right, 'sec-fetch-site': 'cross-site' }],
    ['that a browser calls same-site', { ...right, 'sec-fetch-site': 'same-site' }],
    ['without CORS (CVE-2026-40864)', { ...right, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }],
    ['with a word for it that nobody knows yet', { ...right, 'sec-fetch-site': 'nearly-same-origin' }],
  ])('%s is refused', (_what, headers, ...[body]) => expect(asked(headers, body)).toBe(false));
});

describe('cookies of the endpoint', () => {
  it('belong to its host alone, over https; scripts see only what BinderHub’s client needs, on launch pages', () => {
    const jar = cookies(BASE);
    expect(jar.setLogin('v', 60)).toBe('__Host-hpcbinder=v; Path=/; HttpOnly; Max-Age=60; SameSite=Lax; Secure');
    expect(jar.setPending('abcdefghij', 'v', 60)).toMatch(/^__Host-hpcbinder-sign-in-abcdefgh=v; Path=\/; HttpOnly/);
    expect(jar.setXsrf('v', 60)).toBe('_xsrf=v; Path=/v2/; Max-Age=60; SameSite=Lax; Secure');
    const value = 'A'.repeat(43);
    // a neighbour can set a cookie without the prefix for us: it is not looked at
    expect(jar.logins(`hpcbinder=${'B'.repeat(43)}; __Host-hpcbinder=${value}`)).toEqual([value]);
    expect(jar.logins(`__Host-hpcbinder=${value}x; __Host-hpcbinder=; x`)).toEqual([]);
  });

  it('are all known as ours to the proxy, in any case', () => {
    for (const name of ['hb_x', '__Host-hb_x', '__host-hpcbinder', 'HPCBINDER-sign-in-x', 'hpcbinder'])
      expect(isOwnCookie(name)).toBe(true);
    for (const name of ['_xsrf', 'username-hb', '__Host-x', 'x__Host-hpcbinder']) expect(isOwnCookie(name)).toBe(false);
  });
});

describe('a sign-in that waits', () => {
  const waiting = { state: 's'.repeat(43), nonce: 'n', verifier: 'v', next: '/x' };
  it('is read as written, within ten minutes, by the process that wrote it, for its state', () => {
    let now = 0;
    const ours = new PendingSignIns(() => now);
    const value = ours.write(waiting);
    expect(ours.read(value, waiting.state)).toEqual(waiting);
    expect(ours.read(value, 'other')).toBeUndefined();
    expect(new PendingSignIns(() => now).read(value, waiting.state)).toBeUndefined();
    for (let i = 0; i < value.length - 1; i += 7)
      expect(
        ours.read(`${value.slice(0, i)}${value[i] === 'A' ? 'B' : 'A'}${value.slice(i + 1)}`, waiting.state),
      ).toBeUndefined();
    now = 600_000;
    expect(ours.read(value, waiting.state)).toBeUndefined();
  });
});

describe('a pace', () => {
  it('that is a function is followed at once, also where it turns slower', () => {
    let how = { burst: 3, perMinute: 60 };
    const pace = new Pace(
      () => how,
      () => 0,
    );
    pace.take('a');
    how = { burst: 1, perMinute: 1 };
    expect([pace.take('a'), pace.take('a')]).toEqual([0, 60]);
    how = { burst: 2, perMinute: 60 };
    expect([pace.take('b'), pace.take('b')]).toEqual([0, 0]);
  });

  it('slows down one key, says for how long, and leaves the others alone', () => {
    let now = 0;
    const pace = new Pace({ burst: 3, perMinute: 6 }, () => now);
    expect([1, 2, 3, 4].map(() => pace.take('a'))).toEqual([0, 0, 0, 10]);
    expect(pace.take('b')).toBe(0);
    now = 9_999;
    expect(pace.take('a')).toBe(1);
    now = 10_001;
    expect([pace.take('a'), pace.take('a')]).toEqual([0, 10]);
    now = 0;
    expect(pace.take('a')).toBeGreaterThan(0);
  });

  it('remembers only so many keys', () => {
    const pace = new Pace({ burst: 1, perMinute: 1 }, () => 0);
    pace.take('first');
    for (let i = 0; i < 10_000; i++) pace.take(`${i}`);
    expect(pace.take('first')).toBe(0);
    expect(pace.take('9999')).toBeGreaterThan(0);
  });
});

describe("the cookie of a session's origin", () => {
  const key = 'ab'.repeat(32);
  const cookie = { account: 'alice', login: 'f'.repeat(64), expires: 1_900_000_000 };
  it('is read as written, with the session’s own key and id alone', () => {
    const value = writeSessionCookie(cookie, 'hb-aaaaaaaaaa', key);
    expect(readSessionCookie(value, 'hb-aaaaaaaaaa', key)).toEqual(cookie);
    expect(readSessionCookie(value, 'hb-bbbbbbbbbb', key)).toBeUndefined();
    expect(readSessionCookie(value, 'hb-aaaaaaaaaa', 'cd'.repeat(32))).toBeUndefined();
    expect(readSessionCookie(value.replace('alice', 'bobby'), 'hb-aaaaaaaaaa', key)).toBeUndefined();
    expect(readSessionCookie(value.replace('19', '29'), 'hb-aaaaaaaaaa', key)).toBeUndefined();
    expect(readSessionCookie(value.replace('f', 'e'), 'hb-aaaaaaaaaa', key)).toBeUndefined();
  });
});
