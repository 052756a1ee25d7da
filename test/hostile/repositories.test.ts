/** Repositories that were made to run something, to read something or to last for ever: real git, servers on loopback. */
import { chownSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { detect, plan } from '../../buildpacks/index.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { buildContext } from '../../images/context.ts';
import { checkout } from '../../repos/checkout.ts';
import type { GitAccess } from '../../repos/git.ts';
import { parseRepo } from '../../repos/parse.ts';
import { resolveRepo } from '../../repos/resolve.ts';
import { collect } from '../converters/tars.ts';
import { notRun } from '../not-run.ts';
import { commit, type GitServer, gitServer, makeRepo, sh } from '../repos/git-server.ts';
import { hostileGit } from './git-servers.ts';

let server: GitServer;
const top = mkdtempSync(join(tmpdir(), 'hb-hostile-git-'));
const pwn = join(top, 'PWN');
const access: GitAccess = { allowHttp: true };
const at = (name: string, ref?: string) =>
  parseRepo(`${server.url}/${name}`, { allowHttp: true, ...(ref === undefined ? {} : { ref }) });
let counter = 0;
const fresh = () => join(top, `checkout-${counter++}`);
const fetched = async (name: string, how: Parameters<typeof checkout>[2] = {}) =>
  checkout(await resolveRepo(at(name), access), fresh(), { ...access, ...how });

/** A program of that name first on the PATH, which says that it was run. */
function trap(name: string): string {
  const dir = join(top, `bin-${name}`);
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, name), `#!/bin/sh\necho "$0 $*" >> ${pwn}\nexit 1\n`, { mode: 0o755 });
  return dir;
}

