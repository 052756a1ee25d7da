import { createPrivateKey, createPublicKey, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import ssh2 from 'ssh2';
import { formatKeyPair, newKeyPair } from '../../devcluster/openssh-key.ts';

/** The public half by another way: PKCS #8 around the seed (RFC 8410), read by OpenSSL. */
function pointOf(seed: Buffer): Buffer {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]);
  const key = createPublicKey(createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }));
  return Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
}

describe('a key of ours in OpenSSH’s format', () => {
  it('signs what its public line verifies, as ssh2 reads both', () => {
    const { publicLine, privateText } = newKeyPair('a comment');
    const secret = ssh2.utils.parseKey(privateText);
    const open = ssh2.utils.parseKey(publicLine);
    if (secret instanceof Error) throw secret;
    if (open instanceof Error) throw open;
    const message = Buffer.from('message');
    expect(open.verify(message, secret.sign(message))).toBe(true);
    expect(secret.comment).toBe('a comment');
  });

  it('keeps its 64 secret bytes when the first of them are zero', () => {
    const seed = Buffer.concat([Buffer.alloc(2), randomBytes(30)]);
    const point = pointOf(seed);
    const { privateText } = formatKeyPair(seed, point, 'x');
    const file = Buffer.from(privateText.replace(/-----.*-----/g, ''), 'base64');
    const block = Buffer.concat([Buffer.from([0, 0, 0, 64]), seed, point]);
    expect(file.includes(block)).toBe(true);
  });
});
