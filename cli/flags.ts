/** Words of the command line → what a launch needs, checked at the door. */
import { hostname } from 'node:os';
import { APPS_IN_WORDS, type AppName, appNamed } from '../core/apps.ts';
import { type Builder, type Config, type Converter, parseBind, type RequestDefaults } from '../core/config.ts';
import { HpcbinderError } from '../core/errors.ts';
import { checkConstraint } from '../core/request.ts';
import { parseDuration, parseMemory } from '../core/units.ts';
import { parseVariables } from '../core/variables.ts';
import { checkExtra as checkQsub } from '../schedulers/pbs/options.ts';
import { checkExtra as checkSbatch } from '../schedulers/slurm/options.ts';
import type { LaunchInput } from '../sessions/launch.ts';
import type { Wishes } from '../sessions/request.ts';
import type { Choice } from './connect.ts';
import { PRODUCT } from './version.ts';

export type Flags = Record<string, unknown>;

export type Options = {
  repo: string | undefined;
  ref: string | undefined;
  local: boolean;
  cluster: string | undefined;
  buildOn: 'auto' | 'here' | 'cluster';
  buildPartition: string | undefined;
  builder: Builder | undefined;
  converter: Converter | undefined;
  yes: boolean;
  dryRun: boolean;
  /** asks when it would start, and submits nothing */
  when: boolean;
  json: boolean;
  quiet: boolean;
  verbose: boolean;
  browser: boolean;
  detach: boolean;
  maxWait: number | undefined;
  port: number | undefined;
  urlBase: string | undefined;
  app: AppName | undefined;
  /** resources that were asked for, without anybody's defaults */
  wishes: Wishes;
  input(choice: Choice): LaunchInput;
};

export function launchInput(repo: string | undefined, flags: Flags, config: Config, id: string): Options {
  const text = (key: string) => (typeof flags[key] === 'string' ? (flags[key] as string) : undefined);
  const wishes = wishesOf(flags, text);
  const sif = text('sif');
  if (repo === undefined && sif === undefined && flags.when !== true) {
    throw new HpcbinderError('E-USAGE', {
      message: 'name a repository',
      hint: 'For example: hpcbinder launch https://github.com/org/repo',
    });
  }
  if (sif !== undefined && !/^\/[^\0\n]+$/.test(sif)) {
    throw new HpcbinderError('E-USAGE', { message: '--sif is the path of an image on the cluster, and absolute' });
  }
  const words = (key: string) => (flags[key] as string[] | undefined) ?? [];
  const binds = words('bind').map((bind) => inFlag('--bind', bind, parseBind));
  const variables = parseVariables(words('env'), words('allowEnv'), process.env);
  const seconds = (key: string, flag: string) => optional(text(key), (value) => inFlag(flag, value, parseDuration));
  const [idle, maxAge] = [seconds('idle', '--idle'), seconds('maxAge', '--max-age')];
  const maxWait = seconds('maxWait', '--max-wait');
  if (maxWait !== undefined && flags.detach === true)
    throw new HpcbinderError('E-USAGE', { message: '--max-wait and --detach exclude each other: nobody would wait' });
  const app = appOf(text('app'));
  return {
    repo,
    ref: optional(text('ref'), (value) => notEmpty(value, '--ref')),
    local: flags.local === true,
    cluster: text('cluster'),
    buildOn: (text('buildOn') ?? 'auto') as Options['buildOn'],
    buildPartition: optional(text('buildPartition'), (value) => name(value, '--build-partition')),
    builder: text('builder') as Builder | undefined,
    converter: text('converter') as Converter | undefined,
    yes: flags.yes === true,
    dryRun: flags.dryRun === true,
    when: flags.when === true,
    json: flags.json === true,
    quiet: flags.quiet === true,
    verbose: flags.verbose === true,
    browser: flags.browser !== false && config.browser !== false && flags.json !== true,
    detach: flags.detach === true,
    maxWait,
    port: flags.port === undefined ? undefined : wholeNumber(String(flags.port), '--port', 1, 65535),
    urlBase: text('urlBase'),
    app,
    wishes,
    input: (choice) => {
      const site = siteWishes(config.defaults, choice.entry.defaults);
      const converter = (text('converter') as Converter | undefined) ?? choice.entry.converter ?? config.converter;
      return {
        id,
        flags: wishes,
        site: site.wishes,
        product: PRODUCT,
        rebuild: flags.rebuild === true,
        detach: flags.detach === true,
        noRepository: repo === undefined,
        machine: hostname(),
        binds,
        variables,
        fresh: flags.fresh === true,
        limits: {
          idleSeconds: idle ?? site.idle ?? 3600,
          ...((maxAge ?? site.maxAge) ? { maxAgeSeconds: maxAge ?? site.maxAge } : {}),
        } as LaunchInput['limits'],
        ...(app ? { app } : {}),
        ...(sif ? { sif } : {}),
        ...(converter ? { converter } : {}),
      };
    },
  };
}

