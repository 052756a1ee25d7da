import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Command, CommanderError } from 'commander';
import { buildProgram } from '../cli/program.ts';
import { ROOT, read } from './sources.ts';

/** The program as it is, but what a command does is nothing. */
function harmlessProgram(): Command {
  const program = buildProgram();
  const each = (command: Command) => {
    command.exitOverride().configureOutput({ writeOut: () => {}, writeErr: () => {} });
    if (command.commands.length === 0) command.action(() => {});
    for (const child of command.commands) each(child);
  };
  each(program);
  return program;
}

/** The error's code where the line is not understood; help and version are. */
function misunderstood(line: string): string | undefined {
  try {
    harmlessProgram().parse(wordsOf(line).slice(1), { from: 'user' });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? undefined : error.code;
  }
}

/** As a shell splits them; two spaces begin the description beside a command, `…` and `[...]` stand for what may follow. */
function wordsOf(line: string): string[] {
  const command = line.split(/\s{2,}|\s#\s/)[0] ?? '';
  const words = [...command.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map((m) => m[1] ?? m[2] ?? m[3] ?? '');
  return words.filter((word) => !/^(…|\[.*\])$/.test(word));
}

const documents = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const everywhere = documents.map((path) => ({ path, text: read(path) }));
const blocks = everywhere.flatMap(({ path, text }) =>
  [...text.matchAll(/^(?: {4}|\t)?\$? ?((?:hpcbinder|npm) .*)$/gm)]
    .filter(([line]) => /^(?: {4}|\t|\$ )/.test(line) || inFence(text, line))
    .map((match) => ({ path, line: match[1] ?? '' })),
);
const inline = everywhere.flatMap(({ path, text }) =>
  [...text.matchAll(/`((?:hpcbinder|npm) [^`]+)`/g)].map((match) => ({
    path,
    line: (match[1] ?? '').replace(/\s+/g, ' '),
  })),
);

function inFence(text: string, line: string): boolean {
  return (text.slice(0, text.indexOf(line)).match(/^```/gm) ?? []).length % 2 === 1;
}

const ofHpcbinder = (found: { line: string }) => found.line.startsWith('hpcbinder ');

describe('documented commands', () => {
  it('are found', () => {
    expect(blocks.filter(ofHpcbinder).length).toBeGreaterThan(8);
    expect(inline.filter(ofHpcbinder).length).toBeGreaterThan(8);
  });

  it.each(blocks.filter(ofHpcbinder))('$path: $line', ({ line }) => {
    expect(misunderstood(line)).toBeUndefined();
  });

  it('named in a sentence exist with their flags, whether or not their arguments are written', () => {
    const wrong = inline
      .filter(ofHpcbinder)
      // ALL CAPITALS in the place of a command stand for any
      .filter(({ line }) => !/^hpcbinder [A-Z]+\b/.test(line))
      .map(({ path, line }) => ({ path, line, why: misunderstood(line) }))
      .filter(({ why }) => why !== undefined && why !== 'commander.missingArgument' && why !== 'commander.help');
    expect(wrong).toEqual([]);
  });

  it('of npm are scripts of the package', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = [...blocks, ...inline].flatMap(({ line }) => {
      const match = /^npm (?:run ([\w:]+)|(test)\b)/.exec(line);
      return match ? [match[1] ?? match[2] ?? ''] : [];
    });
    expect(named).toContain('demo');
    expect(named.filter((name) => !Object.hasOwn(scripts, name))).toEqual([]);
  });

  it('of the help pages are understood', () => {
    const pages: string[] = [];
    const each = (command: Command) => {
      command.configureOutput({ writeOut: (text) => void pages.push(text), writeErr: () => {} });
      command.outputHelp();
      for (const child of command.commands) each(child);
    };
    each(buildProgram());
    const examples = pages.flatMap((page) => [...page.matchAll(/^ {2}(hpcbinder [a-z].*)$/gm)].map((m) => m[1] ?? ''));
    expect(examples.length).toBeGreaterThan(8);
    expect(examples.filter((line) => misunderstood(line) !== undefined)).toEqual([]);
  });

  it('would be found wrong: a command, a flag and a choice that do not exist', () => {
    expect(misunderstood('hpcbinder lunch org/repo')).toBe('commander.unknownCommand');
    expect(misunderstood('hpcbinder launch org/repo --partitoin gpu')).toBe('commander.unknownOption');
    expect(misunderstood('hpcbinder launch org/repo --build-on moon')).toBe('commander.invalidArgument');
  });
});
