/** A full queue, and limits: what waits is told in words, and what can't start is refused before it is submitted. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { hpcbinder, on, Running } from '../e2e/rig.ts';
import { CTRL_C, Terminal } from '../e2e/terminal.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { eventually, inQueue, Launches, launchOf, status, stop } from './rig.ts';

let world: OwnWorld;
let launches: Launches;

beforeAll(async () => {
  launches = await Launches.begin();
  ({ world } = launches);
});

afterEach(async () => {
  await launches.stopAll();
  await on('login', 'root', 'scancel --user=bob; true');
});

afterAll(() => world[Symbol.asyncDispose]());

/** Bob's job on the node with the GPUs, for half an hour; returns when it runs. */
async function busy(gpus: number): Promise<void> {
  const { stdout } = await on(
    'login',
    'bob',
    `cd /tmp && sbatch --parsable -p gpu --gres=gpu:${gpus} --mem=1G --time=30 --output=/dev/null --wrap='sleep 1800'`,
  );
  const state = () => on('login', 'bob', `squeue -h -j ${stdout} -o %T`);
  expect((await eventually(state, (seen) => seen.stdout === 'RUNNING', 60)).stdout).toBe('RUNNING');
}

const queued = async () => (await on('login', 'root', 'squeue -h -u alice -o "%i %T"')).stdout;

it('a launch waits in a full queue: why, until when, what starts sooner by the key w; ctrl-C leaves the job waiting', async () => {
  await busy(1);
  const terminal = new Terminal([...launchOf(launches.sif), '--mem', '1G', '--gpus', '2', '--no-browser'], world.env);
  await terminal.until(/waiting: next in line, as soon as nodes become free · ~\d\d:\d\d \(in \d+ min\)/);
  await terminal.until(/press w to ask what would start sooner/);
  const before = await queued();
  terminal.type('w');
  const [, flags] = await terminal.until(/15 min on gpu, 1 GPU +(?:now|in about \d+ min) +(--gpus 1)\n/);
  await terminal.until(/15 min on gpu +in about \d+ min +\(as it waits\)/);
  await terminal.until(/change to \[1(?:-\d)?, Enter keeps\]:/);
  expect(flags).toBe('--gpus 1');
  terminal.type('\r');
  await terminal.until(/it waits as it is/);
  // no number counts any more
  terminal.type('1');
  expect(await queued()).toBe(before);

  const [session] = await launches.sessions();
  const listed = await hpcbinder(['list'], { env: world.env });
  expect(listed.stdout).toMatch(/queued · next in line, as soon as nodes become/);
  const told = await hpcbinder(['status', session?.id ?? '', '--position'], { env: world.env });
  expect(told.stdout).toMatch(/^waits +next in line, as soon as nodes become free, since \d+ (s|min)/m);
  expect(told.stdout).toMatch(/^ +it starts by itself$/m);
  expect(told.stdout).toMatch(/^likely +\d\d:\d\d \(in \d+ min\)$/m);
  expect(told.stdout).toMatch(/^position +the only one that waits in partition gpu$/m);
  expect(await status(world, session?.id ?? '')).toMatchObject({
    job: { state: 'pending', reason: 'Resources', waiting: { mends: 'nobody', starts: 'yes' } },
  });

  terminal.type(CTRL_C);
  await terminal.until(/job \d+ lives on/);
  expect(await terminal.ended()).toBe(130);
  expect(await queued()).toMatch(/PENDING/);
  expect(terminal.text.split('\n').filter((line) => line.includes('press w'))).toHaveLength(1);
});

