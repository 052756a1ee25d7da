/** Images made to break out of a conversion: real converter, real mksquashfs, as root and as a user, with canaries around. */
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import type { ImageConfig } from '../../core/artifacts.ts';
import { TAR_END, tarFile, tarHeader, tarPadding } from '../../core/tar.ts';
import { type Given, tarOf } from '../converters/tars.ts';
import { notRun } from '../not-run.ts';
import { Conversions, entry, isRoot, partitionOf, USER } from './conversion.ts';

const world = new Conversions();
afterAll(() => world.remove());

if (!isRoot) notRun('hostile images converted by root: the tests run as a user');
const whom: [string, number][] = [...(isRoot ? [['root', 0] as [string, number]] : []), ['a user', USER]];

function* whole(...entries: Given[]) {
  yield tarOf(...entries);
}

function listing(sif: string): string {
  return execFileSync('unsquashfs', ['-lln', '-o', partitionOf(sif), sif], { encoding: 'utf8' });
}

/** From `<top>/out-N/image.sif`: one directory up, then the canaries. */
const UP = '../canary';
const link = (name: string, to: string): Given => ({ name, kind: 'symlink', link: to });
const hard = (name: string, to: string): Given => ({ name, kind: 'hardlink', link: to });

describe.each(whom)('an image that %s converts', (_who, uid) => {
  it.each<[string, string, Given[]]>([
    ['names a file above it', 'TAR-01', [{ name: `${UP}/authorized_keys`, body: 'evil' }]],
    ['leads out by dots in the middle', 'TAR-01', [{ name: `a/../../${UP}/authorized_keys`, body: 'evil' }]],
    ['begins with a dot and leaves', 'TAR-01', [{ name: './../canary/.bashrc', body: 'evil' }]],
    ['names an absolute file', 'TAR-01', [{ name: `${world.canaries}/authorized_keys`, body: 'evil' }]],
    ['writes through a link', 'TAR-02', [link('x', world.canaries), { name: 'x/.bashrc', body: 'evil' }]],
    ['writes through a link above it', 'TAR-02', [link('x', UP), { name: 'x/sub/file', body: 'evil' }]],
    [
      'has a link for its root (CVE-2021-29136)',
      'TAR-02',
      [link('.', world.canaries), { name: '.bashrc', body: 'evil' }],
    ],
    ['has a link named /', 'TAR-02', [link('/', world.canaries), { name: '.bashrc', body: 'evil' }]],
    ['turns a directory into a link', 'TAR-02', [{ name: 'd/f' }, link('d', world.canaries), { name: 'd/.bashrc' }]],
    ['hard-links an absolute file', 'TAR-03', [hard('a', `${world.canaries}/.bashrc`), { name: 'a', body: 'evil' }]],
    ['hard-links above it', 'TAR-03', [hard('a', `${UP}/.bashrc`)]],
    ['hard-links through a link', 'TAR-03', [link('x', world.canaries), hard('a', 'x/.bashrc')]],
    ['hard-links by dots after a name', 'TAR-03', [{ name: 'b/c' }, hard('a', `b/../${UP}/.bashrc`)]],
    ['hard-links to what comes later', 'TAR-03', [hard('a', 'b'), link('b', world.canaries)]],
    [
      'has one name twice',
      'TAR-04',
      [{ name: 'a', body: '1' }, link('a', world.canaries), { name: 'a', body: 'evil' }],
    ],
    ['deletes above it by a whiteout', 'TAR-05', [{ name: `.wh.${UP}/sub` }, { name: '.wh.../../canary/.bashrc' }]],
    [
      'deletes through a link',
      'TAR-05',
      [link('d', world.canaries), { name: 'd/.wh.sub' }, { name: 'd/.wh..wh..opq' }],
    ],
    ['has a path 100,000 deep', 'TAR-07', [{ name: `${'d/'.repeat(100_000)}f` }]],
    ['has a name of two megabytes', 'TAR-07', [{ name: 'n'.repeat(2 << 20) }]],
  ])('is refused whole when it %s (%s), and nothing outside is touched', async (_what, _id, entries) => {
    await expect(world.convert(uid, () => whole(...entries))).rejects.toMatchObject({ code: 'E-CONVERT' });
    world.expectUntouched();
  });

  it('is refused when a directory and a link change places ten thousand times (TAR-02)', async () => {
    function* flicker() {
      for (let i = 0; i < 10_000; i++) {
        yield tarHeader(entry({ name: 'd', kind: 'directory', mode: 0o755 }));
        yield tarHeader(entry({ name: 'd', kind: 'symlink', link: world.canaries }));
        yield tarFile('d/.bashrc', 0o644, 'evil', 0);
      }
      yield TAR_END;
    }
    await expect(world.convert(uid, flicker)).rejects.toMatchObject({
      code: 'E-CONVERT',
      message: expect.stringMatching(/twice: d$/),
    });
    world.expectUntouched();
  });

  it('keeps names that other systems take for one, and odd ones, each as itself (TAR-01, TAR-04, TAR-05)', async () => {
    const names = [
      'e\u0301',
      '\u00e9',
      'Strasse',
      'Stra\u00dfe',
      'README',
      'readme',
      'a\\..\\b',
      'C:evil',
      '.wh.',
      '.wh..wh..opq',
      '-x',
    ];
    const bytes = (name: string) => Buffer.from(name).toString('latin1');
    const list = listing(
      await world.convert(uid, () => whole(...names.map((name) => ({ name: bytes(name), body: name })))),
    );
    for (const name of names) expect(list.split('\n').filter((line) => line.endsWith(`/${name}`))).toHaveLength(1);
    world.expectUntouched();
  });

  it('loses devices, pipes, set-id bits and capabilities (TAR-06)', async () => {
    const capability = '57 SCHILY.xattr.security.capability=\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\n';
    function* rights() {
      for (const kind of ['character', 'block', 'fifo'] as const) yield tarHeader(entry({ name: `a-${kind}`, kind }));
      for (const mode of [0o4755, 0o2755, 0o6711]) yield tarFile(`set-${mode.toString(8)}`, mode, '#!/bin/sh\n', 0);
      yield paxHeader(capability);
      yield tarFile('ping', 0o755, 'x', 0);
      yield TAR_END;
    }
    const list = listing(await world.convert(uid, rights));
    expect(list).toMatch(/^-rwxr-xr-x 0\/0 .*\/set-4755$/m);
    expect(list).toMatch(/\/ping$/m);
    expect(list).not.toMatch(/^[bcps]|^-..[sS]|^-.{5}[sS]/m);
  });
});

