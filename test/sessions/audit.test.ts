/** The audit against a real agent and a real proxy: clean, and with each weakness planted that it must find. */
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createNet } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { auditProxy } from '../../cli/audit-proxy.ts';
import { auditHost, auditNode, secretsOf, type Tried } from '../../sessions/audit.ts';
import { auditDoor } from '../../sessions/audit-door.ts';
import type { Connect } from '../../sessions/control.ts';
import { type Rig, SESSION, socketTo, startSession, TOKEN } from './agent-rig.ts';

/** of this file alone: agents of other tests run beside it, and their ports are not this session's */
const JOB = `9${process.pid}`;
let rig: Rig;
const children: ChildProcess[] = [];
const shared = `/tmp/hb-audit-${process.pid}`;
const secrets = () =>
  secretsOf(
    { secrets: { ...rig.secrets, appToken: TOKEN, cookieKey: 'c0'.repeat(32) } },
    JSON.stringify({ tls: { key: rig.certificates.server.key } }),
  );
const node = () => auditNode(rig.connect, SESSION, rig.secrets, { secrets: secrets(), shared: [shared] });
const open = (tried: readonly Tried[]) => tried.filter(({ result }) => result === 'open');

/** As the login node is looked at: the program there, told by stdin. */
async function host(commands: readonly (readonly string[])[] = []): Promise<readonly Tried[]> {
  const asked = { secrets: secrets(), directory: rig.dir, private: [], shared: [shared], commands };
  const { command, parse } = auditHost('python3', asked);
  const [program = '', ...args] = command.argv;
  const done = await execa(program, args, { input: String(command.stdin), encoding: 'buffer', reject: false });
  const ended = { kind: 'exit', code: done.exitCode ?? 1 } as const;
  const answer = parse({ ended, stdout: done.stdout, stderr: done.stderr, truncated: false });
  if (answer.ok) return answer.value;
  throw answer.error;
}

beforeAll(async () => {
  rig = await startSession({ env: { SLURM_JOB_ID: JOB } });
  // the fake container's files stand in for an image, which lies elsewhere
  for (const name of ['container', 'app.py', 'app.json', 'image.sif', 'python', 'prologue.sh'])
    chmodSync(join(rig.dir, name), 0o700);
  mkdirSync(shared, { mode: 0o755 });
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(shared, { recursive: true, force: true });
  await rig.stop();
});

describe('a session as it should be', () => {
  it('opens nowhere: on its node, on the login node, at its port', async () => {
    const all = [...(await node()), ...(await host()), ...(await auditDoor(rig.connect, SESSION, rig.secrets))];
    expect(open(all)).toEqual([]);
    const tried = all.map(({ what }) => what).join('\n');
    for (const part of [
      'arguments of a process',
      rig.dir,
      'a record',
      'in a log',
      `port ${rig.address.port}`,
      'without a certificate',
    ])
      expect(tried).toContain(part);
    // what else listens on this machine may go away before it is asked
    const mine = all.filter(({ seen }) => !seen.endsWith('; not of this session'));
    expect(mine.filter(({ result }) => result === 'not tried')).toEqual([]);
  });

  it('is told without one of its secrets', async () => {
    const said = JSON.stringify([...(await node()), ...(await host())]);
    for (const secret of Object.values(secrets())) expect(said).not.toContain(secret);
  });
});

