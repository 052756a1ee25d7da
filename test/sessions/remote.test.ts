import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ClusterProfile } from '../../core/cluster.ts';
import { orThrow } from '../../core/command.ts';
import { createSession, lookAt, removeSession, saveSession, sessionsDirectory } from '../../sessions/remote.ts';
import { session } from './example.ts';
import { askHere } from './local-run.ts';

const ID = session.id;
let root: string;
let profile: ClusterProfile;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'hb-remote-'));
  profile = { python: 'python3', stateDir: join(root, 'state'), host: 'hpc' } as ClusterProfile;
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const files = [
  { name: 'job.json', mode: 0o600, text: '{"secret":"ü"}\n' },
  { name: 'job.sh', mode: 0o700, text: '#!/bin/sh\n' },
];
const modeOf = (path: string) => statSync(path).mode & 0o777;
const of = (name: string) => join(sessionsDirectory(profile), ID, name);

describe('a session’s directory, by the cluster’s own Python', () => {
  it('is made with its files, and nobody else can open any of it', async () => {
    orThrow(await askHere(createSession(profile, ID, files)));
    expect(readFileSync(of('job.json'), 'utf8')).toBe('{"secret":"ü"}\n');
    expect([modeOf(of('')), modeOf(of('job.json')), modeOf(of('job.sh'))]).toEqual([0o700, 0o600, 0o700]);
    expect(modeOf(sessionsDirectory(profile))).toBe(0o700);
  });

  it('tells the agent of another walltime together with the record, and nothing else of it changes', async () => {
    const job = { name: 'job.json', mode: 0o600, text: '{"a":"ü","limits":{"idleSeconds":1,"walltimeSeconds":7200}}' };
    orThrow(await askHere(createSession(profile, ID, [job])));
    orThrow(await askHere(saveSession(profile, { ...session, directory: of('') }, 900)));
    expect(JSON.parse(readFileSync(of('job.json'), 'utf8'))).toEqual({
      a: 'ü',
      limits: { idleSeconds: 1, walltimeSeconds: 900 },
    });
    expect([modeOf(of('job.json')), existsSync(of('session.json'))]).toEqual([0o600, true]);
    expect(readdirSync(of(''))).toHaveLength(2);
  });

  it.each(['../x', '/tmp/x', '..', ''])(
    'is refused with a file or an id that would lie elsewhere: "%s"',
    async (name) => {
      for (const made of [
        createSession(profile, ID, [{ name, mode: 0o600, text: '' }]),
        createSession(profile, name, []),
      ])
        expect(await askHere(made)).toMatchObject({ ok: false, why: 'refused' });
      expect(readdirSync(root)).toEqual([]);
    },
  );

  it('is refused where it exists, and what is there stays', async () => {
    orThrow(await askHere(createSession(profile, ID, files)));
    const again = await askHere(createSession(profile, ID, [{ name: 'job.json', mode: 0o600, text: 'other' }]));
    expect(again).toMatchObject({ ok: false, why: 'refused', error: { code: 'E-REMOTE' } });
    expect(readFileSync(of('job.json'), 'utf8')).toContain('secret');
  });

  it('is refused below a directory that others can open', async () => {
    mkdirSync(sessionsDirectory(profile), { recursive: true });
    chmodSync(sessionsDirectory(profile), 0o755);
    const answer = await askHere(createSession(profile, ID, files));
    expect(answer).toMatchObject({ ok: false, error: { evidence: [expect.stringContaining('mode 0700')] } });
    expect(existsSync(of(''))).toBe(false);
  });

  it('is refused below a link', async () => {
    mkdirSync(join(root, 'elsewhere'), { mode: 0o700 });
    mkdirSync(profile.stateDir);
    symlinkSync(join(root, 'elsewhere'), sessionsDirectory(profile));
    expect((await askHere(createSession(profile, ID, files))).ok).toBe(false);
    expect(readdirSync(join(root, 'elsewhere'))).toEqual([]);
  });

  it('keeps its record by temp and rename: no half one is ever seen, and no other file is left', async () => {
    orThrow(await askHere(createSession(profile, ID, files)));
    const record = { ...session, directory: of('') };
    for (const phase of ['queued', 'ready'] as const)
      orThrow(await askHere(saveSession(profile, { ...record, phase })));
    expect(JSON.parse(readFileSync(of('session.json'), 'utf8'))).toEqual({ ...record, phase: 'ready' });
    expect(modeOf(of('session.json'))).toBe(0o600);
    expect(readdirSync(of('')).sort()).toEqual(['job.json', 'job.sh', 'session.json']);
  });

  it('cannot get a record where it is not', async () => {
    const answer = await askHere(saveSession(profile, { ...session, directory: of('') }));
    expect(answer).toMatchObject({ ok: false, why: 'refused' });
    expect(answer).toMatchObject({ error: { message: expect.stringContaining('writing the session record on hpc') } });
  });

  it('is looked at with all others in one question; what is not there is absent', async () => {
    const other = 'hb-aaaaaaaaaa';
    orThrow(await askHere(createSession(profile, ID, files)));
    orThrow(await askHere(createSession(profile, other, [])));
    const all = orThrow(await askHere(lookAt(profile, undefined, ['job.json', 'end.json'])));
    expect(all).toEqual([
      { id: other, files: new Map() },
      { id: ID, files: new Map([['job.json', '{"secret":"ü"}\n']]) },
    ]);
    const one = orThrow(await askHere(lookAt(profile, [ID, 'hb-zzzzzzzzzz'], ['job.sh'])));
    expect(one).toEqual([{ id: ID, files: new Map([['job.sh', '#!/bin/sh\n']]) }]);
  });

  it('is none where nothing was ever launched', async () => {
    expect(orThrow(await askHere(lookAt(profile, undefined, ['session.json'])))).toEqual([]);
  });

  it('goes with all that is in it, and nothing beside it', async () => {
    orThrow(await askHere(createSession(profile, ID, files)));
    orThrow(await askHere(createSession(profile, 'hb-aaaaaaaaaa', [])));
    orThrow(await askHere(removeSession(profile, ID)));
    expect(readdirSync(sessionsDirectory(profile))).toEqual(['hb-aaaaaaaaaa']);
  });

  it.each([
    ['OSError: [Errno 28] No space left on device', 'E-DISK-FULL'],
    ['OSError: [Errno 122] Disk quota exceeded', 'E-DISK-FULL'],
    ['KeyError: 1', 'E-REMOTE'],
  ])('whose writing failed with "%s" is %s', (line, code) => {
    const stderr = new TextEncoder().encode(`Traceback\n${line}\n`);
    const answer = saveSession(profile, session).parse({
      ended: { kind: 'exit', code: 1 },
      stdout: new Uint8Array(),
      stderr,
      truncated: false,
    });
    expect(answer).toMatchObject({ ok: false, why: 'refused', error: { code } });
  });

  it('is unreachable, not gone, where the command got no answer', () => {
    const nothing = { stdout: new Uint8Array(), stderr: new Uint8Array(), truncated: false };
    const answer = lookAt(profile, undefined, []).parse({ ended: { kind: 'timeout' }, ...nothing });
    expect(answer).toMatchObject({ ok: false, why: 'unreachable', error: { transient: true } });
  });
});
