import { describe, expect, it } from '@jest/globals';
import { isPublicAddress } from '../../core/addresses.ts';
import { isAllowedHost } from '../../core/hosts.ts';

// SECURITY GIT-08: each of these reaches this machine, its campus or a cloud's own service
describe('an address', () => {
  it.each([
    '127.0.0.1',
    '127.255.0.1',
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '192.0.2.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:a00:1',
    '::127.0.0.1',
    'fe80::1',
    'fe80::1%eth0',
    'fc00::1',
    'fd12:3456::1',
    'ff02::1',
    '64:ff9b::10.0.0.1',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    '3fff::1',
    '100::1',
    'no address',
    '',
    '256.1.1.1',
    '01.2.3.4',
    '1:2:3:4:5:6:7:8:9',
    '1::2::3',
  ])('%j is not of the public internet', (text) => expect(isPublicAddress(text)).toBe(false));

  it.each([
    '140.82.121.3',
    '8.8.8.8',
    '172.15.0.1',
    '172.32.0.1',
    '100.128.0.1',
    '2606:50c0:8000::153',
    '2a00:1450:4001::200e',
    '::ffff:8.8.8.8',
    '64:ff9b::808:808',
  ])('%s is', (text) => expect(isPublicAddress(text)).toBe(true));
});

describe('a host', () => {
  it.each([
    '127.0.0.1',
    '0x7f000001',
    '0x7f.1',
    '0177.0.0.1',
    '2130706433',
    '127.1',
    '0',
    '[::1]',
    '::1',
    '[::ffff:127.0.0.1]',
    '[0:0:0:0:0:ffff:7f00:1]',
    '169.254.169.254',
    '169.254.169.254.',
    '１２７.0.0.1',
    'localhost',
    'LOCALHOST',
    'localhost.',
    'a.localhost',
    'gitlab',
    'git.local',
    'git.internal',
    'metadata.google.internal',
    'nas.home.arpa',
    'x.onion',
    '',
    '.',
    'a b',
    'user@github.com',
    'github.com:22',
    'github.com/x',
    'github.com#',
    'github.com\\x',
  ])('written as %j is refused', (host) => expect(isAllowedHost(host)).toBe(false));

  it.each([
    'github.com',
    'GitHub.com',
    'gitlab.com.',
    'git.example.edu',
    '8.8.8.8',
    '134744072',
    '[2606:50c0:8000::153]',
    'bücher.example.org',
  ])('%s is not', (host) => expect(isAllowedHost(host)).toBe(true));

  it('that the admins list is allowed in any spelling of it, and no other one', () => {
    const listed = ['git.internal', '10.0.0.5'];
    expect(
      ['git.internal', 'GIT.internal.', '10.0.0.5', '0xa000005'].map((host) => isAllowedHost(host, listed)),
    ).toEqual([true, true, true, true]);
    expect(['x.git.internal', '10.0.0.6'].map((host) => isAllowedHost(host, listed))).toEqual([false, false]);
  });
});
