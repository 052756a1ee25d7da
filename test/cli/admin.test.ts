import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { buildProgram } from '../../cli/program.ts';
import type { State } from '../../server/state/index.ts';
import { kept, launched, Rig, SECRETS } from '../server/state/rig.ts';

let rig: Rig;
let server: State;
let out: string;
let told: string;

beforeEach(() => {
  rig = new Rig();
  rig.clock = new Date();
  server = rig.open();
  out = '';
  told = '';
  jest.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text;
    return true;
  });
  jest.spyOn(process.stderr, 'write').mockImplementation((text) => {
    told += text;
    return true;
  });
});
afterEach(() => {
  jest.restoreAllMocks();
  process.exitCode = undefined;
  rig.remove();
});

/** `hpcbinder admin …` while the server has the state open; what it wrote to stdout. */
async function admin(...words: string[]): Promise<string> {
  out = '';
  told = '';
  await buildProgram().parseAsync(['node', 'hpcbinder', 'admin', ...words, '--state', rig.directory]);
  expect(process.exitCode).toBe(0);
  return out;
}

const json = async (...words: string[]) => JSON.parse(await admin(...words, '--json'));

function filled(): void {
  const expires = new Date(rig.clock.getTime() + 86_400_000).toISOString();
  server.logins.create({ account: 'alice', shown: 'Alice A.', roles: ['user'] }, { id: 'h', xsrf: 'x', expires });
  server.tokens.create({ account: 'alice', hash: 'hash', name: 'ci', scopes: ['read'], expires });
  server.saveSession(kept({ phase: 'ready', createdAt: rig.clock.toISOString() }), { account: 'alice' });
  const end = '2020-01-01T00:00:00Z';
  const ended = { phase: 'ended', createdAt: end, ended: { why: 'idle', at: end } } as const;
  server.saveSession(kept({ id: 'hb-bbbbbbbbbb', ...ended }), { account: 'bob' });
  server.saveLaunch(launched({ startedAt: rig.clock.toISOString(), session: kept().id, state: 'ready' }));
  server.audit.write({ account: 'alice', action: 'launch', launch: launched().id, detail: '\u001b[2J' });
}

