/** git at an endpoint asks only what it may (SECURITY GIT-08, GIT-09), against real servers on loopback that log every hit. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { RepoRef } from '../../core/artifacts.ts';
import { HpcbinderError } from '../../core/errors.ts';
import { checkout } from '../../repos/checkout.ts';
import { git } from '../../repos/git.ts';
import { guardedWords, guardOf } from '../../repos/guard.ts';
import { resolveRepo } from '../../repos/resolve.ts';
import { type GitServer, gitServer, makeRepo, sh } from './git-server.ts';

let server: GitServer;
let redirecting: Server;
let work: string;
let port: number;
let other: number;
const repoAt = (host: string, at = port, path = 'repo'): RepoRef & { kind: 'git' } => ({
  kind: 'git',
  url: `http://${host}:${at}/${path}`,
  host,
  path,
});
const here = async () => ['127.0.0.1'];
const refusal = async (running: Promise<unknown>): Promise<HpcbinderError> => {
  const error = await running.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof HpcbinderError) return error;
  throw error ?? new Error('it went through');
};

beforeAll(async () => {
  server = await gitServer();
  port = Number(new URL(server.url).port);
  work = mkdtempSync(join(tmpdir(), 'hb-guard-'));
  makeRepo(join(server.root, 'repo'), { 'a.txt': 'a' });
  redirecting = createServer((request, response) =>
    response.writeHead(302, { location: `${server.url}${request.url}` }).end(),
  );
  await new Promise<void>((done) => redirecting.listen(0, '127.0.0.1', done));
  other = (redirecting.address() as AddressInfo).port;
});
afterAll(async () => {
  await server.close();
  await new Promise((done) => redirecting.close(done));
  rmSync(work, { recursive: true, force: true });
});

describe('under the guard', () => {
  it('a repository of a listed host is resolved and fetched, at the addresses that were judged', async () => {
    // no name server knows this name: git found it by what it was given
    const access = { allowHttp: true, guard: guardOf(() => ['git.campus.example'], here) };
    const found = await resolveRepo(repoAt('git.campus.example'), access);
    const { files } = await checkout(found, join(work, 'one'), access);
    expect(files.text('a.txt')).toBe('a');
  });

  it.each(['127.0.0.1', 'localhost', '[::1]', '0x7f000001', '2130706433', '[::ffff:127.0.0.1]', '169.254.169.254'])(
    'a repository at %s is not asked for',
    async (host) => {
      const before = server.requests.length;
      const { code } = await refusal(resolveRepo(repoAt(host), { allowHttp: true, guard: guardOf(() => []) }));
      expect(code).toBe('E-POLICY-REPOSITORY');
      expect(server.requests.length).toBe(before);
    },
  );

  it('a public name that leads inside, among others or not at all is refused in the same words as a private one', async () => {
    const before = server.requests.length;
    const answers = [['127.0.0.1'], ['8.8.8.8', '10.0.0.1'], ['::1'], []];
    const errors = await Promise.all([
      ...answers.map((answer) =>
        refusal(
          resolveRepo(repoAt('git.example.org'), {
            allowHttp: true,
            guard: guardOf(
              () => [],
              async () => answer,
            ),
          }),
        ),
      ),
      refusal(
        resolveRepo(repoAt('git.example.org'), {
          allowHttp: true,
          guard: guardOf(
            () => [],
            () => Promise.reject(new Error('NXDOMAIN')),
          ),
        }),
      ),
      refusal(resolveRepo(repoAt('127.0.0.1', 1), { allowHttp: true, guard: guardOf(() => []) })),
    ]);
    expect(new Set(errors.map(({ message, hint }) => `${message} ${hint}`)).size).toBe(1);
    expect(server.requests.length).toBe(before);
  });

  it('a name server that changes its mind changes nothing', async () => {
    const asked: string[] = [];
    const guard = guardOf(
      () => [],
      async (host) => {
        asked.push(host);
        return ['203.0.114.7'];
      },
    );
    const words = await guardedWords(guard, 'https://git.example.org/x');
    expect(words).toEqual([
      '-c',
      'http.followRedirects=false',
      '-c',
      'http.curloptResolve=git.example.org:443:203.0.114.7',
    ]);
    expect(await guardedWords(guard, 'https://git.example.org:8443/x')).toContain(
      'http.curloptResolve=git.example.org:8443:203.0.114.7',
    );
    expect(asked).toEqual(['git.example.org']);
  });

  it('a redirect is not followed, and the words say so', async () => {
    const before = server.requests.length;
    const error = await refusal(
      resolveRepo(repoAt('git.campus.example', other), {
        allowHttp: true,
        guard: guardOf(() => ['git.campus.example'], here),
      }),
    );
    expect([error.code, error.message]).toEqual(['E-REPO-FETCH', expect.stringContaining('an endpoint follows none')]);
    expect(server.requests.length).toBe(before);
  });

  it('a submodule of another host is judged like a repository, and one over ssh is refused', async () => {
    const guard = guardOf(() => ['git.campus.example'], here);
    const access = { allowHttp: true, guard };
    for (const [name, url] of [
      ['inside', `http://127.0.0.1:${port}/repo`],
      ['ssh', 'ssh://git@git.campus.example/repo'],
      // git itself takes the host for a part of the path
      ['up', `../../127.0.0.1:${port}/repo`],
      ['odd', `..//../127.0.0.1:${port}/repo`],
    ] as const) {
      const parent = join(server.root, name);
      makeRepo(parent, { '.gitmodules': `[submodule "m"]\n\tpath = m\n\turl = ${url}\n` });
      const commit = sh(join(server.root, 'repo'), 'rev-parse', 'HEAD');
      sh(parent, 'update-index', '--add', '--cacheinfo', `160000,${commit},m`);
      sh(parent, 'commit', '-q', '-m', 'm');
      const found = await resolveRepo(repoAt('git.campus.example', port, name), access);
      const hits = () => server.requests.filter((line) => line.includes('/repo/')).length;
      const before = hits();
      const error = await refusal(checkout(found, join(work, name), access));
      expect(['E-POLICY-REPOSITORY', 'E-REPO-FETCH']).toContain(error.code);
      expect(hits()).toBe(before);
    }
  });

  it('a submodule beside its repository is fetched', async () => {
    const parent = join(server.root, 'parent');
    makeRepo(parent, { '.gitmodules': '[submodule "m"]\n\tpath = m\n\turl = ../repo\n' });
    sh(
      parent,
      'update-index',
      '--add',
      '--cacheinfo',
      `160000,${sh(join(server.root, 'repo'), 'rev-parse', 'HEAD')},m`,
    );
    sh(parent, 'commit', '-q', '-m', 'm');
    const access = { allowHttp: true, guard: guardOf(() => ['git.campus.example'], here) };
    const found = await resolveRepo(repoAt('git.campus.example', port, 'parent'), access);
    expect((await checkout(found, join(work, 'beside'), access)).files.text('m/a.txt')).toBe('a');
  });

  it('a git that was not told its address reaches nothing', async () => {
    const before = server.requests.length;
    const result = await git(['ls-remote', `${server.url}/repo`], { allowHttp: true, guard: guardOf(() => []) });
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain('not allowed');
    expect(server.requests.length).toBe(before);
  });
});
