import { describe, expect, it } from '@jest/globals';
import { launchInput } from '../../cli/flags.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { parseRepo } from '../../repos/parse.ts';

/** As the launch reads them: the flags at the door, then the repository with its ref. */
function refusal(flags: Record<string, unknown>): HpcbinderError | undefined {
  try {
    const { repo = '', ref } = launchInput('org/repo', flags, {}, 'hb-abcdefghij');
    parseRepo(repo, ref === undefined ? {} : { ref });
  } catch (error) {
    if (error instanceof HpcbinderError) return error;
    throw error;
  }
  return undefined;
}

const WORDS = [
  'x --partition=gpu',
  'gpu\n#SBATCH --wrap=id',
  '--wrap=id',
  '$(touch /tmp/PWN)',
  '`id`',
  'x;id',
  '-p',
  'g\u001b[31m',
  '',
];
const FLAGS =
  'partition account qos reservation constraint gpus time mem cpus sbatch ref bind app idle maxAge port buildPartition sif'.split(
    ' ',
  );
const LISTS = new Set(['sbatch', 'bind']);

describe('flags of a launch (SECURITY INJ-01, INJ-02, INJ-04, INJ-06)', () => {
  it.each(FLAGS)('%s takes no word that could become an option, a directive or a terminal sequence', (flag) => {
    // a branch may be called that, and reaches git as one word
    const legal = flag === 'ref' ? ['`id`', 'x;id'] : [];
    const taken = WORDS.filter((word) => {
      const code = refusal({ [flag]: LISTS.has(flag) ? [word] : word })?.code ?? 'taken';
      return !['E-USAGE', 'E-OPTION', 'E-REPO-SYNTAX'].includes(code);
    });
    expect(taken).toEqual(legal);
  });

  it.each(['--wrap=id', '--wra=id', '--output=/tmp/x', '--array=1-9', '--time=1', '--gres=gpu:1', '-p gpu', '--uid=0'])(
    '--sbatch %s is refused: hpcbinder sets it, or would lose the job by it',
    (option) => {
      expect(refusal({ sbatch: [option] })?.code).toBe('E-OPTION');
    },
  );

  it('says which flag it is about', () => {
    expect(refusal({ time: 'soon' })?.message).toBe('--time: "soon" is no duration');
    expect(refusal({ mem: '8 apples' })?.message).toBe('--mem: "8 apples" is no amount of memory');
    expect(refusal({ bind: ['data'] })?.message).toBe('--bind: "data" is no bind');
  });

  it('takes what a launch is meant to be given', () => {
    const good = {
      partition: 'gpu',
      gpus: 'a100:2',
      time: '4h',
      mem: '16G',
      constraint: 'a100&(ib|roce)',
      sbatch: ['--exclude=n07'],
      ref: 'v1.2',
    };
    expect(refusal(good)).toBeUndefined();
  });
});
