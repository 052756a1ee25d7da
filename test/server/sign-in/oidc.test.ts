import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Browser } from './browser.ts';
import { type Endpoint, endpoint, provider, RULES, secretFile, signInAs } from './rig.ts';

let campus: Awaited<ReturnType<typeof provider>>;
let at: Endpoint;

beforeAll(async () => {
  campus = await provider();
  at = await endpoint((base, directory) => {
    campus.serve(base);
    const clientSecretFile = secretFile(directory);
    const scopes = ['profile'];
    return {
      oidc: {
        issuer: campus.issuer.href,
        clientId: 'hpcbinder',
        clientSecretFile,
        scopes,
        accountClaim: 'preferred_username',
      },
    };
  });
});
afterAll(async () => {
  await at.close();
  await campus.close();
});

const url = (path: string) => new URL(path, at.base);
async function me(browser: Browser) {
  return JSON.parse((await browser.get(url('me'))).body);
}

describe('signing in by a real OpenID provider', () => {
  it('ends as the account of the map, on the page that was asked for', async () => {
    const browser = new Browser();
    const page = await signInAs(browser, url('sign-in?next=/me%3Fpartition=gpu'), 'alice@campus');
    expect(page.url.href).toBe(url('me?partition=gpu').href);
    expect(JSON.parse(page.body)).toMatchObject({
      user: { account: 'alice', shown: 'alice@campus', roles: ['user'] },
      via: 'login',
      scopes: ['read', 'launch', 'stop'],
    });
    expect(campus.faults).toEqual([]);
  });

  it('sends state, nonce and a PKCE challenge, and waits in a cookie of this browser alone', async () => {
    const browser = new Browser();
    const begun = await browser.ask(url('sign-in'));
    const to = new URL(begun.headers.get('location') ?? '');
    expect(to.searchParams.get('code_challenge_method')).toBe('S256');
    for (const name of ['state', 'nonce', 'code_challenge']) expect(to.searchParams.get(name)).toMatch(/^[\w-]{43}$/);
    expect(to.searchParams.get('redirect_uri')).toBe(url('sign-in/callback').href);
    expect(begun.headers.get('set-cookie')).toMatch(
      /^hpcbinder-sign-in-[\w-]{8}=.*; Path=\/; HttpOnly; Max-Age=600; SameSite=Lax$/,
    );
  });

  it('gives an admin that role', async () => {
    const browser = new Browser();
    await signInAs(browser, url('sign-in?next=/me'), 'admina@hpc');
    expect(await me(browser)).toMatchObject({
      user: { account: 'admina', roles: ['user', 'admin'] },
      scopes: ['read', 'launch', 'stop', 'admin'],
    });
  });

  it('lets nobody in whom the map does not name, says who they are and whom to ask, and writes it down', async () => {
    const browser = new Browser();
    const page = await signInAs(browser, url('sign-in?next=/me'), 'mallory@elsewhere');
    expect(page.status).toBe(403);
    expect(page.body).toContain('You signed in as mallory@elsewhere');
    expect(page.body).toContain('hpc-help@campus');
    expect(await me(browser)).toBeNull();
    expect(at.state.audit.read()[0]).toMatchObject({
      action: 'sign-in-refused',
      detail: 'no account for mallory@elsewhere',
    });
  });

  it('gives a new cookie each time, and the one from before is worth nothing', async () => {
    const browser = new Browser();
    await signInAs(browser, url('sign-in'), 'alice@campus');
    const before = browser.cookie(at.base, 'hpcbinder') ?? '';
    const planted = new Browser();
    planted.cookies.set(`${at.base.host} hpcbinder`, { value: before, path: '/' });
    await browser.post(url('sign-out'), { _xsrf: (await me(browser)).xsrf });
    await signInAs(browser, url('sign-in'), 'alice@campus');
    expect(browser.cookie(at.base, 'hpcbinder')).not.toBe(before);
    expect(await me(planted)).toBeNull();
  });
});

