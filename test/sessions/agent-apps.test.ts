/** Shiny and RStudio on the node: how they are started, when they count as used. R's programs are fakes here; a real R runs in test/faults/apps.test.ts. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, describe, expect, it } from '@jest/globals';
import { controlRequest, openApp } from '../../sessions/control.ts';
import { readEnd } from '../../sessions/records.ts';
import { openStream } from '../../sessions/streams.ts';
import {
  type Changes,
  eventually,
  type Rig,
  SESSION,
  sessionDirectory,
  startJob,
  startSession,
  TOKEN,
} from './agent-rig.ts';
import { frame, UPGRADE } from './frames.ts';

// They wait more than they compute: all at once.
const rigs: Rig[] = [];
afterAll(async () => {
  await Promise.all(rigs.map((rig) => rig.stop()));
});

const SHINY: Changes = { kind: 'shiny', programs: ['Rscript'] };
const RSTUDIO: Changes = { kind: 'rstudio', programs: ['R', 'rserver', 'rsession'] };

async function session(changes: Changes): Promise<Rig> {
  const rig = await startSession(changes);
  rigs.push(rig);
  return rig;
}

/** Of a session that ends before its app answers: the detail of its end. */
async function failed(changes: Changes): Promise<string | undefined> {
  const dir = await sessionDirectory(changes);
  const job = startJob(dir, changes);
  await new Promise((resolve) => job.once('exit', resolve));
  const end = readEnd(existsSync(join(dir, 'end.json')) ? readFileSync(join(dir, 'end.json'), 'utf8') : undefined);
  rmSync(dir, { recursive: true, force: true });
  expect(end?.why).toBe('app-failed');
  return end?.detail;
}

const statusOf = (rig: Rig) => controlRequest(rig.connect, SESSION, rig.secrets, { verb: 'status' });
const runDirectory = (rig: Rig) => join(JSON.parse(rig.file('lock/app.json')).node as string, 'run');
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
const busy = async (rig: Rig) => (await statusOf(rig)).busyKernels;

async function untilBusy(rig: Rig, wanted: number): Promise<void> {
  for (let n = 0; (await busy(rig)) !== wanted; n++) {
    if (n > 100) throw new Error(`busyKernels never became ${wanted}`);
    await wait(200);
  }
}

