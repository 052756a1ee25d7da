import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { type Left, leftBehind } from '../../cli/aftermath.ts';
import { failureLines, showFailure } from '../../cli/failure.ts';
import { failuresPath } from '../../cli/failure-log.ts';
import { type Doing, nextCommand } from '../../cli/next.ts';
import { buildProgram } from '../../cli/program.ts';
import type { Cluster } from '../../core/cluster.ts';
import { ERROR_CODES, type ErrorCode, exitCodeOf, HpcbinderError } from '../../core/errors.ts';
import { hasControls } from '../../core/text.ts';
import { LocalRecords } from '../../sessions/local.ts';
import { session } from '../sessions/example.ts';
import { read } from '../sources.ts';

const ID = 'hb-k3f9q2x7ma';
const launch: Doing = { words: ['launch', 'org/repo', '--partition', 'gpu'], id: 'k3f9', submitted: false };
let state: string;
let out: string[];
let err: string[];

beforeEach(() => {
  state = mkdtempSync(join(tmpdir(), 'hb-state-'));
  process.env.HPCBINDER_STATE = state;
  [out, err] = [[], []];
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean(out.push(String(text))));
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => Boolean(err.push(String(text))));
});
afterEach(() => {
  jest.restoreAllMocks();
  delete process.env.HPCBINDER_STATE;
  rmSync(state, { recursive: true });
});

/** The message that docs/errors.md shows for the code. */
const documented = (code: ErrorCode) =>
  /^ {4}(\S.*)$/m.exec(read('docs/errors.md').split(`### ${code}\n`)[1] ?? '')?.[1] ?? '';
const sample = (code: ErrorCode, more: object = {}) =>
  new HpcbinderError(code, {
    message: documented(code),
    hint: 'what to do',
    evidence: Array.from({ length: 30 }, (_, n) => `line ${n}`),
    ...more,
  });

/** What is wrong with a command that was proposed. */
function fault(text: string): string | undefined {
  const [program, ...words] = text.split(' ');
  if (program === 'ssh') return undefined;
  let command = buildProgram();
  for (const word of words) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) break;
    command = next;
  }
  const flags = new Set([...command.options.flatMap(({ short, long }) => [short, long]), '--help']);
  const unknown = words.find((word) => word.startsWith('-') && !flags.has(word));
  if (program !== 'hpcbinder' || command.parent === null) return `no command: ${text}`;
  return unknown === undefined ? undefined : `${command.name()} has no ${unknown}`;
}

describe('every code of the catalogue', () => {
  const shown = ERROR_CODES.filter((code) => code !== 'E-CANCELLED');

  it.each(shown)(
    '%s: cause, ten last lines, what to do, the next command, a log that is there, what is left',
    (code) => {
      showFailure(sample(code), { doing: launch, story: ID, phase: 'build', left: 'Nothing was submitted.' });
      const said = err.join('');
      const words = (text: string) => text.replaceAll(/\s+/g, ' ');
      expect(words(said)).toContain(words(`error ${documented(code)}`));
      expect(said).toMatch(/^ {2}\| line 29$/m);
      expect(said.match(/^ {2}\| /gm)).toHaveLength(11);
      expect(said).toContain('          what to do\n');
      const [, next = ''] = /^ {2}next {4}(.+)$/m.exec(said) ?? [];
      expect(fault(next)).toBeUndefined();
      const [, log = ''] = /^ {2}log {5}(.+)$/m.exec(said) ?? [];
      expect(statSync(log).mode & 0o777).toBe(0o600);
      const whole = readFileSync(log, 'utf8');
      for (const part of ['line 0', 'line 29', documented(code), code, 'hpcbinder launch org/repo --partition gpu'])
        expect(whole).toContain(part);
      expect(said).toMatch(
        new RegExp(`^ {2}code {4}${code} \\(docs/errors\\.md\\)\n\nNothing was submitted\\.\n$`, 'm'),
      );
      expect(out).toEqual([]);
    },
  );

  it.each(shown)('%s is one line of JSON with the same parts', (code) => {
    const status = showFailure(sample(code), {
      json: true,
      doing: launch,
      story: ID,
      phase: 'build',
      left: 'Nothing.',
    });
    expect(JSON.parse(out.join(''))).toMatchObject({
      type: 'error',
      code,
      phase: 'build',
      message: documented(code),
      hint: 'what to do',
      next: expect.any(String),
      log: expect.stringContaining(ID),
      left: 'Nothing.',
    });
    expect(status).toBe(exitCodeOf(sample(code)));
    expect(err).toEqual([]);
  });

  it('an interruption is one line, and no failure', () => {
    expect(showFailure(new HpcbinderError('E-CANCELLED', { message: 'cancelled' }))).toBe(130);
    expect(err).toEqual(['cancelled\n']);
    expect(existsSync(failuresPath())).toBe(false);
  });
});

