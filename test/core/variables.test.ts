import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { namesOfCode, parseVariables } from '../../core/variables.ts';

const own = { HERE: 'of here', EMPTY: '' };
const read = (words: string[], allowed: string[] = []) => parseVariables(words, allowed, own);
const refused = (words: string[], allowed: string[] = []) => {
  try {
    read(words, allowed);
  } catch (error) {
    return error as Error & { code: string };
  }
  throw new Error(`${words.join(' ').slice(0, 80)} was taken`);
};

describe('variables for the inside of a session', () => {
  it('are values as they were typed, whatever is in them (INJ-07)', () => {
    const values = ['', 'a=b', 'x,y', 'two\nlines\n', '$(id) `id` "\'\\', 'ünï', 'x'.repeat(100_000)];
    for (const value of values) expect(read([`NAME=${value}`])).toEqual([['NAME', value]]);
  });

  it('take the value of here where only a name is typed, and the later of two', () => {
    expect(read(['HERE', 'EMPTY', 'A=1', 'A=2'])).toEqual([
      ['HERE', 'of here'],
      ['EMPTY', ''],
      ['A', '2'],
    ]);
    expect(refused(['NOT_HERE'])).toMatchObject({ code: 'E-USAGE', message: expect.stringContaining('not set here') });
  });

  it.each(['', '=x', '1A=x', 'A-B=x', 'A B=x', 'A\n=x', 'Ä=x', `${'A'.repeat(200)}=x`])(
    'have names: not %j',
    (word) => {
      expect(refused([word])).toMatchObject({ code: 'E-USAGE' });
    },
  );

  it.each([
    ...['BASH_ENV', 'ENV', 'LD_PRELOAD', 'LD_LIBRARY_PATH', 'PYTHONSTARTUP', 'PYTHONPATH', 'PATH', 'PROMPT_COMMAND'],
    ...['GIT_SSH_COMMAND', 'PERL5OPT', 'NODE_OPTIONS', 'R_PROFILE_USER'],
  ])('are refused where the value is run as code, but by leave: %s (INJ-08)', (name) => {
    const error = refused([`${name}=/tmp/x`]);
    expect(error).toMatchObject({ code: 'E-USAGE', hint: expect.stringContaining(`--allow-env ${name}`) });
    const taken = read([`${name}=/tmp/x`, 'A=1'], [name]);
    expect(namesOfCode(taken)).toEqual([name]);
  });

  it.each(['APPTAINER_BIND', 'SINGULARITYENV_X', 'JUPYTER_CONFIG_DIR', 'HOME'])(
    'never replace our own: %s (INJ-08)',
    (name) => {
      expect(refused([`${name}=x`])).toMatchObject({ code: 'E-USAGE' });
      expect(refused([`${name}=x`], [name])).toMatchObject({ code: 'E-USAGE' });
    },
  );

  it('are refused where a program could not be started with them, or their bytes are lost already (INJ-14)', () => {
    for (const value of ['x'.repeat(1 << 20), 'ü'.repeat(70_000), 'a\uFFFDb'])
      expect(refused([`A=${value}`])).toMatchObject({ hint: expect.stringContaining('--bind') });
    const long = 'x'.repeat(120_000);
    expect(refused(['A', 'B', 'C', 'D', 'E'].map((name) => `${name}=${long}`)).message).toContain('in all');
  });

  it('are judged alike by the agent', () => {
    const names = (text: string) => [...text.matchAll(/[A-Z_0-9]{2,}/g)].map(([name]) => name).sort();
    const list = (path: string, from: string, to: string) => {
      const text = readFileSync(path, 'utf8');
      return names(text.slice(text.indexOf(from), text.indexOf(to, text.indexOf(from))));
    };
    const here = list('core/variables.ts', 'LD_.*', '$/;');
    expect(here.length).toBeGreaterThan(15);
    expect(list('sessions/agent/container.py', 'LD_.*', '# What')).toEqual(here);
  });
});
