import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { agentSource, jobScript } from '../../sessions/agent.ts';
import { controlRequest } from '../../sessions/control.ts';
import { readAddress, readEnd, readWorkReport } from '../../sessions/records.ts';
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

const rigs: Rig[] = [];

async function session(changes: Changes = {}): Promise<Rig> {
  const rig = await startSession(changes);
  rigs.push(rig);
  return rig;
}

afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop();
});

/** A job that ends before its app is ready: its end and what it printed. */
async function failedJob(changes: Changes, damage: (dir: string) => void = () => {}) {
  const dir = await sessionDirectory(changes);
  damage(dir);
  const job = startJob(dir, changes);
  const code = await new Promise<number | null>((resolve) => job.once('exit', resolve));
  const end = readEnd(existsSync(join(dir, 'end.json')) ? readFileSync(join(dir, 'end.json'), 'utf8') : undefined);
  const log = existsSync(join(dir, 'agent.log')) ? readFileSync(join(dir, 'agent.log'), 'utf8') : '';
  rmSync(dir, { recursive: true, force: true });
  return { code, end, log };
}

const nodeDirectories = (rig: Rig) => JSON.parse(rig.file('lock/app.json')).node as string;

/** A zombie that this machine's init leaves lying about does not. */
function runs(pid: number): boolean {
  const stat = `/proc/${pid}/stat`;
  return existsSync(stat) && !/\) [ZX] /.test(readFileSync(stat, 'utf8'));
}