describe('the next command', () => {
  it.each<[ErrorCode, Partial<Doing>, string]>([
    ['E-BUILD-PIP', {}, 'hpcbinder logs k3f9 --build'],
    ['E-APP', { submitted: true }, 'hpcbinder logs k3f9'],
    ['E-ENGINE-NONE', {}, 'hpcbinder launch org/repo --partition gpu --build-on cluster'],
    ['E-IMAGE-DAMAGED', {}, 'hpcbinder launch org/repo --partition gpu --rebuild'],
    ['E-SSH-AUTH', { login: ['-p', '2222', 'alice@hpc'] }, 'ssh -p 2222 alice@hpc true'],
    ['E-SSH-LOST', { submitted: true }, 'hpcbinder open k3f9'],
    ['E-SSH-LOST', {}, 'hpcbinder launch org/repo --partition gpu'],
    ['E-NO-CONTAINER', {}, 'hpcbinder doctor'],
    ['E-NODE-DIRECTORY', { words: ['launch', 'org/repo', '--cluster', 'hpc'] }, 'hpcbinder doctor hpc'],
    ['E-NO-PYTHON', { words: ['launch', 'org/repo', '--cluster=hpc'] }, 'hpcbinder doctor hpc'],
    ['E-USAGE', { words: ['work', 'eat', 'x'] }, 'hpcbinder work --help'],
    ['E-INTERNAL', {}, 'hpcbinder bugreport k3f9'],
    ['E-SCHEDULER-DOWN', { words: ['stop', 'k3f9'] }, 'hpcbinder stop k3f9'],
  ])('after %s (%j): %s', (code, doing, next) => {
    expect(nextCommand(sample(code), { ...launch, ...doing })).toBe(next);
  });

  it.each<[string[], Record<string, string>, string]>([
    [['launch', 'r', '--partition', 'gpuu'], { '--partition': 'gpu' }, 'launch r --partition gpu'],
    [['launch', 'r', '--queue=gpuu', '-G', '9'], { '--partition': 'gpu' }, 'launch r --partition=gpu -G 9'],
    [['launch', 'r', '-t', '9h', '-t', '8h', '--json'], { '--time': '4h' }, 'launch r -t 9h -t 4h --json'],
    [['launch', 'r'], { '--gpus': 'a100:2' }, 'launch r --gpus a100:2'],
    [['extend', 'k3f9', '9h'], { '--time': '4h' }, 'extend k3f9 9h'],
  ])('of %j with %j instead is what was typed with the value that would go through', (words, instead, next) => {
    expect(nextCommand(sample('E-LIMIT', { instead }), { words })).toBe(`hpcbinder ${next}`);
  });

  it('is the one that the failure itself names, without its secrets', () => {
    const next = ['git', 'ls-remote', 'https://alice:hunter22@git.example.org/r'];
    expect(nextCommand(sample('E-REPO-MISSING', { next }), launch)).toMatch(
      /^git ls-remote https:.*@git\.example\.org\/r/,
    );
    expect(nextCommand(sample('E-REPO-MISSING', { next }), launch)).not.toContain('hunter22');
  });

  it('quotes what was typed, shows no secret of it, and steers no terminal', () => {
    const words = ['launch', 'https://alice:hunter22@git.example.org/r', "--sbatch=--comment=it's", 'a\u001b[2Jb'];
    const next = nextCommand(sample('E-REPO-FETCH'), { words }) ?? '';
    expect(next).not.toContain('hunter22');
    expect(next).toContain(`'--sbatch=--comment=it'"'"'s'`);
    expect(hasControls(next)).toBe(false);
  });
});

