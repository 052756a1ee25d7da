/** `login` and `launch --via` against the real endpoint (gate, sign-in, policy, state), before a fake cluster. */
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { endpointAddress, keepToken, tokenFor, tokensPath } from '../../cli/endpoint-tokens.ts';
import { login } from '../../cli/login.ts';
import { launchVia } from '../../cli/via.ts';
import { EndpointClient } from '../../cli/via-client.ts';
import { readEvent, ToldOnce } from '../../cli/via-events.ts';
import type { Services } from '../../core/endpoint.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { type Endpoint, openEndpoint } from '../../server/endpoint/endpoint.ts';
import { PolicyFile } from '../../server/policy/index.ts';
import { State } from '../../server/state/index.ts';
import { StaticFiles } from '../../server/web/index.ts';
import { NO_OUTLOOK } from '../server/no-outlook.ts';
import { NO_TOKENS } from '../server/no-tokens.ts';
import { transpiled } from '../server/web/rig.ts';
import { session } from '../sessions/example.ts';

const SECRET = 'what-only-the-reverse-proxy-knows-0123456789';
let directory: string;
let endpoint: Endpoint;
let state: State;
let policy: PolicyFile;
let line: Server;
let base: URL;
let token: string;
const open = new Set<Socket>();
let goOn = () => {};

