/** Several clusters in one policy: what each entry must say, and where a launch goes. */
import { describe, expect, it } from '@jest/globals';
import { choices } from '../../../server/policy/choices.ts';
import { clusterOf } from '../../../server/policy/data.ts';
import { parsePolicy } from '../../../server/policy/parse.ts';
import { least } from './example.ts';

const SECOND =
  'second: {host: login2.example.edu, identity_file: /etc/hpcbinder/second, known_hosts: /etc/hpcbinder/known}';
const two = (more = '') => least.replace('clusters: {campus: {}}', `clusters: {campus: {}, ${SECOND}}\n${more}`);
const of = (clusters: string, more = '') =>
  parsePolicy(least.replace('clusters: {campus: {}}', `clusters: {${clusters}}\n${more}`), 'serve.yaml');

describe("a cluster's entry", () => {
  it.each([
    ['a: {host: login2}', /"host" needs identity_file and known_hosts/],
    ['a: {host: login2, identity_file: /k}', /"host" needs identity_file and known_hosts/],
    ['a: {host: login2, identity_file: /k, known_hosts: /h, jump: gate}', /"jump" is not for an endpoint/],
    ['a: {host: login2, identity_file: /k, known_hosts: /h, ssh: {transport: ssh2}}', /"ssh" is not for an endpoint/],
    ['a: {image_store: /scratch/images}', /one for all users/],
    ['a: {image_store: /scratch/USER/images}', /one for all users/],
    ['a: {builds: {as: hpcbuild}}', /"builds" must have both as and store/],
    ['a: {builds: {as: root, store: /s}}', /may not be root/],
    ['a: {builds: {as: hpcbuild, store: images}}', /must be an absolute path/],
  ])('%s is refused, with its line', (entry, words) => {
    expect(() => of(entry)).toThrow(words);
    expect(() => of(entry)).toThrow(/^serve\.yaml:3/);
  });

  it('has images of each user’s own, or of a builder for all', () => {
    for (const store of ['/scratch/$USER/images', '~/images', '$HOME/images'])
      expect(of(`a: {image_store: ${store}}`).clusters.get('a')?.image_store).toBe(store);
    const { builds } = of('a: {builds: {as: hpcbuild, store: /s/images, partition: build}}').clusters.get('a') ?? {};
    expect(builds).toEqual({ as: 'hpcbuild', store: '/s/images', partition: 'build' });
  });

  it('of one who serves only himself needs no builder and no key of a service', () => {
    expect(of('a: {host: login2}', 'act_as: self').clusters.get('a')?.host).toBe('login2');
    expect(() => of('a: {builds: {as: hpcbuild, store: /s}}', 'act_as: self')).toThrow(/needs act_as: sudo/);
  });

  it('that data name must be there', () => {
    expect(() => of('a: {}', 'data: {era5: {path: /era5, cluster: b}}')).toThrow(
      /is on "b", which is not under clusters/,
    );
  });
});

describe('the cluster of a launch', () => {
  const policy = parsePolicy(
    two('data: {era5: {path: /era5, cluster: second}, cmip: {path: /cmip, cluster: campus}, both: {path: /both}}'),
    'serve.yaml',
  );

  it.each([
    [{}, 'campus'],
    [{ cluster: 'second' }, 'second'],
    [{ data: ['era5'] }, 'second'],
    [{ data: ['both'] }, 'campus'],
    [{ data: ['both', 'era5'] }, 'second'],
    [{ cluster: 'second', data: ['era5', 'both'] }, 'second'],
  ])('%j goes to %s', (wanted, cluster) => {
    expect(clusterOf(policy, wanted)).toBe(cluster);
  });

  it.each([
    [{ cluster: 'campus', data: ['era5'] }, 'E-POLICY-DATA', { '--cluster': 'second' }],
    [{ data: ['era5', 'cmip'] }, 'E-POLICY-DATA', undefined],
    [{ cluster: 'third' }, 'E-POLICY-CLUSTER', undefined],
  ])('%j is refused with where to go', (wanted, code, instead) => {
    expect(() => clusterOf(policy, wanted)).toThrow(expect.objectContaining({ code, ...(instead ? { instead } : {}) }));
  });

  it('is shown in the form beside the data', () => {
    expect(choices(policy).data).toEqual([
      { name: 'era5', path: '/era5', cluster: 'second' },
      { name: 'cmip', path: '/cmip', cluster: 'campus' },
      { name: 'both', path: '/both' },
    ]);
  });
});