describe('the agent and its script', () => {
  it('are one Python file that Python 3.6 understands, and a POSIX shell script', () => {
    const check = 'import ast,sys; ast.parse(sys.stdin.read(), feature_version=(3, 6))';
    execFileSync('python3', ['-c', check], { input: agentSource() });
    execFileSync('/bin/sh', ['-n'], { input: jobScript() });
  });

  it('start the app once the work directory is made, and say where it is reached', async () => {
    const rig = await session();
    const address = readAddress(rig.file('address.json'), SESSION);
    expect(address?.port).toBeGreaterThan(1023);
    expect((address?.endsAt ?? 0) - (address?.startedAt ?? 0)).toBe(3600);
    expect(readWorkReport(rig.file('work.json'))).toMatchObject({ directory: join(rig.dir, 'work'), created: true });
    expect(rig.file('work/README.md')).toBe('of the image\n');
    expect(rig.file('home/.config/kernel.json')).toBe('{}');
    expect(rig.file('starts.log')).toBe(`${SESSION} 4711 0\n`);
    const status = await controlRequest(rig.connect, SESSION, rig.secrets, { verb: 'status' });
    expect(status).toMatchObject({ ready: true, appVersion: '0.fake', busyKernels: 0, product: 'hpcbinder test' });
  });

  it('put off the end for idleness by what an endpoint asks, or let the time begin anew', async () => {
    const rig = await session();
    const since = async () => {
      const { idleSince } = await controlRequest(rig.connect, SESSION, rig.secrets, { verb: 'status' });
      return Number(idleSince);
    };
    const use = async (seconds?: number) => {
      const asked = { verb: 'use' as const, ...(seconds === undefined ? {} : { seconds }) };
      return Number((await controlRequest(rig.connect, SESSION, rig.secrets, asked)).idleSince);
    };
    const before = await since();
    await new Promise((resolve) => setTimeout(resolve, 2500));
    expect((await use(1)) - before).toBeCloseTo(1, 1);
    expect(await since()).toBeCloseTo(before + 1, 1);
    // Whole seconds on both sides: of 2.5 s that have passed, two are sure.
    expect((await use()) - before).toBeGreaterThanOrEqual(2);
  });

  it('put no secret into the words or the environment of the container command', async () => {
    const env = [
      ['GREETING', 'hello'],
      ['PYTHONPATH', '/data/lib'],
    ] as const;
    const rig = await session({ container: { env, allowed: ['PYTHONPATH'] }, env: { SECRET: 'of the job' } });
    expect(rig.file('container.words')).toContain('--containall --cleanenv');
    expect(rig.file('container.env')).toContain('APPTAINERENV_GREETING=hello');
    expect(rig.file('container.env')).toContain('APPTAINERENV_PYTHONPATH=/data/lib');
    expect(rig.file('container.env')).toContain('APPTAINERENV_SLURM_JOB_ID=4711');
    expect(rig.file('container.words') + rig.file('container.env')).not.toContain(TOKEN);
    expect(rig.file('container.env')).not.toContain('of the job');
    expect(rig.file('agent.log') + rig.file('app.log')).not.toContain(TOKEN);
  });

  it('keep all that they write to the owner, and the socket where its path is short, with a TMPDIR of 120 characters (NET-04)', async () => {
    const long = mkdtempSync(join(tmpdir(), 'hb-long-').padEnd(114, 'x'));
    expect(long).toHaveLength(120);
    const rig = await session({ env: { TMPDIR: long } });
    rmdirSync(long);
    expect(nodeDirectories(rig)).toMatch(/^\/(var\/)?tmp\/hb-/);
    const own = ['address.json', 'agent.log', 'app.log', 'work.json', 'starts.log', 'home', 'lock'];
    for (const name of own) expect(statSync(join(rig.dir, name)).mode & 0o077).toBe(0);
    expect(nodeDirectories(rig).length).toBeLessThanOrEqual(40);
    expect(statSync(nodeDirectories(rig)).mode & 0o777).toBe(0o700);
    expect(readdirSync(nodeDirectories(rig)).sort()).toEqual(['run', 'tmp', 'work']);
  });

  it('leave with exit 0 where another job has the session', async () => {
    const rig = await session();
    const second = startJob(rig.dir, { env: { SLURM_JOB_ID: '4712' } });
    expect(await new Promise((resolve) => second.once('exit', resolve))).toBe(0);
    expect(rig.file('starts.log')).toBe(`${SESSION} 4711 0\n`);
    expect(rig.file('end.json')).toBe('');
  });

  it('take a requeued job up again under its number', async () => {
    const { dir } = await session();
    const first = rigs.splice(0)[0] as Rig;
    first.process.kill('SIGTERM');
    await first.exited;
    const again = startJob(dir, { env: { SLURM_RESTART_COUNT: '1' } });
    await eventually(() => existsSync(join(dir, 'address.json')));
    expect(JSON.parse(first.file('address.json')).restart).toBe(1);
    expect(first.file('starts.log')).toBe(`${SESSION} 4711 0\n${SESSION} 4711 1\n`);
    again.kill('SIGTERM');
    await new Promise((resolve) => again.once('exit', resolve));
    rmSync(dir, { recursive: true, force: true });
  });

  it('start the agent once more where it is killed, with the same app, and say so', async () => {
    const rig = await session();
    const before = JSON.parse(rig.file('lock/app.json')).pid;
    const agent = Number(execFileSync('pgrep', ['-P', String(rig.process.pid)], { encoding: 'utf8' }));
    rmSync(join(rig.dir, 'address.json'));
    process.kill(agent, 'SIGKILL');
    await eventually(() => rig.file('address.json') !== '');
    expect(JSON.parse(rig.file('lock/app.json')).pid).toBe(before);
    expect(rig.file('agent.log')).toContain('the former agent died');
    expect(rig.file('starts.log')).toBe(`${SESSION} 4711 0\n`);
  });

  it('end the app where the agent is killed a second time: nothing outlives the job', async () => {
    const rig = await session({ app: { child: true } });
    const node = nodeDirectories(rig);
    const agent = () => Number(execFileSync('pgrep', ['-P', String(rig.process.pid)], { encoding: 'utf8' }));
    rmSync(join(rig.dir, 'address.json'));
    process.kill(agent(), 'SIGKILL');
    await eventually(() => rig.file('address.json') !== '');
    process.kill(agent(), 'SIGKILL');
    expect(await rig.exited).toBe(1);
    expect(readEnd(rig.file('end.json'))).toMatchObject({ why: 'app-failed', detail: 'the agent was killed twice' });
    expect(existsSync(node)).toBe(false);
    expect(runs(Number(rig.file('child.pid')))).toBe(false);
  });
});

