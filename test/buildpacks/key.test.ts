import { describe, expect, it } from '@jest/globals';
import { detect, environmentKey, type Facts, plan } from '../../buildpacks/index.ts';
import { type Content, repo } from './files.ts';

const facts: Facts = {
  platform: 'linux/amd64',
  base: { name: 'docker.io/library/python:3.13-slim-trixie', digest: `sha256:${'1'.repeat(64)}`, python: '3.13' },
  repo: { kind: 'git', url: 'https://h/o/r', host: 'h', path: 'o/r', commit: 'a'.repeat(40) },
  tool: 'hpcbinder 0',
};
const keyOf = (contents: Readonly<Record<string, Content>>, changed: Partial<Facts> = {}) => {
  const files = repo(contents);
  const { base, ...rest } = { ...facts, ...changed };
  const spec = detect(files);
  return environmentKey(
    plan(spec, files, { ...rest, ...(spec.builder === 'python' && base !== undefined ? { base } : {}) }),
  );
};
const nextCommit = { repo: { ...facts.repo, commit: 'b'.repeat(40) } } as Partial<Facts>;
const script = '#!/bin/sh\n';

describe('the key of an environment', () => {
  it('is 32 hex and the same for the same plan', () => {
    expect(keyOf({ 'requirements.txt': 'numpy' })).toMatch(/^[0-9a-f]{32}$/);
    expect(keyOf({ 'requirements.txt': 'numpy' })).toBe(keyOf({ 'requirements.txt': 'numpy' }));
  });

  it.each<[string, Record<string, Content>]>([
    ['nothing', {}],
    ['requirements', { 'requirements.txt': 'numpy' }],
    ['apt packages', { 'apt.txt': 'unp' }],
    ['a runtime', { 'runtime.txt': 'python-3.13' }],
    ['start', { start: script }],
  ])('ignores notebooks and commits where a repository has %s', (_, contents) => {
    expect(keyOf({ ...contents, 'a.ipynb': 'one' })).toBe(keyOf({ ...contents, 'a.ipynb': 'two', b: '' }, nextCommit));
  });

  it.each<[string, Record<string, Content>]>([
    ['postBuild', { postBuild: script }],
    ['a package', { 'setup.py': '' }],
    ['a local reference', { 'requirements.txt': '.' }],
    ['a Dockerfile', { Dockerfile: 'FROM x' }],
  ])('covers every file where a repository has %s', (_, contents) => {
    expect(keyOf({ ...contents, 'a.ipynb': 'one' })).not.toBe(keyOf({ ...contents, 'a.ipynb': 'two' }));
    expect(keyOf(contents)).not.toBe(keyOf(contents, nextCommit));
  });

  it('covers only what is not left out by .dockerignore', () => {
    const contents = { postBuild: script, '.dockerignore': 'data\n.git\n' };
    expect(keyOf({ ...contents, 'data/x': 'one' })).toBe(keyOf({ ...contents, 'data/x': 'two' }, nextCommit));
  });

  it('changes with base, platform, requirements, indexes and constraints, not with the tool', () => {
    const contents = { 'requirements.txt': 'numpy' };
    const keys = [
      keyOf(contents),
      keyOf({ 'requirements.txt': 'scipy' }),
      keyOf(contents, { platform: 'linux/arm64' }),
      keyOf(contents, { base: { name: 'x', digest: `sha256:${'2'.repeat(64)}`, python: '3.13' } }),
      keyOf(contents, { pip: { indexes: ['https://pypi.example/simple'] } }),
      keyOf(contents, { pip: { constraints: 'c'.repeat(64) } }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(keyOf(contents, { tool: 'hpcbinder 9' })).toBe(keys[0]);
  });

  it('is that of the packages, not of the comments, in apt.txt', () => {
    expect(keyOf({ 'apt.txt': 'bb\naa # x\n' })).toBe(keyOf({ 'apt.txt': '# sorted\naa\nbb' }));
  });
});