/** A request over the agent's port, as the proxy makes it; its answer's first line. */
async function request(rig: Rig, head: string): Promise<string> {
  const socket = await openApp(rig.connect, SESSION, rig.secrets);
  socket.write(`${head} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  let text = '';
  for await (const data of socket) text += data;
  return text.split('\r\n')[0] ?? '';
}

describe('Shiny', () => {
  it.concurrent('is an R process on a socket of the session, started by a script without a word of anybody in it', async () => {
    const rig = await session(SHINY);
    expect(await statusOf(rig)).toMatchObject({ ready: true, appVersion: '1.fake' });
    const run = runDirectory(rig);
    expect([mode(run), mode(join(run, 'start.sh')), mode(join(run, 'shiny.R'))]).toEqual(['700', '600', '600']);
    expect(readFileSync(join(run, 'shiny.R'), 'utf8')).toContain(
      `structure("${run}/app.sock", mask = strtoi("177", 8L))`,
    );
    expect(rig.file('container.words')).toMatch(/ \/bin\/sh \/run\/hb\/start\.sh$/m);
    expect(rig.file('container.words')).not.toContain(TOKEN);
    expect(existsSync(join(run, 'jupyter_config.py'))).toBe(false);
  }, 60_000);

  it.concurrent('is idle with an open tab, and used by what is sent over its WebSocket', async () => {
    const rig = await session({ ...SHINY, limits: { idleSeconds: 2 } });
    const tab = await openStream(rig.connect, SESSION, rig.secrets);
    tab.on('error', () => {}).resume();
    tab.write(UPGRADE);
    const began = Date.now();
    for (let n = 0; n < 8; n++) {
      tab.write(frame(1, '{"method":"update"}'));
      await wait(500);
    }
    expect(rig.file('end.json')).toBe('');
    const control = setInterval(() => tab.write(frame(10, 'pong')), 500);
    expect(await rig.exited).toBe(0);
    clearInterval(control);
    expect(readEnd(rig.file('end.json'))).toMatchObject({ why: 'idle' });
    expect(Date.now() - began).toBeGreaterThan(5500);
  }, 60_000);

  it.concurrent('is never idle while R computes, or answers nobody', async () => {
    const rig = await session({ ...SHINY, limits: { idleSeconds: 2 }, constants: { ANSWER_SECONDS: 1 } });
    writeFileSync(join(rig.dir, 'burn'), '');
    await untilBusy(rig, 1);
    await wait(2500);
    expect(rig.file('end.json')).toBe('');
    writeFileSync(join(rig.dir, 'silent'), '');
    rmSync(join(rig.dir, 'burn'));
    await wait(3500);
    expect(await busy(rig)).toBe(1);
    rmSync(join(rig.dir, 'silent'));
    expect(await rig.exited).toBe(0);
    expect(readEnd(rig.file('end.json'))).toMatchObject({ why: 'idle' });
  }, 60_000);

  it.concurrent('that lacks R, the package or an app ends with that sentence', async () => {
    const lacks = 'the image lacks the R package shiny';
    const said = await Promise.all([failed({ kind: 'shiny', programs: [] }), failed({ ...SHINY, app: { lacks } })]);
    expect(said).toEqual(['the image lacks R: there is no Rscript', lacks]);
  }, 60_000);
});

describe('RStudio', () => {
  it.concurrent('is rserver on a socket of the session, with key, database, data and pid file of its own (NET-03)', async () => {
    const rig = await session(RSTUDIO);
    expect(await statusOf(rig)).toMatchObject({ ready: true, appVersion: '2026.07.1+fake' });
    const run = runDirectory(rig);
    const own = join(run, 'rstudio');
    const { words, USER } = rig.json('rserver.json') as { words: Record<string, string>; USER: string };
    const user = execFileSync('id', ['-un'], { encoding: 'utf8' }).trim();
    expect(words).toEqual({
      'server-daemonize': '0',
      'server-set-umask': '0',
      'server-working-dir': join(rig.dir, 'work'),
      'server-pid-file': join(own, 'rserver.pid'),
      'server-data-dir': join(own, 'data'),
      'secure-cookie-key-file': join(own, 'secure-cookie-key'),
      'database-config-file': join(own, 'database.conf'),
      'rsession-config-file': join(own, 'rsession.conf'),
      'rsession-path': join(own, 'rsession'),
      'www-socket': join(run, 'app.sock'),
      'www-verify-user-agent': '0',
      'auth-none': '1',
      'auth-timeout-minutes': '0',
      'server-user': user,
      'auth-minimum-user-id': String(process.getuid?.()),
    });
    expect(USER).toBe(user);
    for (const path of [run, own, join(own, 'data'), join(own, 'db')])
      expect([path, mode(path)]).toEqual([path, '700']);
    for (const name of ['secure-cookie-key', 'database.conf', 'rsession.conf', 'environment'])
      expect([name, mode(join(own, name))]).toEqual([name, '600']);
    expect(readFileSync(join(own, 'database.conf'), 'utf8')).toBe(`provider=sqlite\ndirectory=${own}/db\n`);
    expect(readFileSync(join(own, 'secure-cookie-key'), 'utf8')).toMatch(/^[0-9a-f-]{36}$/);
    expect(rig.json('home/.config/rstudio/rstudio-prefs.json')).toEqual({ auto_save_on_idle: 'commit' });
  }, 60_000);

  it.concurrent('gives its R sessions what the image sets, and keeps what rserver says', async () => {
    const rig = await session({ ...RSTUDIO, container: { env: [['FROM_THE_FLAG', "it's a value"]] } });
    await eventually(() => rig.file('rsession.json') !== '');
    const { words, env } = rig.json('rsession.json') as { words: string[]; env: Record<string, string> };
    expect(words).toEqual(['-u', 'x y']);
    expect(env.RSTUDIO_DATA_HOME).toMatch(/\/\.local\/share\/rstudio$/);
    expect(env).toMatchObject({ GIVEN: 'by rserver', LANG: "it's C", APPTAINERENV_FROM_THE_FLAG: "it's a value" });
  }, 60_000);

  it.concurrent('keeps the image’s own settings of R sessions, but for ours; each is set once', async () => {
    const dir = await sessionDirectory(RSTUDIO);
    writeFileSync(
      join(dir, 'rsession.conf'),
      'r-cran-repos=https://cran\n session-timeout-minutes = 5\nallow-shell=1\n',
    );
    const job = startJob(dir);
    await eventually(() => existsSync(join(dir, 'address.json')));
    const { node } = JSON.parse(readFileSync(join(dir, 'lock', 'app.json'), 'utf8')) as { node: string };
    const lines = readFileSync(join(node, 'run', 'rstudio', 'rsession.conf'), 'utf8')
      .trim()
      .split('\n');
    expect(lines).toEqual([
      'allow-terminal-websockets=0',
      'session-default-working-dir='.concat(join(dir, 'work')),
      'session-quit-child-processes-on-exit=1',
      'session-timeout-minutes=0',
      'r-cran-repos=https://cran',
      'allow-shell=1',
    ]);
    job.kill('SIGTERM');
    await new Promise((resolve) => job.once('exit', resolve));
    rmSync(dir, { recursive: true, force: true });
  }, 60_000);

  it.concurrent('is never idle while an R session executes; what an open page sends by itself is no use', async () => {
    const rig = await session({ ...RSTUDIO, limits: { idleSeconds: 2 } });
    const executing = join(rig.dir, 'home/.local/share/rstudio/sessions/active/session-1a2b/properites/executing');
    mkdirSync(dirname(executing), { recursive: true });
    writeFileSync(executing, '1');
    await untilBusy(rig, 1);
    await wait(2500);
    expect(rig.file('end.json')).toBe('');
    writeFileSync(executing, '0');
    await untilBusy(rig, 0);
    for (let n = 0; n < 4; n++) {
      expect(await request(rig, 'POST /rpc/console_input')).toContain('404');
      await wait(700);
    }
    expect(rig.file('end.json')).toBe('');
    const page = setInterval(() => void request(rig, 'POST /events/get_events').catch(() => {}), 500);
    expect(await rig.exited).toBe(0);
    clearInterval(page);
    expect(readEnd(rig.file('end.json'))).toMatchObject({ why: 'idle' });
  }, 60_000);

  it.concurrent('that is not there, or would need a TCP port, ends with that sentence', async () => {
    const said = await Promise.all([
      failed({ kind: 'rstudio', programs: [] }),
      failed({ kind: 'rstudio', programs: ['R'] }),
      failed({ ...RSTUDIO, app: { old: true } }),
    ]);
    expect(said).toEqual([
      'the image lacks R',
      'the image lacks RStudio Server: there is no rserver',
      expect.stringContaining('the image lacks RStudio Server 2024.12 or newer'),
    ]);
  }, 60_000);
});

describe('under a path of an origin that sessions share', () => {
  const base = `/s/${SESSION}/`;

  it.concurrent('Jupyter is asked and told below it; Shiny has relative addresses only, and needs no word of it', async () => {
    const lab = await session({ base, app: { kernels: [{ execution_state: 'busy' }] } });
    expect(await statusOf(lab)).toMatchObject({ ready: true, appVersion: '0.fake' });
    await untilBusy(lab, 1);
    const shiny = await session({ ...SHINY, base });
    expect(await statusOf(shiny)).toMatchObject({ ready: true });
  }, 60_000);

  it.concurrent('RStudio’s cookies are for that path alone (NET-03)', async () => {
    const rig = await session({ ...RSTUDIO, base });
    const { words } = rig.json('rserver.json') as { words: Record<string, string> };
    expect(words['www-root-path']).toBe(base);
  }, 60_000);
});
