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
