/** Two login nodes behind one name, each with its own host key; c1 plays the second (docs/faults.md). */
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client } from '../e2e/client.ts';
import { hpcbinder, on, Running } from '../e2e/rig.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { Line } from './line.ts';
import { eventually, type Shown, status, stop } from './rig.ts';
import { SmallRepo } from './small-repo.ts';

const ALIAS = 'login.example.org';
const KEY = '/etc/ssh/ssh_host_ed25519_key';

let world: OwnWorld;
let line: Line;
let repo: SmallRepo;
let first: Line['to'];
let second: Line['to'];
/** what known_hosts says of both, and of the first alone */
let keys: { both: string; one: string };

const know = (lines: string) => writeFileSync(world.entry.known_hosts, lines);
const launchOf = (...what: string[]) => ['launch', ...what, '--partition', 'gpu', '--time', '10m', '--mem', '500M'];

beforeAll(async () => {
  world = new OwnWorld();
  line = await Line.to(world.entry.port);
  first = line.to;
  world.through(line);
  repo = await SmallRepo.in(world);
  const started = await on('c1', 'root', `ssh-keygen -q -t ed25519 -N '' -f ${KEY} <<<y; /usr/sbin/sshd; hostname -i`);
  second = { host: started.stdout.split(/\s+/).at(-1) ?? '', port: 22 };
  const another = (await on('c1', 'root', `cut -d ' ' -f 1,2 ${KEY}.pub`)).stdout;
  const before = readFileSync(world.entry.known_hosts, 'utf8');
  const own = before.split('\n')[0]?.split(' ').slice(1, 3).join(' ');
  keys = { one: `${before}${ALIAS} ${own}\n`, both: `${before}${ALIAS} ${own}\n${ALIAS} ${another}\n` };

  world.entry.host = 'hpc';
  world.write();
  world.env.HOME = join(world.dir, 'home');
  mkdirSync(join(world.env.HOME, '.ssh'), { recursive: true, mode: 0o700 });
  const config = `Host hpc\n  HostName 127.0.0.1\n  HostKeyAlias ${ALIAS}\n`;
  writeFileSync(join(world.env.HOME, '.ssh', 'config'), config);
});

afterAll(async () => {
  await on('c1', 'root', `kill $(cat /run/sshd.pid); rm -f ${KEY} ${KEY}.pub`);
  await world?.[Symbol.asyncDispose]();
  await line?.close();
});

/** logins of alice on either node */
const logins = async (host: 'login' | 'c1') =>
  Number((await on(host, 'root', "pgrep -c -u alice -f 'sshd.*alice'")).stdout);

it('F-14: the line of a live session comes back on the other node, which knows all; a launch there is ended from the first', async () => {
  know(keys.both);
  const running = new Running(launchOf(repo.url), { env: world.env });
  try {
    const session = await running.ready();
    const client = await Client.enter(session.url);
    expect((await client.send('GET', '/api')).status).toBe(200);
    line.to = second;
    line.reset();
    const answers = async () => (await client.send('GET', '/api')).status;
    expect(await eventually(answers, (code) => code === 200, 30)).toBe(200);
    expect(await logins('c1')).toBeGreaterThan(0);
    expect(await logins('login')).toBe(0);
    expect(await status(world, session.id)).toMatchObject({ phase: 'ready', jobId: session.jobId });

    const { stdout: sif } = await on('login', 'alice', `ls ${world.scratch}/images/*.sif`);
    const other = new Running(launchOf('--sif', sif), { env: world.env });
    const there = await other.ready();
    await other.close();
    line.to = first;
    const listed = await hpcbinder(['list', '--refresh', '--json'], { env: world.env });
    const phases = (JSON.parse(listed.stdout) as Shown[]).map(({ id, phase }) => `${id} ${phase}`);
    expect(phases.sort()).toEqual([`${session.id} ready`, `${there.id} ready`].sort());
    for (const { id } of [session, there])
      expect(await stop(world, id)).toMatchObject({ phase: 'ended', ended: { why: 'stopped' } });
    expect(await world.jobs()).toHaveLength(2);
  } finally {
    line.to = first;
    await running.close();
  }
});

it('F-14: without the second key one error names it and the line to add, also under a live session, whose job goes on', async () => {
  know(keys.one);
  const { stdout: sif } = await on('login', 'alice', `ls ${world.scratch}/images/*.sif`);
  const running = new Running(launchOf('--sif', sif), { env: world.env });
  try {
    const session = await running.ready();
    line.to = second;
    line.reset();
    expect(await running.until(({ type }) => type === 'error', 60_000)).toMatchObject({ code: 'E-SSH-HOSTKEY' });
    expect(await running.ended()).toBe(1);

    const refused = await hpcbinder(['status', session.id], { env: world.env });
    expect(refused.code).toBe(1);
    expect(refused.stderr.match(/the host key of alice@hpc has changed: it is not the one in /g)).toHaveLength(1);
    const lineToAdd = new RegExp(`keep the old one and add this line[^\\n]*\\n *(${ALIAS} ssh-ed25519 \\S+)`);
    appendFileSync(world.entry.known_hosts, `${lineToAdd.exec(refused.stderr)?.[1]}\n`);
    expect(await status(world, session.id)).toMatchObject({ phase: 'ready', jobId: session.jobId });
    line.to = first;
    expect(await stop(world, session.id)).toMatchObject({ phase: 'ended' });
  } finally {
    line.to = first;
    await running.close();
  }
});
