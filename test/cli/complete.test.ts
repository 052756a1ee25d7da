import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { completions, type Known } from '../../cli/complete.ts';
import { knownPartitions, rememberCluster } from '../../cli/known-clusters.ts';
import { buildProgram } from '../../cli/program.ts';
import type { Cluster } from '../../core/cluster.ts';
import { partition } from '../sessions/example.ts';

const repo = { shown: 'org/repo' };
const known: Known = {
  sessions: () => [
    { id: 'hb-9abcdefghi', phase: 'ended', repo },
    { id: 'hb-k3f9q2x7ma', phase: 'ready', repo },
    { id: 'hb-k3f8000000', phase: 'queued', repo },
    { id: 'hb-k3f8111111', phase: 'queued', repo },
  ],
  stories: () => ['hb-k3f9q2x7ma', 'hb-8xr0000000'],
  clusters: () => ({ names: ['hpc', 'dev'], usual: 'hpc' }),
  partitions: (name) =>
    name === 'hpc'
      ? [
          { name: 'debug', gpus: [] },
          { name: 'gpu', gpus: ['a100'] },
        ]
      : [{ name: 'batch', gpus: [] }],
};
const program = buildProgram();
/** The words alone, of a line up to its cursor. */
const offered = (line: string, state = known) =>
  completions(program, line.split(' '), state).map((each) => each.split('\t')[0]);

describe('what may come next', () => {
  it.each<[string, readonly string[]]>([
    ['lau', ['launch']],
    ['work r', ['rm']],
    ['stop ', ['k3f9', 'hb-k3f8000000', 'hb-k3f8111111', '9abc']],
    ['stop k', ['k3f9']],
    ['stop k3f9 ', []],
    ['logs 8', ['8xr0']],
    ['launch org/repo --part', ['--partition']],
    ['launch -p ', ['debug', 'gpu']],
    ['launch --partition g', ['gpu']],
    ['launch --partition=g', ['--partition=gpu']],
    ['launch --partition = g', ['gpu']],
    ['launch --partition =', ['debug', 'gpu']],
    ['launch --cluster dev --partition ', ['batch']],
    ['launch --cluster=dev ./x --partition ', ['batch']],
    ['launch --cluster = dev --partition = ', ['batch']],
    ['launch --cluster ', ['hpc', 'dev']],
    ['launch --gpus ', ['a100:1']],
    ['launch --partition debug --gpus ', []],
    ['launch --build-on c', ['cluster']],
    ['launch --time ', []],
    ['launch --continue k', ['k3f9']],
    ['cluster rm h', ['hpc']],
    ['completion ', ['bash', 'zsh', 'fish']],
    ['launch ./ex', [':dirs']],
    ['launch ', [':dirs']],
    ['launch org/r', []],
    ['bugreport --output ', [':files']],
    ['nosuch ', expect.anything() as never],
  ])('hpcbinder %s: %j', (line, words) => {
    expect(offered(line)).toEqual(words);
  });

  it('has every visible command, and the hidden one never', () => {
    const names = program.commands.map((command) => command.name());
    expect(offered('')).toEqual(expect.arrayContaining(names));
    expect(offered('')).not.toContain('__complete');
  });

  it('has both a session and a file for cp', () => {
    expect(offered('cp k3f9')).toEqual(['k3f9:', ':files']);
  });

  it('says in a few words what each is', () => {
    expect(completions(program, ['stop', 'k3f9'], known)).toEqual(['k3f9\tready org/repo']);
  });
});

describe('names that others chose', () => {
  const evil = ['$(touch x)', '`id`', 'a b', "it's", 'a;b', 'a\nb', '-rf', '--wrap=id', '*', '\u001b[2J', '', ':files'];

  it('are offered only where a shell takes them as they stand', () => {
    const state: Known = {
      ...known,
      sessions: () => [{ id: 'hb-k3f9q2x7ma', phase: 'ready', repo: { shown: evil.join(' ') } }],
      clusters: () => ({ names: [...evil, 'hpc'], usual: 'hpc' }),
      partitions: () => evil.map((name) => ({ name, gpus: evil })),
    };
    for (const line of ['launch --cluster ', 'launch --partition ', 'launch --gpus ', 'stop ', 'cp '])
      for (const answer of completions(program, line.split(' '), state)) {
        const [word = '', about = ''] = answer.split('\t');
        expect(word).toMatch(/^(?:-{0,2}[\w.@+:=-]+)$/);
        expect(about).toMatch(/^[ !#&()*+,\-./:;<=>?@\w[\]^{|}~]*$/);
      }
    expect(offered('launch --cluster h', state)).toEqual(['hpc']);
  });

  it('and lines of any words give an answer', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string(), fc.constantFrom('launch', '=', '--cluster', 'stop', '-p'))),
        (words) => {
          for (const answer of completions(program, words, known)) expect(answer).not.toMatch(/[\n\r$`"'\\]/);
        },
      ),
    );
  });
});

describe('what a cluster has, from the last look', () => {
  let state: string;
  beforeEach(() => {
    state = mkdtempSync(join(tmpdir(), 'hb-state-'));
    process.env.HPCBINDER_STATE = state;
  });
  afterEach(() => {
    delete process.env.HPCBINDER_STATE;
    rmSync(state, { recursive: true });
  });

  it('is kept, and read back', () => {
    const partitions = [partition(), partition({ name: 'gpu', gpusPerNode: { a100: 4 } })];
    rememberCluster({
      profile: { name: 'alice@hpc:2222' },
      scheduler: { name: 'slurm' },
      partitions,
    } as unknown as Cluster);
    expect(knownPartitions('alice@hpc:2222')).toEqual([
      { name: 'debug', gpus: [] },
      { name: 'gpu', gpus: ['a100'] },
    ]);
  });

  it.each([
    ['nonsense', '{'],
    ['another shape', '{"partitions": 3}'],
    ['null', 'null'],
    [
      'rows of other shapes',
      '{"partitions": [null, 1, {"name": 5}, {"name": "$(id)"}, {"name": "a", "gpusPerNode": 1}]}',
    ],
  ])('is nothing but names, in whatever file: %s', (_, text) => {
    mkdirSync(join(state, 'clusters'));
    writeFileSync(join(state, 'clusters', 'hpc.json'), text);
    expect(knownPartitions('hpc').filter(({ name }) => name !== 'a')).toEqual([]);
    expect(knownPartitions('../clusters/hpc')).toEqual([]);
  });
});
