import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { PolicyFile, type Reload } from '../../../server/policy/file.ts';
import { least } from './example.ts';

let directory: string;
let path: string;
let file: PolicyFile | undefined;
const save = (text: string) => writeFileSync(path, text, { mode: 0o644 });

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'hb-policy-'));
  path = join(directory, 'serve.yaml');
  save(least);
});
afterEach(() => {
  file?.close();
  file = undefined;
  rmSync(directory, { recursive: true });
});

/** The next thing that is told. */
function watched(of: PolicyFile): () => Promise<Reload> {
  const told: Reload[] = [];
  let wake = () => {};
  of.watch((what) => {
    told.push(what);
    wake();
  });
  return async () => {
    if (told.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return told.shift() as Reload;
  };
}

describe('a policy file', () => {
  it('that is bad at the start starts nothing', () => {
    save(`${least}limits: {per_users: 1}\n`);
    expect(() => new PolicyFile(path)).toThrow(/serve\.yaml:4:10: unknown key "per_users"/);
    expect(() => new PolicyFile(join(directory, 'other.yaml'))).toThrow(/ENOENT/);
  });

  it('that others may write is not read: it says whose account an identity gets', () => {
    chmodSync(path, 0o666);
    expect(() => new PolicyFile(path)).toThrow(/others than its owner may write it/);
  });

  it('is read anew when it is saved, in place or by a rename, and the keys that changed are told', async () => {
    file = new PolicyFile(path);
    const next = watched(file);
    save(`${least}limits: {per_user: 2}\n`);
    expect(await next()).toEqual({ kind: 'loaded', changed: ['limits.per_user'], later: [] });
    expect(file.value.limits.perUser).toBe(2);
    writeFileSync(`${path}.new`, `${least}limits: {per_user: 2}\nlisten: 127.0.0.1:9\n`);
    renameSync(`${path}.new`, path);
    expect(await next()).toEqual({ kind: 'loaded', changed: ['listen'], later: ['listen'] });
  });

  it.each([
    ['a cluster’s host', 'host: one', 'host: two', 'clusters.far.host'],
    ['its prologue', 'prologue: ulimit', 'prologue: export', 'clusters.far.prologue'],
    ['its defaults', 'defaults: {time: 1h}', 'defaults: {time: 2h}', 'clusters.far.defaults'],
    ['its bases', 'bases: {"3.12": {name: a}}', 'bases: {"3.12": {name: b}}', 'clusters.far.bases'],
  ])('is told to have changed where it is %s', (_, before, after, key) => {
    const text = (more: string) => `${least.replace('campus: {}', `campus: {}, far: {${more}}`)}act_as: self\n`;
    save(text(before));
    file = new PolicyFile(path);
    save(text(after));
    expect(file.reload()).toEqual({ kind: 'loaded', changed: [key], later: [] });
  });

  it('is told to have changed where as many identities are others', () => {
    save(`${least}accounts: {map: {a@b: alice}}\n`);
    file = new PolicyFile(path);
    save(`${least}accounts: {map: {a@b: bob}}\n`);
    expect(file.reload()).toEqual({ kind: 'loaded', changed: ['accounts.map'], later: [] });
  });

  it('that turns bad leaves the last good one in force, says so once, and is forgotten when it is mended', async () => {
    file = new PolicyFile(path);
    const next = watched(file);
    save(`${least}limits: {per_user: two}\n`);
    const refused = await next();
    expect(refused).toMatchObject({ kind: 'refused', error: { code: 'E-POLICY' } });
    expect(file.value.limits.perUser).toBe(5);
    expect(file.error?.message).toMatch(/serve\.yaml:4:20: "limits\.per_user" must be a whole number/);
    save(least);
    expect(await next()).toEqual({ kind: 'loaded', changed: [], later: [] });
    expect(file.error).toBeUndefined();
  });

  it('is read anew on SIGHUP, where a directory cannot be watched', async () => {
    file = new PolicyFile(path);
    const next = watched(file);
    save(`${least}banner: hello\n`);
    // jest's process is a copy: a real signal would end jest itself
    process.emit('SIGHUP');
    expect(await next()).toEqual({ kind: 'loaded', changed: ['banner'], later: [] });
  });

  it('stops to be watched when it is closed', () => {
    const before = process.listenerCount('SIGHUP');
    file = new PolicyFile(path);
    watched(file);
    expect(process.listenerCount('SIGHUP')).toBe(before + 1);
    file.close();
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });
});
