/** The texts of ours that run inside the image, run for real. */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ENTRYPOINT, ourTexts } from '../../buildpacks/image.ts';
import { checkPython } from '../../buildpacks/install.ts';

let dir: string;
let entrypoint: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'hb-image-'));
  entrypoint = join(dir, 'entrypoint');
  for (const step of ourTexts())
    if (step.kind === 'text' && step.path === ENTRYPOINT) writeFileSync(entrypoint, step.text, { mode: step.mode });
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const run = (args: string[], env: Record<string, string> = {}) => {
  const done = spawnSync(entrypoint, args, { env: { PATH: '/usr/bin:/bin', HOME: dir, ...env }, encoding: 'utf8' });
  return { code: done.status, signal: done.signal, out: done.stdout, err: done.stderr };
};
const start = (text: string, mode = 0o755) => {
  const path = join(dir, 'start');
  writeFileSync(path, text);
  chmodSync(path, mode);
  return { R2D_ENTRYPOINT: path };
};

describe('the entrypoint (REES 6.5)', () => {
  it('runs the command with its words as they are, output and errors apart, and its exit code', () => {
    expect(run(['sh', '-c', 'echo "$1"; echo err >&2; exit 3', 'x', 'two words; $HOME'])).toEqual({
      code: 3,
      signal: null,
      out: 'two words; $HOME\n',
      err: 'err\n',
    });
  });

  it('is replaced by the command, so that signals reach it', () => {
    expect(run(['sh', '-c', 'kill -TERM $$'])).toMatchObject({ signal: 'SIGTERM' });
  });

  it("puts the session's own .local/bin first", () => {
    expect(run(['sh', '-c', 'echo "$PATH"']).out).toBe(`${dir}/.local/bin:/usr/bin:/bin\n`);
  });

  it('runs the command through start, whose exports reach it', () => {
    expect(run(['sh', '-c', 'echo "$A $1"', 'x', 'y z'], start('#!/bin/sh\nexport A=1\nexec "$@"\n')).out).toBe(
      '1 y z\n',
    );
  });

  it('makes start executable where a work directory lost that', () => {
    const env = start('#!/bin/sh\nexec "$@"\n', 0o644);
    expect(run(['echo', 'ok'], env)).toMatchObject({ code: 0, out: 'ok\n' });
    expect(statSync(env.R2D_ENTRYPOINT).mode & 0o100).toBe(0o100);
  });

  it('says so when start is gone', () => {
    expect(run(['echo', 'ok'], { R2D_ENTRYPOINT: join(dir, 'gone') })).toMatchObject({
      code: 127,
      out: '',
      err: expect.stringContaining('gone is not there'),
    });
  });
});

describe('the check of the base image', () => {
  const version = spawnSync('python3', ['-c', 'import sys; print("%d.%d" % sys.version_info[:2])'], {
    encoding: 'utf8',
  }).stdout.trim();
  const check = (wanted: string) => {
    const step = checkPython(wanted);
    return spawnSync('/bin/sh', ['-ec', step.kind === 'run' ? step.shell : 'false'], { encoding: 'utf8' });
  };
  it('passes with the Python that was planned', () => expect(check(version).status).toBe(0));
  it('names both with another', () => {
    expect(check('3.99')).toMatchObject({ status: 1, stderr: `the base image has Python ${version}, not 3.99\n` });
  });
});
