import { describe, expect, it } from '@jest/globals';
import { hostOf, layoutOf, userOf } from '../../devcluster/layout.ts';

describe('the layout of a devcluster', () => {
  it('names containers after the devcluster, so that two of them never meet', () => {
    expect(layoutOf('/s').container('login')).toBe('hpcbinder-devcluster-login');
    expect(layoutOf('/s', 'other').container('c2')).toBe('hpcbinder-other-c2');
    expect(layoutOf('/s').allVolumes).not.toEqual(layoutOf('/s', 'other').allVolumes);
  });

  it('keeps home and scratch on every host, and the controller state on login only', () => {
    const at = (host: 'login' | 'c1') =>
      layoutOf('/s')
        .volumes(host)
        .map((mount) => mount.at);
    expect(at('c1')).toEqual(['/home', '/scratch']);
    expect(at('login')).toEqual(['/home', '/scratch', '/var/spool/slurmctld', '/var/lib/mysql']);
  });

  it('keeps the lock beside the folder that `down` removes', () => {
    const layout = layoutOf('/s');
    expect(layout.lock.startsWith(`${layout.folder}/`)).toBe(false);
  });

  it.each(['', 'A', '-x', 'a/b', 'a b', '../x', 'x'.repeat(40)])('refuses the name "%s"', (name) => {
    expect(() => layoutOf('/s', name)).toThrow(expect.objectContaining({ code: 'E-USAGE' }));
  });

  it('knows its hosts and users and no others', () => {
    expect(hostOf('c1')).toBe('c1');
    expect(() => hostOf('c3')).toThrow('no host "c3"');
    expect(userOf('bob')).toBe('bob');
    expect(() => userOf('carol')).toThrow('no user "carol"');
  });
});
