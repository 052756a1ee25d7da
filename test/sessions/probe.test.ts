import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { orThrow } from '../../core/command.ts';
import { size } from '../../core/units.ts';
import { type Probe, probe, probeInWords } from '../../sessions/probe.ts';
import { askHere } from './local-run.ts';

let root: string;
const TOOLS = ['sh', 'id', 'uname', 'hostname', 'sed', 'df', 'awk', 'cat', 'dirname', 'env'];

/** A machine that has nothing but what a probe may count on. */
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hb-probe-'));
  for (const dir of ['bin', 'home', 'behind']) mkdirSync(join(root, dir));
  for (const tool of TOOLS) {
    const found = ['/usr/bin', '/bin'].map((dir) => join(dir, tool)).find((path) => existsSync(path));
    if (found) symlinkSync(found, join(root, 'bin', tool));
  }
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function program(dir: 'bin' | 'behind', name: string, text: string): string {
  const path = join(root, dir, name);
  writeFileSync(path, `#!/bin/sh\n${text}\n`);
  chmodSync(path, 0o755);
  return path;
}

/** A login shell that talks, as they do, and then knows more than others. */
function loginShell(setup: string): string {
  const body = `echo "Welcome to hpc"; echo "quota: 3 % used" >&2\n${setup}\nshift; [ "$1" = -c ] && shift\neval "$1"`;
  return program('bin', 'loginsh', body);
}

async function found(env: Record<string, string> = {}, how: Parameters<typeof probe>[1] = {}): Promise<Probe> {
  const base = { PATH: join(root, 'bin'), HOME: join(root, 'home'), SHELL: env.SHELL ?? loginShell(''), LC_ALL: 'C' };
  return orThrow(await askHere(probe('hpc', how), { ...base, ...env }));
}

describe('a login node', () => {
  it('says who we are there and where home is, whatever it lacks', async () => {
    const seen = await found();
    expect(seen).toMatchObject({ uid: process.getuid?.(), home: join(root, 'home') });
    expect(seen.platform).toMatch(/^linux\/(?:amd64|arm64)$/);
    expect([seen.scheduler, seen.container]).toEqual([undefined, undefined]);
  });

  it('has scheduler and container command on PATH', async () => {
    program('bin', 'sbatch', 'echo slurm 24.11.5');
    const path = program('bin', 'apptainer', 'echo apptainer version 1.4.5');
    const seen = await found();
    expect(seen.scheduler).toMatchObject({ name: 'slurm', directory: join(root, 'bin'), onPath: true });
    expect(seen.container).toMatchObject({ command: path, flavor: 'apptainer' });
  });

  it('has PBS on PATH or in the login profile, and its qstat says whose it is', async () => {
    program('behind', 'qsub', '');
    program('behind', 'qstat', 'echo "pbs_version = 23.06.06"; echo more >&2');
    const behind = loginShell(`PATH="${join(root, 'behind')}:$PATH"`);
    const seen = { name: 'pbs', version: 'pbs_version = 23.06.06', directory: join(root, 'behind') };
    expect((await found({ SHELL: behind })).scheduler).toEqual({ ...seen, onPath: false });
    const PATH = `${join(root, 'bin')}:${join(root, 'behind')}`;
    expect((await found({ PATH })).scheduler).toEqual({ ...seen, onPath: true });
  });

  it('has Slurm where it has both, unless its entry says otherwise', async () => {
    for (const name of ['sbatch', 'qsub', 'qstat']) program('bin', name, '');
    expect((await found()).scheduler?.name).toBe('slurm');
    expect((await found({}, { scheduler: 'pbs' })).scheduler?.name).toBe('pbs');
  });

  it('has singularity only', async () => {
    const path = program('bin', 'singularity', 'echo singularity-ce version 3.11.4');
    expect((await found()).container).toMatchObject({ command: path, flavor: 'singularity' });
  });

  it('has them in the login profile only, which talks', async () => {
    program('behind', 'sbatch', '');
    const path = program('behind', 'apptainer', '');
    const seen = await found({ SHELL: loginShell(`PATH=${join(root, 'behind')}:$PATH`) });
    expect(seen.scheduler).toMatchObject({ name: 'slurm', directory: join(root, 'behind'), onPath: false });
    expect(seen.container?.command).toBe(path);
  });

  it('has the container command behind a module', async () => {
    program('bin', 'sbatch', '');
    const path = program('behind', 'singularity', '');
    const module = `module() { [ "$2" = singularity ] && PATH=${join(root, 'behind')}:$PATH; }`;
    const seen = await found({ SHELL: loginShell(module) });
    expect(seen.container).toEqual({ command: path, flavor: 'singularity', version: '', module: 'singularity' });
  });

  it('has a scratch disk where a variable or a usual place says so', async () => {
    mkdirSync(join(root, 'scratch'));
    expect((await found({ SCRATCH: join(root, 'scratch') })).scratch?.directory).toBe(join(root, 'scratch'));
    expect((await found({ SCRATCH: join(root, 'nothing') })).scratch?.directory).not.toBe(join(root, 'nothing'));
  });

  it('is asked for the Python that its entry names, and for no other', async () => {
    program('bin', 'python3', '[ "$2" = -c ] && echo /opt/python3 3.9');
    expect((await found()).python).toEqual({ command: '/opt/python3', version: '3.9' });
    expect((await found({}, { python: join(root, 'bin', 'none') })).python).toBeUndefined();
    const own = program('behind', 'python3.12', '[ "$2" = -c ] && echo /own/python 3.12');
    expect((await found({}, { python: own })).python?.version).toBe('3.12');
  });

  it('that has a Python too old is not taken for one that has it', async () => {
    const old = program('bin', 'python3', 'exit 1');
    expect((await found({}, { python: old })).python).toBeUndefined();
  });
});

describe('a probe that did not come to its end', () => {
  const nothing = { stdout: new Uint8Array(), stderr: new TextEncoder().encode('stty: not a tty\n'), truncated: false };

  it('is the login shell’s fault where it answered', () => {
    const answer = probe('hpc').parse({ ended: { kind: 'exit', code: 0 }, ...nothing });
    expect(answer).toMatchObject({
      ok: false,
      why: 'refused',
      error: { code: 'E-REMOTE-SHELL', evidence: ['stty: not a tty'] },
    });
  });

  it('is silence where it did not', () => {
    const answer = probe('hpc').parse({ ended: { kind: 'lost', cause: 0 }, ...nothing });
    expect(answer).toMatchObject({ ok: false, why: 'unreachable', error: { code: 'E-SSH-LOST', transient: true } });
  });
});

it('what was found is one line', () => {
  const seen: Probe = {
    user: 'alice',
    uid: 1,
    home: '/home/alice',
    hostname: 'login',
    platform: 'linux/amd64',
    scheduler: { name: 'slurm', version: 'slurm 24.11.5', directory: '/usr/bin', onPath: true },
    container: { command: '/a', flavor: 'apptainer', version: '1.4.5', module: 'apptainer' },
    python: { command: '/usr/bin/python3', version: '3.9' },
    scratch: { directory: '/scratch/alice', free: 38e9 },
  };
  expect(probeInWords(seen, size)).toBe(
    'Slurm 24.11.5 · Apptainer 1.4.5 by module load apptainer · Python 3.9 · 38 GB free on /scratch/alice',
  );
  const { scheduler: _s, container: _c, python: _p, scratch: _d, ...bare } = seen;
  expect(probeInWords({ ...bare, homeFree: 2e9 }, size)).toBe(
    'no scheduler · no Apptainer · no Python · 2.0 GB free in the home directory, no scratch found',
  );
});
