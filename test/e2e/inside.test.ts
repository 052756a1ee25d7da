/** `shell` and `cp` into a running session, as a person and as a script use them. */
import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { CLUSTER, hpcbinder, MAIN, Running } from './rig.ts';
import { CTRL_C, Terminal } from './terminal.ts';

const here = mkdtempSync(join(tmpdir(), 'hb-inside-'));
const file = (name: string) => join(here, name);
let session: Running;
let id = '';

const VARIABLES = [
  ['WORDS', 'a,b=c; two\nlines "\' $(id) `id` $HOME \\ ü\n'],
  ['LONG', '$(id),\n'.repeat(14_000)],
] as const;

beforeAll(async () => {
  const options = `--cluster ${CLUSTER} --partition debug --mem 1G --time 15m --no-browser`;
  const variables = VARIABLES.flatMap(([name, value]) => ['--env', `${name}=${value}`]);
  session = new Running(
    ['launch', './examples/quickstart', ...options.split(' '), ...variables, '--env', 'FROM_HERE'],
    {
      env: { FROM_HERE: 'of here' },
    },
  );
  id = (await session.ready()).id;
});
afterAll(async () => {
  if (id) await hpcbinder(['stop', id]);
  await session.close();
  rmSync(here, { recursive: true, force: true });
});

describe('hpcbinder shell', () => {
  it('is a terminal on the compute node of the size of this window, and passes the exit status on', async () => {
    const terminal = new Terminal(['shell', id]);
    terminal.type('stty size; hostname; pwd\n');
    await terminal.until(/24 200\n+c[12]\n+\/srv\/repo/, 30_000);
    terminal.type('printf begun; sleep 600\n');
    await terminal.until(/\nbegun/, 10_000);
    terminal.type(CTRL_C);
    terminal.type('echo "<$?>"\n');
    await terminal.until(/\n<130>/, 10_000);
    terminal.type('exit 7\n');
    expect(await terminal.ended()).toBe(7);
  });

  it('gives the terminal back as it was', async () => {
    const line = `stty -a >${file('before')}; "${process.execPath}" "${MAIN}" shell ${id} -- true; stty -a >${file('after')}`;
    await execa('script', ['-qefc', line, '/dev/null'], { env: { NODE_OPTIONS: '' }, stdin: 'ignore' });
    expect(readFileSync(file('after'), 'utf8')).toBe(readFileSync(file('before'), 'utf8'));
  });

  it('has the variables that were set with --env, byte by byte, and runs none of them (INJ-07)', async () => {
    for (const [name, value] of VARIABLES) {
      const done = await hpcbinder(['shell', id, '--', 'sh', '-c', `printf %s "$${name}" | sha256sum`]);
      expect(done.stdout.split(' ')[0]).toBe(createHash('sha256').update(value).digest('hex'));
    }
    expect((await hpcbinder(['shell', id, '--', 'sh', '-c', 'echo "$FROM_HERE"'])).stdout).toBe('of here');
  });

  it('runs a command word by word, with output, errors and exit status apart', async () => {
    const done = await hpcbinder([
      'shell',
      id,
      '--',
      'sh',
      '-c',
      'printf %s "$1"; echo e >&2; exit 3',
      'sh',
      '$(id) *',
    ]);
    expect(done).toEqual({ code: 3, stdout: '$(id) *', stderr: 'e' });
  });

  it('stands in a pipe', async () => {
    const data = randomBytes(3 << 20);
    const done = await execa(process.execPath, [MAIN, 'shell', id, '--', 'cat'], {
      input: data,
      encoding: 'buffer',
      env: { NODE_OPTIONS: '' },
    });
    expect(Buffer.compare(Buffer.from(done.stdout), data)).toBe(0);
    const script = await execa(process.execPath, [MAIN, 'shell', id], {
      input: 'hostname\nexit 4\n',
      env: { NODE_OPTIONS: '' },
      reject: false,
    });
    expect([script.exitCode, script.stdout]).toEqual([4, expect.stringMatching(/^c[12]$/)]);
  });
});

describe('hpcbinder cp', () => {
  it('takes a file there and back whole, with its mode', async () => {
    const data = randomBytes(20 << 20);
    writeFileSync(file('data.bin'), data, { mode: 0o750 });
    expect(await hpcbinder(['cp', file('data.bin'), `${id}:made/by/cp/`])).toMatchObject({ code: 0, stderr: '' });
    expect(await hpcbinder(['cp', `${id}:made/by/cp/data.bin`, file('back.bin')])).toMatchObject({ code: 0 });
    expect(Buffer.compare(readFileSync(file('back.bin')), data)).toBe(0);
    expect(lstatSync(file('back.bin')).mode & 0o777).toBe(0o750);
  });

  it('takes a directory there and back; links that lead outside stay away and are named', async () => {
    mkdirSync(file('tree/sub'), { recursive: true });
    writeFileSync(file('tree/sub/a.txt'), 'text');
    expect((await hpcbinder(['cp', file('tree'), `${id}:`])).code).toBe(0);
    await hpcbinder(['shell', id, '--', 'ln', '-s', '/etc/passwd', 'tree/out']);
    const back = await hpcbinder(['cp', `${id}:tree`, file('copy')]);
    expect(back).toMatchObject({ code: 0, stderr: expect.stringContaining('left out: out (symlink to /etc/passwd)') });
    expect(readFileSync(file('copy/sub/a.txt'), 'utf8')).toBe('text');
    expect(readdirSync(file('copy'))).toEqual(['sub']);
  });

  it.each([
    ['/etc/passwd', 'E-USAGE'],
    ['../x', 'E-USAGE'],
    ['no/such/file', 'E-WORK'],
    ['tree/out', 'E-WORK'],
    ['tree/out/x', 'E-WORK'],
  ])('has one clear error for ID:%s, and leaves nothing behind', async (path, code) => {
    const before = readdirSync(here);
    const done = await hpcbinder(['cp', `${id}:${path}`, here]);
    expect(done.code).not.toBe(0);
    expect(done.stderr).toContain(code);
    expect(readdirSync(here)).toEqual(before);
  });

  it('leaves no half file when it is interrupted', async () => {
    const name = 'endless';
    await hpcbinder(['shell', id, '--', 'truncate', '-s', '8G', name]);
    const before = readdirSync(here);
    const copying = execa(process.execPath, [MAIN, 'cp', `${id}:${name}`, here], {
      env: { NODE_OPTIONS: '' },
      reject: false,
    });
    while (!readdirSync(here).some((entry) => entry.startsWith('.hb-'))) await new Promise((r) => setTimeout(r, 50));
    copying.kill('SIGINT');
    expect((await copying).exitCode).toBe(130);
    expect(readdirSync(here)).toEqual(before);
  });
});
