/** known_hosts (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): which keys a host is known by. Pure but for the two file functions. */
import { createHash, createHmac } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { matchesPatterns } from './config.ts';

export type KnownLine = {
  file: string;
  line: number;
  marker: 'revoked' | 'cert-authority' | undefined;
  hosts: string;
  type: string;
  /** the blob as in the file, base64 */
  key: string;
};

export type HostCheck =
  | { kind: 'known' }
  | { kind: 'unknown'; authority: boolean }
  | { kind: 'changed'; lines: readonly KnownLine[] }
  | { kind: 'revoked'; line: KnownLine };

export function parseKnownHosts(text: string, file: string): KnownLine[] {
  return text.split(/\r?\n/).flatMap((raw, index) => {
    const words = raw.trim().split(/[ \t]+/);
    const marker = words[0]?.startsWith('@') ? words.shift()?.slice(1) : undefined;
    const [hosts, type, key] = words;
    if (hosts === undefined || hosts.startsWith('#') || type === undefined || key === undefined) return [];
    if (marker !== undefined && marker !== 'revoked' && marker !== 'cert-authority') return [];
    return [{ file, line: index + 1, marker, hosts, type, key }];
  });
}

/** `host`, or `[host]:port` where the port is not 22; an alias stands for both (HostKeyAlias). */
export function knownName(host: string, port: number, alias?: string): string {
  if (alias !== undefined) return alias.toLowerCase();
  return port === 22 ? host.toLowerCase() : `[${host.toLowerCase()}]:${port}`;
}

export function lineMatches(line: KnownLine, name: string): boolean {
  if (!line.hosts.startsWith('|')) return matchesPatterns(name, line.hosts.split(','));
  const [, version, salt, hash] = line.hosts.split('|');
  if (version !== '1' || salt === undefined || hash === undefined) return false;
  return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
}

/** The key types that the host is known by: the server is asked only for these. */
export function knownTypes(lines: readonly KnownLine[], names: readonly string[]): string[] {
  const mine = lines.filter((line) => line.marker === undefined && names.some((name) => lineMatches(line, name)));
  return [...new Set(mine.map((line) => line.type))];
}

/**
 * `names`: the host's own name first, then names under which a match also counts, as ssh tries the bare host for a port
 * of its own; only the first can be `changed`.
 */
export function checkHostKey(lines: readonly KnownLine[], names: readonly string[], key: Buffer): HostCheck {
  const blob = key.toString('base64');
  const own = lines.filter((line) => lineMatches(line, names[0] ?? ''));
  const mine = lines.filter((line) => names.some((name) => lineMatches(line, name)));
  const revoked = mine.find((line) => line.marker === 'revoked' && line.key === blob);
  if (revoked) return { kind: 'revoked', line: revoked };
  if (mine.some((line) => line.marker === undefined && line.key === blob)) return { kind: 'known' };
  const others = own.filter((line) => line.marker === undefined);
  if (others.length > 0) return { kind: 'changed', lines: others };
  return { kind: 'unknown', authority: own.some((line) => line.marker === 'cert-authority') };
}

/** `SHA256:…`, as ssh prints it and sites publish it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

/** The type is the blob's first string (RFC 4253, 6.6). */
export function keyType(key: Buffer): string {
  return key.toString('latin1', 4, 4 + key.readUInt32BE(0));
}

export function readKnownHosts(files: readonly string[]): KnownLine[] {
  return files.flatMap((file) => {
    try {
      return parseKnownHosts(readFileSync(file, 'utf8'), file);
    } catch {
      return [];
    }
  });
}

export function remember(file: string, name: string, key: Buffer): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let before = '';
  try {
    before = readFileSync(file, 'utf8');
  } catch {
    // the first one
  }
  const gap = before === '' || before.endsWith('\n') ? '' : '\n';
  appendFileSync(file, `${gap}${name} ${keyType(key)} ${key.toString('base64')}\n`, { mode: 0o600 });
}
