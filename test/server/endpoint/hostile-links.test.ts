/** Hostile repositories and requests through the API of a real endpoint, with a git on PATH that writes down each call. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as httpServer, type Server } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Builds } from '../../../cli/serve/builds.ts';
import { People } from '../../../cli/serve/people.ts';
import { Tokens } from '../../../cli/serve/repository-tokens.ts';
import { ClusterServices } from '../../../cli/serve/services.ts';
import { sha256 } from '../../../core/canonical.ts';
import { guardOf } from '../../../repos/guard.ts';
import { type Endpoint, openEndpoint } from '../../../server/endpoint/endpoint.ts';
import { PolicyFile } from '../../../server/policy/index.ts';
import { newToken } from '../../../server/sign-in/tokens.ts';
import { State } from '../../../server/state/index.ts';
import { StaticFiles } from '../../../server/web/static.ts';

const PATH = process.env.PATH;
const token = newToken();
const log: string[] = [];
const hits: string[] = [];
let directory: string;
let base: string;
let inside: Server;
let insidePort: number;
let state: State;
let endpoint: Endpoint;
let services: ClusterServices;

const calls = () => readFileSync(join(directory, 'git.log'), 'utf8');
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
async function post(path: string, body: unknown): Promise<{ status: number; text: string }> {
  const answer = await fetch(`${base}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: answer.status, text: await answer.text() };
}
const both = async (provider: string, spec: string) => [
  await post('api/v1/resolve', { provider, spec }),
  await post('api/v1/launches', { provider, spec }),
];
const url = (text: string, ref = 'HEAD') => `${encodeURIComponent(text)}/${ref}`;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'hb-links-'));
  mkdirSync(join(directory, 'bin'));
  writeFileSync(join(directory, 'git.log'), '');
  writeFileSync(join(directory, 'bin', 'git'), `#!/bin/sh\nprintf '%s\\n' "$*" >> ${directory}/git.log\nexit 128\n`);
  chmodSync(join(directory, 'bin', 'git'), 0o755);
  process.env.PATH = `${join(directory, 'bin')}:${PATH}`;
  inside = httpServer((request, response) => {
    hits.push(request.url ?? '');
    response.end();
  });
  await new Promise<void>((done) => inside.listen(0, '127.0.0.1', done));
  insidePort = (inside.address() as AddressInfo).port;
  const port = await freePort();
  const secret = join(directory, 'secret');
  writeFileSync(secret, 'x'.repeat(43), { mode: 0o600 });
  const file = join(directory, 'serve.yaml');
  writeFileSync(
    file,
    `url: http://localhost:${port}
listen: 127.0.0.1:${port}
state_dir: ${directory}/state
sign_in: {header: {name: X-Remote-User, from: [127.0.0.1], secret: {header: X-Secret, file: ${secret}}}}
accounts: {map: {alice@campus: alice}}
act_as: self
clusters: {campus: {}}
repositories: {private_hosts: [127.0.0.2]}
rate: {launches: 10000 per 1h, resolve: 10000 per 1m, requests: 100000 per 1m}
`,
    { mode: 0o644 },
  );
  const policy = new PolicyFile(file);
  state = State.open(policy.value.stateDir);
  const expires = new Date(Date.now() + 3_600_000).toISOString();
  state.tokens.create({
    account: 'alice',
    shown: 'alice@campus',
    hash: sha256(token),
    name: 't',
    scopes: ['read', 'launch'],
    expires,
  });
  const guard = guardOf(() => policy.value.repositories.privateHosts);
  // no cluster is there: what is not refused before would fail at it
  const people = new People(
    () => Promise.reject(new Error('a cluster was asked')),
    () => new Map([['campus', { name: 'campus', entry: {}, saved: true }]]),
  );
  services = new ClusterServices({
    people,
    config: {},
    own: 'nobody',
    clusters: () => ['campus'],
    git: () => ({ guard, allowHttp: policy.value.repositories.http }),
    builds: new Builds(() => policy.value.limits),
    tokens: new Tokens(people, () => policy.value),
  });
  endpoint = await openEndpoint({
    services,
    state,
    policy,
    product: 'test',
    files: new StaticFiles(() => ''),
    log: (line) => log.push(JSON.stringify(line)),
  });
  base = endpoint.url;
});
afterAll(async () => {
  await endpoint.close();
  await services.close();
  state.close();
  await new Promise((done) => inside.close(done));
  process.env.PATH = PATH;
  rmSync(directory, { recursive: true });
});

describe('through the API', () => {
  // SECURITY GIT-01, GIT-02, GIT-04, GIT-12
  it.each([
    ['git', '--upload-pack%3Dtouch%20%2Ftmp%2FPWN/HEAD'],
    ['git', url('ext::sh -c touch% /tmp/PWN')],
    ['git', url('/srv/secret.git')],
    ['git', url('../x')],
    ['git', url('file:///srv/secret.git')],
    ['git', url('host:path')],
    ['git', url('git@host:path')],
    ['git', url('ssh://git@host/path')],
    ['git', url('C:\\repo')],
    ['git', url('https://h.example.org/a\nb')],
    ['git', url('https://h.example.org/\u001b[2J')],
    ['git', url('https://h.example.org/\u202ex')],
    ['git', url('https://h.example.org/%0a')],
    ['git', url('https://h.example.org/--upload-pack=x')],
    ['gh', 'org/repo/--all'],
    ['gh', 'org/repo/-x'],
    ['gh', 'org/repo/--git-dir=/x'],
    ['gh', 'org/repo/a..b'],
    ['gh', 'org/repo/a b'],
    ['gh', 'org/repo/@{u}'],
    ['gh', 'org/repo/HEAD^{/x}'],
    ['gh', 'org/repo/--upload-pack=touch /tmp/PWN'],
    ['gh', '-u/repo/HEAD'],
    ['zenodo', '10.5281/zenodo.1'],
    ['__proto__', 'x'],
  ])('%s %j is refused, and git is not called', async (provider, spec) => {
    for (const { status, text } of await both(provider, spec)) {
      expect(status).toBe(400);
      expect(text).not.toMatch(/[\u0000-\u0009\u001b\u202e]/);
    }
    expect(calls()).toBe('');
  });

  // SECURITY GIT-08, GIT-09
  it('addresses of the inside are refused in one sentence, open or closed, and nothing arrives there', async () => {
    const closed = await freePort();
    const hosts = [
      '127.0.0.1',
      '[::1]',
      '0x7f000001',
      '2130706433',
      '127.1',
      '[::ffff:127.0.0.1]',
      'localhost',
      'a.localhost',
    ];
    const targets = hosts.flatMap((host) => [`https://${host}:${insidePort}/x`, `https://${host}:${closed}/x`]);
    const answers = await Promise.all(
      [...targets, 'https://169.254.169.254/latest'].map((one) => both('git', url(one))),
    );
    expect(new Set(answers.flat().map(({ status, text }) => `${status} ${text}`)).size).toBe(1);
    expect(answers[0]?.[0]).toMatchObject({ status: 403, text: expect.stringContaining('E-POLICY-REPOSITORY') });
    expect(hits).toEqual([]);
    expect(calls()).toBe('');
  });

  // SECURITY GIT-11
  it('a password in an address is refused, and is in no answer, log or file', async () => {
    const answers = await both('git', url('https://user:CANARY42@git.example.org/r'));
    expect(answers.map(({ status }) => status)).toEqual([400, 400]);
    const link = await fetch(`${base}build/git/${url('https://user:CANARY42@git.example.org/r')}`, {
      headers: { accept: 'text/event-stream' },
    });
    const files = readdirSync(join(directory, 'state'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'));
    expect([...answers.map(({ text }) => text), await link.text(), ...log, ...files].join('\n')).not.toContain(
      'CANARY42',
    );
  });

  // SECURITY ABU-08, INJ-16
  it.each([
    { seconds: -1 },
    { seconds: 1e12 },
    { seconds: '999-00' },
    { memoryMb: 0 },
    { memoryMb: 1e15 },
    { gpus: -1 },
    { gpus: 1.5 },
    { gpus: '1-1000' },
    { cpus: null },
    { cpus: [1] },
    { partition: '--wrap=x' },
    { partition: 'a b' },
    { account: "x'; DROP TABLE sessions; --" },
    { data: ['../../etc'] },
    { path: '../../x' },
    { path: '//evil.example' },
    { env: { LD_PRELOAD: 'x' } },
    { binds: [{ from: '/', to: '/' }] },
  ])('a launch with %j is refused', async (more) => {
    const { status } = await post('api/v1/launches', { provider: 'gh', spec: 'org/repo/HEAD', ...more });
    expect([400, 403]).toContain(status);
    expect(calls()).toBe('');
  });

  it('__proto__ and constructor in a body give no right, and the endpoint lives on', async () => {
    for (const body of [
      '{"__proto__":{"admin":true},"provider":"gh","spec":"o/r/HEAD"}',
      '{"constructor":{"prototype":{"admin":true}}}',
      '[]',
      'null',
      '{',
    ])
      expect((await post('api/v1/launches', body)).status).toBe(400);
    expect(({} as Record<string, unknown>).admin).toBeUndefined();
    expect((await fetch(`${base}health`)).status).toBe(200);
  });

  it('a repository of a listed host does reach git, so that the above could be seen', async () => {
    await post('api/v1/resolve', { provider: 'git', spec: url('https://127.0.0.2/org/repo', 'main') });
    expect(calls()).toContain('http.followRedirects=false');
    expect(calls()).toMatch(/ls-remote .*--end-of-options https:\/\/127\.0\.0\.2\/org\/repo/);
  });
});
