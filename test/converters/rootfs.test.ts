import { describe, expect, it } from '@jest/globals';
import { convertRootfs } from '../../converters/rootfs.ts';
import { runtimeFiles } from '../../converters/runtime-files.ts';
import { chunks, collect, entriesOf, type Given, tarOf } from './tars.ts';

const config = {
  env: ['A=b'],
  entrypoint: ['/entry'],
  cmd: [],
  workingDir: '/srv/repo',
  user: '',
  labels: {},
  architecture: 'amd64',
};

async function converted(...entries: Given[]) {
  const out = convertRootfs(chunks(tarOf(...entries)), { runtime: runtimeFiles(config), created: 1 });
  const all = await entriesOf(await collect(out));
  return { all, get: (name: string) => all.filter((entry) => entry.name === name) };
}

describe('the root file system on its way to a SIF', () => {
  it('keeps files, links and names that are no UTF-8', async () => {
    const { get } = await converted(
      { name: 'd', kind: 'directory', mode: 0o755 },
      { name: 'd/\xff\xfe', body: 'bytes' },
      { name: 'd/hard', kind: 'hardlink', link: 'd/\xff\xfe' },
      { name: 'd/soft', kind: 'symlink', link: '../../etc/passwd' },
    );
    expect(get('d/\xff\xfe')).toMatchObject([{ body: 'bytes' }]);
    expect(get('d/hard')).toMatchObject([{ kind: 'hardlink', link: 'd/\xff\xfe' }]);
    expect(get('d/soft')).toMatchObject([{ kind: 'symlink', link: '../../etc/passwd' }]);
  });

  it('drops device nodes and pipes, and clears setuid and setgid', async () => {
    const { all, get } = await converted(
      { name: 'null', kind: 'character' },
      { name: 'disk', kind: 'block' },
      { name: 'pipe', kind: 'fifo' },
      { name: 'again', kind: 'hardlink', link: 'null' },
      { name: 'su', mode: 0o4755 },
      { name: 'sticky', kind: 'directory', mode: 0o3777 },
    );
    expect(all.some(({ kind }) => ['character', 'block', 'fifo'].includes(kind))).toBe(false);
    expect(get('again')).toEqual([]);
    expect(get('su')).toMatchObject([{ mode: 0o755 }]);
    expect(get('sticky')).toMatchObject([{ mode: 0o1777 }]);
  });

  it("lets everybody read what the owner reads, for the session is not the image's user", async () => {
    const { get } = await converted({ name: 'secretive', mode: 0o600 }, { name: 'tool', mode: 0o700 });
    expect(get('secretive')).toMatchObject([{ mode: 0o644 }]);
    expect(get('tool')).toMatchObject([{ mode: 0o755 }]);
  });

  it("makes all of it root's, however many owners there are", async () => {
    const { all } = await converted({ name: 'a', uid: 1000, gid: 100 }, { name: 'b', uid: 2_000_000_000, gid: 70_000 });
    expect(all.filter(({ uid, gid }) => uid !== 0 || gid !== 0)).toEqual([]);
  });

  it('replaces what the image has of our names, even as a link to elsewhere', async () => {
    const { get } = await converted(
      { name: '.singularity.d', kind: 'symlink', link: '/home/alice' },
      { name: '.singularity.d/runscript', body: 'theirs' },
      { name: 'singularity', body: 'theirs' },
      { name: '.dockerenv' },
    );
    expect(get('.singularity.d')).toMatchObject([{ kind: 'directory' }]);
    expect(get('.singularity.d/runscript')).toHaveLength(1);
    expect(get('.singularity.d/runscript')[0]?.body).toContain('exec /entry');
    expect(get('singularity')).toMatchObject([{ kind: 'symlink', link: '.singularity.d/runscript' }]);
    expect(get('.dockerenv')).toEqual([]);
  });

  it('gives a hard link to a replaced file its content, instead of losing it', async () => {
    const { get } = await converted(
      { name: '.singularity.d/labels.json', body: 'theirs' },
      { name: 'kept', kind: 'hardlink', link: '.singularity.d/labels.json' },
      { name: 'kept-too', kind: 'hardlink', link: 'kept' },
    );
    expect(get('kept')).toMatchObject([{ kind: 'file', body: 'theirs' }]);
    expect(get('kept-too')).toMatchObject([{ kind: 'hardlink', link: 'kept' }]);
  });

  it('adds the directories that a session binds onto, not below links', async () => {
    const { get } = await converted({ name: 'var', kind: 'symlink', link: 'elsewhere' });
    expect(get('srv/repo')).toMatchObject([{ kind: 'directory' }]);
    expect(get('etc/resolv.conf')).toMatchObject([{ kind: 'file' }]);
    expect(get('var/tmp')).toEqual([]);
  });

  it.each<[string, Given[]]>([
    ['leads out of it', [{ name: '../../home/alice/.ssh/authorized_keys' }]],
    ['leads out of it', [{ name: 'a/../../b' }]],
    ['is absolute', [{ name: '/etc/passwd' }]],
    ['is named as the root', [{ name: '.', kind: 'symlink', link: '/' }]],
    ['lies below a link', [{ name: 'x', kind: 'symlink', link: '/home/alice' }, { name: 'x/.bashrc' }]],
    ['replaces a directory by a link', [{ name: 'd/file' }, { name: 'd', kind: 'symlink', link: '/' }]],
    ['is there twice', [{ name: 'a' }, { name: 'a' }]],
    ['hard-links outside', [{ name: 'a', kind: 'hardlink', link: '/etc/shadow' }]],
    ['hard-links by dots', [{ name: 'a', kind: 'hardlink', link: 'b/../../c' }]],
    ['hard-links to what comes later', [{ name: 'a', kind: 'hardlink', link: 'b' }, { name: 'b' }]],
    ['has a name of 5000 bytes', [{ name: `${'n/'.repeat(2500)}n` }]],
  ])('is refused as a whole when an entry %s', async (_, entries) => {
    await expect(converted(...entries)).rejects.toMatchObject({ code: 'E-CONVERT' });
  });
});
