import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { hostBuildSettings, onLoopback, parsePipConf, pipDefinition, settingsFiles } from '../../images/settings.ts';

const home = mkdtempSync(join(tmpdir(), 'hb-home-'));
const NO_CONF = { PIP_CONFIG_FILE: join(home, 'none') };

describe('the host settings of a build', () => {
  it('are those of the environment', async () => {
    const ca = join(home, 'ca.pem');
    writeFileSync(ca, 'PEM');
    const env = {
      ...NO_CONF,
      REQUESTS_CA_BUNDLE: ca,
      PIP_INDEX_URL: 'https://u:p@index/simple',
      PIP_EXTRA_INDEX_URL: 'https://a https://b',
      HTTPS_PROXY: 'http://proxy:3128',
    };
    expect(await hostBuildSettings(env, home)).toEqual({
      caBundle: 'PEM',
      pip: { indexUrl: 'https://u:p@index/simple', extraIndexUrls: ['https://a', 'https://b'] },
      proxy: { https_proxy: 'http://proxy:3128' },
    });
  });

  it('are read from pip.conf, below the environment and the config', async () => {
    mkdirSync(join(home, '.config/pip'), { recursive: true });
    writeFileSync(join(home, '.config/pip/pip.conf'), '[global]\nindex-url = https://conf/simple\ntimeout = 90\n');
    const of = async (env: Record<string, string>, indexUrl?: string) =>
      (await hostBuildSettings(env, home, indexUrl === undefined ? {} : { pip: { indexUrl } })).pip.indexUrl;
    expect(await of({})).toBe('https://conf/simple');
    expect(await of({ PIP_INDEX_URL: 'https://env/simple' })).toBe('https://env/simple');
    expect(await of({ PIP_INDEX_URL: 'https://env/simple' }, 'https://config/simple')).toBe('https://config/simple');
  });

  it('end in E-CONFIG when a file that is named is not there', async () => {
    await expect(hostBuildSettings({ ...NO_CONF, PIP_CERT: '/nowhere.pem' }, home)).rejects.toMatchObject({
      code: 'E-CONFIG',
    });
  });

  it('become one file that every step sources, with quoted values', () => {
    const files = settingsFiles({
      pip: { indexUrl: "https://u:p'$(id)@index" },
      caBundle: 'PEM',
      aptMirror: 'http://mirror/debian/',
    });
    expect(files.get('env')).toContain("export PIP_INDEX_URL='https://u:p'\"'\"'$(id)@index'\n");
    expect(files.get('env')).toContain('export PIP_CERT=/run/hpcbinder-build/bundle.pem\n');
    expect(files.get('apt-mirror')).toBe('http://mirror/debian\n');
    expect(() => settingsFiles({ pip: {}, aptMirror: 'http://x/|d' })).toThrow(/no http address/);
  });

  it('enter a plan without credentials', () => {
    expect(pipDefinition({ pip: { indexUrl: 'https://user:secret@index/simple' } })).toEqual({
      indexes: ['https://index/simple'],
    });
    expect(pipDefinition({ pip: { timeoutSeconds: 3 } })).toBeUndefined();
  });

  it('understand pip.conf with continued lines, comments and sections of no concern', () => {
    const text = '[global]\n# no\nextra_index_url =\n    https://a\n    https://b\n[list]\nformat = columns\n';
    expect([...parsePipConf(text)]).toEqual([['extra-index-url', 'https://a https://b']]);
  });
});

describe('the network of a build', () => {
  it('is that of this machine only where an index, mirror or proxy listens there alone (BLD-01)', () => {
    const pip = {};
    expect(onLoopback({ pip })).toBeUndefined();
    expect(onLoopback({ pip: { indexUrl: 'https://pypi.example.org/127.0.0.1/' } })).toBeUndefined();
    expect(onLoopback({ pip, proxy: { no_proxy: 'localhost,127.0.0.1' } })).toBeUndefined();
    expect(onLoopback({ pip: { indexUrl: 'https://localhost.example.org/' } })).toBeUndefined();
    expect(onLoopback({ pip: { indexUrl: 'http://u:secret@127.0.0.1:3141/root' } })).toBe('127.0.0.1:3141');
    expect(onLoopback({ pip, proxy: { http_proxy: 'localhost:3128' } })).toBe('localhost:3128');
    expect(onLoopback({ pip, aptMirror: 'http://[::1]:80/debian' })).toBe('[::1]');
  });
});