async function withEnv<T>(change: Record<string, string>, run: () => Promise<T>): Promise<T> {
  const before = Object.fromEntries(Object.keys(change).map((name) => [name, process.env[name]]));
  Object.assign(process.env, change);
  try {
    return await run();
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

beforeAll(async () => {
  server = await gitServer({ config: ['uploadpack.advertiseBundleURIs=true', 'bundle.version=1', 'bundle.mode=all'] });
});
afterAll(async () => {
  await server.close();
  rmSync(top, { recursive: true, force: true });
});

describe('what is typed', () => {
  it('starts no git at all when it is refused (GIT-01, GIT-02, GIT-03, GIT-04)', async () => {
    const PATH = `${trap('git')}${delimiter}${process.env.PATH}`;
    await withEnv({ PATH }, async () => {
      for (const [text, ref] of [
        ['--upload-pack=touch /tmp/PWN'],
        ['-u touch'],
        ['--template=/tmp'],
        ['--config=core.sshCommand=id'],
        ['ext::sh -c touch% /tmp/PWN'],
        ['file:///home/bob/private'],
        ['fd::17'],
        ['C:\\repo'],
        ['host:path'],
        ['o/r', '--upload-pack=touch /tmp/PWN'],
        ['o/r', '-x'],
        ['o/r', 'a..b'],
        ['o/r', '@{u}'],
      ] as const) {
        const run = async () => resolveRepo(parseRepo(text, ref === undefined ? {} : { ref }), access);
        await expect(run()).rejects.toMatchObject({ code: 'E-REPO-SYNTAX' });
      }
    });
    expect(existsSync(pwn)).toBe(false);
  });

  it("reaches no ProxyCommand of the user's ssh settings as shell text (GIT-10)", async () => {
    const config = join(top, 'ssh_config');
    writeFileSync(config, `Host *\n  ProxyCommand sh -c 'echo "%h %r" >> ${top}/proxied; exit 1'\n`);
    const odd = ['-x', 'a;b', '$(id)', '`id`', '%n', "a'b", 'a"b', 'a|b', 'a b', 'a\nb', 'a\0b', '-oProxyCommand=id'];
    const forms = odd.flatMap((word) => [
      `ssh://git@${word}/o/r`,
      `ssh://${word}@host/o/r`,
      `${word}@host:o/r`,
      `git@${word}:o/r`,
    ]);
    await withEnv({ GIT_SSH_COMMAND: `ssh -F ${config} -oBatchMode=yes` }, async () => {
      for (const text of forms) {
        const run = async () => resolveRepo(parseRepo(text), access);
        await expect(run()).rejects.toMatchObject({ code: 'E-REPO-SYNTAX' });
      }
      expect(existsSync(join(top, 'proxied'))).toBe(false);
      // the settings are read: a good name gets as far as there
      await expect(resolveRepo(parseRepo('git@good.example:o/r'), access)).rejects.toMatchObject({
        code: expect.stringMatching(/^E-REPO/),
      });
      expect(existsSync(join(top, 'proxied'))).toBe(true);
    });
  });
});

describe('a directory of somebody else', () => {
  it('that is a partial clone whose settings name a command gets it run neither by looking nor by copying (GIT-05)', async () => {
    const urls = ['ssh://git@127.0.0.1:9/x/y', `file://${top}/nothing`, `ext::touch ${pwn}`];
    for (const [index, url] of [...urls, ...urls].entries()) {
      const interactive = index >= urls.length;
      const dir = join(top, `partial-${index}`);
      makeRepo(dir, { 'a.txt': 'once', 'b.txt': 'b' });
      const blob = sh(dir, 'rev-parse', 'HEAD:a.txt');
      rmSync(join(dir, '.git', 'objects', blob.slice(0, 2), blob.slice(2)));
      for (const [name, value] of [
        ['core.repositoryFormatVersion', '1'],
        ['extensions.partialClone', 'origin'],
        ['remote.origin.promisor', 'true'],
        ['protocol.ext.allow', 'always'],
        ['remote.origin.url', url],
        ['remote.origin.uploadpack', `touch ${pwn}; false`],
        ['core.sshCommand', `touch ${pwn}; false`],
        ['core.fsmonitor', `touch ${pwn}; false`],
        ['core.pager', `touch ${pwn}; false`],
        ['core.alternateRefsCommand', `touch ${pwn}; false`],
        ['core.gitProxy', `touch ${pwn}; false`],
      ] as const)
        sh(dir, 'config', name, value);
      const repo = await resolveRepo(parseRepo(dir), { interactive });
      await checkout(repo, fresh(), { interactive });
      expect([interactive, url, existsSync(pwn)]).toEqual([interactive, url, false]);
    }
  });

  it('is copied, and git reads nothing of it where it belongs to another user (GIT-05)', async () => {
    if (process.getuid?.() !== 0) return notRun('a directory of another user (GIT-05): only root can make one');
    const dir = join(top, 'foreign');
    makeRepo(dir, { a: 'x' });
    for (const path of [dir, join(dir, '.git'), join(dir, '.git', 'config')]) chownSync(path, 65534, 65534);
    const repo = await resolveRepo(parseRepo(dir));
    expect(repo).toEqual({ kind: 'local', path: dir, tree: expect.any(String) });
    const to = fresh();
    expect((await checkout(repo, to)).files.text('a')).toBe('x');
    expect(existsSync(join(to, '.git'))).toBe(false);
  });
});

describe('what a repository brings along', () => {
  it('is no hook, no filter, no helper and no other server (GIT-07, GIT-13)', async () => {
    const hit = await hostileGit({});
    const repo = join(server.root, 'shapes');
    makeRepo(repo, {
      '.gitattributes': '*.bin filter=lfs diff=lfs\n*.txt filter=evil\n',
      'a.bin': 'version https://git-lfs.github.com/spec/v1\n',
    });
    writeFileSync(join(repo, '.lfsconfig'), `[lfs]\n\turl = ${hit.url}/lfs\n[core]\n\tsshCommand = touch ${pwn}\n`);
    writeFileSync(
      join(repo, '.gitmodules'),
      `[core]\n\thooksPath = hooks\n[submodule "x"]\n\tpath = nothing\n\turl = ${hit.url}\n`,
    );
    mkdirSync(join(repo, 'hooks'));
    for (const name of ['post-checkout', 'post-merge', 'reference-transaction'])
      writeFileSync(join(repo, 'hooks', name), `#!/bin/sh\ntouch ${pwn}\n`, { mode: 0o755 });
    symlinkSync('.git/hooks', join(repo, 'x'));
    symlinkSync('.git', join(repo, 'A'));
    commit(repo, {});
    sh(repo, 'config', 'bundle.one.uri', `${hit.url}/bundle`);
    const PATH = `${trap('git-lfs')}${delimiter}${process.env.PATH}`;
    const { files } = await withEnv({ PATH }, () => fetched('shapes'));
    expect(files.get('x')).toMatchObject({ kind: 'symlink', target: '.git/hooks' });
    expect(files.text('a.bin')).toContain('git-lfs');
    expect([existsSync(pwn), hit.asked]).toEqual([false, []]);
    await hit.close();
  });

  it('is no command that a submodule is updated by (GIT-06)', async () => {
    const inner = makeRepo(join(server.root, 'inner'), { a: 'a' });
    const repo = join(server.root, 'updating');
    makeRepo(repo, {
      '.gitmodules': `[submodule "m"]\n\tpath = m\n\turl = ../inner\n\tupdate = !touch ${pwn}\n\tfetchRecurseSubmodules = true\n`,
    });
    sh(repo, 'update-index', '--add', '--cacheinfo', `160000,${inner},m`);
    sh(repo, 'commit', '-q', '-m', 'link');
    await expect(fetched('updating')).rejects.toMatchObject({
      code: 'E-REPO-FETCH',
      evidence: expect.arrayContaining([expect.stringMatching(/gitmodules/)]),
    });
    expect(existsSync(pwn)).toBe(false);
  });

  it('is no endless chain of submodules: it ends at the limit (GIT-06)', async () => {
    const repo = join(server.root, 'chain');
    let id = makeRepo(repo, { '.gitmodules': '[submodule "m"]\n\tpath = m\n\turl = ../chain\n' });
    for (let i = 0; i < 12; i++) {
      const tree = sh(repo, 'rev-parse', 'HEAD^{tree}');
      if (i === 0) sh(repo, 'update-index', '--add', '--cacheinfo', `160000,${id},m`);
      else sh(repo, 'update-index', '--cacheinfo', `160000,${id},m`);
      id = sh(repo, 'commit-tree', '-p', id, '-m', tree, sh(repo, 'write-tree'));
    }
    sh(repo, 'update-ref', 'refs/heads/main', id);
    const began = performance.now();
    await expect(fetched('chain')).rejects.toMatchObject({
      code: 'E-REPO-FETCH',
      message: expect.stringMatching(/"m" lies more than 5 deep/),
    });
    expect(performance.now() - began).toBeLessThan(60_000);
  }, 120_000);

  it('is no file of this machine: links for configuration files are not read, and stay links in the build (GIT-14)', async () => {
    const canary = join(top, 'canary');
    writeFileSync(canary, 'CANARY42');
    const names = [
      'requirements.txt',
      'apt.txt',
      'runtime.txt',
      'postBuild',
      'start',
      'environment.yml',
      'Dockerfile',
      'setup.py',
      'pyproject.toml',
      'hpc.yml',
      '.dockerignore',
    ];
    for (const name of names) {
      const dir = join(top, `link-${name}`);
      mkdirSync(dir);
      symlinkSync(canary, join(dir, name));
      symlinkSync(top, join(dir, 'tree'));
      const checked = await checkout(await resolveRepo(parseRepo(dir)), fresh());
      expect(checked.files.text(name)).toBeUndefined();
      try {
        const facts = { platform: 'linux/amd64', sourceDateEpoch: 0 } as never;
        const made = plan(detect(checked.files), checked.files, facts);
        const context = await collect(buildContext(made, checked, {} as never));
        expect(context.includes('CANARY42')).toBe(false);
      } catch (error) {
        expect(error).toBeInstanceOf(HpcbinderError);
        expect(JSON.stringify(error) + String(error)).not.toContain('CANARY42');
      }
    }
  });
});
