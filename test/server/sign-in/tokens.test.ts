import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { redact } from '../../../core/redact.ts';
import { isToken, newToken } from '../../../server/sign-in/tokens.ts';
import { Browser } from './browser.ts';
import { type Endpoint, endpoint, RULES, secretFile } from './rig.ts';

const PROXY_SECRET = 'only-the-reverse-proxy-knows-this';
const DAY = 86_400_000;
let at: Endpoint;
let clock: number;
let rules: typeof RULES;

beforeEach(async () => {
  clock = Date.parse('2026-03-01T10:00:00Z');
  rules = RULES;
  at = await endpoint((_base, directory) => ({
    header: {
      name: 'X-Remote-User',
      from: ['127.0.0.1'],
      secret: { header: 'X-Proxy-Secret', file: secretFile(directory, PROXY_SECRET) },
    },
    accounts: () => rules,
    now: () => new Date(clock),
  }));
});
afterEach(() => at.close());

const url = (path: string) => new URL(path, at.base);
const as = (name: string) => ({ 'x-remote-user': name, 'x-proxy-secret': PROXY_SECRET });

/** A person in a browser, with what each of their requests carries. */
async function person(name: string) {
  const browser = new Browser();
  await browser.get(url('sign-in'), as(name));
  const { xsrf } = JSON.parse((await browser.get(url('me'), as(name))).body);
  const headers = { ...as(name), 'x-xsrftoken': xsrf, 'content-type': 'application/json' };
  const create = async (body: object, more: Record<string, string> = {}) => {
    const answer = await browser.ask(url('api/v1/tokens'), {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { ...headers, ...more },
    });
    return { status: answer.status, ...JSON.parse(answer.body) };
  };
  const call = (method: string, path: string) =>
    browser.ask(url(path), { method, headers: { ...as(name), 'x-xsrftoken': xsrf } });
  return { create, call };
}
async function by(token: string, path = 'me', method = 'GET') {
  const page = await new Browser().ask(url(path), { method, headers: { authorization: `Bearer ${token}` } });
  return { status: page.status, said: page.body === '' ? undefined : JSON.parse(page.body) };
}
const LAPTOP = { name: 'laptop', scopes: ['read', 'launch'] };

