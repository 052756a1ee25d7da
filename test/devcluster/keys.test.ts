import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import ssh2 from 'ssh2';
import { prepareKeys } from '../../devcluster/keys.ts';
import { layoutOf } from '../../devcluster/layout.ts';

describe('the keys of a devcluster', () => {
  it('are made once, are nobody else’s to read, and known_hosts follows the port', async () => {
    const state = await mkdtemp(join(tmpdir(), 'hb-keys-'));
    try {
      const layout = layoutOf(state);
      const first = await prepareKeys(layout, 1234);
      const again = await prepareKeys(layout, 4321);
      expect(again).toEqual(first);
      expect(first.mungeKey).toHaveLength(1024);

      const host = ssh2.utils.parseKey(first.hostKey);
      if (host instanceof Error) throw host;
      const known = await readFile(layout.knownHosts, 'utf8');
      expect(known).toBe(`[127.0.0.1]:4321 ssh-ed25519 ${host.getPublicSSH().toString('base64')}\n`);

      const user = ssh2.utils.parseKey(await readFile(layout.identity));
      if (user instanceof Error) throw user;
      expect(first.authorizedKeys).toContain(user.getPublicSSH().toString('base64'));

      for (const path of [layout.identity, layout.hostKey, layout.mungeKey]) {
        expect((await stat(path)).mode & 0o777).toBe(0o600);
      }
      expect((await stat(layout.folder)).mode & 0o777).toBe(0o700);
    } finally {
      await rm(state, { recursive: true });
    }
  });
});
