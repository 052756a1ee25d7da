/**
 * What may stand at the end of a command line: commands and flags of the program itself; sessions, clusters and partitions of
 * the local state. No network, no question, no fault: a line cannot be completed or it can.
 */
import type { Command, Option } from 'commander';
import { APP_WORDS, APPS } from '../core/apps.ts';
import { NAME } from '../core/config.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { loadConfig } from './config-file.ts';
import { type KnownPartition, knownPartitions } from './known-clusters.ts';
import { shortId } from './words.ts';
import { localRecords } from './world.ts';

/** What this machine knows; in tests a table. */
export type Known = {
  sessions(): readonly Pick<SessionRecord, 'id' | 'phase' | 'repo'>[];
  /** launches that left a story, sessions or not */
  stories(): readonly string[];
  clusters(): { names: readonly string[]; usual: string | undefined };
  partitions(cluster: string): readonly KnownPartition[];
};

export const LOCAL: Known = {
  sessions: () => localRecords().all(),
  stories: () => localRecords().stories(),
  clusters() {
    const config = loadConfig();
    const names = [...(config.clusters?.keys() ?? [])];
    const real = names.filter((name) => name !== 'devcluster');
    return {
      names,
      usual: config.default ?? (real.length === 1 ? real[0] : names.length === 1 ? names[0] : undefined),
    };
  },
  partitions: knownPartitions,
};

/** What a shell takes as it stands; all else is not offered. A name of others is no flag. */
const SAFE = /^(?:--[a-z][a-z-]*|[A-Za-z0-9_][A-Za-z0-9_.@+:=-]{0,200})$/;

/** `ask`: the shell completes these by itself */
type Candidate = { value: string; about?: string } | { ask: 'files' | 'dirs' };

