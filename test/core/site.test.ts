import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import type { ClusterProfile } from '../../core/cluster.ts';
import { parseSite, readSite, storageRules } from '../../core/site.ts';
import { understand } from '../../sessions/doctor/look.ts';
import { siteText } from '../../sessions/doctor/publish.ts';
import { read } from '../sources.ts';

describe("a site's file", () => {
  it('says what an entry may say, and what the site alone knows', () => {
    const site = parseSite(`schema: 1
cluster: { modules: [apptainer/1.4], compression: gzip, ports: 40000-40010, image_store: /scratch/$USER/images }
builds: { debug: { mode: userns, ids: false } }
storage: { /home: {}, /scratch: { purge: 30d } }
ssh_keep: 5m
`);
    expect(site.cluster).toMatchObject({ modules: ['apptainer/1.4'], compression: 'gzip' });
    expect(site.builds?.get('debug')).toEqual({ mode: 'userns', ids: false });
    expect(storageRules(site)).toEqual([{ path: '/home' }, { path: '/scratch', purgeSeconds: 30 * 86_400 }]);
  });

  it.each([
    ['a key that is none', 'cluster: { compresion: gzip }', /:1:12: unknown key "compresion" in "cluster"/],
    ["what is the user's own", 'cluster: { trust: [github.com/org/repo] }', /unknown key "trust"/],
    ['another host', 'cluster: { host: evil.example.edu }', /unknown key "host"/],
    ['a newer schema', 'schema: 2', /"schema" must be a whole number from 1 to 1/],
    ['too much', `# ${'x'.repeat(70_000)}`, /longer than 65536 bytes/],
    ['no YAML', 'cluster: [', /site\.yaml:1/],
  ])('is ignored with %s, and why is told', (_what, text, why) => {
    expect(readSite({ text })).toEqual({ ignored: expect.stringMatching(why) });
  });

  it('is ignored where another than root could have written it', () => {
    expect(readSite({ text: undefined })).toEqual({ ignored: expect.stringMatching(/not root's alone/) });
    expect(readSite(undefined)).toEqual({});
  });

  it('that doctor prints is one that can be read, for all users', () => {
    const profile = {
      container: { command: '/usr/bin/apptainer', flavor: 'apptainer' },
      python: '/usr/bin/python3',
      user: 'alice',
      scratch: '/scratch/alice',
      ports: [40000, 40001],
      bases: new Map([['3.13', { archive: '/scratch/bases/x.tar', name: 'python:3.13', digest: 'sha256:1' }]]),
    } as unknown as ClusterProfile;
    const node = understand(read('test/fixtures/doctor/node.txt').replace('image=42 zstd', 'image=255 zstd'));
    const modes = new Map([['debug', { mode: 'userns' as const, ids: false }]]);
    const text = siteText({ profile, node, modes }, new Date('2026-01-02T03:04:05Z'));
    expect(parse(text)).toMatchObject({ cluster: { ports: '40000-40001', compression: 'gzip', internet: true } });
    const { cluster, builds } = parseSite(text);
    expect(cluster).toMatchObject({ apptainer: '/usr/bin/apptainer', image_store: '/scratch/$USER/hpcbinder/images' });
    expect(cluster?.bases?.get('3.13')).toMatchObject({ archive: '/scratch/bases/x.tar' });
    expect(builds?.get('debug')).toEqual({ mode: 'userns', ids: false });
    expect(text).toMatch(/^# \/etc\/hpcbinder\/site\.yaml .*\n.*Found on 2026-01-02, on c2\.\n/);
  });
});