describe('what an image says of itself (TAR-09)', () => {
  const attack: Partial<ImageConfig> = {
    env: [
      'LD_PRELOAD=/tmp/evil.so',
      'A=$(touch /tmp/hb-hostile-PWN)',
      "B='; touch /tmp/hb-hostile-PWN; '",
      'C;id=1',
      'D\nE=2',
    ],
    entrypoint: ['/bin/echo', 'a\ntouch /tmp/hb-hostile-PWN', '$(touch /tmp/hb-hostile-PWN)'],
    cmd: ['`touch /tmp/hb-hostile-PWN`'],
    workingDir: '../../tmp; touch /tmp/hb-hostile-PWN',
    user: 'root; touch /tmp/hb-hostile-PWN',
    labels: { '<script>alert(1)</script>': '"><img src=x onerror=alert(1)>', 'a\nb': '\u001b[2J' },
  };

  it('is data in the scripts of the SIF: a shell that runs them runs nothing of it', async () => {
    const sif = await world.convert(USER, () => whole({ name: 'etc/hostname', body: 'x' }), attack);
    const out = join(world.top, 'config');
    execFileSync('unsquashfs', ['-q', '-n', '-o', partitionOf(sif), '-d', out, sif, '.singularity.d'], {
      stdio: 'ignore',
    });
    const environment = join(out, '.singularity.d/env/10-docker2singularity.sh');
    const shown = execFileSync('/bin/sh', ['-c', '. "$1"; printf "%s|%s" "$A" "$B"', 'sh', environment], {
      encoding: 'utf8',
      env: {},
    });
    expect(shown).toBe("$(touch /tmp/hb-hostile-PWN)|'; touch /tmp/hb-hostile-PWN; '");
    expect(readFileSync(environment, 'utf8')).not.toMatch(/id=1|E=2/);
    const ran = spawnSync('/bin/sh', [join(out, '.singularity.d/runscript')], { encoding: 'utf8', cwd: world.top });
    expect([ran.status, ran.stdout]).toEqual([1, '']);
    expect(JSON.parse(readFileSync(join(out, '.singularity.d/labels.json'), 'utf8'))).toEqual(attack.labels);
    expect(statSync(environment).mode & 0o022).toBe(0);
    world.expectUntouched();
  });
});

/** Attributes for the entry that follows (POSIX.1-2001, pax). */
function paxHeader(record: string): Uint8Array {
  const body = Buffer.from(record, 'latin1');
  const header = Buffer.from(tarHeader(entry({ name: 'pax', size: body.length })));
  header.write('x', 156);
  header.fill(' ', 148, 156);
  header.write(
    `${header
      .reduce((total, byte) => total + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
    'latin1',
  );
  return Buffer.concat([header, body, tarPadding(body.length)]);
}