describe('the end of a session', () => {
  it('is "stopped" when the client asks, in order, with nothing left', async () => {
    const rig = await session({ app: { child: true } });
    const node = nodeDirectories(rig);
    const child = Number(rig.file('child.pid'));
    expect(runs(child)).toBe(true);
    await controlRequest(rig.connect, SESSION, rig.secrets, { verb: 'stop', why: 'stopped' });
    expect(await rig.exited).toBe(0);
    expect(readEnd(rig.file('end.json'))?.why).toBe('stopped');
    expect(existsSync(join(rig.dir, 'ended-in-order'))).toBe(true);
    expect(existsSync(node)).toBe(false);
    expect(rig.file('address.json')).toBe('');
    expect(runs(child)).toBe(false);
  });

  it('is "cancelled" at a signal of the scheduler, during the preparation too', async () => {
    const rig = await session();
    rig.process.kill('SIGTERM');
    expect(await rig.exited).toBe(0);
    expect(readEnd(rig.file('end.json'))?.why).toBe('cancelled');
  });

  it('is "idle" after the limit, though requests that only look go on', async () => {
    const rig = await session({ limits: { idleSeconds: 2 } });
    const looking = setInterval(
      () => controlRequest(rig.connect, SESSION, rig.secrets, { verb: 'status' }).catch(() => {}),
      300,
    );
    expect(await rig.exited).toBe(0);
    clearInterval(looking);
    expect(readEnd(rig.file('end.json'))).toMatchObject({ why: 'idle' });
  });

  it('does not come while a kernel is busy', async () => {
    const rig = await session({ limits: { idleSeconds: 1 }, app: { kernels: [{ execution_state: 'busy' }] } });
    const busy = async () =>
      (await controlRequest(rig.connect, SESSION, rig.secrets, { verb: 'status' })).busyKernels === 1;
    // until the agent has asked, it knows of no kernel, and ends nothing
    while (!(await busy())) await wait(100);
    await wait(2500);
    expect(rig.file('end.json')).toBe('');
    expect(await busy()).toBe(true);
  });

  it('is "max-age" or "timeout" where those limits come first', async () => {
    const [old, late] = await Promise.all([
      session({ limits: { maxAgeSeconds: 2 } }),
      session({ limits: { walltimeSeconds: 27 } }),
    ]);
    expect(await Promise.all([old.exited, late.exited])).toEqual([0, 0]);
    expect(readEnd(old.file('end.json'))?.why).toBe('max-age');
    expect(readEnd(late.file('end.json'))?.why).toBe('timeout');
  });

  it('is "app-failed" with the last words of an app that fails', async () => {
    const { code, end } = await failedJob({ app: { fails: 'no module named jupyter' } });
    expect(code).toBe(1);
    expect(end).toMatchObject({ why: 'app-failed' });
    expect(end?.detail).toContain('exit 1: the app starts · no module named jupyter');
  });

  it('tells of an app that was killed, and is no guess about memory', async () => {
    const rig = await session();
    process.kill(JSON.parse(rig.file('lock/app.json')).pid, 'SIGKILL');
    expect(await rig.exited).toBe(1);
    const end = readEnd(rig.file('end.json'));
    expect(end?.why).toBe('app-failed');
    expect(end?.detail).toContain('killed (signal 9), often for its memory');
  });

  it('is "failed" with one sentence where something is missing on the node', async () => {
    const noSif = await failedJob({}, (dir) => writeFileSync(join(dir, 'image.sif'), Buffer.alloc(64)));
    expect(noSif.end?.detail).toContain('is no SIF image');
    const noBind = await failedJob({ container: { binds: [{ from: '/no/such', to: '/data', readOnly: true }] } });
    expect(noBind.end?.detail).toContain('--bind /no/such: there is no such file or directory');
    const loader = await failedJob({ container: { env: [['LD_PRELOAD', '/tmp/x.so']], allowed: ['LD_LIBRARY_PATH'] } });
    expect(loader.end?.detail).toContain("the variable 'LD_PRELOAD' may not be set");
    for (const { code, end } of [noSif, noBind, loader]) expect([code, end?.why]).toEqual([1, 'failed']);
  });

  it('kills an app that does not end when it is told to', async () => {
    const rig = await session({ app: { stubborn: true }, constants: { STOP_SECONDS: 1 } });
    await controlRequest(rig.connect, SESSION, rig.secrets, { verb: 'stop', why: 'stopped' });
    expect(await rig.exited).toBe(0);
    expect(rig.file('agent.log')).toContain('the app did not end within 1 s and was killed');
  });
});
