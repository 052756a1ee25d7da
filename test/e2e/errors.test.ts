/** Bad input as its user meets it: cause first, what to do, the exit status, and nothing half done. docs/errors.md links here. */
import { execFileSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { CLUSTER, hpcbinder, on } from './rig.ts';
import { SHARED_SIF, sharedImage } from './stored.ts';
import { OwnWorld } from './worlds.ts';

const QUICKSTART = './examples/quickstart';
const world = new OwnWorld();
const file = (name: string, text: string) => {
  const path = join(world.dir, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
};

/** What a person reads, and what must hold of every failure. */
async function failed(args: readonly string[], env: Record<string, string> = {}) {
  const done = await hpcbinder(args, { env: { ...world.env, ...env } });
  expect(done.stdout).toBe('');
  expect(done.stderr).not.toMatch(/^ +at .*:\d+:\d+\)?$|[\u0000-\u0008\u000b-\u001f\u007f]/m);
  return { code: done.code, said: done.stderr, id: /code +(E-[A-Z-]+)/.exec(done.stderr)?.[1] };
}

function entries(): Record<string, unknown> {
  const { entry } = world;
  const known = file('changed', `[127.0.0.1]:${entry.port} ssh-ed25519 ${KEYS.other}\n`);
  return {
    [CLUSTER]: entry,
    wrongkey: { ...entry, identity_file: join(world.dir, 'wrong') },
    changed: { ...entry, known_hosts: known },
    unknown: { ...entry, known_hosts: file('empty', '') },
    nopython: { ...entry, python: '/nonexistent/python3' },
    nomodule: { ...entry, modules: ['nosuch'] },
    silent: { ...entry, port: 1 },
  };
}

const KEYS = { other: '' };

beforeAll(() => {
  for (const name of ['wrong', 'stranger'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(world.dir, name)]);
  KEYS.other =
    execFileSync('ssh-keygen', ['-y', '-f', join(world.dir, 'stranger')], { encoding: 'utf8' })
      .split(' ')[1]
      ?.trim() ?? '';
  const all = { schema: 1, default: CLUSTER, clusters: entries() };
  writeFileSync(
    join(world.env.HPCBINDER_CONFIG ?? '', 'config.yaml'),
    stringify(all, { aliasDuplicateObjects: false }),
    { mode: 0o600 },
  );
});

afterAll(() => world[Symbol.asyncDispose]());

describe('a command line that cannot be meant', () => {
  it.each<[string, string[], RegExp]>([
    ['a command that there is not', ['lunch'], /unknown command 'lunch'[\s\S]*Did you mean launch/],
    ['a missing repository', ['launch'], /name a repository/],
    [
      'a flag that there is not',
      ['launch', QUICKSTART, '--partitoin', 'x'],
      /--partitoin[\s\S]*Did you mean --partition/,
    ],
    ['a flag without its value', ['launch', QUICKSTART, '--gpus'], /--gpus .*argument missing/],
    ['too many words', ['launch', QUICKSTART, 'more'], /too many arguments/],
    [
      'a cluster that the config does not know',
      ['launch', QUICKSTART, '--cluster', `${CLUSTER}s`],
      new RegExp(`Did you mean ${CLUSTER}\\?`),
    ],
    ['a scheme that is not accepted', ['launch', 'hpt://host/org/repo'], /hpt:\/\/ is not accepted/],
    ['a ref of a directory', ['launch', QUICKSTART, '--ref', 'main'], /--ref main has no meaning/],
  ])('%s ends with 2 and says so', async (_what, args, words) => {
    const { code, said } = await failed(args);
    expect(code).toBe(2);
    expect(said).toMatch(words);
  });

  it('is refused before anything is connected, also where only the scheduler would care', async () => {
    const { code, said } = await failed(['launch', QUICKSTART, '--sbatch=--wrap=id']);
    expect(code).toBe(2);
    expect(said).toMatch(/^error +the option "--wrap=id" cannot be used/);
  });

  it.each([
    ['launch'],
    ['launch', '--nosuch'],
    ['stop', 'zzz'],
    ['nosuch'],
    ['launch', QUICKSTART, '--cluster', 'silent'],
  ])('with --json it is one line of JSON: %s %s', async (...args) => {
    const { stdout, stderr, code } = await hpcbinder([...args, '--json'], { env: world.env });
    const last = JSON.parse(stdout.split('\n').at(-1) ?? '');
    expect(last).toMatchObject({ type: 'error', code: expect.stringMatching(/^E-/), message: expect.any(String) });
    expect(stderr).toBe('');
    expect(code).toBeGreaterThan(0);
  });
});

describe('files that cannot be meant', () => {
  it('names line, column and the nearest key of a typo in the config', async () => {
    const dir = join(world.dir, 'typo');
    execFileSync('mkdir', [dir]);
    writeFileSync(join(dir, 'config.yaml'), 'schema: 1\nclusters:\n  hpc:\n    hots: login.example.edu\n');
    const { code, said, id } = await failed(['list', '--refresh'], { HPCBINDER_CONFIG: dir });
    expect([code, id]).toEqual([2, 'E-CONFIG']);
    expect(said).toMatch(/config\.yaml:4:5: unknown key "hots"[\s\S]*Did you mean "host"\?/);
  });

  it('names line and column of hpc.yml, and what may not come from a repository', async () => {
    const repo = join(world.dir, 'hpc');
    execFileSync('mkdir', [repo]);
    writeFileSync(join(repo, 'hpc.yml'), 'cpus: 2\npartition: gpu\n');
    const { code, said, id } = await failed(['launch', repo]);
    expect([code, id]).toEqual([1, 'E-HPC-YML']);
    expect(said).toMatch(/hpc\.yml line 2, column 1: "partition" cannot come from a repository/);
  });
});

describe('a repository that is not there', () => {
  it('is told apart from one whose server does not answer, which can be tried again', async () => {
    const nowhere = await failed(['launch', './nosuch']);
    expect(nowhere).toMatchObject({ code: 1, id: 'E-REPO-MISSING' });
    expect(nowhere.said).toMatch(/^ {2}next {4}ls \//m);
    const silent = await failed(['launch', 'https://nosuch.invalid/org/repo']);
    expect(silent).toMatchObject({ code: 75, id: 'E-REPO-FETCH' });
    expect(silent.said).toMatch(/Could not resolve host/);
  });
});

describe('a cluster that cannot be reached', () => {
  it.each<[string, string, number, RegExp]>([
    ['silent', 'E-SSH-UNREACHABLE', 75, /\(port 1\) cannot be reached: nothing listens/],
    ['wrongkey', 'E-SSH-AUTH', 1, /refused the login[\s\S]*tried: .*wrong \(SHA256:/],
    [
      'changed',
      'E-SSH-HOSTKEY',
      1,
      /has changed: it is not the one in .*changed line 1[\s\S]*now: ED25519 SHA256:[\s\S]*ssh-keygen -R/,
    ],
    ['unknown', 'E-SSH-HOSTKEY', 1, /is not known here[\s\S]*ED25519 SHA256:/],
    ['nopython', 'E-NO-PYTHON', 1, /\/nonexistent\/python3, named in the cluster's entry, is no Python 3.6 or newer/],
    ['nomodule', 'E-REMOTE-SHELL', 1, /with the modules \(nosuch\) of the cluster's entry/],
  ])('%s: %s, and nothing was submitted', async (cluster, id, code, words) => {
    const failure = await failed(['launch', QUICKSTART, '--cluster', cluster]);
    expect(failure).toMatchObject({ code, id });
    expect(failure.said).toMatch(words);
    expect(failure.said).toMatch(
      /^(?:cluster|plan|submit) +failed after [\s\S]*^ {2}log {5}\/.*hb-\w+\.log$[\s\S]*\n\nNothing was submitted\.[^\n]*$/m,
    );
  });

  it('a name that no server knows', async () => {
    expect(await failed(['launch', QUICKSTART, '--cluster', 'alice@nosuch.invalid'])).toMatchObject({
      code: 75,
      id: 'E-SSH-UNREACHABLE',
      // the second where this machine has no DNS
      said: expect.stringMatching(/no such name in DNS|DNS does not answer/),
    });
  });
});

describe('a job that the cluster does not take', () => {
  const SIF = ['launch', '--sif', SHARED_SIF, '--mem', '500M', '--cpus', '1'];
  beforeAll(sharedImage);
  it.each<[string, string[], string, RegExp]>([
    [
      'a partition',
      ['--partition', 'gpuu'],
      'E-PARTITION',
      /no partition "gpuu"[\s\S]*Did you mean gpu\? There are: debug, gpu[\s\S]*^ {2}next .* --partition gpu$/m,
    ],
    [
      'an account',
      ['--account', 'physics'],
      'E-ACCOUNT',
      /account "physics" is not one of yours[\s\S]*You may use: lab [\s\S]*^ {2}next .* --account lab$/m,
    ],
    [
      'a QOS',
      ['--qos', 'high'],
      'E-ACCOUNT',
      /QOS "high" may not be used with account lab[\s\S]*You may use: normal [\s\S]*^ {2}next .* --qos normal$/m,
    ],
    [
      'a GPU type',
      ['--partition', 'gpu', '--gpus', 'a100:1'],
      'E-GPU',
      /no GPU of type "a100"[\s\S]*It has: fake[\s\S]*^ {2}next .* --gpus fake:1$/m,
    ],
    ['too many GPUs', ['--partition', 'gpu', '--gpus', '5'], 'E-GPU', /5 GPUs asked for, .* has at most 2/],
    [
      'too long a walltime',
      ['--time', '9h'],
      'E-LIMIT',
      /--time: 9 h is over the limit of partition debug: 4 h[\s\S]*^ {2}next .* --time 4h$/m,
    ],
    ['too much memory', ['--mem', '900G'], 'E-LIMIT', /--mem: 900 GB is over the limit of partition debug: /],
    ['too many cores', ['--cpus', '900'], 'E-LIMIT', /--cpus: 900 cores is over the limit of partition debug: /],
    ['a reservation', ['--reservation', 'nosuch'], 'E-OPTION', /there is no such reservation/],
    ['a constraint', ['--constraint', 'nosuch'], 'E-OPTION', /no node has the features/],
    ['an option', ['--sbatch', '--nosuch=1'], 'E-OPTION', /unrecognized option '--nosuch=1'/],
  ])('%s: what was wrong, and what there is', async (_what, flags, id, words) => {
    const failure = await failed([...SIF, ...flags]);
    expect(failure).toMatchObject({ id, code: id === 'E-OPTION' ? 2 : 1 });
    expect(failure.said).toMatch(words);
    expect(failure.said).toMatch(
      /^(?:cluster|plan|submit) +failed after [\s\S]*^ {2}log {5}\/.*hb-\w+\.log$[\s\S]*\n\nNothing was submitted\.[^\n]*$/m,
    );
  });

  it('leaves nothing: no session there, none in the list, but the story for `logs`', async () => {
    expect((await on('login', 'alice', `ls -A ${world.home}/state/sessions`)).stdout).toBe('');
    expect((await hpcbinder(['list', '--json'], { env: world.env })).stdout).toBe('[]');
    const story = readdirSync(join(world.env.HPCBINDER_STATE ?? '', 'sessions')).find((name) => name.endsWith('.log'));
    const told = await hpcbinder(['logs', story?.slice(0, 13) ?? ''], { env: world.env });
    expect(told).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\[cluster\]/) });
  });
});

describe('an engine that is not there', () => {
  it('is named, with what to do instead', async () => {
    const failure = await failed(['build', QUICKSTART, '--build-on', 'here'], { HPCBINDER_ENGINE: 'none' });
    expect(failure).toMatchObject({ code: 1, id: 'E-ENGINE-NONE' });
    expect(failure.said).toMatch(/HPCBINDER_ENGINE/);
  });
});
