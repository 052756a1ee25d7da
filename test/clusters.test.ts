import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Command } from 'commander';
import { parseConfig } from '../core/config.ts';
import { HpcbinderError } from '../core/errors.ts';
import { ROOT, read } from './sources.ts';

const text = read('docs/clusters.md');
const documents = ['.', 'docs'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

/** The keys that the reader itself names where it meets one that it does not know. */
function keysAt(place: string): string[] {
  try {
    parseConfig(place.replace('…', 'qqqqqqqqqqqqqqqq: 1'), 'config.yaml');
  } catch (error) {
    if (error instanceof HpcbinderError) return (error.hint ?? '').replace('Known keys: ', '').split(', ');
  }
  return [];
}

function rowsOf(heading: string): string[] {
  const section = text.split(/^##+ /m).find((one) => one.startsWith(`${heading}\n`)) ?? '';
  return [...section.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1] ?? '');
}

describe('docs/clusters.md', () => {
  it.each([
    ['The file itself', '…'],
    ['A cluster', 'clusters: {hpc: {…}}'],
    ['`defaults`', 'defaults: {…}'],
    ['`pip`', 'pip: {…}'],
    ['`bases` of a cluster', 'clusters: {hpc: {bases: {"3.13": {…}}}}'],
  ])('has under "%s" the keys that can be written there, and no other', (heading, place) => {
    const keys = keysAt(place);
    expect(keys.length).toBeGreaterThan(1);
    expect(rowsOf(heading).sort()).toEqual(keys.sort());
  });

  it('has the same defaults for the file and for a cluster', () =>
    expect(keysAt('clusters: {hpc: {defaults: {…}}}')).toEqual(keysAt('defaults: {…}')));

  it('has an example that can be read', () => {
    const example = /^```yaml\n([\s\S]*?)^```/m.exec(text)?.[1] ?? '';
    expect(parseConfig(example, 'example').clusters?.get('hpc')?.ports?.length).toBe(101);
  });
});

describe('commands in documents', () => {
  const program = new Command('hpcbinder');
  beforeAll(async () => {
    const rooms = await Promise.all([
      import('../cli/commands/launch.ts'),
      import('../cli/commands/sessions.ts'),
      import('../cli/commands/work.ts'),
      import('../cli/commands/tools.ts'),
      import('../cli/commands/cluster.ts'),
      import('../cli/commands/config.ts'),
      import('../cli/commands/base.ts'),
      import('../cli/commands/devcluster.ts'),
    ]);
    for (const { register } of rooms) register(program);
  });

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

  it('are told from those that do not exist', () => {
    expect(fault(['launch', 'org/repo', '--partition', 'gpu'])).toBeUndefined();
    expect(fault(['work', 'eat', 'x'])).toBe('no command eat');
    expect(fault(['images', 'ls'])).toBe('no command images');
    expect(fault(['list', '--refreshed'])).toBe('list has no --refreshed');
  });
});