describe('an API token', () => {
  it('has 256 bits, a prefix that scanners know, and a checksum', () => {
    const tokens = Array.from({ length: 500 }, newToken);
    for (const token of tokens) expect(token).toMatch(/^hpct_[0-9A-Za-z]{49}$/);
    expect(new Set(tokens).size).toBe(500);
    const [token = ''] = tokens;
    expect(isToken(token)).toBe(true);
    for (let i = 5; i < token.length; i++) {
      const wrong = `${token.slice(0, i)}${token[i] === 'a' ? 'b' : 'a'}${token.slice(i + 1)}`;
      expect(isToken(wrong)).toBe(false);
    }
  });

  it('acts for its account with its scopes, needs no XSRF value, and is listed with its last use', async () => {
    const alice = await person('alice@campus');
    const made = await alice.create(LAPTOP);
    expect(made).toMatchObject({
      status: 201,
      name: 'laptop',
      scopes: ['read', 'launch'],
      expires: '2026-03-31T10:00:00.000Z',
    });
    clock += 5 * 60_000;
    expect((await by(made.token)).said).toMatchObject({
      user: { account: 'alice' },
      via: 'token',
      scopes: ['read', 'launch'],
    });
    expect((await by(made.token, 'act', 'POST')).said).toEqual({ acts: true });
    const { token: _, status: __, ...view } = made;
    expect((await by(made.token, 'api/v1/tokens')).said).toEqual({
      tokens: [{ ...view, usedAt: '2026-03-01T10:05:00.000Z' }],
    });
  });

  it('is nowhere but in the answer that made it: not in the state, not in the audit log, and hidden in any log', async () => {
    const { token } = await (await person('alice@campus')).create(LAPTOP);
    await by(token);
    const folder = join(at.directory, 'state');
    const kept = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'));
    expect(kept.join('')).toContain('laptop');
    expect(kept.join('')).not.toContain(token.slice(5, 48));
    expect(redact(`GET /x authorization ${token} and ${token}`)).not.toContain(token.slice(5, 20));
  });

  it('ends at its time, by revocation, and when its account has no entry any more', async () => {
    const alice = await person('alice@campus');
    const short = await alice.create({ ...LAPTOP, seconds: 3600 });
    const long = await alice.create(LAPTOP);
    const third = await alice.create(LAPTOP);
    clock += 3_600_000;
    expect((await by(short.token)).said).toBeNull();
    expect((await alice.call('DELETE', `api/v1/tokens/${long.id}`)).status).toBe(204);
    expect((await by(long.token)).said).toBeNull();
    expect((await by(third.token)).said).not.toBeNull();
    rules = { ...RULES, map: new Map() };
    expect((await by(third.token)).said).toBeNull();
  });

  it('cannot make or revoke another one, but can end itself', async () => {
    const alice = await person('alice@campus');
    const one = await alice.create({ name: 'one', scopes: ['read', 'launch', 'stop'] });
    const two = await alice.create(LAPTOP);
    const answer = await new Browser().ask(url('api/v1/tokens'), {
      method: 'POST',
      body: JSON.stringify(LAPTOP),
      headers: { authorization: `Bearer ${one.token}`, 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(400);
    expect((await by(one.token, `api/v1/tokens/${two.id}`, 'DELETE')).status).toBe(400);
    expect((await by(one.token, `api/v1/tokens/${one.id}`, 'DELETE')).status).toBe(204);
    expect((await by(one.token)).said).toBeNull();
  });

  it("is nobody else's to see or revoke", async () => {
    const { id } = await (await person('alice@campus')).create(LAPTOP);
    const bob = await person('bob@hpc');
    expect(JSON.parse((await bob.call('GET', 'api/v1/tokens')).body)).toEqual({ tokens: [] });
    expect((await bob.call('DELETE', `api/v1/tokens/${id}`)).status).toBe(400);
  });

  it('never has more scopes than its account has, also where a role is taken away later', async () => {
    expect(await (await person('alice@campus')).create({ name: 'x', scopes: ['admin'] })).toMatchObject({
      status: 400,
    });
    const { token } = await (await person('admina@hpc')).create({ name: 'x', scopes: ['read', 'admin'] });
    expect((await by(token)).said.scopes).toEqual(['read', 'admin']);
    rules = { ...RULES, admins: [] };
    expect((await by(token)).said.scopes).toEqual(['read']);
  });

  it('of an admin is an admin’s by the scope admin alone', async () => {
    const admin = await person('admina@hpc');
    const narrow = await admin.create({ name: 'x', scopes: ['read', 'launch', 'stop'] });
    const wide = await admin.create({ name: 'x', scopes: ['read', 'admin'] });
    expect((await by(narrow.token)).said.user).toMatchObject({ account: 'admina', roles: ['user'] });
    expect((await by(wide.token)).said.user.roles).toEqual(['user', 'admin']);
    rules = { ...RULES, admins: [] };
    expect((await by(wide.token)).said.user.roles).toEqual(['user']);
  });

  it.each<[string, object, number]>([
    ['longer than the site allows', { ...LAPTOP, seconds: 91 * 86_400 }, 400],
    ['for less than a minute', { ...LAPTOP, seconds: 1 }, 400],
    ['without a scope', { name: 'x', scopes: [] }, 400],
    ['with a scope that there is not', { name: 'x', scopes: ['root'] }, 400],
    ['without a name', { name: '', scopes: ['read'] }, 400],
    ['with a name of a megabyte', { name: 'x'.repeat(1_000_000), scopes: ['read'] }, 400],
  ])('is not made %s', async (_what, body, status) => {
    expect(await (await person('alice@campus')).create(body)).toMatchObject({ status });
  });

  it('is not made without the XSRF value, nor with that of somebody else', async () => {
    const alice = await person('alice@campus');
    expect(await alice.create(LAPTOP, { 'x-xsrftoken': '' })).toMatchObject({ status: 403 });
    expect(await alice.create(LAPTOP, { 'x-xsrftoken': 'A'.repeat(43) })).toMatchObject({ status: 403 });
  });

  it('is had twenty times at most, counting the living', async () => {
    const alice = await person('alice@campus');
    for (let i = 0; i < 20; i++) expect(await alice.create({ ...LAPTOP, seconds: 60 })).toMatchObject({ status: 201 });
    expect(await alice.create(LAPTOP)).toMatchObject({ status: 400 });
    clock += DAY / 24;
    expect(await alice.create(LAPTOP)).toMatchObject({ status: 201 });
  });

  it('that is wrong lets nobody in beside a cookie that would, and is written down, not without end', async () => {
    const browser = new Browser();
    await browser.get(url('sign-in'), as('alice@campus'));
    const headers = { ...as('alice@campus'), authorization: `Bearer ${newToken()}` };
    for (let i = 0; i < 60; i++) expect((await browser.ask(url('me'), { headers })).body).toBe('null');
    const refused = at.state.audit.read({ limit: 1000 }).filter(({ action }) => action === 'token-refused');
    expect(refused.length).toBe(20);
  });
});