it.each(['client_secret_post', 'none'] as const)(
  'a client whose way to prove itself is %s signs people in',
  async (method) => {
    const other = await provider(method);
    const there = await endpoint((base, directory) => {
      other.serve(base);
      const secret = method === 'none' ? {} : { clientSecretFile: secretFile(directory) };
      return { oidc: { issuer: other.issuer.href, clientId: 'hpcbinder', accountClaim: 'sub', ...secret } };
    });
    const page = await signInAs(new Browser(), new URL('sign-in?next=/me', there.base), 'alice@campus');
    expect(JSON.parse(page.body)).toMatchObject({ user: { account: 'alice' } });
    await there.close();
    await other.close();
  },
);

describe('what comes back to the callback', () => {
  /** The callback's address as the provider made it, not yet asked for. */
  async function caught(browser: Browser, name = 'alice@campus'): Promise<URL> {
    const other = new Browser();
    const pages = await signInAs(other, url('sign-in'), name);
    expect(pages.status).toBeLessThan(500);
    const used = other.visited.find((each) => each.includes('/sign-in/callback')) ?? '';
    for (const [key, value] of other.cookies) browser.cookies.set(key, value);
    return new URL(used);
  }

  it('is refused in another browser: nobody is signed in as somebody else by a link', async () => {
    const attacker = new Browser();
    const begun = await attacker.ask(url('sign-in'));
    const login = await attacker.get(begun.headers.get('location') ?? '');
    expect(login.status).toBe(200);
    const victim = new Browser();
    const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state');
    const page = await victim.get(url(`sign-in/callback?code=stolen&state=${state}`));
    expect(page.status).toBe(400);
    expect(page.body).toContain('begun in another browser');
    expect(await me(victim)).toBeNull();
  });

  it('is refused with another state than the one that went out', async () => {
    const browser = new Browser();
    const begun = await browser.ask(url('sign-in'));
    const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state') ?? '';
    const forged = `${state.slice(0, 8)}${'A'.repeat(35)}`;
    expect((await browser.get(url(`sign-in/callback?code=x&state=${forged}`))).status).toBe(400);
  });

  it('works once: with the same code and the same cookie again, the provider and we refuse', async () => {
    const browser = new Browser();
    const begun = await browser.ask(url('sign-in?next=/me'));
    const kept = [...browser.cookies];
    const login = await browser.get(begun.headers.get('location') ?? '');
    const consent = await browser.submit(login, { login: 'alice@campus', password: 'x' });
    await browser.submit(consent, {});
    const callback = browser.visited.find((each) => each.includes('/sign-in/callback')) ?? '';
    const replay = new Browser();
    for (const [key, value] of kept) replay.cookies.set(key, value);
    const page = await replay.get(callback);
    expect(page.status).toBe(403);
    expect(page.body).toContain('its code was used already or is too old');
    expect(await me(replay)).toBeNull();
  });

  it('loaded again after it has worked leads home, without a word', async () => {
    const browser = new Browser();
    const callback = await caught(browser);
    const page = await browser.ask(callback);
    expect([page.status, page.headers.get('location')]).toEqual([302, '/']);
  });

  it('tells a refusal of the provider without repeating what anybody can write into the address', async () => {
    const browser = new Browser();
    const begun = await browser.ask(url('sign-in'));
    const state = new URL(begun.headers.get('location') ?? '').searchParams.get('state');
    const said = 'error=access_denied&error_description=Call+0800-EVIL+now';
    const page = await browser.get(
      url(`sign-in/callback?${said}&state=${state}&iss=${encodeURIComponent(campus.issuer.origin)}`),
    );
    expect(page.status).toBe(403);
    expect(page.body).toContain('let nobody in');
    expect(page.body).not.toContain('EVIL');
  });
});

