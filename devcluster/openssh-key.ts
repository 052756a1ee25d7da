/**
 * An ed25519 key pair as OpenSSH writes it (PROTOCOL.key of OpenSSH). Not by ssh2's generator: it drops leading zero
 * bytes (ssh2 1.17), and one key in about 130 is then refused by OpenSSH.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';

const TYPE = 'ssh-ed25519';

/** `publicLine`: for authorized_keys, without a line end; `privateText`: the file, without a passphrase. */
export function newKeyPair(comment: string): { publicLine: string; privateText: string } {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return formatKeyPair(raw(privateKey, 'd'), raw(publicKey, 'x'), comment);
}

/** @param seed 32 bytes of secret; @param point the 32 bytes of the public key that belongs to it */
export function formatKeyPair(seed: Buffer, point: Buffer, comment: string) {
  const publicBlob = Buffer.concat([text(TYPE), text(point)]);
  // Two equal check words tell a right passphrase from a wrong one; without a passphrase they tell nothing.
  const words = Buffer.alloc(8);
  const secret = Buffer.concat([words, text(TYPE), text(point), text(Buffer.concat([seed, point])), text(comment)]);
  const padding = Buffer.from(Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, i) => i + 1));
  const one = Buffer.from([0, 0, 0, 1]);
  const file = Buffer.concat([
    Buffer.from('openssh-key-v1\0'),
    text('none'),
    text('none'),
    text(''),
    one,
    text(publicBlob),
    text(Buffer.concat([secret, padding])),
  ]);
  const lines = file.toString('base64').match(/.{1,70}/g) ?? [];
  const frame = (word: string) => `-----${word} OPENSSH PRIVATE KEY-----`;
  return {
    publicLine: `${TYPE} ${publicBlob.toString('base64')} ${comment}`,
    privateText: `${[frame('BEGIN'), ...lines, frame('END')].join('\n')}\n`,
  };
}

/** A string of RFC 4251: its length, then its bytes. */
function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

function raw(key: KeyObject, field: 'd' | 'x'): Buffer {
  return Buffer.from(key.export({ format: 'jwk' })[field] ?? '', 'base64url');
}
