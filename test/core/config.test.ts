import { describe, expect, it } from '@jest/globals';
import { parseBind, parseConfig, parsePorts } from '../../core/config.ts';
import { HpcbinderError } from '../../core/errors.ts';

function refusal(text: string): HpcbinderError {
  try {
    parseConfig(text, 'config.yaml');
  } catch (error) {
    if (error instanceof HpcbinderError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

const entry = (line: string) => `clusters:\n  hpc:\n    host: h\n    ${line}\n`;

describe('a config', () => {
  it('may be empty, comments only, or have keys with nothing behind them', () => {
    for (const text of ['', '# nothing yet\n', 'clusters:\n', 'defaults:\n']) {
      expect(() => parseConfig(text, 'config.yaml')).not.toThrow();
    }
  });

  it('is read into units that everything else uses', () => {
    const text = `
default: hpc
clusters:
  hpc:
    host: login.hpc.example.edu
    modules: apptainer/1.4
    ports: 40000-40002
    binds: [/data:/data:ro]
    bases: {3.13: {archive: /opt/base.tar, digest: sha256:1}}
    defaults: {time: 4h, memory: 16G, partition: 1, gpus: 0}
`;
    const config = parseConfig(text, 'config.yaml');
    expect(config.clusters?.get('hpc')).toEqual({
      host: 'login.hpc.example.edu',
      modules: ['apptainer/1.4'],
      ports: [40_000, 40_001, 40_002],
      binds: [{ from: '/data', to: '/data', readOnly: true }],
      bases: new Map([['3.13', { archive: '/opt/base.tar', digest: 'sha256:1' }]]),
      defaults: { time: 14_400, memory: 16_384, partition: '1', gpus: 0 },
    });
  });

  it.each([
    [
      'a typo, with the nearest key',
      entry('imagestore: /s'),
      /^config\.yaml:4:5: unknown key "imagestore" in/,
      /image_store/,
    ],
    ['a typo at the top', 'cluster: {}\n', /^config\.yaml:1:1: unknown key "cluster"/, /"clusters"/],
    ['a word that is near nothing, with all keys', entry('qqqqqq: 1'), /:4:5: unknown key/, /Known keys: host, user/],
    ['a wrong type', entry('port: many'), /:4:11: "clusters\.hpc\.port" must be a whole number from 1 to 65535/],
    ['a number out of range', entry('port: 70000'), /:4:11: /],
    ['a wrong word', entry('scheduler: sge'), /:4:16: .*must be one of slurm, pbs, not "sge"/],
    [
      'a wrong duration',
      entry('defaults: {time: soon}'),
      /:4:22: "clusters\.hpc\.defaults\.time": "soon" is no duration/,
      /2h/,
    ],
    ['a relative path', entry('image_store: images'), /:4:18: .*must be an absolute path/],
    ['a variable that nothing fills in', entry('image_store: $SCRATCH/images'), /:4:18: .*must be an absolute path/],
    ['a program path that a shell would have to expand', entry('path: [~/bin]'), /path that begins with \//],
    ['a key twice', `${entry('port: 22')}    port: 23\n`, /^config\.yaml:5:5: /],
    ['what is no YAML', 'clusters: [\n', /^config\.yaml:\d+:\d+: /],
    ['a list at the top', '- a\n', /the file must be a mapping/],
    ['an alias', `clusters:\n  a: &a {host: h}\n  b: *a\n`, /:3:6: "clusters\.b" is an alias \(\*a\)/],
    ['a merge key', `clusters:\n  a: &a {host: h}\n  b:\n    <<: *a\n`, /:4:5: unknown key "<<"/],
    ['a prototype', '__proto__: {polluted: yes}\n', /unknown key "__proto__"/],
    ['a text of another type', entry('host2: !!binary aGk='), /unknown key "host2"/],
    [
      'a name that an option could be mistaken for',
      'clusters:\n  -hpc: {host: h}\n',
      /:2:3: "-hpc" is no name of a cluster/,
    ],
    ['a default that is not there', 'default: hpc\n', /default names "hpc"/],
    ['a cluster without a host', 'clusters:\n  hpc: {}\n', /cluster "hpc" has no host/],
    ['a newer schema', 'schema: 2\n', /:1:9: "schema" must be a whole number from 1 to 1/],
  ])('is refused for %s', (_, text, message, hint = /(?:)/) => {
    const error = refusal(text);
    expect(error.code).toBe('E-CONFIG');
    expect(error.message).toMatch(message);
    expect(error.hint ?? '').toMatch(hint);
  });

  it.each(['/s/images', '~/images', '"~"', '$HOME/images', '/scratch/$USER/images', '/scratch/$USER'])(
    'has %s as a path of the cluster',
    (path) => {
      const read = parseConfig(entry(`image_store: ${path}`), 'config.yaml');
      expect(read.clusters?.get('hpc')?.image_store).toBe(path.replaceAll('"', ''));
    },
  );

  it('keeps a cluster called __proto__ apart from every object', () => {
    const config = parseConfig('clusters:\n  __proto__: {host: h}\n', 'config.yaml');
    expect([...(config.clusters ?? [])]).toEqual([['__proto__', { host: 'h' }]]);
    expect(({} as { host?: string }).host).toBeUndefined();
  });
});

describe('a bind', () => {
  it.each([
    ['/data', { from: '/data', to: '/data', readOnly: false }],
    ['/data:/d', { from: '/data', to: '/d', readOnly: false }],
    ['/data:/d:ro', { from: '/data', to: '/d', readOnly: true }],
    ['/data::ro', { from: '/data', to: '/data', readOnly: true }],
    ['~/data:/d', { from: '~/data', to: '/d', readOnly: false }],
  ])('%s', (text, bind) => {
    expect(parseBind(text)).toEqual(bind);
  });

  it.each(['', 'data', '/a:b', '/a:/b:rx', '/a:/b:ro:x', '/a,/b', '/a\n:/b', ':/b', '~alice/data'])(
    'is not %j',
    (text) => {
      expect(() => parseBind(text)).toThrow(/is no bind/);
    },
  );
});

describe('ports', () => {
  it.each(['', '80', '70000', '40010-40000', '40000-50000', '4e4', '40000-'])('are not %j', (text) => {
    expect(() => parsePorts(text)).toThrow(/is no range of ports/);
  });
});