describe('a weakness that was planted is found, by name and without the secret', () => {
  const found = async (tried: Promise<readonly Tried[]>, what: RegExp, seen: RegExp) => {
    const all = open(await tried);
    expect(all).toContainEqual({
      what: expect.stringMatching(what),
      result: 'open',
      seen: expect.stringMatching(seen),
    });
    for (const secret of Object.values(secrets())) expect(JSON.stringify(all)).not.toContain(secret);
  };

  it('a token in the arguments of a process', async () => {
    const child = spawn('sleep', ['60'], { argv0: `sleep --token=${TOKEN}` });
    children.push(child);
    await found(node(), /arguments of a process/, new RegExp(`process ${child.pid} shows the app's token`));
    await found(host(), /arguments of a process/, /app's token/);
    child.kill('SIGKILL');
  });

  it('a session directory that others may enter, and a record that they may read', async () => {
    chmodSync(rig.dir, 0o755);
    chmodSync(join(rig.dir, 'job.json'), 0o644);
    await found(host(), /^into \//, /mode 0755/);
    await found(node(), /a record of the session/, /job\.json has mode 0644/);
    await found(host(), /a secret in a file that others may read/, /job\.json holds the agent's key/);
    chmodSync(join(rig.dir, 'job.json'), 0o600);
    chmodSync(rig.dir, 0o700);
  });

  it('a key in a file, and in the name of one, where all users leave theirs', async () => {
    writeFileSync(join(shared, 'note'), `x${rig.secrets.clientKey}`, { mode: 0o644 });
    await found(node(), /file that others may read/, /note holds the client's key/);
    mkdirSync(join(shared, TOKEN));
    await found(node(), /file that others may read/, /is named after the app's token/);
    rmSync(join(shared, 'note'));
    rmSync(join(shared, TOKEN), { recursive: true });
  });

  it('a token in a log, and in what a command of the scheduler answers', async () => {
    writeFileSync(join(rig.dir, 'other.log'), `Authorization: token ${TOKEN}\n`, { mode: 0o600 });
    await found(host(), /in a log/, /other\.log holds the app's token/);
    rmSync(join(rig.dir, 'other.log'));
    const echo = join(shared, 'answer');
    writeFileSync(echo, `Comment=${TOKEN}`, { mode: 0o600 });
    await found(host([['cat', echo]]), /answer to cat/, /the app's token/);
    rmSync(echo);
    expect((await host([['false'], ['no-such-program']])).filter(({ result }) => result === 'not tried')).toHaveLength(
      2,
    );
  });

  it('a server of the session that answers whoever asks', async () => {
    const server = `import http.server as s; s.HTTPServer(('127.0.0.1', 0), s.SimpleHTTPRequestHandler).serve_forever()`;
    const child = spawn('python3', ['-c', server], {
      env: { ...process.env, SLURM_JOB_ID: JOB },
      cwd: shared,
      stdio: 'ignore',
    });
    children.push(child);
    const until = Date.now() + 20_000;
    let all = await node();
    while (open(all).length === 0 && Date.now() < until) all = await node();
    expect(open(all)).toContainEqual({
      what: expect.stringMatching(/^port \d+ of 127\.0\.0\.1 \(python/),
      result: 'open',
      seen: 'HTTP 200 without a secret',
    });
    child.kill('SIGKILL');
  });

  it('a port that answers without a certificate', async () => {
    const server = createNet((socket) => void socket.on('error', () => {}).end('HTTP/1.1 200 OK\r\n\r\nhello'));
    server.listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    // the owner's own question is answered by the agent, all others by the open port
    let first = true;
    const connect: Connect = () => {
      const to = first ? rig.address.port : port;
      first = false;
      return socketTo(to);
    };
    expect(open(await auditDoor(connect, SESSION, rig.secrets)).map(({ what }) => what)).toEqual(
      expect.arrayContaining(['in the clear, HTTP', 'in the clear, hb/1']),
    );
    server.close();
  });
});

describe("the browser's side", () => {
  const route = (port: number) => ({
    sessionId: SESSION,
    connectApp: () => socketTo(port),
    appToken: TOKEN,
    cookieKey: 'c0'.repeat(32),
    state: () => 'ready' as const,
    words: () => ({ repo: '', work: '', relaunch: '' }),
  });

  it('is closed but for its own cookie; a proxy that runs without any check is found', async () => {
    const app = createServer((_req, res) => void res.end('{}')).listen(0, '127.0.0.1');
    await new Promise((resolve) => app.once('listening', resolve));
    const { port } = app.address() as AddressInfo;
    const tried = await auditProxy(route(port), undefined);
    expect(open(tried)).toEqual([]);
    expect(tried.length).toBeGreaterThan(8);
    const careless = await auditProxy(route(port), port);
    expect(open(careless).map(({ what }) => what)).toContain(`the proxy that runs on port ${port}: no cookie`);
    app.close();
    app.closeAllConnections();
    const gone = await auditProxy(route(9), undefined);
    expect(gone).toEqual([expect.objectContaining({ result: 'not tried' })]);
  });
});
