/** An endpoint that only signs in, on loopback, with the real state; and a real OpenID provider (npm's oidc-provider). */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import formbody from '@fastify/formbody';
import { jest } from '@jest/globals';
import Fastify, { type FastifyInstance } from 'fastify';
import { createSignIn, type SignIn, type SignInOptions } from '../../../server/sign-in/index.ts';
import { State } from '../../../server/state/index.ts';
import type { Browser, Page } from './browser.ts';

export const SECRET = 'a-secret-of-the-client-0123456789';

export type Endpoint = {
  base: URL;
  app: FastifyInstance;
  signIn: SignIn;
  state: State;
  directory: string;
  close(): Promise<void>;
};
type Rules = ReturnType<SignInOptions['accounts']>;

export const RULES: Rules = {
  map: new Map([['alice@campus', 'alice']]),
  pattern: /^([a-z][a-z0-9]*)@hpc$/u,
  admins: ['admina'],
};

/** `/me` says who the request is from; POST `/act` what an action would. */
export async function endpoint(
  options: (base: URL, directory: string) => Partial<SignInOptions>,
  path = '/',
): Promise<Endpoint> {
  const directory = mkdtempSync(join(tmpdir(), 'hb-sign-in-'));
  const port = await freePort();
  const base = new URL(`http://127.0.0.1:${port}${path}`);
  const chosen: SignInOptions = {
    accounts: () => RULES,
    contact: () => 'hpc-help@campus',
    ...options(base, directory),
  };
  const state = State.open(join(directory, 'state'), chosen.now === undefined ? {} : { now: chosen.now });
  const signIn = await createSignIn(chosen, state, base);
  const app = Fastify();
  await app.register(formbody);
  await app.register(
    async (below) => {
      signIn.register(below);
      below.get('/me', async (request) => signIn.who(request.raw) ?? null);
      below.get('/stream', (_request, reply) => {
        reply.hijack().raw.write('begins\n');
      });
      below.post('/act', async (request) => {
        const who = signIn.who(request.raw);
        return { acts: who !== undefined && signIn.checkXsrf(request.raw, who, request.body) };
      });
    },
    { prefix: path.replace(/\/$/, '') },
  );
  await app.listen({ host: '127.0.0.1', port });
  const close = async () => {
    await app.close();
    state.close();
    rmSync(directory, { recursive: true, force: true });
  };
  return { base, app, signIn, state, directory, close };
}

async function freePort(): Promise<number> {
  const server = await listen(() => {});
  const { port } = server.address() as AddressInfo;
  await close(server);
  return port;
}

export function listen(handler: RequestListener): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer(handler).listen(0, '127.0.0.1', () => resolve(server));
  });
}

export function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}

export function secretFile(directory: string, text = SECRET, mode = 0o600): string {
  const path = join(directory, 'client-secret');
  writeFileSync(path, `${text}\n`, { mode });
  return path;
}

/** The provider knows everybody who types a name; `name` is also who they are on campus. */
export async function provider(method: 'client_secret_basic' | 'client_secret_post' | 'none' = 'client_secret_basic') {
  const handler: { now: RequestListener } = { now: (_req, res) => res.end() };
  const server = await listen((req, res) => handler.now(req, res));
  const issuer = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const faults: unknown[] = [];
  // it advises, at length, whoever would run it in earnest
  for (const name of ['info', 'warn'] as const) jest.spyOn(console, name).mockImplementation(() => {});
  const { default: Provider } = await import('oidc-provider');
  return {
    issuer,
    faults,
    /** redirect addresses are known only once the endpoint has its port */
    serve(base: URL) {
      const made = new Provider(issuer.origin, {
        clients: [
          {
            client_id: 'hpcbinder',
            ...(method === 'none' ? {} : { client_secret: SECRET }),
            token_endpoint_auth_method: method,
            redirect_uris: [new URL('sign-in/callback', base).href],
            post_logout_redirect_uris: [new URL('sign-out', base).href],
          },
        ],
        cookies: { keys: ['a key of the test'] },
        claims: { openid: ['sub'], profile: ['preferred_username'], email: ['email', 'email_verified'] },
        clientAuthMethods: [method],
        findAccount: (_ctx: unknown, id: string) => ({
          accountId: id,
          claims: () => ({ sub: id, preferred_username: id, email: id, email_verified: id.startsWith('verified') }),
        }),
      });
      made.on('server_error', (_ctx, error) => faults.push(error));
      handler.now = made.callback();
    },
    close: () => close(server),
  };
}

/** From any page of the endpoint's through the provider's own pages, back to the endpoint. */
export async function signInAs(browser: Browser, start: string | URL, name: string): Promise<Page> {
  const login = await browser.get(start);
  const consent = await browser.submit(login, { login: name, password: 'any' });
  // asked once per person
  return consent.body.includes('value="consent"') ? browser.submit(consent, {}) : consent;
}
