/** A session whose app and agent are made to crash: no secret in a log, a report or a core file (TOK-07, TOK-08). */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Client } from '../../e2e/client.ts';
import { python, type Secrets, secretsOf } from '../../e2e/oracles.ts';
import { hpcbinder, on, Running } from '../../e2e/rig.ts';
import { storedImage } from '../../e2e/stored.ts';
import { OwnWorld } from '../../e2e/worlds.ts';
import { eventually, launchOf, status } from '../../faults/rig.ts';

const world = new OwnWorld();
const env = { ...world.env, HPCBINDER_DEBUG: '1' };
let running: Running;
let id = '';
let directory = '';
let node: 'c1' | 'c2';
let secrets: Secrets;
let limits = '';
const statuses: number[] = [];

/** Names of the secrets in a text. */
const found = (text: string) => Object.keys(secrets).filter((name) => text.includes(secrets[name] ?? ''));

beforeAll(async () => {
  running = new Running([...launchOf(await storedImage()), '--no-browser'], { env });
  const ready = await running.ready(300_000);
  id = ready.id;
  node = ready.node === 'c1' ? 'c1' : 'c2';
  ({ directory } = await status(world, id));
  const client = await Client.enter(ready.url);
  const code = new URL(ready.url).searchParams.get('c') ?? '';
  secrets = { ...(await secretsOf(directory, node)), cookie: client.secret, code };
  // an error of the app's own, which Jupyter writes down with what it was sent
  statuses.push((await client.send('POST', '/api/kernels', { name: 'no-such-kernel' })).status);
  const pids = async (pattern: string) =>
    (await on(node, 'root', `pgrep -u alice -f '${pattern}'`)).stdout.split('\n').filter(Boolean);
  const [app, agent] = [await pids('[j]upyter-lab|[j]upyter lab'), await pids('[a]gent.py')];
  expect([app.length > 0, agent.length > 0]).toEqual([true, true]);
  const both = [...app, ...agent].join(' ');
  limits = (await on(node, 'root', `for p in ${both}; do grep core /proc/$p/limits; done`)).stdout;
  expect(await on(node, 'root', `kill -SEGV ${both}`)).toMatchObject({ code: 0 });
  await eventually(
    () => client.send('GET', '/api/status').catch(() => ({ status: 0 })),
    ({ status }) => statuses.push(status) > 0 && status !== 200,
    20,
  );
  for (let i = 0; i < 3; i++)
    statuses.push(
      await client.send('GET', '/api/status').then(
        ({ status }) => status,
        () => 0,
      ),
    );
  await eventually(
    () => status(world, id),
    ({ phase }) => phase === 'ended',
    90,
  );
  await running.close();
}, 600_000);

afterAll(async () => {
  await running?.close();
  await hpcbinder(['stop', id], { env: world.env });
  await world[Symbol.asyncDispose]();
});

it('the app failed, then nothing answered', () => {
  expect(statuses[0]).toBeGreaterThanOrEqual(500);
  expect(statuses.slice(1).some((status) => status !== 200)).toBe(true);
});

it('no core file may be written, and none was', async () => {
  expect(limits.split('\n').length).toBeGreaterThan(0);
  expect(limits).toMatch(/^(Max core file size\s+0\s+\S+\s+bytes\s*)+$/);
  const look = `find /tmp /var/tmp /scratch/alice /home/alice ${directory} -name 'core*' -type f -newermt '-15 minutes' -size +100k`;
  expect((await on(node, 'root', look)).stdout).toBe('');
});

it('the oracle finds each secret where it must be: in her 0600 records', async () => {
  const record = await on('login', 'alice', `cat ${directory}/session.json ${directory}/job.json`);
  expect(found(record.stdout).length).toBeGreaterThan(2);
});

it('none is in what the program said, logged, and writes into a report, with HPCBINDER_DEBUG set', async () => {
  expect(found(JSON.stringify(running.events).replaceAll(/[?&]c=[\w-]{43}/g, ''))).toEqual([]);
  for (const command of [
    ['logs', id],
    ['logs', id, '--app'],
    ['status', id, '--json'],
    ['list', '--json'],
  ]) {
    const { stdout, stderr } = await hpcbinder(command, { env });
    expect([command, found(stdout + stderr)]).toEqual([command, []]);
  }
  const report = await hpcbinder(['bugreport', id, '--output', '-'], { env });
  expect(report.code).toBe(0);
  expect(report.stdout.length).toBeGreaterThan(1000);
  expect(found(report.stdout + report.stderr)).toEqual([]);
});

it('none is in a log on this machine or of the session on the cluster', async () => {
  const logs = execFileSync('find', [world.dir, '-name', '*.log'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  for (const path of logs) expect([path, found(readFileSync(path, 'utf8'))]).toEqual([path, []]);
  const look = `import glob,json,os,sys
p=json.load(sys.stdin); hits=[]; n=0
for path in glob.glob(p["directory"]+"/**/*",recursive=True):
    if os.path.isfile(path) and path.endswith((".log",".out",".err")):
        n+=1; data=open(path,"rb").read()
        hits+=[[path,name] for name in p["secrets"] if p["secrets"][name].encode() in data]
json.dump({"hits":hits,"files":n},sys.stdout)`;
  const seen = await python<{ hits: string[][]; files: number }>('login', 'alice', look, { directory, secrets });
  expect(seen.hits).toEqual([]);
  expect(seen.files).toBeGreaterThan(0);
});
