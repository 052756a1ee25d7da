import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { findEngine } from '../../images/find.ts';
import { engineAddresses } from '../../images/sockets.ts';

describe('the container engine', () => {
  it('is the one that DOCKER_HOST names, and no other', () => {
    const of = (DOCKER_HOST: string) => engineAddresses({ DOCKER_HOST }, '/home/a', 'linux');
    expect(of('unix:///x.sock')).toEqual([{ socketPath: '/x.sock' }]);
    expect(of('tcp://host:2376')).toEqual([{ host: 'host', port: 2376, protocol: 'https' }]);
    expect(of('nonsense')).toEqual([]);
  });

  it('is looked for at the rootless sockets first, Podman last', () => {
    const paths = engineAddresses({ XDG_RUNTIME_DIR: '/run/user/7' }, '/home/a', 'linux').map(
      (one) => 'socketPath' in one && one.socketPath,
    );
    expect(paths[0]).toBe('/run/user/7/docker.sock');
    expect(paths.at(-1)).toBe('/run/podman/podman.sock');
  });

  it('is E-ENGINE-NONE where nothing listens or it is hidden, with the way to build elsewhere', async () => {
    for (const socket of ['none', '/nowhere/docker.sock']) {
      const error = await findEngine({ socket, env: {} }).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ code: 'E-ENGINE-NONE', hint: expect.stringContaining('--build-on cluster') });
    }
  });
});

describe('an engine that this user may not ask', () => {
  it('is named, with how to get the right and what works without', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'hb-engine-'));
    const socketPath = join(dir, 'docker.sock');
    const server = createServer().listen(socketPath);
    await once(server, 'listening');
    chmodSync(socketPath, 0o000);
    chmodSync(dir, 0o755);
    await Promise.all([import('dockerode'), import('../../images/docker.ts')]);
    const root = process.geteuid?.() === 0;
    if (root) process.seteuid?.(65_534);
    try {
      await expect(findEngine({ socket: `unix://${socketPath}` })).rejects.toMatchObject({
        code: 'E-ENGINE-RIGHTS',
        message: `there is a container engine at ${socketPath}, and you may not use it`,
        hint: expect.stringMatching(/usermod -aG docker[\s\S]*--build-on cluster/),
      });
    } finally {
      if (root) process.seteuid?.(0);
      server.close();
      rmSync(dir, { recursive: true, force: true });
    }
  });
});
