/** One login of a person for a launch and what follows it; no other without a keypress (docs/faults.md). */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client } from '../e2e/client.ts';
import { hpcbinder, on } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { Terminal } from '../e2e/terminal.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { eventually, launchOf } from './rig.ts';
import { ASK_CODE, ASK_PASSWORD, answer, PASSWORD, people, Sshd } from './sshd.ts';

/** Ten minutes in docs/faults.md; a slice of it in every run. */
const OUTAGE_S = Number(process.env.HPCBINDER_OUTAGE_S ?? 25);
const LOGIN = [
  [/Password: /, PASSWORD],
  [/Verification code: /, undefined],
] as const;
const COMMAND = ['work', 'ls'];

let crowd: AsyncDisposable;
let world: OwnWorld;
let sshd: Sshd;
let sif: string;

beforeAll(async () => {
  sif = await storedImage();
  crowd = await people();
  sshd = await Sshd.start(2311, { pam: [ASK_PASSWORD, ASK_CODE] });
  world = new OwnWorld();
  // no runtime directory of a session: the sockets lie in the state folder, which no other world has
  world.env.XDG_RUNTIME_DIR = '';
  sshd.become(world);
});
afterAll(async () => {
  await hpcbinder(['logout'], { env: world.env });
  await sshd?.[Symbol.asyncDispose]();
  await world?.[Symbol.asyncDispose]();
  await crowd?.[Symbol.asyncDispose]();
});

const run = (...args: string[]) => hpcbinder(args, { env: world.env });
const accepted = () => sshd.count(/Accepted keyboard-interactive/);
const open = () => sshd.open();
const attempts = () => sshd.count(/Connection from/);

it('one login for a launch, the commands beside it and those after it; logout ends it', async () => {
  const terminal = new Terminal([...launchOf(sif), '--no-browser'], world.env);
  await answer(terminal, LOGIN);
  const [, url = ''] = await terminal.until(/(http:\/\/\S+\?c=\S+)/);
  const client = await Client.enter(url);
  expect((await client.send('GET', '/api')).status).toBe(200);
  const [, id = ''] = await terminal.until(/hpcbinder stop (\w+)/);
  expect(JSON.parse((await run('status', id, '--json')).stdout)).toMatchObject({ phase: 'ready' });
  const before = await attempts();

  terminal.type('\x03');
  expect(await terminal.ended()).toBe(0);
  expect(JSON.parse((await run('stop', id, '--json')).stdout)).toMatchObject({ phase: 'ended' });
  expect([await accepted(), await attempts()]).toEqual([1, before]);

  const sockets = join(world.env.HPCBINDER_STATE ?? '', 'ssh');
  expect(statSync(sockets).mode & 0o777).toBe(0o700);
  const [socket = ''] = readdirSync(sockets).filter((name) => name.endsWith('.k'));
  expect(statSync(join(sockets, socket)).mode & 0o077).toBe(0);

  expect(JSON.parse((await run('logout', '--json')).stdout)).toEqual([`alice@${sshd.host}`]);
  expect(readdirSync(sockets).filter((name) => /\.[km]$/.test(name))).toEqual([]);
  const after = await run(...COMMAND);
  expect([after.code, after.stderr]).toEqual([1, expect.stringContaining('run this in a terminal')]);
  expect((await run('logout')).stderr).toBe('No login is kept.');
});

it(`an outage of ${OUTAGE_S} s: no attempt to log in without a keypress, and one with it; the page is served again`, async () => {
  const terminal = new Terminal([...launchOf(sif), '--no-browser'], world.env);
  await answer(terminal, LOGIN);
  const [, url = ''] = await terminal.until(/(http:\/\/\S+\?c=\S+)/);
  const client = await Client.enter(url);
  const before = await attempts();
  await sshd.cut();
  await terminal.until(/The connection to alice@\S+ is lost. Enter logs in again/);
  await new Promise((resolve) => setTimeout(resolve, OUTAGE_S * 1000));
  expect(await attempts()).toBe(before);

  terminal.type('\r');
  await answer(terminal, LOGIN);
  const page = () => client.send('GET', '/api').catch(() => undefined);
  expect(await eventually(page, (reply) => reply?.status === 200, 30)).toMatchObject({ status: 200 });
  expect(await attempts()).toBe(before + 1);

  // killed with its tunnels open: the login outlives it
  const { stdout } = await run('list', '--json');
  const [{ id }] = JSON.parse(stdout);
  terminal.kill();
  expect(JSON.parse((await run('stop', id, '--json')).stdout)).toMatchObject({ phase: 'ended' });
  expect([await attempts(), await sshd.open()]).toEqual([before + 1, 1]);
  expect((await run('logout')).stderr).toBe(`Logged out of alice@${sshd.host}.`);
});

it('a login that nobody uses ends after ssh.keep, and with the command where the site says 0', async () => {
  sshd.become(world, { ssh: { keep: '3s' } });
  const first = new Terminal(COMMAND, world.env);
  await answer(first, LOGIN);
  expect(await first.ended()).toBe(0);
  expect((await run(...COMMAND)).code).toBe(0);
  expect(await sshd.open()).toBe(1);
  expect(await eventually(open, (count) => count === 0, 20)).toBe(0);

  sshd.become(world, { ssh: { keep: '10m' } });
  await on('login', 'root', 'mkdir -p /etc/hpcbinder; echo "ssh_keep: 0" >/etc/hpcbinder/site.yaml');
  try {
    const second = new Terminal(COMMAND, world.env);
    await answer(second, LOGIN);
    expect(await second.ended()).toBe(0);
    expect(await eventually(open, (count) => count === 0, 10)).toBe(0);
  } finally {
    await on('login', 'root', 'rm -r /etc/hpcbinder');
  }
});
