import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { HpcbinderError } from '../../../core/errors.ts';
import type { ResourceRequest } from '../../../core/scheduler.ts';
import { slurm } from '../../../schedulers/slurm/index.ts';
import { checkExtra, checkRequest } from '../../../schedulers/slurm/options.ts';
import { spec } from './recordings.ts';

const request: ResourceRequest = { cpus: 2, memoryMb: 8192, seconds: 7200, gpus: 0, extra: [] };

describe('options of the user', () => {
  it.each([
    '--exclusive',
    '--nodelist=c[1-3,7]',
    '--mail-type=END',
    '--licenses=matlab@db:2',
    '--dependency=afterok:12',
    '--nice=5',
  ])('takes %s', (word) => expect(() => checkExtra([word])).not.toThrow());

  it.each([
    ...[
      '--wrap=id',
      '--wra=id',
      '--w=id',
      '--array=1-1000',
      '--arr=1-1000',
      '--export=ALL',
      '--exp=ALL',
      '--output=/tmp/x',
    ],
    ...[
      '--uid=0',
      '--job-name=x',
      '--j=x',
      '--chdir=/',
      '--nodes=1000000',
      '--mem=10T',
      '--time=999-00',
      '--partition=gpu',
    ],
    ...[
      '--gres=gpu:9',
      '--gres',
      '--dep=afterok:1',
      '--clusters=all',
      '--requeue',
      '--test-only',
      '-p',
      '-pgpu',
      'x',
      '',
    ],
    ...[
      '--nice=1 --wrap=id',
      '--nice=1\n--wrap=id',
      '--nice=',
      '--nice=$(id)',
      '--nice=`id`',
      "--nice='1'",
      '--nice=a;b',
    ],
    ...['--comment=\u001b[2J', '--nodelist=--wrap', '--=x', '--Nice=1', '--nice=\u202e1', ':', '--', '---nice=1'],
  ])('refuses %j with exit 2', (word) => {
    expect(() => checkExtra([word])).toThrow(expect.objectContaining({ code: 'E-OPTION' }) as unknown as Error);
  });

  it('never lets a word through that Slurm could read as anything but one long option', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (tail) => {
        const word = `--${tail}`;
        try {
          checkExtra([word]);
        } catch (error) {
          return error instanceof HpcbinderError && error.code === 'E-OPTION';
        }
        return /^--[a-z][a-z0-9_-]*(=[!-~]+)?$/.test(word);
      }),
      { numRuns: 500 },
    );
  });
});

describe('a request', () => {
  it.each<Partial<ResourceRequest>>([
    ...[0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 1e9].map((cpus) => ({ cpus })),
    ...[0, -5, 10 * 1024 ** 3].map((memoryMb) => ({ memoryMb })),
    ...[0, 999 * 86_400].map((seconds) => ({ seconds })),
    ...[-1, 1e6, 0.5].map((gpus) => ({ gpus })),
    ...['--wrap=id', 'x --partition=gpu', 'demo\n#SBATCH --output=/tmp/x', '', "a'b", '$(id)', 'é'].map(
      (partition) => ({ partition }),
    ),
    { account: 'x --partition=gpu' },
    { qos: '-x' },
    { gpuType: 'a100:8 --exclusive' },
    { reservation: 'a;b' },
    { constraint: 'a b' },
  ])('with %j is refused before any site is asked', (wrong) => {
    expect(() => checkRequest({ ...request, ...wrong })).toThrow(
      expect.objectContaining({ code: 'E-OPTION' }) as unknown as Error,
    );
  });

  it('takes the expressions that Slurm knows', () => {
    const fine = {
      partition: 'gpu,debug',
      account: 'lab-1.x',
      constraint: 'a100&(ib|roce)*2',
      gpuType: 'h100_1g.10gb',
    };
    expect(() => checkRequest({ ...request, ...fine })).not.toThrow();
  });

  it('cannot leave its session directory or take another name', () => {
    const job = spec('ok');
    for (const wrong of [
      { tag: 'x\n11|hb-1' },
      { directory: 'here' },
      { directory: '/a\\b' },
      { comment: 'a\u001b[2J' },
    ]) {
      expect(() => slurm.submit({ ...job, ...wrong }, '/s')).toThrow(HpcbinderError);
    }
  });
});
