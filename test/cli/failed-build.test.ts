/** How a failed build is left for those who wait: the script itself, in a directory here. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from '@jest/globals';
import { askFailure, failurePath, failureText, parseFailure } from '../../cli/failed-build.ts';
import type { CommandResult } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'hb-failed-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const path = failurePath(folder, 'a'.repeat(32));
const evidence = ['apt-get install   exit 100', 'E: no\u001b[31m such package'];
const error = new HpcbinderError('E-BUILD-APT', { message: 'apt.txt asks for nosuch', hint: 'Look it up.', evidence });

function ask(waitedSeconds: number) {
  const { command, parse } = askFailure(path, waitedSeconds);
  const [program = '', ...words] = command.argv;
  const result = { stdout: execFileSync(program, words), stderr: Buffer.alloc(0), ended: { kind: 'exit', code: 0 } };
  const answer = parse(result as unknown as CommandResult);
  return answer.ok ? answer.value : undefined;
}

it('a failure during the wait is the one who waits’s too, in the same words and with what to do', () => {
  writeFileSync(path, failureText({ where: 'cluster', error }));
  const found = ask(5);
  expect(found).toMatchObject({ where: 'cluster', error: { code: 'E-BUILD-APT', message: 'apt.txt asks for nosuch' } });
  expect(found?.error.hint).toMatch(/^Look it up\.\nAnother launch .* launch again to try anew\.$/);
  expect(found?.error.evidence).toEqual([evidence[0], 'E: no such package']);
  expect(ask(5)).toBeDefined();
});

it('one from before the wait is nobody’s, and goes', () => {
  const before = Date.now() / 1000 - 60;
  utimesSync(path, before, before);
  expect(ask(30)).toBeUndefined();
  expect(existsSync(path)).toBe(false);
  expect(ask(30)).toBeUndefined();
});

it('what is no failure of this version’s is none', () => {
  const whole = JSON.parse(failureText({ where: 'here', error }));
  expect(parseFailure(JSON.stringify(whole))).toBeDefined();
  for (const change of [{ schema: 2 }, { where: 'there' }, { code: 'E-NEW' }, { message: 1 }])
    expect(parseFailure(JSON.stringify({ ...whole, ...change }))).toBeUndefined();
  for (const text of ['', '{', 'null', '[]']) expect(parseFailure(text)).toBeUndefined();
});
