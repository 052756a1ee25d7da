/** Tokens for private repositories, as kept by a person on the cluster (here: this machine) and by the site. */
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { People } from '../../../cli/serve/people.ts';
import { Tokens } from '../../../cli/serve/repository-tokens.ts';
import type { Cluster } from '../../../core/cluster.ts';
import type { Transport } from '../../../core/transport.ts';
import { parsePattern } from '../../../server/policy/patterns.ts';
import { openTransport } from '../../../transports/index.ts';

const dir = mkdtempSync(join(tmpdir(), 'hb-tokens-'));
const site = join(dir, 'site-token');
const alice = { account: 'alice' };
let local: Transport;
let tokens: Tokens;

beforeAll(async () => {
  writeFileSync(site, 'SITE-TOKEN\n', { mode: 0o600 });
  local = await openTransport('local', undefined, {});
  const people = {
    choice: (name: string) => (name === 'campus' ? { name, entry: {}, saved: true } : undefined),
    as: (account: string, _choice: unknown, work: (cluster: Cluster) => Promise<unknown>) =>
      work({ transport: local, profile: { stateDir: join(dir, account) } } as unknown as Cluster),
  } as unknown as People;
  const match = parsePattern('github.com/campus');
  tokens = new Tokens(people, () => ({
    repositories: { tokens: [{ match, file: site, user: 'oauth2', accounts: ['alice'] }] },
    defaults: { cluster: 'campus' },
  }));
});
afterAll(async () => {
  await local[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

const repo = (host: string, path: string) => ({ url: `https://${host}/${path}`, host, path });

it('a token lies in a file of its owner alone, and opens what is at its host, for them and nobody else', async () => {
  expect(await tokens.list(alice)).toEqual([]);
  await tokens.keep(alice, { host: 'git.example.edu', user: 'oauth2', password: 'CANARY42' });
  const file = join(dir, 'alice', 'git-credentials');
  expect(readFileSync(file, 'utf8')).toBe('https://oauth2:CANARY42@git.example.edu\n');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(dir, 'alice')).mode & 0o777).toBe(0o700);
  expect(await tokens.list(alice)).toEqual([{ host: 'git.example.edu', user: 'oauth2' }]);
  const own = { user: 'oauth2', password: 'CANARY42' };
  expect(await tokens.for(alice)(repo('git.example.edu', 'a/b'))).toEqual(own);
  for (const other of ['git.example.edu.evil.org', 'example.edu', 'git.example.edu:8443'])
    expect(await tokens.for(alice)(repo(other, 'a/b'))).toBeUndefined();
  expect(await tokens.for({ account: 'bob' })(repo('git.example.edu', 'a/b'))).toBeUndefined();
  // never over a line that others read
  expect(await tokens.for(alice)({ ...repo('git.example.edu', 'a/b'), url: 'http://git.example.edu/a/b' })).toBe(
    undefined,
  );
});

it('of those that are kept at the same moment none is lost; a forgotten one is gone', async () => {
  const hosts = ['one.example.edu', 'two.example.edu', 'three.example.edu'];
  await Promise.all(hosts.map((host) => tokens.keep(alice, { host, user: 'x', password: 'y' })));
  expect((await tokens.list(alice)).map(({ host }) => host)).toEqual(['git.example.edu', ...hosts]);
  await tokens.forget(alice, 'git.example.edu');
  expect((await tokens.list(alice)).map(({ host }) => host)).toEqual(hosts);
});

it("the site's token opens what its pattern names, for the accounts that it names", async () => {
  expect(await tokens.for(alice)(repo('github.com', 'campus/r'))).toEqual({ user: 'oauth2', password: 'SITE-TOKEN' });
  expect(await tokens.for(alice)(repo('github.com', 'campus-2/r'))).toBeUndefined();
  expect(await tokens.for({ account: 'bob' })(repo('github.com', 'campus/r'))).toBeUndefined();
  chmodSync(site, 0o644);
  // what users read names no path of the service's
  await expect(tokens.for(alice)(repo('github.com', 'campus/r'))).rejects.toMatchObject({
    code: 'E-POLICY',
    message: "this endpoint's own token for the repository cannot be used",
  });
});
