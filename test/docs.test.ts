import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ERROR_CODES } from '../core/errors.ts';
import { ROOT, read, sources } from './sources.ts';

const documents = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

describe('docs/errors.md', () => {
  const sections = read('docs/errors.md').split(/^### /m).slice(1);

  it('has one section for each code, and no other', () => {
    expect(sections.map((section) => section.split('\n', 1)[0]).sort()).toEqual([...ERROR_CODES].sort());
  });

  it.each(sections.map((section) => section.split('\n') as [string, ...string[]]))('%s shows a message', (...lines) => {
    expect(lines.filter((line) => /^ {4}\S/.test(line)).length).toBeGreaterThan(0);
  });

  it('names only codes that something can throw', () => {
    const text = sources()
      .filter((source) => source.path !== 'core/errors.ts')
      .map((source) => source.tree.text)
      .join('\n');
    expect(ERROR_CODES.filter((code) => !text.includes(`'${code}'`) && code !== 'E-INTERNAL')).toEqual([]);
  });
});

describe('documents', () => {
  it.each(documents)('%s names only files that exist', (path) => {
    const named = [...read(path).matchAll(/`([\w.-]+(?:\/[\w.-]+)+\.(?:ts|mjs|py|sh|md|json))(?:#[\w-]+)?`/g)];
    const links = [...read(path).matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)];
    const missing = [
      ...named.map((match) => match[1] ?? '').filter((file) => !existsSync(join(ROOT, file))),
      ...links.map((match) => match[1] ?? '').filter((file) => !existsSync(join(ROOT, path, '..', file))),
    ];
    expect(missing).toEqual([]);
  });

  it.each(documents)('%s links only to headings of errors that exist', (path) => {
    const codes = [...read(path).matchAll(/\bE-[A-Z]+(?:-[A-Z]+)*\b/g)].map((match) => match[0]);
    expect(codes.filter((code) => !ERROR_CODES.some((known) => known === code))).toEqual([]);
  });
});
