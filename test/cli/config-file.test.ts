import {
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  configPath,
  loadConfig,
  removeClusterEntry,
  setDefault,
  showConfig,
  writeClusterEntry,
} from '../../cli/config-file.ts';

let root: string;
const before = process.env.HPCBINDER_CONFIG;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'hb-config-')));
  process.env.HPCBINDER_CONFIG = root;
});
afterEach(() => {
  if (before === undefined) delete process.env.HPCBINDER_CONFIG;
  else process.env.HPCBINDER_CONFIG = before;
  rmSync(root, { recursive: true, force: true });
});

const write = (text: string) => writeFileSync(configPath(), text);
const names = () => [...(loadConfig().clusters?.keys() ?? [])];

describe('the config file', () => {
  it('need not be there', () => {
    expect(loadConfig()).toEqual({});
    expect(showConfig()).toMatch(/does not exist yet: hpcbinder cluster add/);
  });

  it('is made 0600 with the first entry, which becomes the default, and nothing is left beside it', async () => {
    await writeClusterEntry('hpc', { host: 'h', user: undefined });
    expect(loadConfig()).toEqual({ schema: 1, default: 'hpc', clusters: new Map([['hpc', { host: 'h' }]]) });
    expect(statSync(configPath()).mode & 0o777).toBe(0o600);
    expect(readdirSync(root)).toEqual(['config.yaml']);
  });

  it('has lines and no braces again when the last entry was removed and another comes', async () => {
    await writeClusterEntry('a', { host: 'a' });
    await removeClusterEntry('a');
    await writeClusterEntry('b', { host: 'b' });
    expect(readFileSync(configPath(), 'utf8')).toContain('clusters:\n  b:\n    host: b\n');
  });

  it('keeps comments and order when an entry is added, replaced or removed', async () => {
    write('# mine\ndefault: a\nclusters:\n  # the big one\n  a: {host: a} # here\n  b: {host: b}\n');
    await writeClusterEntry('c', { host: 'c' });
    await writeClusterEntry('b', { host: 'b2' });
    await removeClusterEntry('c');
    const text = readFileSync(configPath(), 'utf8');
    for (const comment of ['# mine', '# the big one', '# here']) expect(text).toContain(comment);
    expect(names()).toEqual(['a', 'b']);
    expect(loadConfig().clusters?.get('b')).toEqual({ host: 'b2' });
  });

  it.each(['', '# only a comment\n', 'clusters:\n', 'schema: 1\n'])('takes an entry where it says %j', async (text) => {
    write(text);
    await writeClusterEntry('hpc', { host: 'h' });
    expect(names()).toEqual(['hpc']);
  });

  it('stays a link where it is one', async () => {
    writeFileSync(join(root, 'dotfiles.yaml'), 'schema: 1\n');
    symlinkSync('dotfiles.yaml', configPath());
    await writeClusterEntry('hpc', { host: 'h' });
    expect(lstatSync(configPath()).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(root, 'dotfiles.yaml'), 'utf8')).toContain('hpc');
  });

  it('is not touched where it is wrong, or would become so', async () => {
    const wrong = 'clusterz: {}\n';
    write(wrong);
    await expect(writeClusterEntry('hpc', { host: 'h' })).rejects.toMatchObject({ code: 'E-CONFIG' });
    expect(readFileSync(configPath(), 'utf8')).toBe(wrong);
    write('schema: 1\n');
    await expect(writeClusterEntry('-x', { host: 'h' })).rejects.toMatchObject({ code: 'E-CONFIG' });
    await expect(setDefault('none')).rejects.toMatchObject({ code: 'E-CONFIG' });
    expect(readFileSync(configPath(), 'utf8')).toBe('schema: 1\n');
  });
});

describe('the default', () => {
  it('is never the devcluster by itself, and becomes the first real one', async () => {
    await writeClusterEntry('devcluster', { host: '127.0.0.1' });
    expect(loadConfig().default).toBeUndefined();
    await writeClusterEntry('hpc', { host: 'h' });
    expect(loadConfig().default).toBe('hpc');
    await writeClusterEntry('devcluster', { host: '127.0.0.1' });
    await writeClusterEntry('other', { host: 'o' });
    expect(loadConfig().default).toBe('hpc');
  });

  it('that was chosen stays when the devcluster is put up again', async () => {
    write('default: devcluster\nclusters: {devcluster: {host: d}, hpc: {host: h}}\n');
    await writeClusterEntry('devcluster', { host: 'd2' });
    expect(loadConfig().default).toBe('devcluster');
  });

  it('goes with its entry', async () => {
    await writeClusterEntry('hpc', { host: 'h' });
    expect(await removeClusterEntry('hpc')).toBe(true);
    expect(loadConfig().default).toBeUndefined();
    expect(await removeClusterEntry('hpc')).toBe(false);
  });
});