describe('a login', () => {
  it('ends at sign-out, which only our own page can ask for', async () => {
    const browser = new Browser();
    await signInAs(browser, url('sign-in'), 'alice@campus');
    const { xsrf, login } = await me(browser);
    expect((await browser.get(url('sign-out'))).body).toContain(`value="${xsrf}"`);
    expect((await browser.post(url('sign-out'), {})).status).toBe(403);
    expect((await browser.post(url('sign-out'), { _xsrf: xsrf }, { origin: 'http://evil.example' })).status).toBe(403);
    expect(await me(browser)).not.toBeNull();
    const secret = browser.cookie(at.base, 'hpcbinder') ?? '';
    const page = await browser.post(url('sign-out'), { _xsrf: xsrf }, { origin: at.base.origin });
    expect(page.body).toContain('Sign out there too');
    expect(at.signIn.alive(login)).toBe(false);
    browser.cookies.set(`${at.base.host} hpcbinder`, { value: secret, path: '/' });
    expect(await me(browser)).toBeNull();
  });

  it('takes with it, within five seconds, what it had open; what another login has open goes on', async () => {
    const [hers, other] = [new Browser(), new Browser()];
    const open = async (browser: Browser) => {
      await signInAs(browser, url('sign-in'), 'alice@campus');
      const response = await fetch(url('stream'), { headers: { cookie: browser.cookieHeader(at.base) } });
      const reader = response.body?.getReader();
      expect(new TextDecoder().decode((await reader?.read())?.value)).toBe('begins\n');
      return {
        ended: reader?.read().then(
          () => 'ended',
          () => 'cut',
        ),
        reader,
      };
    };
    const [mine, theirs] = [await open(hers), await open(other)];
    await hers.post(url('sign-out'), { _xsrf: (await me(hers)).xsrf });
    const late = new Promise((resolve) => setTimeout(resolve, 5000, 'late').unref());
    expect(await Promise.race([mine.ended, late])).toBe('cut');
    expect(await Promise.race([theirs.ended, Promise.resolve('goes on')])).toBe('goes on');
    await theirs.reader?.cancel();
  });

  it('signs out at the provider too, by the link, and comes back', async () => {
    const browser = new Browser();
    await signInAs(browser, url('sign-in'), 'alice@campus');
    const page = await browser.post(url('sign-out'), { _xsrf: (await me(browser)).xsrf });
    const [, link = ''] = /href="([^"]*session\/end[^"]*)"/.exec(page.body) ?? [];
    const asked = await browser.get(link.replaceAll('&amp;', '&'));
    expect(asked.body).toContain('Do you want to sign-out');
    const done = await browser.submit(asked, { logout: 'yes' });
    expect(done.url.pathname).toBe('/sign-out');
    expect(done.body).toContain('You are signed out');
  });

  it('ends as soon as the rules no longer give its identity that account', async () => {
    const map = new Map([['alice@campus', 'alice']]);
    const browser = new Browser();
    const other = await endpoint((base, directory) => {
      campus.serve(base);
      const clientSecretFile = secretFile(directory);
      const oidc = {
        issuer: campus.issuer.href,
        clientId: 'hpcbinder',
        clientSecretFile,
        scopes: ['profile'],
        accountClaim: 'preferred_username',
      };
      return { oidc, accounts: () => ({ ...RULES, map }) };
    }, '/hub/');
    // below a path, as where the host has other pages too
    const next = other.signIn.signInUrl('/hub/me');
    const page = await signInAs(browser, new URL(next, other.base), 'alice@campus');
    expect(page.url.href).toBe(new URL('me', other.base).href);
    expect(browser.cookies.get(`${other.base.host} _xsrf`)?.path).toBe('/hub/v2/');
    const ask = async () => JSON.parse((await browser.get(new URL('me', other.base))).body);
    expect(await ask()).toMatchObject({ user: { account: 'alice' } });
    map.delete('alice@campus');
    expect(await ask()).toBeNull();
    map.set('alice@campus', 'alice');
    expect(await ask()).toBeNull();
    await other.close();
    campus.serve(at.base);
  });
});
