import { describe, expect, it } from '@jest/globals';
import { SAID, SMALLER, waiting } from '../../../core/waiting.ts';
import { eventInPageWords, inPageWords } from '../../../server/endpoint/page-words.ts';
import { requestInWords } from '../../../sessions/request.ts';

describe('what a launch tells on a page', () => {
  const request = { partition: 'gpu', gpus: 1, gpuType: 'a100', cpus: 2, memoryMb: 8192, seconds: 7200, extra: [] };

  it.each([
    [requestInWords(request), 'partition gpu · 1 a100 GPU · 2 cores · 8 GB · 2 h'],
    [
      'every node of gpu has GPUs: 1 asked for (--gpus 0 for none)',
      'every node of gpu has GPUs: 1 asked for; in the form 0 GPUs means none',
    ],
    [
      '--time lowered from 7 d to 1 d, the limit of partition day',
      'time lowered from 7 d to 1 d, the limit of partition day',
    ],
    [SMALLER, 'ask for less time, cores, memory or GPUs'],
    ['a shorter --time', 'a shorter time'],
    ['end another job of yours, or less --gpus', 'end another job of yours, or fewer GPUs'],
    ['another --partition', 'another partition'],
    ['what would let it start: --time 2h', 'what would let it start: time 2h'],
    ['Ask for at most 2 (--gpus).', 'Ask for at most 2.'],
    ['Ask for a GPU type it has (--gpus TYPE:N).', 'Ask for a GPU type it has.'],
    ['Ask for more, for example --mem 16GB.', 'Ask for more, for example memory 16GB.'],
    ['Choose a partition with GPUs (--partition), or --gpus 0.', 'Choose a partition with GPUs, or 0 GPUs.'],
    ['this machine: Slurm 22.05, local', 'the login node: Slurm 22.05, local'],
    ['pip found no nunpy -- see above', 'pip found no nunpy -- see above'],
  ])('%s', (text, words) => {
    expect(inPageWords(text)).toBe(words);
  });

  it('names no flag in what would let a waiting job start', () => {
    const all = Object.values(SAID).map((said) => waiting(...(said as Parameters<typeof waiting>)));
    for (const one of [...all, waiting('x', 'you', 'no', '--constraint'), waiting('x', 'you', 'no', '--qos')]) {
      const told = eventInPageWords({ type: 'update', phase: 'queue', text: 'waiting', waiting: one });
      expect(JSON.stringify(told)).not.toContain('--');
    }
  });

  it('leaves output as it is', () => {
    const log = { type: 'log', phase: 'build', line: 'pip install --no-cache-dir --time' } as const;
    expect(eventInPageWords(log)).toBe(log);
  });
});
