/** Keys and known_hosts files for a peer of the tests. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import type { Prompter } from '../../core/transport.ts';
import { keyType } from '../../transports/ssh2/known-hosts.ts';
import type { FakeSshd } from './fake-sshd.ts';

/** ssh2's generator makes a key in some hundred that its own parser refuses (seen: 2 of 300): such a one is made anew. */
export function keyPair(type: 'ed25519' | 'rsa' | 'ecdsa', how: object = {}) {
  for (;;) {
    const pair = ssh2.utils.generateKeyPairSync(type as 'rsa', how as { bits: number });
    if (!(ssh2.utils.parseKey(pair.private, (how as { passphrase?: string }).passphrase) instanceof Error)) return pair;
  }
}

export function keyFile(dir: string, name = 'id_ed25519', passphrase?: string): string {
  const pair = keyPair('ed25519', passphrase === undefined ? {} : { passphrase, cipher: 'aes256-ctr', rounds: 4 });
  const path = join(dir, name);
  writeFileSync(path, pair.private, { mode: 0o600 });
  writeFileSync(`${path}.pub`, pair.public);
  return path;
}

export function publicKey(pub: string): Buffer {
  return Buffer.from(pub.split(' ')[1] ?? '', 'base64');
}

export function knownHostsFor(dir: string, peer: Pick<FakeSshd, 'port' | 'hostKey'>, name = 'known_hosts'): string {
  const path = join(dir, name);
  writeFileSync(path, `[127.0.0.1]:${peer.port} ${keyType(peer.hostKey)} ${peer.hostKey.toString('base64')}\n`);
  return path;
}

/** A person who answers from a list, and remembers what was asked. */
export function person(answers: readonly string[], yes = true): Prompter & { heard: string[] } {
  const left = [...answers];
  const heard: string[] = [];
  return {
    heard,
    ask: async (prompt, { secret }) => {
      heard.push(`${secret ? 'secret' : 'open'}: ${prompt}`);
      return left.shift() ?? '';
    },
    confirm: async (question) => {
      heard.push(`confirm: ${question}`);
      return yes;
    },
    say: (line) => void heard.push(line),
  };
}
