/** What of a session is still good for anything once it was stopped (TOK-11): its cookie, its link, an open WebSocket. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client } from '../../e2e/client.ts';
import { type Secrets, secretsOf } from '../../e2e/oracles.ts';
import { hpcbinder, Running } from '../../e2e/rig.ts';
import { storedImage } from '../../e2e/stored.ts';
import { OwnWorld } from '../../e2e/worlds.ts';
import { eventually, launchOf, status, stop } from '../../faults/rig.ts';

const world = new OwnWorld();
let first: Running;
let second: Running | undefined;
let client: Client;
let secrets: Secrets;
let id = '';
let link: URL;

/** The status that the cookie gets; 0 where nothing answers. */
const reply = () =>
  client.send('GET', '/api/status').then(
    ({ status }) => status,
    () => 0,
  );
const CLOSED = [0, 404, 410, 502, 503];
async function secretsNow(of: Running): Promise<Secrets> {
  const { id, node } = await of.ready(300_000);
  return secretsOf((await status(world, id)).directory, node === 'c1' ? 'c1' : 'c2');
}

beforeAll(async () => {
  const sif = await storedImage();
  first = new Running(launchOf(sif), { env: world.env });
  const ready = await first.ready(300_000);
  ({ id } = ready);
  link = new URL(ready.url);
  client = await Client.enter(ready.url);
  secrets = await secretsNow(first);
}, 600_000);

afterAll(async () => {
  await second?.close();
  await first?.close();
  await world[Symbol.asyncDispose]();
});

it('an open WebSocket is closed and the cookie opens nothing, within seconds of the end; a tab that asks on revives nothing', async () => {
  const socket = await client.open(`/api/kernels/${await client.startKernel()}/channels`);
  let closed = false;
  socket.on('close', () => {
    closed = true;
  });
  expect(await reply()).toBe(200);
  await stop(world, id);
  await eventually(async () => closed, Boolean, 5);
  expect(closed).toBe(true);
  for (let i = 0; i < 5; i++) expect(CLOSED).toContain(await reply());
  expect((await status(world, id)).phase).toBe('ended');
});

it('no command opens it again', async () => {
  const { code, stderr } = await hpcbinder(['open', id, '--no-browser'], { env: world.env });
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/ended|over/);
});

it('a session that goes on from it has other keys, and the used link opens it not; an open tab goes on, as it is meant to', async () => {
  await first.close();
  const args = ['launch', '--continue', id, '--time', '15m', '--no-browser', '--port', link.port];
  second = new Running(args, { env: world.env });
  const ready = await second.ready(300_000);
  expect(new URL(ready.url).host).toBe(link.host);
  const now = await secretsNow(second);
  const kept = Object.keys(now).filter((name) => now[name] === secrets[name]);
  expect(kept.map((name) => name.split('.').at(-1))).toEqual(['cookieKey']);
  await expect(Client.enter(link.href)).rejects.toThrow('no cookie');
  expect(await reply()).toBe(200);
  await stop(world, ready.id);
  expect(CLOSED).toContain(await reply());
}, 400_000);
