import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { oneLine, programOf, quote, quoteWords } from '../../core/shell.ts';

const word = fc.oneof(
  fc.string({
    unit: fc.constantFrom("'", '"', '\\', '$', '`', '\n', ' ', ';', '*', '~', '=', '!', '-', 'a', 'é', '\t'),
  }),
  fc.string().filter((text) => !text.includes('\0')),
);
const many = fc.array(word, { minLength: 1, maxLength: 60 });

/** What a real shell makes of the text: its words, each with an end that no word has. */
function wordsOf(text: string): string[] {
  const out = execFileSync('/bin/sh', ['-c', `printf '%s\\0' ${text}`]).toString('utf8');
  return out.split('\0').slice(0, -1);
}

describe('a quoted word', () => {
  it('puts no backslash outside of quotes: the shell in which Apptainer reads an environment keeps it', () => {
    expect(quote("it's")).toBe(`'it'"'"'s'`);
  });

  it('comes out of a real sh as it went in, whatever is in it', () => {
    fc.assert(
      fc.property(many, (words) => expect(wordsOf(quoteWords(words))).toEqual(words)),
      { numRuns: 25 },
    );
  });

  it('comes out as it went in also where the program must be one line', () => {
    fc.assert(
      fc.property(many, (words) => {
        const line = oneLine(`printf '%s\\0' ${quoteWords(words)}`);
        expect(line).not.toContain('\n');
        const out = execFileSync('/bin/sh', ['-c', 'IFS= read -r p; eval "$p"'], { input: `${line}\n` });
        expect(out.toString('utf8').split('\0').slice(0, -1)).toEqual(words);
      }),
      { numRuns: 25 },
    );
  });

  it('is left bare where nothing in it means anything', () => {
    expect(quote('/opt/slurm/bin/sbatch')).toBe('/opt/slurm/bin/sbatch');
    expect(quote('')).toBe("''");
    expect(quote('~/x')).toBe("'~/x'");
    expect(quote('=ls')).toBe("'=ls'");
  });

  it('cannot hold a NUL', () => {
    expect(() => quote('a\0b')).toThrow(/NUL/);
  });
});

describe('a program', () => {
  it('sets directory and variables for its command alone', () => {
    const text = programOf({ argv: ['sh', '-c', 'printf "%s %s" "$PWD" "$A"'], cwd: '/', env: { A: "it's $HOME" } });
    expect(execFileSync('/bin/sh', ['-c', text]).toString()).toBe("/ it's $HOME");
  });

  it.each(['A B', '1A', '', 'A=B', 'A;id'])('has no variable called %j', (name) => {
    expect(() => programOf({ argv: ['true'], env: { [name]: '' } })).toThrow(/is no name for a variable/);
  });
});