/** One line each: the word, a tab, what it is; `:files` and `:dirs` ask the shell for its own. Words after `hpcbinder`. */
export function completions(program: Command, words: readonly string[], known: Known): string[] {
  const line = understood(program, words);
  const lines = new Map<string, string>();
  for (const each of candidates(line, known)) {
    if ('ask' in each) lines.set(':', `:${each.ask}`);
    else if (SAFE.test(each.value) && each.value.startsWith(line.current)) {
      const about = (each.about ?? '').replaceAll(/[^ -~]|[\\$`"'%]/g, '').slice(0, 60);
      lines.set(each.value, `${line.prefix}${each.value}${about === '' ? '' : `\t${about}`}`);
    }
  }
  return [...lines.values()];
}

type Line = {
  command: Command;
  /** arguments that stand before the current one */
  given: readonly string[];
  /** the option whose value is asked for */
  option: Option | undefined;
  current: string;
  /** in the same word as the value: `--cluster=` */
  prefix: string;
  cluster: string | undefined;
  partition: string | undefined;
};

/** bash takes `=` as a word of its own; the others leave `--flag=value` in one. */
function understood(program: Command, words: readonly string[]): Line {
  let command = program;
  const given: string[] = [];
  const values = new Map<string, string>();
  let option: Option | undefined;
  const rest = [...words];
  let current = rest.pop() ?? '';
  for (const word of rest) {
    if (word === '=') continue;
    const joined = /^(--[a-z][a-z-]*)=(.*)$/s.exec(word);
    if (option) {
      values.set(option.long ?? '', word);
      option = undefined;
    } else if (joined?.[1] !== undefined) values.set(joined[1], joined[2] ?? '');
    else if (word.startsWith('-')) option = valued(command, word);
    else {
      const child = given.length > 0 ? undefined : command.commands.find((each) => namesOf(each).includes(word));
      if (child) command = child;
      else given.push(word);
    }
  }
  if (current === '=' && option) current = '';
  const joined = /^(--[a-z][a-z-]*)=(.*)$/s.exec(current);
  const own = joined?.[1] === undefined ? undefined : valued(command, joined[1]);
  return {
    command,
    given,
    option: own ?? option,
    current: own ? (joined?.[2] ?? '') : current,
    prefix: own ? `${joined?.[1]}=` : '',
    cluster: values.get('--cluster') ?? (command.registeredArguments[0]?.name() === 'cluster' ? given[0] : undefined),
    partition: values.get('--partition') ?? values.get('--queue'),
  };
}

function namesOf(command: Command): string[] {
  return [command.name(), ...command.aliases()];
}

/** The option, if it wants a value. */
function valued(command: Command, word: string): Option | undefined {
  const option = command.options.find(({ short, long }) => short === word || long === word);
  return option && (option.required || option.optional) ? option : undefined;
}

function candidates(line: Line, known: Known): Candidate[] {
  const { command, option, current, given } = line;
  if (option) return valuesOf(option, line, known);
  if (current.startsWith('-')) {
    const flags = command.options.filter((each) => !each.hidden && each.long);
    return [
      ...flags.map(({ long, description }) => ({ value: long ?? '', about: description })),
      { value: '--help', about: 'what it does, with examples' },
    ];
  }
  if (command.commands.length > 0) {
    const children = command.createHelp().visibleCommands(command);
    return children.map((each) => ({ value: each.name(), about: each.description() }));
  }
  const argument = command.registeredArguments[Math.min(given.length, command.registeredArguments.length - 1)];
  if (!argument || (given.length >= command.registeredArguments.length && !argument.variadic)) return [];
  if (argument.argChoices) return argument.argChoices.map((value) => ({ value }));
  return argumentsOf(command, argument.name(), current, given, known);
}

const PATH = /^(?:\.{0,2}\/|~\/|\.{1,2}$)/;

function argumentsOf(
  command: Command,
  name: string,
  current: string,
  given: readonly string[],
  known: Known,
): Candidate[] {
  if (command.name() === 'cp') return [...sessions(known, ':'), { ask: 'files' }];
  if (name === 'repo') return current === '' || PATH.test(current) ? [{ ask: 'dirs' }] : [];
  if (name === 'cluster' || command.parent?.name() === 'cluster') return clusters(known);
  if (name !== 'id' || given.length > 0) return [];
  const alone = ['logs', 'bugreport'].includes(command.name()) ? known.stories() : [];
  return [...sessions(known), ...alone.map((id) => ({ value: shortId(id), about: 'a launch' }))];
}

/** What is over last: it is seldom meant. */
function sessions(known: Known, after = ''): Candidate[] {
  const all = known.sessions();
  const short = all.map(({ id }) => shortId(id));
  return [...all]
    .sort((a, b) => Number(a.phase === 'ended') - Number(b.phase === 'ended'))
    .map(({ id, phase, repo }) => {
      const own = shortId(id);
      const value = short.filter((each) => each === own).length === 1 ? own : id;
      return { value: `${value}${after}`, about: `${phase} ${repo.shown}` };
    });
}

function clusters(known: Known): Candidate[] {
  return known.clusters().names.map((value) => ({ value }));
}

function valuesOf(option: Option, line: Line, known: Known): Candidate[] {
  if (option.argChoices) return option.argChoices.map((value) => ({ value }));
  switch (option.long) {
    case '--continue':
      return sessions(known);
    case '--cluster':
      return clusters(known);
    case '--partition':
    case '--queue':
    case '--build-partition':
      return partitions(line, known).map(({ name, gpus }) => ({ value: name, about: gpus.length > 0 ? 'GPUs' : '' }));
    case '--gpus':
      return partitions(line, known)
        .filter(({ name }) => line.partition === undefined || line.partition === name)
        .flatMap(({ gpus }) => gpus.filter((type) => type !== '').map((type) => ({ value: `${type}:1` })));
    case '--app':
      return APPS.map((value) => ({ value, about: APP_WORDS[value] }));
    case '--output':
      return [{ ask: 'files' }];
    default:
      return [];
  }
}

function partitions({ cluster }: Line, known: Known): readonly KnownPartition[] {
  const name = cluster ?? known.clusters().usual;
  return name !== undefined && NAME.test(name.replaceAll(':', '')) ? known.partitions(name) : [];
}
