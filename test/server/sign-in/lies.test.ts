import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Browser } from './browser.ts';
import { type Lie, lyingProvider } from './lying-provider.ts';
import { type Endpoint, endpoint, secretFile } from './rig.ts';

let campus: Awaited<ReturnType<typeof lyingProvider>>;
let at: Endpoint;
let byEmail: Endpoint;

beforeAll(async () => {
  campus = await lyingProvider();
  const oidc = (accountClaim: string) => (_base: URL, directory: string) => ({
    oidc: { issuer: campus.issuer, clientId: 'hpcbinder', clientSecretFile: secretFile(directory), accountClaim },
    rate: () => ({ count: 1000, seconds: 60 }),
  });
  at = await endpoint(oidc('preferred_username'));
  byEmail = await endpoint(oidc('email'));
});
afterAll(async () => {
  await at.close();
  await byEmail.close();
  await campus.close();
});

async function signIn(lie: Lie, where = at) {
  campus.told.lie = lie;
  const browser = new Browser();
  const page = await browser.get(new URL('sign-in?next=/me', where.base));
  const me = JSON.parse((await browser.get(new URL('me', where.base))).body);
  return { page, me };
}

describe('an ID token', () => {
  it('that fits lets its person in', async () => {
    expect((await signIn({})).me).toMatchObject({ user: { account: 'alice' } });
  });

  it.each<[string, Lie]>([
    ['for another client', { claims: { aud: 'another-client' } }],
    [
      'for us and another client, without saying who asked',
      { claims: { aud: ['hpcbinder', 'another'], azp: 'another' } },
    ],
    ['of another issuer', { claims: { iss: 'https://elsewhere.example' } }],
    ['with another nonce', { claims: { nonce: 'of-another-sign-in' } }],
    ['without a nonce', { claims: { nonce: undefined } }],
    ['that is too old', { claims: { exp: Math.floor(Date.now() / 1000) - 3600 } }],
    ['of the future', { claims: { nbf: Math.floor(Date.now() / 1000) + 3600 } }],
    ['signed by a key that the provider does not publish', { foreignKey: true }],
    ['that nobody signed', { unsigned: true, header: { alg: 'none' } }],
    ['whose signature is missing', { unsigned: true }],
    ['signed with our own secret, where a key was agreed', { header: { alg: 'HS256' } }],
    ['without a subject', { claims: { sub: undefined } }],
    ['with a list as identity', { claims: { preferred_username: ['alice@campus'] } }],
    ['with a line break in the identity', { claims: { preferred_username: 'alice@campus\n' } }],
    ['with an empty identity', { claims: { preferred_username: '' } }],
    ['with an identity of a megabyte', { claims: { preferred_username: 'a'.repeat(1_000_000) } }],
  ])('%s lets nobody in', async (_what, lie) => {
    const { page, me } = await signIn(lie);
    expect(me).toBeNull();
    expect(page.status).toBe(403);
    expect(page.body).toContain('E-SIGN-IN');
    expect(page.body.length).toBeLessThan(5000);
  });

  it('without the claim lets in whom the userinfo answer names, if it is of the same subject', async () => {
    const claims = { preferred_username: undefined };
    const userinfo = { preferred_username: 'alice@campus' };
    expect((await signIn({ claims, userinfo })).me).toMatchObject({ user: { account: 'alice' } });
    expect((await signIn({ claims, userinfo: { ...userinfo, sub: 'mallory' } })).me).toBeNull();
  });

  it('with an email address lets in only who has proven to read there', async () => {
    const email = 'bob@hpc';
    expect((await signIn({ claims: { email } }, byEmail)).me).toBeNull();
    expect((await signIn({ claims: { email, email_verified: 'true' } }, byEmail)).me).toBeNull();
    expect((await signIn({ claims: { email, email_verified: true } }, byEmail)).me).toMatchObject({
      user: { account: 'bob' },
    });
  });
});

describe('an identity', () => {
  it.each([
    'root@hpc',
    'al ice@hpc',
    '../x@hpc',
    '-x@hpc',
    '0@hpc',
    'ALICE@CAMPUS',
    'alice@campus.evil.example',
    'x@hpc@hpc',
  ])('%s has no account', async (preferred_username) => {
    const { page, me } = await signIn({ claims: { preferred_username } });
    expect([page.status, me]).toEqual([403, null]);
    expect(page.body).toContain('no account for');
  });

  it('with markup in it is shown as text', async () => {
    const { page } = await signIn({ claims: { preferred_username: '<img src=x onerror=alert(1)>' } });
    expect(page.body).toContain('&lt;img src=x');
    expect(page.body).not.toContain('<img');
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  });
});

describe('a provider that is down', () => {
  it('is named as such where the token is to be had, and the person can try again', async () => {
    const { page } = await signIn({ status: 503 });
    expect([page.status, page.headers.get('retry-after')]).toEqual([503, '30']);
    expect(page.body).toContain('The sign-in service does not answer.');
    expect(page.body).toContain('/sign-in?next=%2Fme');
    expect((await signIn({})).me).not.toBeNull();
  });

  it('does not keep the endpoint from starting; as soon as it is back, people come in', async () => {
    campus.told.lie = { down: true };
    const lonely = await endpoint((_base, directory) => ({
      oidc: {
        issuer: campus.issuer,
        clientId: 'hpcbinder',
        clientSecretFile: secretFile(directory),
        accountClaim: 'preferred_username',
      },
    }));
    const page = await new Browser().get(new URL('sign-in', lonely.base));
    expect(page.status).toBe(503);
    expect(page.body).toContain('does not answer');
    expect(lonely.state.audit.read()[0]).toMatchObject({ action: 'sign-in-failed' });
    expect((await signIn({}, lonely)).me).not.toBeNull();
    await lonely.close();
  });
});
