import { createHmac, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ssh2 from 'ssh2';
import {
  checkHostKey,
  fingerprint,
  keyType,
  knownName,
  knownTypes,
  parseKnownHosts,
  remember,
} from '../../transports/ssh2/known-hosts.ts';

function key(type: 'ed25519' | 'ecdsa' = 'ed25519'): Buffer {
  const pair = ssh2.utils.generateKeyPairSync(type as 'ecdsa', { bits: 256 });
  return Buffer.from(pair.public.split(' ')[1] ?? '', 'base64');
}
const [mine, other, ecdsa] = [key(), key(), key('ecdsa')];
const line = (hosts: string, blob: Buffer) => `${hosts} ${keyType(blob)} ${blob.toString('base64')} comment\n`;
const check = (text: string, blob: Buffer, ...names: string[]) =>
  checkHostKey(parseKnownHosts(text, 'kh'), names, blob).kind;

/** made by `ssh-keygen -H` from `login.example,[login.example]:2222 ssh-ed25519 …` */
const HASHED = readFileSync(new URL('../fixtures/known_hosts/hashed', import.meta.url), 'utf8');

describe('known_hosts', () => {
  it('knows a host by name, list, wildcard and port', () => {
    expect(check(line('a.example,b.example', mine), mine, 'b.example')).toBe('known');
    expect(check(line('*.example,!bad.example', mine), mine, 'x.example')).toBe('known');
    expect(check(line('*.example,!bad.example', mine), mine, 'bad.example')).toBe('unknown');
    expect(check(line('[a]:2222', mine), mine, knownName('A', 2222))).toBe('known');
    expect(check(line('[a]:2222', mine), mine, knownName('a', 22))).toBe('unknown');
    expect(check(line('site', mine), mine, knownName('a', 2222, 'Site'))).toBe('known');
  });

  it('reads what ssh-keygen -H writes', () => {
    const lines = parseKnownHosts(HASHED, 'kh');
    const blob = Buffer.from(lines[0]?.key ?? '', 'base64');
    for (const name of ['login.example', '[login.example]:2222']) expect(check(HASHED, blob, name)).toBe('known');
    expect(check(HASHED, blob, 'elsewhere.example')).toBe('unknown');
    expect(check(HASHED, mine, 'login.example')).toBe('changed');
  });

  it('agrees with a hash made by hand', () => {
    const salt = randomBytes(20);
    const hash = createHmac('sha1', salt).update('h').digest('base64');
    expect(check(line(`|1|${salt.toString('base64')}|${hash}`, mine), mine, 'h')).toBe('known');
  });

  it('takes any of several keys, and asks only for their types', () => {
    const text = line('h', other) + line('h', mine) + line('h', ecdsa) + line('x', key());
    expect(check(text, mine, 'h')).toBe('known');
    expect(knownTypes(parseKnownHosts(text, 'kh'), ['h'])).toEqual(['ssh-ed25519', 'ecdsa-sha2-nistp256']);
  });

  it('names the line of a changed key', () => {
    const result = checkHostKey(parseKnownHosts(`# c\n\n${line('h', other)}`, 'kh'), ['h'], mine);
    expect(result).toMatchObject({ kind: 'changed', lines: [{ file: 'kh', line: 3 }] });
  });

  it('refuses a revoked key, even where another line knows it', () => {
    expect(check(line('h', mine) + line('@revoked *', mine), mine, 'h')).toBe('revoked');
  });

  it('takes no certificate authority for a key', () => {
    const result = checkHostKey(parseKnownHosts(line('@cert-authority h', mine), 'kh'), ['h'], mine);
    expect(result).toEqual({ kind: 'unknown', authority: true });
  });

  it('lets the bare host count for a port of its own, but not against it', () => {
    expect(check(line('h', mine), mine, '[h]:2222', 'h')).toBe('known');
    expect(check(line('h', other), mine, '[h]:2222', 'h')).toBe('unknown');
  });

  it('is not disturbed by lines that mean nothing', () => {
    expect(parseKnownHosts('@strange h ssh-rsa AAAA\nonly\n \n|1|x ssh-rsa\n', 'kh')).toEqual([]);
  });

  it('remembers below a line without an end, readable by its owner alone', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'hb-kh-')), 'ssh', 'known_hosts');
    remember(file, 'h', mine);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    writeFileSync(file, readFileSync(file, 'utf8').trimEnd());
    remember(file, '[h]:7', other);
    expect(check(readFileSync(file, 'utf8'), mine, 'h')).toBe('known');
    expect(check(readFileSync(file, 'utf8'), other, '[h]:7')).toBe('known');
  });

  it('shows fingerprints as ssh does', () => {
    const blob = Buffer.from(parseKnownHosts(HASHED, 'kh')[0]?.key ?? '', 'base64');
    const shown = readFileSync(new URL('../fixtures/known_hosts/fingerprint', import.meta.url), 'utf8');
    expect(shown).toContain(fingerprint(blob));
  });
});
