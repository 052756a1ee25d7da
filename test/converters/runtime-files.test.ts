import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { environmentScript, runscript } from '../../converters/runtime-files.ts';

function sh(script: string, args: string[] = [], env: Record<string, string> = {}): string {
  return execFileSync('/bin/sh', ['-c', script, 'sh', ...args], { env, encoding: 'utf8' });
}

describe('the environment script', () => {
  it('gives every value back through a real shell, whatever it holds', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60, unit: 'binary' }), (noise) => {
        const value = Buffer.from(noise.replaceAll('\0', '')).toString();
        const script = environmentScript([`HB_VALUE=${value}`]);
        expect(sh(`${script}\nprintf %s "$HB_VALUE"`)).toBe(value);
      }),
      { numRuns: 60 },
    );
  });

  it.each(['$(touch /tmp/hb-pwned)', '`id`', "'; id; '", 'a\nexport X=1', '"}$PATH'])('keeps %j as data', (value) => {
    expect(sh(`${environmentScript([`LD_PRELOAD_OF=${value}`])}\nprintf %s "$LD_PRELOAD_OF"`)).toBe(value);
  });

  it('yields to a variable that is set, but never for PATH', () => {
    const script = environmentScript(['LANG=C.UTF-8', 'PATH=/image/bin']);
    expect(sh(`${script}\nprintf '%s %s' "$LANG" "$PATH"`, [], { LANG: 'de', PATH: '/host/bin' })).toBe(
      'de /image/bin',
    );
  });

  it('leaves out names that no shell takes', () => {
    expect(environmentScript(['A-B=1', '=2', 'X;id=3', 'NOVALUE'])).toBe('#!/bin/sh\n');
  });
});

describe('the runscript', () => {
  const run = (config: Parameters<typeof runscript>[0], ...args: string[]) => sh(runscript(config), args);

  it('runs the entrypoint with Cmd, or with the arguments in its place', () => {
    const config = { entrypoint: ['printf', '<%s>'], cmd: ['a b', "c'd"], workingDir: '' };
    expect(run(config)).toBe("<a b><c'd>");
    expect(run(config, 'x y')).toBe('<x y>');
  });

  it('runs the arguments alone where the image has no entrypoint', () => {
    expect(run({ entrypoint: [], cmd: ['echo', 'cmd'], workingDir: '/' }, 'echo', 'mine')).toBe('mine\n');
  });

  it('begins in the working directory, whatever its name', () => {
    expect(run({ entrypoint: ['pwd'], cmd: [], workingDir: '/usr/../usr' })).toContain('/usr');
    expect(() => run({ entrypoint: ['pwd'], cmd: [], workingDir: '$(id)' })).toThrow();
  });
});
