import { describe, expect, it } from '@jest/globals';
import { buildFailure } from '../../images/failure.ts';

const step = (name: string) => ({ kind: 'run', name, as: 'user', cwd: '/', shell: '', file: name }) as const;
const textOf = () => '# data\nnumpy\nNun_Py==1.26  # oops\n';

describe('a failed build step', () => {
  it('is told at the line of requirements.txt that names the package, with a guess', () => {
    const lines = [
      'ERROR: Could not find a version that satisfies the requirement nun-py==1.26 (from versions: none)',
      'ERROR: No matching distribution found for nun-py==1.26',
    ];
    const error = buildFailure({ step: step('requirements.txt'), what: '', exitCode: 1, lines, textOf });
    expect(error).toMatchObject({ code: 'E-BUILD-PIP', hint: 'Did you mean numpy?' });
    expect(error.message).toBe('requirements.txt:3 asks for nun-py==1.26, which the package index does not have');
    expect(error.evidence[0]).toBe('requirements.txt   exit 1');
  });

  it('names the newest versions there are when the version is at fault', () => {
    const lines = [
      'ERROR: Could not find a version that satisfies the requirement numpy==99 (from versions: 1.0, 2.0, 2.1, 2.2)',
    ];
    const { hint } = buildFailure({ step: step('requirements.txt'), what: '', lines, textOf });
    expect(hint).toBe('Correct the version. It has 2.0, 2.1, 2.2.');
  });

  it('is told at the line of apt.txt', () => {
    const lines = ['E: Unable to locate package treee'];
    const error = buildFailure({ step: step('apt.txt'), what: '', lines, textOf: () => 'tree\ntreee\n' });
    expect(error).toMatchObject({ code: 'E-BUILD-APT' });
    expect(error.message).toMatch(/^apt\.txt:2 asks for treee/);
  });

  it('keeps the last ten lines where nothing is recognised', () => {
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index}`);
    const error = buildFailure({ step: undefined, what: 'RUN make', exitCode: 2, lines, textOf });
    expect(error).toMatchObject({ code: 'E-BUILD', message: 'the build step "RUN make" failed (exit 2)' });
    expect(error.evidence).toHaveLength(11);
  });
});
