import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { allExamples } from '../cli/examples.ts';
import { buildProgram } from '../cli/program.ts';
import { ROOT, read } from './sources.ts';

const documents = ['.', 'docs'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

describe('commands in documents', () => {
  const program = buildProgram();

  /** What is wrong with the words after `hpcbinder`; undefined where they are a command with its flags. */
  function fault(words: readonly string[]): string | undefined {
    let command = program;
    let at = 0;
    for (; at < words.length; at++) {
      const next = command.commands.find((one) => one.name() === words[at] || one.aliases().includes(words[at] ?? ''));
      if (next === undefined) break;
      command = next;
    }
    if (command === program) return words[0]?.startsWith('-') ? undefined : `no command ${words[0] ?? ''}`;
    if (command.commands.length > 0 && /^[a-z]+$/.test(words[at] ?? '')) return `no command ${words[at]}`;
    const flags = command.options.flatMap((option) => [option.short, option.long]);
    const unknown = words.slice(at).find((word) => /^--?[a-z]/i.test(word) && !flags.includes(word.split('=')[0]));
    return unknown === undefined || unknown === '--help' ? undefined : `${command.name()} has no ${unknown}`;
  }

  it.each(documents)('in %s exist', (path) => {
    const inline = [...read(path).matchAll(/`hpcbinder ([^`\n]+)`/g)];
    const blocks = [...read(path).matchAll(/^ {4}(?:\$ )?hpcbinder (.+)$/gm)];
    const wrong = [...inline, ...blocks].flatMap(([line, rest = '']) => {
      const words = (rest.split(/ {2,}/)[0] ?? '').split(/[ |]/).filter(Boolean);
      const found = words[0] === 'COMMAND' ? undefined : fault(words);
      return found === undefined ? [] : [`${line.trim()}: ${found}`];
    });
    expect(wrong).toEqual([]);
  });

  it('in the examples of --help exist', () => {
    const wrong = allExamples().flatMap((line) => fault(line.split(' ').slice(1)) ?? []);
    expect(wrong).toEqual([]);
    expect(allExamples().length).toBeGreaterThan(15);
  });

  it('are told from those that do not exist', () => {
    expect(fault(['launch', 'org/repo', '--partition', 'gpu'])).toBeUndefined();
    expect(fault(['work', 'eat', 'x'])).toBe('no command eat');
    expect(fault(['pictures', 'ls'])).toBe('no command pictures');
    expect(fault(['images', 'gc', '--max-age'])).toBeUndefined();
    expect(fault(['list', '--refreshed'])).toBe('list has no --refreshed');
  });

  it.each(documents)('in %s name only scripts of package.json that have their file', (path) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...read(path).matchAll(/\bnpm (?:run ([\w:-]+)|(test)\b)/g)].map(
      (match) => match[1] ?? match[2] ?? '',
    );
    const missing = named.filter((name) => {
      const file = /^node (\S+)/.exec(scripts[name] ?? '')?.[1];
      return scripts[name] === undefined || (file !== undefined && !existsSync(join(ROOT, file)));
    });
    expect(missing).toEqual([]);
  });
});