function wishesOf(flags: Flags, text: (key: string) => string | undefined): Wishes {
  const [partition, gpus, cpus, mem, time] = [
    text('partition') ?? text('queue'),
    text('gpus'),
    text('cpus'),
    text('mem'),
    text('time'),
  ];
  // here, and not by the scheduler's room alone: a launch would build for minutes before it is refused
  const { sbatch = [], qsub = [] } = flags as { sbatch?: string[]; qsub?: string[] };
  checkSbatch(sbatch);
  checkQsub(qsub);
  const named = (key: string) => optional(text(key), (value) => name(value, `--${key}`));
  const wishes: Record<string, unknown> = {
    partition: optional(partition, (value) => name(value, '--partition')),
    ...(gpus === undefined ? {} : gpuWish(gpus)),
    cpus: cpus === undefined ? undefined : wholeNumber(cpus, '--cpus', 1, 4096),
    memoryMb: optional(mem, (value) => inFlag('--mem', value, parseMemory)),
    seconds: optional(time, (value) => inFlag('--time', value, parseDuration)),
    account: named('account'),
    qos: named('qos'),
    reservation: named('reservation'),
    constraint: optional(text('constraint'), checkConstraint),
    extra: sbatch.length + qsub.length > 0 ? [...sbatch, ...qsub] : undefined,
  };
  return Object.fromEntries(Object.entries(wishes).filter(([, value]) => value !== undefined)) as Wishes;
}

function optional<T>(text: string | undefined, read: (text: string) => T): T | undefined {
  return text === undefined ? undefined : read(text);
}

/** A parser's complaint with the flag that it is about. */
function inFlag<T>(flag: string, text: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof HpcbinderError)) throw error;
    const { code, message, hint } = error;
    throw new HpcbinderError(code, { message: `${flag}: ${message}`, ...(hint ? { hint } : {}), cause: error });
  }
}

function notEmpty(text: string, flag: string): string {
  if (text !== '') return text;
  throw new HpcbinderError('E-USAGE', { message: `${flag}: nothing is named` });
}

/** SECURITY INJ-02, INJ-06: no spaces, no leading dash, nothing that a directive could end with. */
function name(text: string, flag: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}$/.test(text)) return text;
  throw new HpcbinderError('E-USAGE', {
    message: `${flag}: "${text}" is no name`,
    hint: 'Letters, digits and . _ @ + - are allowed, and no leading dash.',
  });
}

function gpuWish(text: string): { gpus: number; gpuType?: string } {
  const match = /^(?:([A-Za-z][A-Za-z0-9_.-]{0,63}):)?([0-9]{1,4})$/.exec(text);
  if (match) return { gpus: Number(match[2]), ...(match[1] ? { gpuType: match[1] } : {}) };
  if (/^[A-Za-z][A-Za-z0-9_.-]{0,63}$/.test(text)) return { gpus: 1, gpuType: text };
  throw new HpcbinderError('E-USAGE', {
    message: `--gpus: "${text}" is no number of GPUs`,
    hint: 'Write it like 1 or a100:2.',
  });
}

function wholeNumber(text: string, flag: string, least: number, most: number): number {
  const value = Number(text);
  if (/^[0-9]{1,6}$/.test(text) && value >= least && value <= most) return value;
  throw new HpcbinderError('E-USAGE', { message: `${flag}: "${text}" is no whole number from ${least} to ${most}` });
}

function appOf(text: string | undefined): AppName | undefined {
  const named = appNamed(text);
  if (text === undefined || named !== undefined) return named;
  throw new HpcbinderError('E-USAGE', {
    message: `there is no app "${text}"`,
    hint: `There are ${APPS_IN_WORDS}.`,
  });
}

/** The cluster's defaults win over the config's own. */
function siteWishes(
  general: RequestDefaults | undefined,
  own: RequestDefaults | undefined,
): { wishes: Wishes; idle?: number; maxAge?: number } {
  const all = { ...general, ...own };
  const wishes: Record<string, unknown> = {
    partition: all.partition,
    seconds: all.time,
    cpus: all.cpus,
    memoryMb: all.memory,
    gpus: all.gpus,
    gpuType: all.gpu_type,
    account: all.account,
    qos: all.qos,
    reservation: all.reservation,
    constraint: all.constraint,
  };
  return {
    wishes: Object.fromEntries(Object.entries(wishes).filter(([, value]) => value !== undefined)) as Wishes,
    ...(all.idle ? { idle: all.idle } : {}),
    ...(all.max_age ? { maxAge: all.max_age } : {}),
  };
}
