/** Hostile words, login shells that are no sh, and profiles that speak, hang or leave: on the login node, as its user meets it. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hasControls } from '../../../core/text.ts';
import { HOSTS } from '../../../devcluster/index.ts';
import { hpcbinder, on } from '../../e2e/rig.ts';
import { storedImage } from '../../e2e/stored.ts';
import { OwnWorld } from '../../e2e/worlds.ts';
import { launchOf } from '../../faults/rig.ts';
import { notRun } from '../../not-run.ts';

const PWN = '/tmp/hb-PWN';
const WORDS = [
  `x;touch ${PWN}`,
  `$(touch ${PWN})`,
  `\`touch ${PWN}\``,
  "a'b",
  'a"b',
  'a\\b',
  'a\nb',
  'a b',
  'a!b',
  '*',
  '~',
  `--wrap=touch ${PWN}`,
  '-x',
  `x --exclusive`,
];
const FIELDS = [
  '--partition',
  '--account',
  '--qos',
  '--constraint',
  '--reservation',
  '--sbatch',
  '--gpus',
  '--time',
  '--mem',
];
const world = new OwnWorld();
const here = mkdtempSync(join(tmpdir(), 'hb-words-'));
let sif = '';

const run = (...args: string[]) => hpcbinder(args, { env: world.env });
const dry = () => run(...launchOf(sif), '--dry-run');
async function nothingRan(): Promise<void> {
  for (const host of HOSTS)
    expect((await on(host, 'root', 'ls -d /tmp/hb-PWN* ~alice/hb-PWN* 2>/dev/null')).stdout).toBe('');
}

beforeAll(async () => {
  await on('login', 'alice', 'cp -p ~/.bashrc ~/.ssh/bashrc.kept');
  await on(
    'login',
    'root',
    'command -v tcsh zsh fish || { apt-get -qq update; apt-get -qq install -y --no-install-recommends tcsh zsh fish; }',
  );
  sif = await storedImage();
});
afterAll(async () => {
  await on('login', 'root', 'usermod -s /bin/bash alice; scancel -u bob');
  await on('login', 'alice', 'mv -f ~/.ssh/bashrc.kept ~/.bashrc');
  rmSync(here, { recursive: true });
  await world[Symbol.asyncDispose]();
});

describe('words that are shell or scheduler syntax', () => {
  it('are refused in every field before anything is submitted (INJ-01, INJ-02, INJ-04, INJ-06)', async () => {
    for (const [at, field] of FIELDS.entries()) {
      // each word meets three fields: a program's start is the time that this takes
      const words = WORDS.filter((_, index) => (index + at) % 5 === 0);
      const results = await Promise.all(words.map((word) => run(...launchOf(sif), `${field}=${word}`)));
      for (const [index, { code, stderr }] of results.entries()) {
        expect([field, words[index], code]).toEqual([field, words[index], expect.any(Number)]);
        expect(code).not.toBe(0);
        expect(stderr).toMatch(/E-[A-Z]+/);
        expect(hasControls(stderr.replaceAll('\n', ''))).toBe(false);
      }
    }
    expect(await world.jobs()).toEqual([]);
    await nothingRan();
  }, 600_000);

  it.each(['/bin/bash', '/usr/bin/tcsh', '/usr/bin/fish', '/usr/bin/zsh'])(
    'are data in the name of a repository, with %s as login shell: the job runs, and nothing else (INJ-04)',
    async (shell) => {
      if ((await on('login', 'root', `test -x ${shell} && usermod -s ${shell} alice`)).code !== 0)
        return notRun(`the login shell ${shell}: it cannot be installed on the devcluster`);
      const dir = join(
        here,
        `a b'"\\$(touch ${PWN.slice(5)})\`touch x\`;!*~ -x ${shell.replaceAll('/', '_')}`.replaceAll('/', '_'),
      );
      mkdirSync(dir);
      writeFileSync(join(dir, `f'"$(touch x)\\n*`), 'x');
      const done = await run('launch', '--local', dir, ...launchOf(sif).slice(1), '--detach', '--json');
      expect(done).toMatchObject({ code: 0 });
      const { id } = JSON.parse(done.stdout.split('\n').at(-1) ?? '') as { id: string };
      expect((await run('stop', id)).code).toBe(0);
      await nothingRan();
    },
    300_000,
  );
});

describe('a profile (INJ-05)', () => {
  it.each<[string, string, 'works' | 'either']>([
    ['that greets', 'echo Welcome to the cluster', 'works'],
    ['that prints a megabyte', 'head -c 1000000 /dev/zero | tr "\\0" x', 'works'],
    ['that prints escapes', "printf '\\033[2J\\033]0;owned\\007'", 'works'],
    ['that sets the terminal', 'stty erase ^H', 'works'],
    ['that takes its time', 'sleep 5', 'works'],
    ['that reads', 'read answer', 'either'],
    ['that leaves', 'exit 3', 'either'],
    ['that sets -e -u', 'set -eu', 'works'],
  ])('%s: the cluster is asked all the same, or the error names the shell', async (_what, line, expected) => {
    await on('login', 'root', 'usermod -s /bin/bash alice');
    await on('login', 'alice', `printf '%s\\n' '${line.replaceAll("'", `'\\''`)}' >~/.bashrc`);
    const { code, stderr, stdout } = await dry();
    await on('login', 'alice', 'cp -p ~/.ssh/bashrc.kept ~/.bashrc');
    if (expected === 'works') expect({ code, stderr }).toMatchObject({ code: 0 });
    else if (code !== 0) expect(stderr).toMatch(/E-(REMOTE-SHELL|SSH-LOST|REMOTE)/);
    expect(hasControls((stdout + stderr).replaceAll('\n', ''))).toBe(false);
  });
});

it('escapes in the names of other users’ jobs reach no screen (INJ-09)', async () => {
  const name = `$'\\033[2J\\033]0;owned\\007x'`;
  expect(
    await on('login', 'bob', `sbatch --job-name=${name} --comment=${name} --begin=now+1hour -o /dev/null --wrap true`),
  ).toMatchObject({ code: 0 });
  for (const args of [
    ['list', '--refresh', '--all'],
    [...launchOf(sif), '--dry-run'],
    ['work', 'ls'],
  ]) {
    const { stdout, stderr } = await run(...args);
    expect(hasControls((stdout + stderr).replaceAll('\n', ''))).toBe(false);
  }
});