const never = () => {
  throw new HpcbinderError('E-SSH-UNREACHABLE', { message: 'the fake cluster does no more than this' });
};
/** A cluster on which org/ready is ready once `goOn` was called, org/typo fails, and all else waits until it is cancelled. */
const fakeServices: Services = {
  clusters: ['campus'],
  offers: async () => never(),
  resolve: async () => never(),
  repositoryTokens: NO_TOKENS,
  outlook: NO_OUTLOOK,
  async *launch(_user, granted, { id, signal }) {
    yield { type: 'start', phase: 'build', text: 'image' };
    yield { type: 'log', phase: 'build', line: 'first line' };
    if (granted.repo.shown === 'org/typo')
      throw new HpcbinderError('E-BUILD-PIP', { message: 'pip found no nunpy\u001b[2J', hint: 'requirements.txt:4' });
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason));
      if (granted.repo.shown === 'org/ready') goOn = resolve;
    });
    yield { type: 'log', phase: 'build', line: 'last line' };
    yield { type: 'done', phase: 'build', text: 'image built', seconds: 1 };
    return { ...session, id, phase: 'ready' };
  },
  refresh: async (_user, record) => record,
  follow: (_user, record, _how, signal) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(record))),
  stop: async (_user, record) => record,
  extend: async () => never(),
  touch: async () => {},
  log: async () => never(),
  reap: async () => [],
  connect: async () => never(),
};

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hb-via-'));
  process.env.HPCBINDER_CONFIG = join(directory, 'config');
  process.env.HPCBINDER_STATE = join(directory, 'own-state');
  const spare = createServer();
  const port = await listening(spare);
  await new Promise((resolve) => spare.close(resolve));
  // what stands between: its connections can be cut
  line = createServer((socket) => {
    const on = connect(port, '127.0.0.1');
    for (const each of [socket, on]) open.add(each.on('error', () => {}).on('close', () => open.delete(each)));
    socket.pipe(on).pipe(socket);
  });
  base = endpointAddress(`http://localhost:${await listening(line)}/hub`);
  const secret = join(directory, 'secret');
  writeFileSync(secret, SECRET, { mode: 0o600 });
  writeFileSync(
    join(directory, 'serve.yaml'),
    `url: ${base.href}
listen: 127.0.0.1:${port}
sign_in: {header: {name: X-Remote-User, from: [127.0.0.1], secret: {header: X-Proxy-Secret, file: ${secret}}}}
accounts: {map: {alice: alice}}
clusters: {campus: {}}
`,
  );
  policy = new PolicyFile(join(directory, 'serve.yaml'));
  state = State.open(join(directory, 'state'));
  const files = new StaticFiles(transpiled);
  endpoint = await openEndpoint({
    services: fakeServices,
    state,
    policy,
    product: 'hpcbinder/0',
    log: () => {},
    files,
  });
  token = await made(['read', 'launch', 'stop']);
});
afterAll(async () => {
  for (const socket of open) socket.destroy();
  line?.close();
  await endpoint?.close();
  policy?.close();
  state?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** A token, made by a browser that is signed in through the reverse proxy. */
async function made(scopes: readonly string[]): Promise<string> {
  const proxy = { 'X-Remote-User': 'alice', 'X-Proxy-Secret': SECRET };
  const first = await fetch(new URL('sign-in', base), { redirect: 'manual', headers: proxy });
  const Cookie = first.headers
    .getSetCookie()
    .map((each) => each.split(';', 1)[0])
    .join('; ');
  const me = await fetch(new URL('api/v1/me', base), { headers: { ...proxy, Cookie } });
  const { xsrf } = (await me.json()) as { xsrf: string };
  const answer = await fetch(new URL('api/v1/tokens', base), {
    method: 'POST',
    headers: { ...proxy, Cookie, Origin: base.origin, 'X-Xsrftoken': xsrf, 'Content-Type': 'application/json' },
    body: JSON.stringify({ name: 'laptop', scopes }),
  });
  return ((await answer.json()) as { token: string }).token;
}

let out = '';
let err = '';
beforeEach(() => {
  [out, err] = ['', ''];
  delete process.env.HPCBINDER_TOKEN;
  rmSync(tokensPath(), { force: true });
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    err += String(text);
    return true;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});

async function until(true_: () => boolean): Promise<void> {
  for (let i = 0; i < 400 && !true_(); i++) await new Promise((resolve) => setTimeout(resolve, 25));
  expect(true_()).toBe(true);
}
const flags = (more = {}) => ({ via: base.href, browser: false, ...more });
const launch = (repo: string, more = {}) => launchVia(repo, flags(more), ['via', ...Object.keys(more)]);
const typed = (text: string) =>
  jest.spyOn(process.stdin, 'setEncoding').mockReturnValue(
    (async function* () {
      yield text;
    })() as never,
  );

describe('login', () => {
  it('tries the token from stdin, keeps it for its owner alone, and forgets it', async () => {
    typed(`${token}\n`);
    expect(await login(base.href, {})).toBe(0);
    expect(err).toContain('as alice');
    expect(err).not.toContain(token);
    expect(statSync(tokensPath()).mode & 0o777).toBe(0o600);
    expect(tokenFor(base)).toBe(token);
    expect(await login(base.href, { forget: true })).toBe(0);
    expect(() => tokenFor(base)).toThrow(/no API token/);
  });

  it('keeps no token that the endpoint does not take', async () => {
    typed(`hpct_${'0'.repeat(49)}\n`);
    await expect(login(base.href, {})).rejects.toMatchObject({ code: 'E-SIGN-IN' });
    expect(() => tokenFor(base)).toThrow(/no API token/);
  });

  it('reads no file of tokens that others can read (TOK-05)', () => {
    keepToken(base, token);
    chmodSync(tokensPath(), 0o644);
    expect(() => tokenFor(base)).toThrow(/can be read by others/);
  });

  it.each(['http://binder.hpc.example.edu', 'https://u:p@binder.example.edu', 'ftp://x', 'binder', 'https://x/?a=1'])(
    'sends no token to %s',
    (url) => expect(() => endpointAddress(url)).toThrow(HpcbinderError),
  );
});

describe('launch --via', () => {
  beforeEach(() => keepToken(base, token));

  it('shows the launch once, through a cut line, and ends with the page that opens it', async () => {
    const run = launch('https://github.com/org/ready', { verbose: true, gpus: '1', time: '1h' });
    await until(() => err.includes('first line'));
    for (const socket of open) socket.destroy();
    goOn();
    expect([await run, err]).toEqual([0, expect.stringContaining('image built')]);
    for (const words of ['first line', 'last line']) expect(err.split(words)).toHaveLength(2);
    expect(out).toMatch(/^http:\/\/localhost:\d+\/hub\/launches\/la-[0-9a-f]{16}\n$/);
    expect(err).toContain('the API token is not handed to a browser');
    const [kept] = state.launches({ account: 'alice', limit: 1 });
    expect(kept?.wanted).toEqual({ provider: 'gh', spec: 'org/ready/HEAD', seconds: 3600, gpus: 1 });
  });

  it("ends with the endpoint's own words of a fault, made harmless", async () => {
    expect(await launch('org/typo')).toBe(1);
    expect(err).toContain('pip found no nunpy');
    expect(err).toContain('requirements.txt:4');
    expect(err).toContain('E-BUILD-PIP');
    expect(err).toMatch(/whole log is on the launch's page: http/);
    expect(err).not.toContain('\u001b[2J');
  });

  it('is left to the endpoint by ctrl-C, and by --detach', async () => {
    const run = launch('org/waits', { verbose: true });
    await until(() => err.includes('first line'));
    process.emit('SIGINT');
    expect([await run, err]).toEqual([130, expect.stringContaining('the launch goes on: http')]);
    expect(await launch('org/waits', { detach: true, json: true })).toBe(0);
    const { type, launch: id } = JSON.parse(out) as { type: string; launch: string };
    expect(type).toBe('submitted');
    expect(state.launch(id)?.state).toBe('running');
    const client = new EndpointClient({ base, token });
    const signal = AbortSignal.timeout(5_000);
    await client.cancel(id, signal);
    const told = [];
    for await (const event of client.events(id, signal)) told.push(event);
    expect(told.at(-1)).toMatchObject({ type: 'launch', launch: { state: 'cancelled' } });
  });

  it('needs a token that may launch', async () => {
    process.env.HPCBINDER_TOKEN = await made(['read']);
    expect(await launch('org/waits')).toBe(1);
    expect(err).toContain('scopes read and launch');
  });

  it('shows what it would send, and sends nothing', async () => {
    const before = state.launches({ account: 'alice', limit: 100 }).length;
    const asked = { dryRun: true, json: true, mem: '16G', partition: 'gpu', ref: 'v1', app: 'lab', idle: '30m' };
    expect(await launch('org/repo', asked)).toBe(0);
    expect(JSON.parse(out)).toEqual({
      url: `${base.href}api/v1/launches`,
      body: { provider: 'gh', spec: 'org/repo/v1', partition: 'gpu', memoryMb: 16_384, app: 'lab', idleSeconds: 1800 },
    });
    expect(state.launches({ account: 'alice', limit: 100 })).toHaveLength(before);
  });

  it('refuses what an endpoint has no meaning for, all at once', async () => {
    await expect(launch('org/repo', { bind: ['/a'], sif: '/x.sif', maxWait: '1h' })).rejects.toMatchObject({
      code: 'E-USAGE',
      message: expect.stringContaining('--bind, --sif, --max-wait'),
    });
    for (const here of ['./analysis', '~/x', '/data', '.', '..'])
      await expect(launch(here)).rejects.toThrow(/not directories of this machine/);
  });

  it('follows no redirect, and takes no page for an endpoint', async () => {
    let asked = 0;
    const other = createHttp((req, res) => {
      asked += 1;
      if (req.url?.startsWith('/moved/')) res.writeHead(302, { Location: '/elsewhere' }).end();
      else res.writeHead(200, { 'Content-Type': 'text/html' }).end('<!doctype html>');
    });
    const url = `http://localhost:${await listening(other)}`;
    const me = (at: string) => new EndpointClient({ base: endpointAddress(at), token }).me(AbortSignal.timeout(5_000));
    await expect(me(`${url}/moved`)).rejects.toThrow(/does not go along/);
    await expect(me(url)).rejects.toThrow(/not as an hpcbinder endpoint does/);
    expect(asked).toBe(2);
    other.close();
    await expect(me(url)).rejects.toMatchObject({ code: 'E-ENDPOINT', transient: true });
  });
});

describe('events of an endpoint', () => {
  it('are told from the point where a launch that began anew differs', () => {
    const [start, one, two] = ['start', 'one', 'two'].map((text) => ({ type: 'note', text }) as const);
    const once = new ToldOnce();
    const shown = (...events: readonly { type: 'note'; text: string }[]) => {
      once.again();
      return events.filter((event) => once.isNew(event)).map(({ text }) => text);
    };
    if (!start || !one || !two) throw new Error('three events');
    expect(shown(start, one)).toEqual(['start', 'one']);
    expect(shown(start, one, two)).toEqual(['two']);
    expect(shown(start, two)).toEqual(['two']);
    expect(shown(start, two, one)).toEqual(['one']);
  });

  it.each([
    '{}',
    '[]',
    'x',
    '{"type":"start","phase":"__proto__"}',
    '{"type":"launch","launch":{"id":"../x","state":"ready"}}',
  ])('of no known shape are passed over: %s', (data) => expect(readEvent(data)).toBeUndefined());
});
