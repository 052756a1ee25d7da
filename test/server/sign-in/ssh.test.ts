/** Signing in by the site's own SSH login through the page: the real transport against ssh2's own server, a named fake of sshd. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { siteLogin } from '../../../transports/site-login.ts';
import { type FakeSshd, fakeSshd } from '../../transports/fake-sshd.ts';
import { knownHostsFor } from '../../transports/ssh-rig.ts';
import { Browser, type Page } from './browser.ts';
import { type Endpoint, endpoint, RULES } from './rig.ts';

const PASSWORD = 'correct-horse-battery';
const CODE = '654321';
let sshd: FakeSshd;
let at: Endpoint;
/** the endpoint's clock, so that a test need not wait for its paces */
let clock = Date.now();

beforeAll(async () => {
  sshd = await fakeSshd({
    accept: [],
    prompts: [{ text: 'Password: <b>', echo: false, answer: PASSWORD }],
    rounds: [[{ text: 'Verification code: ', echo: false, answer: CODE }]],
  });
  at = await endpoint((_base, directory) => ({
    ssh: { host: '127.0.0.1', port: sshd.port, knownHosts: knownHostsFor(directory, sshd) },
    siteLogin,
    accounts: () => ({
      ...RULES,
      map: new Map([
        ['alice', 'alice'],
        ['root', 'root'],
      ]),
    }),
    now: () => new Date(clock),
  }));
});
afterAll(async () => {
  await at?.close();
  await sshd?.[Symbol.asyncDispose]();
});
beforeEach(() => {
  // buckets are full again
  clock += 3_600_000;
  sshd.attempts.length = 0;
});

const url = (path: string) => new URL(path, at.base);
const asked = (page: Page) =>
  [...page.body.matchAll(/<label>(.*?)<input name="(\w+)" type="(\w+)" autocomplete="([\w-]+)"/g)].map((found) =>
    found.slice(1),
  );
const audit = () => at.state.audit.read({ limit: 50 });
const who = async (browser: Browser) => JSON.parse((await browser.get(url('me'))).body || 'null')?.user?.account;

/** Up to the question for the password. */
async function named(browser: Browser, account: string): Promise<Page> {
  return browser.submit(await browser.get(url('sign-in?next=/me')), { account });
}