describe('what is shown and what is written down', () => {
  it('holds no secret, and nothing that steers a terminal', () => {
    const token = 'ghp_abcdefghijklmnopqrstuvwxyz012345';
    const error = sample('E-REPO-FETCH', {
      message: `fatal: https://u:${token}@github.com\u001b[2J`,
      evidence: [`Authorization: Basic ${Buffer.from(token).toString('base64')}`, '\u001b]0;title\u0007'],
      hint: `GITHUB_TOKEN=${token}`,
      cause: new Error(`Cookie: _xsrf=${token}`),
    });
    for (const json of [false, true]) showFailure(error, { doing: { words: ['launch', token] }, story: ID, json });
    const all = [...out, ...err].join('') + readFileSync(new LocalRecords(state).logPath(ID), 'utf8');
    expect(all).not.toContain(token);
    expect(all).not.toContain(Buffer.from(token).toString('base64'));
    expect(hasControls(all.replaceAll('\n', ''))).toBe(false);
  });

  it('of a failure that belongs to no launch is in one file, capped', () => {
    for (let n = 0; n < 300; n++)
      showFailure(sample('E-AGENT', { evidence: ['x'.repeat(2000)] }), { doing: { words: ['status', 'k3f9'] } });
    expect(err.join('')).toContain(`  log     ${failuresPath()}\n`);
    expect(statSync(failuresPath()).size).toBeLessThan(300 << 10);
    expect(statSync(`${failuresPath()}.1`).mode & 0o777).toBe(0o600);
  });

  it('is shown all the same where nothing can be written', () => {
    writeFileSync(join(state, 'sessions'), 'a file where the folder belongs');
    expect(showFailure(sample('E-BUILD'), { doing: launch, story: ID })).toBe(1);
    expect(err.join('')).toMatch(/^error/);
    expect(err.join('')).not.toMatch(/^ {2}log/m);
  });

  it('names no log where nothing was begun', () => {
    showFailure(sample('E-CONFIG'), { doing: { words: ['list'] } });
    expect(err.join('')).not.toMatch(/^ {2}log/m);
  });

  it('is short where there is nothing but a cause', () => {
    expect(failureLines(new HpcbinderError('E-REMOTE', { message: 'it failed' }))).toEqual([
      'error     it failed',
      '  code    E-REMOTE (docs/errors.md)',
    ]);
  });
});

describe('stories of launches', () => {
  it('are capped: the newest part stays', () => {
    const records = new LocalRecords(state);
    const line = 'x'.repeat(1 << 20);
    for (let n = 0; n < 20; n++) records.tell(ID, `${n} ${line}`);
    const log = records.log(ID) ?? '';
    expect(log.length).toBeLessThan(10 << 20);
    expect(log).toMatch(/^\(the older part was dropped\)\n\d+ x/);
    expect(log).toContain('\n19 x');
  });

  it('that never became a session go after a month, and all but the newest two hundred; those of sessions stay', () => {
    const records = new LocalRecords(state);
    const ids = Array.from({ length: 210 }, (_, n) => `hb-${String(n).padStart(10, '0')}`);
    for (const id of ids) records.tell(id, 'x');
    records.save({ ...session, id: ids[0] ?? '' });
    const old = Date.now() / 1000 - 40 * 86_400;
    for (const id of [ids[0], ids[1]]) utimesSync(records.logPath(id ?? ''), old, old);
    records.tidy(new Date());
    expect(records.stories()).toHaveLength(201);
    expect(records.stories()).toContain(ids[0]);
    expect(records.stories()).not.toContain(ids[1]);
  });
});

describe('what is left behind', () => {
  const cluster = { profile: { host: 'hpc', imageStore: '/scratch/images', stateDir: '/home/alice/state' } } as Cluster;
  const none: Left = { latest: undefined, cluster, phase: 'build', done: new Set(), removed: true, lost: false };
  it.each<[string, Partial<Left>, RegExp]>([
    ['before any connection', { cluster: undefined }, /^Nothing was submitted\.$/],
    ['in the build', {}, /^Nothing was submitted\. Nothing is left on hpc\.$/],
    ['in the upload', { phase: 'upload' }, /What was uploaded stays in hpc:\/scratch\/images/],
    ['after the upload', { phase: 'submit', done: new Set(['upload'] as const) }, /The upload stays in hpc:/],
    ['where the line broke', { lost: true }, /What was sent to hpc so far is kept/],
    ['where nothing could be removed', { removed: false }, /may be left in hpc:\/home\/alice\/state\/sessions/],
    [
      'with a job that goes on',
      { latest: { ...session, phase: 'queued' } },
      /^Job 48213 lives on\. Back: hpcbinder open k3f9 · stop: hpcbinder stop k3f9$/,
    ],
    [
      'with a job that is over',
      { latest: { ...session, phase: 'ended' } },
      /^Job 48213 is over\. Your work is kept: hpc:/,
    ],
  ])('%s', (_, left, words) => {
    expect(leftBehind({ ...none, ...left })).toMatch(words);
  });
});
