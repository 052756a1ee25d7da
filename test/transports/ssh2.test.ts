import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from '@jest/globals';
import { openTransport } from '../../transports/index.ts';
import { transportConformance } from '../conformance/transport.ts';
import { type FakeSshd, fakeSshd } from './fake-sshd.ts';
import { keyFile, knownHostsFor } from './ssh-rig.ts';

let peer: FakeSshd | undefined;
const dir = mkdtempSync(join(tmpdir(), 'hb-ssh2-'));

transportConformance('ssh2, with a fake sshd', async () => {
  peer = await fakeSshd();
  const target = {
    host: '127.0.0.1',
    port: peer.port,
    user: 'tester',
    identityFile: keyFile(dir),
    knownHosts: knownHostsFor(dir, peer),
  };
  return { transport: await openTransport(target, undefined, { sshConfig: '' }), pty: false };
});

afterAll(async () => peer?.[Symbol.asyncDispose]());
