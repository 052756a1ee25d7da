/** The constant remote command under each login shell that is installed here, and quoting through each as /bin/sh. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { body, newMark, REMOTE_COMMAND, residentCommand, startLine } from '../../transports/programs.ts';

function installed(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
const LOGIN_SHELLS = ['/bin/sh', '/bin/bash', '/bin/zsh', '/usr/bin/tcsh', '/usr/bin/fish', '/bin/mksh'].filter(
  installed,
);
const SHELLS = [['/bin/sh'], ['/bin/bash', '--posix'], ['/bin/dash'], ['/bin/busybox', 'sh'], ['/bin/mksh']].filter(
  ([path = '']) => installed(path),
);
const word = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', '')),
  fc.string({ unit: fc.constantFrom('\n', "'", '"', '\\', '$', '`', '!', '*', '~', ' ', '-', '=', '\r', 'n', '#') }),
);
/** what a lone surrogate becomes on any wire */
const asBytes = (words: readonly string[]) => Buffer.concat(words.map((one) => Buffer.from(`${one}\0`)));

describe('the constant remote command', () => {
  it.each(LOGIN_SHELLS)('means the same to the login shell %s', (shell) => {
    const mark = newMark();
    const words = ['a b', "it's", '$HOME', 'x\ny', '!', '~', '*', '`id`', '"', '\\'];
    const line = startLine({ argv: ['sh', '-c', 'printf "%s\\0" "$@"; cat', 'sh', ...words] }, mark, { pty: false });
    const { stdout, status } = spawnSync(shell, ['-c', REMOTE_COMMAND], { input: `${line}\npayload\n` });
    const text = stdout.toString();
    expect(text.slice(text.indexOf('\n') + 1)).toBe(`${words.join('\0')}\0payload\n`);
    expect(status).toBe(0);
  });
});

describe('any words', () => {
  it('are refused where the system would not take one for its length, with the limit (INJ-14)', () => {
    expect(() => body({ argv: ['printf', 'x'.repeat(128 * 1024)] })).toThrow(/131072 bytes is too long/);
    expect(() => body({ argv: ['printf'], env: { X: 'x'.repeat(1 << 20) } })).toThrow(/too long/);
  });

  it.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))('come through %s as they are', (_name, shell) => {
    const [program = '', ...options] = shell;
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), (words) => {
        const line = body({ argv: ['printf', '%s\\0', ...words, 'end'] });
        expect(line).not.toContain('\n');
        const input = `${line}\n`;
        const { stdout } = spawnSync(program, [...options, '-c', 'IFS= read -r p; eval "$p"'], { input });
        expect(stdout.equals(asBytes([...words, 'end']))).toBe(true);
      }),
      { numRuns: 60 },
    );
  });

  it.each(SHELLS.map((shell) => [shell.join(' '), shell] as const))('any payload comes through %s', (_name, shell) => {
    const [program = '', ...options] = shell;
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (payload) => {
        const mark = newMark();
        const input = `${residentCommand({ argv: ['cat'] }, mark, payload)}\n`;
        const { stdout } = spawnSync(program, [...options, '-c', 'IFS= read -r p; eval "$p"'], { input });
        const wanted = Buffer.concat([Buffer.from(`${mark}\n`), payload, Buffer.from(`\n${mark} 0\n`)]);
        expect(stdout.equals(wanted)).toBe(true);
      }),
      { numRuns: 30, examples: [[Buffer.from('-n')], [Buffer.from("%s\\n'")]] },
    );
  });
});