it('a number after w makes that shape the job’s, which stays the same job; record, agent and queue have it', async () => {
  await busy(1);
  const terminal = new Terminal([...launchOf(launches.sif), '--mem', '1G', '--gpus', '2', '--no-browser'], world.env);
  await terminal.until(/press w to ask what would start sooner/);
  const before = await queued();
  const [id = ''] = before.split(' ');
  terminal.type('w');
  const [, number = ''] = await terminal.until(/(\d) {2}15 min on gpu, 1 GPU +(?:now|in about \d+ min)/);
  await terminal.until(/Enter keeps\]:/);
  terminal.type(number);
  await terminal.until(new RegExp(`changed to 15 min on gpu, 1 GPU: job ${id} waits on as that`));
  await terminal.until(/ends {6}\d\d:\d\d \(walltime 15 min\)/);
  expect(await queued()).toBe(`${id} RUNNING`);
  const [session] = await launches.sessions();
  expect(await status(world, session?.id ?? '')).toMatchObject({ phase: 'ready', jobId: id });
  const shown = (await on('login', 'alice', `scontrol show job ${id}`)).stdout;
  expect(shown).toMatch(/TimeLimit=00:15:00/);
  expect(shown).toMatch(/ReqTRES=.*gres\/gpu=1\b/);
  const saved = await on('login', 'alice', `cat ${world.home}/state/sessions/${session?.id}/session.json`);
  expect(JSON.parse(saved.stdout)).toMatchObject({ jobId: id, request: { gpus: 1, seconds: 900 } });
  terminal.type(CTRL_C);
  expect(await terminal.ended()).toBe(0);
});

it('--when tells the same without submitting, as a table and with --json; ctrl-C ends it at once', async () => {
  await busy(2);
  const asked = ['launch', '--when', '--partition', 'gpu', '--gpus', '1', '--time', '4h', '--mem', '1G'];
  const told = await hpcbinder(asked, { env: world.env });
  expect(told).toMatchObject({ code: 0, stdout: expect.stringMatching(/4 h on gpu +in about .*\(as asked\)/) });
  const free = await hpcbinder([...asked.slice(0, 5), '0', '--json', '--time', '4h', '--mem', '1G'], {
    env: world.env,
  });
  expect(JSON.parse(free.stdout)).toMatchObject({ type: 'when', by: 'scheduler', own: { flags: [] }, others: [] });
  const terminal = new Terminal(asked, world.env);
  await terminal.until(/asking +2 h on gpu/);
  terminal.type(CTRL_C);
  await terminal.until(/cancelled: nothing was submitted/);
  expect(await terminal.ended(5_000)).toBe(130);
  expect(await queued()).toBe('');
});

it('a job that never starts as it is, is told so once, with who can mend it, and waited for', async () => {
  const running = launches.launched('--sbatch', '--begin=now+1hour');
  const begin = await inQueue(running, /^waiting: its begin time is not reached/);
  expect(begin).toMatchObject({ waiting: { mends: 'nobody', starts: 'yes' } });
  const [session] = await launches.sessions();
  await on('login', 'root', `scontrol hold ${session?.jobId}`);
  const warning = await running.until((event) => event.type === 'warning', 60_000);
  expect(warning.text).toMatch(
    /^job \d+ never starts as it is: it is held by an administrator \(end it: hpcbinder stop \w{4}\)$/,
  );
  await inQueue(running, /^waiting: it is held by an administrator · never starts as it is$/);
  const told = await hpcbinder(['status', session?.id ?? ''], { env: world.env });
  expect(told.stdout).toMatch(/^ +it never starts as it is · only an administrator can mend it$/m);
});