describe('the SSH login through the page', () => {
  it('asks for the account, says where what is typed goes, then asks what the server asks; a login and its page follow', async () => {
    const browser = new Browser();
    const first = await browser.get(url('sign-in?next=/me'));
    expect(first.body).toContain('goes to this web server, which passes it on to the SSH server of 127.0.0.1');
    expect(asked(first)).toEqual([['Account at 127.0.0.1', 'account', 'text', 'username']]);
    const second = await browser.submit(first, { account: 'alice' });
    expect(asked(second)).toEqual([['Password: &lt;b&gt;', 'answer0', 'password', 'current-password']]);
    expect(second.body).toContain('Enter what your device shows');
    const third = await browser.submit(second, { answer0: PASSWORD });
    expect(asked(third)).toEqual([['Verification code:', 'answer0', 'password', 'one-time-code']]);
    const inside = await browser.submit(third, { answer0: CODE });
    expect([inside.url.pathname, inside.status]).toEqual(['/me', 200]);
    expect(JSON.parse(inside.body)).toMatchObject({ user: { account: 'alice', shown: 'alice' }, via: 'login' });
    expect(audit()[0]).toMatchObject({ action: 'sign-in', account: 'alice' });
  });

  it('leaves nothing of what was typed: in no answer, no audit line, no file of the state', async () => {
    const browser = new Browser();
    const pages = [await named(browser, 'alice')];
    for (const answer0 of [PASSWORD, CODE]) pages.push(await browser.submit(pages.at(-1) as Page, { answer0 }));
    const wrong = new Browser();
    pages.push(await wrong.submit(await named(wrong, 'alice'), { answer0: 'not-my-password-1' }));
    // typed into the wrong field
    pages.push(await wrong.submit(await named(wrong, 'my-own-password-2'), { answer0: 'x' }));
    const files = readdirSync(at.directory, { recursive: true, encoding: 'utf8' }).map((name) =>
      join(at.directory, name),
    );
    const kept = files
      .filter((path) => statSync(path).isFile())
      .map((path) => readFileSync(path, 'latin1'))
      .join();
    for (const secret of [PASSWORD, CODE, 'not-my-password-1', 'my-own-password-2'])
      expect([
        secret,
        (pages.map(({ body }) => body).join() + JSON.stringify(audit()) + kept).includes(secret),
      ]).toEqual([secret, false]);
  });

  it('refuses a wrong password and a name without an entry alike; of the second nothing is passed on', async () => {
    const tries = ['alice', 'mallory', 'root'].map(async (account) => {
      const browser = new Browser();
      const page = await browser.submit(await named(browser, account), {
        answer0: account === 'root' ? PASSWORD : 'wrong',
      });
      expect([page.status, await who(browser)]).toEqual([403, undefined]);
      return page.body.replaceAll(/next=[^"]*/g, '');
    });
    const [known, unknown, root] = await Promise.all(tries);
    expect(unknown).toBe(known);
    expect(root).toBe(known);
    expect(audit().map(({ detail }) => detail)).toEqual(
      expect.arrayContaining(['ssh: alice: the server refused it', 'ssh: no account of this endpoint']),
    );
  });

  it('goes on only in the browser that began it, from our own page: no other site’s form, no cookie of somebody else', async () => {
    const browser = new Browser();
    const question = await named(browser, 'alice');
    const state = /name="_xsrf" value="([^"]+)"/.exec(question.body)?.[1] ?? '';
    const before = sshd.attempts.length;
    const stranger = await new Browser().post(url('sign-in'), { _xsrf: state, answer0: PASSWORD });
    const foreign = await browser.post(
      url('sign-in'),
      { _xsrf: state, answer0: PASSWORD },
      { origin: 'https://evil.example' },
    );
    const sibling = await browser.post(
      url('sign-in'),
      { _xsrf: state, answer0: PASSWORD },
      { 'sec-fetch-site': 'same-site' },
    );
    // an attacker's own account and password, sent by a page of theirs in the victim's browser
    const planted = await new Browser().post(url('sign-in'), { _xsrf: 'A'.repeat(43), account: 'alice' });
    const bare = await new Browser().post(url('sign-in'), { account: 'alice' });
    expect([stranger, foreign, sibling, planted, bare].map(({ status }) => status)).toEqual([400, 400, 400, 400, 400]);
    expect(sshd.attempts.length).toBe(before);
    const again = await browser.submit(question, { answer0: PASSWORD });
    expect(asked(again)).toHaveLength(1);
  });

  it('does not begin with what is no name of an account, and nothing reaches the server', async () => {
    for (const account of ['-oProxyCommand=x', '1000', 'a b', 'alice\u0000', '../x', 'a'.repeat(90)]) {
      clock += 600_000;
      expect([account, (await named(new Browser(), account)).status]).toEqual([account, 403]);
    }
    const { connections } = sshd;
    expect((await new Browser().post(url('sign-in'), { _xsrf: 'x'.repeat(200) })).status).toBe(400);
    expect(sshd.connections).toBe(connections);
  });

  it('passes on three tries of one account, then one a minute, from however many browsers', async () => {
    const statuses: number[] = [];
    for (let n = 0; n < 5; n++) {
      const browser = new Browser();
      const page = await named(browser, 'alice');
      statuses.push(page.status === 200 ? (await browser.submit(page, { answer0: 'wrong' })).status : page.status);
    }
    expect(statuses).toEqual([403, 403, 403, 429, 429]);
    clock += 61_000;
    expect((await named(new Browser(), 'alice')).status).toBe(200);
  });

  it('holds eight unproved connections to the server at most; who has thought for half a minute makes room', async () => {
    clock += 3_600_000;
    const pages = await Promise.all(Array.from({ length: 12 }, (_, n) => named(new Browser(), `guest${n}`)));
    const taken = pages.filter(({ status }) => status === 200).length;
    expect(taken).toBeLessThanOrEqual(8);
    expect(pages.filter(({ status }) => status === 503).length).toBe(12 - taken);
    clock += 31_000;
    expect((await named(new Browser(), 'alice')).status).toBe(200);
  });

  it('says what happened where the server drops the connection, and is begun anew', async () => {
    clock += 31_000;
    const browser = new Browser();
    const question = await named(browser, 'alice');
    expect(question.status).toBe(200);
    sshd.drop();
    const page = await browser.submit(question, { answer0: PASSWORD });
    expect([page.status, page.headers.get('retry-after')]).toEqual([503, '30']);
    expect(page.body).toContain('Sign in again');
    expect(await who(browser)).toBeUndefined();
  });

  it('is one way of the three, set up only with the host’s key', async () => {
    const missing = { host: 'login1', port: 22, knownHosts: '/nowhere/known_hosts' };
    const made = endpoint(() => ({ ssh: missing, siteLogin }));
    await expect(made).rejects.toMatchObject({ code: 'E-SIGN-IN', message: expect.stringContaining('cannot be read') });
    const both = endpoint(() => ({ ssh: missing, siteLogin, header: { name: 'X-User', from: ['192.0.2.7'] } }));
    await expect(both).rejects.toMatchObject({ message: expect.stringContaining('exactly one of') });
  });
});