describe('admin lists', () => {
  it('sessions with their owners, and never a key', async () => {
    filled();
    const text = await admin('sessions');
    expect(text).toMatch(/hb-k3f9q2x7ma +alice +org\/repo +ready +hpc gpu/);
    expect(text).not.toContain('hb-bbbbbbbbbb');
    const all = await json('sessions', '--all');
    expect(all.map(({ account }: { account: string }) => account)).toEqual(['alice', 'bob']);
    for (const secret of Object.values(SECRETS)) expect(JSON.stringify(all)).not.toContain(secret);
    expect(await json('sessions', '--all', '--user', 'bob')).toHaveLength(1);
  });

  it('users, launches, tokens and the audit log, as tables and as JSON', async () => {
    filled();
    expect(await admin('users')).toMatch(/alice +Alice A\. +user +1 +1 +1 +just now/);
    expect(await json('users')).toMatchObject([{ account: 'alice', live: 1 }]);
    expect(await admin('launches')).toMatch(/la-0123456789abcdef +alice +gh\/org\/repo\/HEAD +ready .*hb-k3f9q2x7ma/);
    expect(await json('launches', '--running')).toEqual([]);
    expect(await admin('tokens')).toMatch(/tk-\w+ +alice +ci +read .*never/);
    expect(await json('tokens', '--user', 'bob')).toEqual([]);
    expect(await admin('audit', '--since', '1h')).toMatch(/alice +launch +la-0123456789abcdef +\\x1b\[2J/);
    expect(await json('audit', '--user', 'bob')).toEqual([]);
    await expect(admin('audit', '--since', 'lately')).rejects.toMatchObject({ code: 'E-USAGE' });
    await expect(admin('audit', '--limit', '0')).rejects.toMatchObject({ code: 'E-USAGE' });
  });

  it('nothing, and say so beside the output', async () => {
    for (const list of ['sessions', 'users', 'launches', 'audit', 'tokens']) {
      expect(await admin(list)).toBe('');
      expect(told).not.toBe('');
      expect(await json(list)).toEqual([]);
    }
  });
});

describe('admin changes', () => {
  it('drain and announcement, which the server reads at its next use, and who typed it', async () => {
    expect(await admin('drain')).toBe('launches are accepted\n');
    await admin('drain', 'on', '--words', 'back at noon');
    expect(server.settings.get('drain')).toMatchObject({ words: 'back at noon' });
    expect(await json('drain')).toMatchObject({ drained: true, words: 'back at noon' });
    await admin('drain', 'off');
    expect(server.settings.get('drain')).toBeUndefined();
    await admin('announce', 'maintenance on Friday');
    expect(server.settings.get('announcement')?.text).toBe('maintenance on Friday');
    expect(await admin('announce')).toBe('maintenance on Friday\n');
    await admin('announce', '--clear');
    expect(server.settings.get('announcement')).toBeUndefined();
    expect(server.audit.read().map(({ action }) => action)).toEqual([
      'admin announce --clear',
      'admin announce',
      'admin drain off',
      'admin drain on',
    ]);
    await expect(admin('drain', 'maybe')).rejects.toMatchObject({ code: 'E-USAGE' });
    await expect(admin('announce', 'x', '--clear')).rejects.toMatchObject({ code: 'E-USAGE' });
  });

  it('images by size, and builds in their order', async () => {
    expect(await admin('images')).toBe('');
    expect(told).toBe('no launch has made or used an image yet\n');
    const of = { account: 'alice', cluster: 'campus' };
    const news = { type: 'image', platform: 'linux/amd64', builtAt: new Date().toISOString() } as const;
    const repository = 'https://github.com/org/repo';
    for (const [commit, key, bytes] of [
      ['a'.repeat(40), '1'.repeat(32), 1e6],
      ['b'.repeat(40), '1'.repeat(32), 1e6],
      ['c'.repeat(40), '2'.repeat(32), 410e6],
    ] as const)
      server.images.note(of, repository, { ...news, commit, key, bytes });
    server.images.build(of, 'hb-aaaaaaaaaa', repository, 'builds');
    server.images.build(of, 'hb-aaaaaaaaaa', repository, 'made');
    server.images.build({ ...of, account: 'bob' }, 'hb-bbbbbbbbbb', repository, 'waits');
    const lines = (await admin('images')).trimEnd().split('\n');
    expect(lines).toHaveLength(3);
    expect(lines[1]).toMatch(/^2{12} +alice +org\/repo @ ccccccc +campus +410 MB/);
    expect(await json('images', '--user', 'bob')).toEqual([]);
    expect((await json('builds')).map(({ state }: { state: string }) => state)).toEqual(['waits', 'made']);
    expect(await admin('builds', '--running')).toMatch(/hb-bbbbbbbbbb +bob +org\/repo +campus +waits/);
  });

  it('tokens and logins: one, or all of an account', async () => {
    filled();
    const id = server.tokens.list('alice')[0]?.id ?? '';
    await expect(admin('revoke', 'tk-0000000000')).rejects.toMatchObject({ code: 'E-USAGE' });
    await expect(admin('revoke')).rejects.toMatchObject({ code: 'E-USAGE' });
    expect(await admin('revoke', id)).toBe('revoked: 1 token\n');
    expect(server.tokens.find('hash')).toBeUndefined();
    expect(await json('revoke', '--user', 'alice')).toEqual({ tokens: [], logins: 1 });
    expect(server.logins.get('h')).toBeUndefined();
  });

  it('nothing of what is not confirmed', async () => {
    filled();
    expect(await admin('prune', '--dry-run')).toBe('');
    expect(told).toBe('older than 180 days: 1 session; nothing was done\n');
    await expect(admin('prune')).rejects.toMatchObject({ code: 'E-CONFIRM' });
    await expect(admin('forget', 'bob')).rejects.toMatchObject({ code: 'E-CONFIRM' });
    expect(server.sessions()).toHaveLength(2);
    expect(await admin('prune', '--yes')).toBe('removed: 1 session\n');
    expect(server.sessions()).toHaveLength(1);
  });

  it('a person’s rows: given away, and removed when nothing of theirs runs', async () => {
    filled();
    expect(JSON.parse(await admin('export', 'alice'))).toMatchObject({
      account: 'alice',
      sessions: [{ id: kept().id }],
    });
    await expect(admin('forget', 'alice', '--yes')).rejects.toMatchObject({ code: 'E-SESSION-STATE' });
    await admin('forget', 'bob', '--yes');
    expect(server.sessions({ account: 'bob' })).toEqual([]);
  });

  it('a copy while the server runs, and repair only of what is damaged', async () => {
    filled();
    const copy = join(rig.directory, 'copy.db');
    expect(await json('backup', copy)).toEqual({ path: copy, bytes: statSync(copy).size });
    expect(await json('repair', '--yes')).toBeNull();
    server.close();
    const bytes = readFileSync(server.path);
    writeFileSync(server.path, bytes.fill(0x55, 4096, 9000));
    const { aside } = await json('repair', '--yes');
    expect(existsSync(aside)).toBe(true);
  });
});

describe('the place of the state', () => {
  it('is that of serve.yaml', async () => {
    filled();
    const file = join(rig.directory, 'serve.yaml');
    writeFileSync(
      file,
      `schema: 1\nurl: https://binder.hpc.example.edu\nstate_dir: ${rig.directory}\nsign_in: {header: {name: X-Remote-User, from: [127.0.0.1]}}\nclusters: {campus: {}}\n`,
    );
    await buildProgram().parseAsync(['node', 'hpcbinder', 'admin', 'users', '--config', file]);
    expect(out).toContain('alice');
  });

  it('where there is none yet is said', async () => {
    const nowhere = join(rig.directory, 'nowhere');
    const run = buildProgram().parseAsync(['node', 'hpcbinder', 'admin', 'users', '--state', nowhere]);
    await expect(run).rejects.toMatchObject({ code: 'E-STATE', message: `there is no state in ${nowhere}` });
    expect(existsSync(nowhere)).toBe(false);
  });
});