describe('accounts and QOS', () => {
  const admin = (...words: string[]) => on('login', 'root', `sacctmgr -i ${words.join(' ')}`);
  const refresh = () => hpcbinder(['partitions', '--json'], { env: world.env });
  beforeAll(async () => {
    await admin('add qos brief set MaxWall=00:10:00 MaxTRESPU=cpu=4');
    await admin('modify user alice set qos+=brief');
  });
  afterAll(async () => {
    await admin('modify user alice set qos-=brief');
    await admin('delete qos brief');
  });

  it('are listed with what is free, in 80 columns', async () => {
    await busy(1);
    const { code, stdout } = await hpcbinder(['partitions'], { env: world.env });
    expect(code).toBe(0);
    for (const line of stdout.split('\n')) expect([...line].length).toBeLessThanOrEqual(80);
    expect(stdout).toMatch(/^gpu +4 h \(30 min\) +8 cores, 15\.6 GB, 2 fake +0\/1 node, 7 cores, 1 fake$/m);
    expect(stdout).toMatch(/^lab \* +(normal \*, brief|brief, normal \*) +no limit of its own$/m);
    expect(stdout).toMatch(/^ +brief +at most 10 min, 4 cores$/m);
  });

  it.each([
    [['--qos', 'brief'], 'E-LIMIT', /--time: 15 min is over the limit of QOS brief: 10 min/],
    [['--qos', 'brief', '--time', '5m', '--cpus', '6'], 'E-LIMIT', /--cpus: 6 cores is over the limit of QOS brief: 4/],
    [['--qos', 'breif'], 'E-ACCOUNT', /QOS "breif" may not be used with account lab/],
    [['--account', 'labb'], 'E-ACCOUNT', /account "labb" is not one of yours/],
  ])('refuse %j before the submit, with the nearest that is allowed', async (flags, code, message) => {
    await refresh();
    const { code: exit, stdout } = await hpcbinder([...launchOf(launches.sif), ...flags, '--json'], { env: world.env });
    const error = JSON.parse(stdout.trim().split('\n').at(-1) ?? '{}');
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
    expect(exit).not.toBe(0);
    expect(await queued()).toBe('');
  });

  it('are told in one sentence where nobody keeps them, and the launch goes on', async () => {
    const none = new OwnWorld({ prologue: 'export SLURM_CONF=/tmp/hb-no-accounts.conf' });
    try {
      await on('login', 'alice', 'sed s/slurmdbd$/none/ /etc/slurm/slurm.conf > /tmp/hb-no-accounts.conf');
      const { code, stdout, stderr } = await hpcbinder(['partitions'], { env: none.env });
      expect({ code, stderr }).toMatchObject({
        code: 0,
        stderr: expect.stringMatching(/keeps no accounts: nothing is known/),
      });
      expect(stdout).not.toContain('ACCOUNT');
    } finally {
      await none[Symbol.asyncDispose]();
      await on('login', 'root', 'rm -f /tmp/hb-no-accounts.conf');
    }
  });
});

/** A named fake of the module command: a shell function in the place where the real one has its own. */
const FAKE_MODULES =
  'module() { [ "$1" = load ] && shift && for name; do case $name in tool) SITE_TOOL=loaded; export SITE_TOOL ;; *) echo "no module $name" >&2; return 1 ;; esac; done; }';

it('modules, prologue and epilogue run in the job as the user, the epilogue also when the job is stopped; the session knows that it is offline', async () => {
  const hosts = ['login', 'c1', 'c2'] as const;
  const file = '/etc/profile.d/modules.sh';
  for (const host of hosts) await on(host, 'root', `echo '${FAKE_MODULES}' > ${file}`);
  const site = new OwnWorld({ modules: ['tool'], internet: false });
  site.entry.prologue = `echo "prologue as $(id -un) on $(uname -n) with '$SITE_TOOL'" >> ${site.home}/story`;
  site.entry.epilogue = `echo "epilogue with '$SITE_TOOL'" >> ${site.home}/story`;
  site.write();
  await on('login', 'alice', `mkdir -p ${site.home}`);
  const running = new Running([...launchOf(launches.sif), '--mem', '1G'], { env: site.env });
  try {
    const ready = await running.ready();
    expect(ready).toMatchObject({ internet: false });
    await running.close();
    await stop(site, ready.id);
    const story = () => on('login', 'alice', `grep -v 'on login' ${site.home}/story`);
    expect((await eventually(story, ({ stdout }) => stdout.includes('epilogue'), 60)).stdout).toBe(
      "prologue as alice on c2 with 'loaded'\nepilogue with 'loaded'",
    );
    const told = await hpcbinder(['build', './examples/quickstart', '--rebuild', '--build-on', 'cluster', '--json'], {
      env: site.env,
    });
    expect(told.stdout).toMatch(/do not reach it: the cluster's entry says so/);
    expect(await queued()).toBe('');
  } finally {
    await running.close();
    for (const host of hosts) await on(host, 'root', `rm -f ${file}`);
    await site[Symbol.asyncDispose]();
  }
});

it('a session on a node that reaches nothing says so by itself', async () => {
  const site = new OwnWorld({ prologue: 'export https_proxy=http://127.0.0.1:1' });
  const running = new Running([...launchOf(launches.sif), '--mem', '1G'], { env: site.env });
  try {
    expect(await running.ready()).toMatchObject({ internet: false });
  } finally {
    await running.close();
    await site[Symbol.asyncDispose]();
  }
});
