import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { checkout } from '../../repos/checkout.ts';
import { readRepoFiles } from '../../repos/listing.ts';
import { parseRepo } from '../../repos/parse.ts';
import { resolveRepo } from '../../repos/resolve.ts';
import { makeRepo, sh } from './git-server.ts';

let top: string;
let dir: string;
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'hb-local-'));
  dir = join(top, 'dir');
  mkdirSync(dir);
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

describe('a local directory', () => {
  it('is named by its content, not by times or place', async () => {
    writeFileSync(join(dir, 'a'), 'x');
    const one = await resolveRepo(parseRepo(dir));
    mkdirSync(join(top, 'other'));
    writeFileSync(join(top, 'other', 'a'), 'x');
    const two = await resolveRepo(parseRepo(join(top, 'other')));
    chmodSync(join(dir, 'a'), 0o755);
    const three = await resolveRepo(parseRepo(dir));
    expect(one).toMatchObject({ kind: 'local', tree: (two as { tree: string }).tree });
    expect(three).not.toMatchObject({ tree: (two as { tree: string }).tree });
  });

  it('is copied: links stay links, modes stay, and a later change does not reach the copy', async () => {
    writeFileSync(join(dir, 'start'), '#!/bin/sh\n', { mode: 0o755 });
    mkdirSync(join(dir, 'empty'));
    symlinkSync('/etc/passwd', join(dir, 'out'));
    const repo = await resolveRepo(parseRepo(dir));
    const { files, repo: there } = await checkout(repo, join(top, 'copy'));
    writeFileSync(join(dir, 'start'), 'changed');
    expect(there).toEqual(repo);
    expect(readlinkSync(join(top, 'copy', 'out'))).toBe('/etc/passwd');
    expect(files.get('start')).toMatchObject({ mode: 0o755 });
    expect(files.get('empty')?.kind).toBe('directory');
    expect(files.text('start')).toBe('#!/bin/sh\n');
  });

  it('that is a git work tree says its commit and whether files differ from it', async () => {
    const id = makeRepo(dir, { a: 'x' });
    expect(await resolveRepo(parseRepo(dir))).toMatchObject({ commit: id, dirty: false });
    writeFileSync(join(dir, 'b'), 'new');
    expect(await resolveRepo(parseRepo(dir))).toMatchObject({ commit: id, dirty: true });
  });

  it('takes its last commit along, without its settings, hooks and history', async () => {
    makeRepo(dir, { a: 'x' });
    sh(dir, 'commit', '-q', '--allow-empty', '-m', 'more');
    sh(dir, 'config', 'remote.origin.url', 'https://u:CANARY42@host/x');
    await checkout(await resolveRepo(parseRepo(dir)), join(top, 'copy'));
    expect(sh(join(top, 'copy'), 'rev-list', '--count', 'HEAD')).toBe('1');
    expect(sh(join(top, 'copy'), 'status', '--porcelain')).toBe('');
    expect(readFileSync(join(top, 'copy', '.git', 'config'), 'utf8')).not.toContain('CANARY42');
  });

  it('runs nothing that its .git/config names', async () => {
    makeRepo(dir, { a: 'x', '.gitattributes': '* filter=evil\n' });
    sh(dir, 'config', 'core.fsmonitor', `touch ${top}/PWN`);
    sh(dir, 'config', 'filter.evil.clean', `touch ${top}/PWN; cat`);
    sh(dir, 'config', 'filter.evil.smudge', `touch ${top}/PWN; cat`);
    rmSync(join(top, 'PWN'), { force: true });
    writeFileSync(join(dir, 'a'), 'changed');
    await checkout(await resolveRepo(parseRepo(dir)), join(top, 'copy'));
    expect(existsSync(join(top, 'PWN'))).toBe(false);
  });

  it('works on a machine without git', async () => {
    makeRepo(dir, { a: 'x' });
    const { PATH } = process.env;
    process.env.PATH = top;
    try {
      const repo = await resolveRepo(parseRepo(dir));
      expect(repo).toEqual({ kind: 'local', path: dir, tree: expect.stringMatching(/^[0-9a-f]{64}$/) });
      expect((await checkout(repo, join(top, 'copy'))).files.text('a')).toBe('x');
      expect(existsSync(join(top, 'copy', '.git'))).toBe(false);
    } finally {
      process.env.PATH = PATH;
    }
  });

  it('that is not there is said so', async () => {
    await expect(resolveRepo(parseRepo(join(top, 'nothing')))).rejects.toMatchObject({ code: 'E-REPO-MISSING' });
  });

  it('with a name that is no UTF-8 is refused, the name shown harmlessly (GIT-17)', async () => {
    writeFileSync(Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0x61, 0xff, 0x1b])]), 'x');
    await expect(resolveRepo(parseRepo(dir))).rejects.toMatchObject({
      code: 'E-REPO-FILE',
      message: expect.stringMatching(/\\x1b/),
    });
  });

  it('with too many files is refused with the limit', async () => {
    for (const name of ['a', 'b', 'c']) writeFileSync(join(dir, name), '');
    const limits = { bytes: 1e9, files: 2, fetchMs: 1, submodules: 1, submoduleDepth: 1 };
    await expect(readRepoFiles(dir, { limits })).rejects.toMatchObject({
      code: 'E-REPO-FETCH',
      message: expect.stringMatching(/2 files/),
    });
  });

  it('gives no content that differs from its listing', async () => {
    writeFileSync(join(dir, 'requirements.txt'), 'a');
    const files = await readRepoFiles(dir);
    writeFileSync(join(dir, 'requirements.txt'), 'b');
    expect(() => files.text('requirements.txt')).toThrow(/changed during the launch/);
  });
});
