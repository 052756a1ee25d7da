import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { canonical, type Json } from '../../core/canonical.ts';
import {
  endedInWords,
  exitCode,
  inquiry,
  ok,
  orThrow,
  refused,
  succeeded,
  textOf,
  unreachable,
} from '../../core/command.ts';
import { asHpcbinderError, ERROR_CODES, exitCodeOf, HpcbinderError } from '../../core/errors.ts';
import { matchIds, newSessionId, SESSION_ID } from '../../core/ids.ts';
import { bytes, readAll } from '../../core/transport.ts';

describe('canonical JSON', () => {
  it('is one text per value, in whatever order its keys were set', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(canonical(turned as Json)).toBe(canonical(value as Json));
      }),
    );
  });

  it('is JSON of the same value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonical(value as Json))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('has no place for what is absent', () => {
    expect(canonical({ b: undefined, a: 1 })).toBe('{"a":1}');
  });
});

describe('session ids', () => {
  it('are names that every scheduler takes, and new each time', () => {
    const ids = Array.from({ length: 100 }, newSessionId);
    for (const id of ids) expect(id).toMatch(SESSION_ID);
    expect(new Set(ids).size).toBe(100);
  });

  it('are found by their beginning, with hb- and without', () => {
    const ids = ['hb-k3f9q2x7ma', 'hb-k3a0000000', 'hb-zzzzzzzzzz'];
    expect(matchIds('k3', ids)).toEqual(['hb-k3f9q2x7ma', 'hb-k3a0000000']);
    expect(matchIds('hb-k3f', ids)).toEqual(['hb-k3f9q2x7ma']);
    expect(matchIds('3f', ids)).toEqual([]);
  });
});

describe('errors', () => {
  it.each([
    ['E-USAGE', 2],
    ['E-CONFIG', 2],
    ['E-CONFIRM', 2],
    ['E-CANCELLED', 130],
    ['E-BUILD', 1],
    ['E-INTERNAL', 1],
  ] as const)('%s ends with %i', (code, status) => {
    expect(exitCodeOf(new HpcbinderError(code, { message: '' }))).toBe(status);
  });

  it('end with 75 where trying again can help, and with 1 where they are not ours', () => {
    expect(exitCodeOf(new HpcbinderError('E-SCHEDULER-DOWN', { message: '', transient: true }))).toBe(75);
    expect(exitCodeOf(new TypeError('x'))).toBe(1);
  });

  it('that nobody foresaw are called a defect and keep their cause', () => {
    const cause = new TypeError('x is undefined');
    const error = asHpcbinderError(cause);
    expect(error).toMatchObject({ code: 'E-INTERNAL', cause });
    expect(error.message).toContain('x is undefined');
    expect(asHpcbinderError(error)).toBe(error);
    expect(asHpcbinderError('text').message).toContain('text');
  });

  it('have each code once', () => {
    expect(new Set(ERROR_CODES).size).toBe(ERROR_CODES.length);
  });
});

describe('a command’s answer', () => {
  const result = (ended: Parameters<typeof endedInWords>[0]) => ({
    ended,
    stdout: new Uint8Array(),
    stderr: new Uint8Array(),
    truncated: false,
  });

  it('has a status only where the command came to its end', () => {
    expect(exitCode(result({ kind: 'exit', code: 153 }))).toBe(153);
    expect(exitCode(result({ kind: 'lost', cause: undefined }))).toBeUndefined();
    expect(succeeded(result({ kind: 'exit', code: 0 }))).toBe(true);
    expect(succeeded(result({ kind: 'timeout' }))).toBe(false);
  });

  it.each([
    [{ kind: 'exit', code: 3 }, 'exit 3'],
    [{ kind: 'signal', name: 'KILL' }, 'signal KILL'],
    [{ kind: 'timeout' }, 'no answer in time'],
    [{ kind: 'lost', cause: 0 }, 'connection lost'],
  ] as const)('is told in words: %j', (ended, words) => {
    expect(endedInWords(ended)).toBe(words);
  });

  it('is thrown where both kinds of no are the end', () => {
    const error = new HpcbinderError('E-REMOTE', { message: 'no' });
    expect(orThrow(ok(7))).toBe(7);
    for (const no of [refused(error), unreachable(error)]) expect(() => orThrow(no)).toThrow(error);
  });

  it('joins with another', () => {
    const question = { command: { argv: ['x'] }, parse: () => ok(1) };
    const both = inquiry([question, question], (a, b) => ok(orThrow(a) + orThrow(b)));
    expect(both.combine([ok(2), ok(3)])).toEqual(ok(5));
  });

  it('is text also where it is no UTF-8', () => {
    expect(textOf(Uint8Array.of(0x61, 0xff))).toBe('a\ufffd');
  });
});

describe('a remote file', () => {
  it('is read whole up to a limit, and is undefined where there is none', async () => {
    const read = async (path: string) => (path === '/a' ? bytes('hello') : undefined);
    expect(textOf((await readAll({ read }, '/a')) ?? new Uint8Array())).toBe('hello');
    expect(await readAll({ read }, '/b')).toBeUndefined();
    expect(textOf((await readAll({ read }, '/a', 3)) ?? new Uint8Array())).toBe('hel');
  });
});
