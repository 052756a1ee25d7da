/**
 * Accounts and QOS that a user may use, with their limits: sacctmgr for what slurmdbd keeps, scontrol for what the controller
 * makes of it. Sites without slurmdbd answer with an error, which is no fault. https://slurm.schedmd.com/resource_limits.html
 */
import type { Account, Allowance, Limits, PartitionRules, Qos } from '../../core/allowance.ts';
import { NO_ALLOWANCE } from '../../core/allowance.ts';
import { type Answer, type CommandResult, type Inquiry, ok, type Question, textOf } from '../../core/command.ts';
import { clockSeconds, parseMemory } from '../../core/units.ts';
import { listing } from './answers.ts';
import { rows } from './queue.ts';

const NO_DATABASE = /not running a supported accounting_storage/i;
const NONE = 'this cluster keeps no accounts: nothing is known of accounts and QOS';
const SILENT = 'the accounting database does not answer: nothing is known of accounts and QOS';

const OF_ACCOUNTS = 'Cluster,DefaultAccount,Account,Partition,QOS,DefaultQOS,MaxWall,MaxTRES,MaxTRESPerNode,GrpTRES';
const OF_QOS = 'Name,Flags,MaxWall,MaxTRES,MaxTRESPerNode,MaxTRESPU,MaxTRESPA,GrpTRES';

/** undefined: there is no database. */
function kept<T>(words: readonly string[], read: (text: string) => T): Question<T | undefined> {
  const asked = listing<T | undefined>(['sacctmgr', '-n', '-P', 'show', ...words], read);
  const parse = (result: CommandResult) =>
    NO_DATABASE.test(textOf(result.stderr)) ? ok(undefined) : asked.parse(result);
  return { command: asked.command, parse };
}

type Config = { cluster: string; enforces: Allowance['enforces'] };

export function allowance(user: string): Inquiry<Allowance> {
  const accounts = kept(['user', 'where', `name=${user}`, 'withassoc', `format=${OF_ACCOUNTS}`], (text) =>
    rows(text, 10).map((row) => ({ cluster: row[0] ?? '', account: accountOf(row) })),
  );
  const qos = kept(['qos', `format=${OF_QOS}`], (text) => rows(text, 8).map(qosOf));
  const partitions = listing(['scontrol', '--oneliner', 'show', 'partition'], (text) =>
    text.split('\n').flatMap(rulesOf),
  );
  const config = listing(['scontrol', 'show', 'config'], configOf);
  return {
    questions: [accounts, qos, partitions, config],
    combine(answers) {
      const [mine, all, rules, site] = answers as [
        Answer<ReturnType<typeof accounts.parse> extends Answer<infer T> ? T : never>,
        Answer<readonly Qos[] | undefined>,
        Answer<readonly PartitionRules[]>,
        Answer<Config>,
      ];
      const known = rules.ok ? rules.value : [];
      if (!site.ok) return site;
      const { cluster, enforces } = site.value;
      if (!mine.ok || mine.value === undefined)
        return ok({ ...NO_ALLOWANCE, partitions: known, unknown: mine.ok ? NONE : SILENT });
      const here = mine.value.filter((row) => row.cluster === cluster).map(({ account }) => account);
      const own = new Set(here.flatMap((account) => account.qos));
      // limits of a partition's own QOS hold for everybody
      for (const { ownQos } of known) if (ownQos !== undefined) own.add(ownQos);
      const usable = (all.ok ? (all.value ?? []) : []).filter(({ name }) => own.has(name));
      return ok({ accounts: here, qos: usable, partitions: known, enforces });
    },
  };
}

function accountOf(row: readonly string[]): Account {
  const [, usual = '', name = '', partition = '', qos = '', defaultQos = '', wall = '', ...tres] = row;
  return {
    name,
    isDefault: name === usual,
    ...(partition === '' ? {} : { partition }),
    qos: words(qos) ?? [],
    ...(defaultQos === '' ? {} : { defaultQos }),
    limits: limitsOf(wall, tres),
  };
}

function qosOf([name = '', flags = '', wall = '', ...tres]: readonly string[]): Qos {
  return { name, first: flags.split(',').includes('OverPartQOS'), limits: limitsOf(wall, tres) };
}

/** Of several lists like `cpu=4,mem=8G,gres/gpu:a100=2` the least: one job that asks for more starts by none of them. */
function limitsOf(wall: string, tres: readonly string[]): Limits {
  const limits: { -readonly [K in keyof Limits]: Limits[K] } = {};
  const types = new Map<string, number>();
  const seconds = clockSeconds(wall);
  if (seconds !== undefined) limits.seconds = seconds;
  const lower = (key: 'cpus' | 'memoryMb' | 'gpus', most: number) => {
    limits[key] = Math.min(most, limits[key] ?? most);
  };
  for (const word of tres.join(',').split(',')) {
    const [, name = '', type, value = ''] = /^(cpu|mem|gres\/gpu)(?::([^=]+))?=([0-9.]+[KMGT]?)$/.exec(word) ?? [];
    if (name === 'cpu') lower('cpus', Number(value));
    else if (name === 'mem') lower('memoryMb', parseMemory(value));
    else if (name !== '' && type === undefined) lower('gpus', Number(value));
    else if (type !== undefined) types.set(type, Math.min(Number(value), types.get(type) ?? Number(value)));
  }
  return types.size > 0 ? { ...limits, gpusOfType: [...types] } : limits;
}

/** A partition's record holds words of administrators only. */
function rulesOf(line: string): PartitionRules[] {
  const field = (name: string) => new RegExp(`(?:^| )${name}=(\\S+)`).exec(line)?.[1];
  const list = (name: string) => words(field(name));
  const name = field('PartitionName');
  if (name === undefined) return [];
  const [accounts, notAccounts] = [list('AllowAccounts'), list('DenyAccounts')];
  const [qos, notQos, ownQos] = [list('AllowQos'), list('DenyQos'), list('QoS')?.[0]];
  return [
    {
      name,
      ...(accounts ? { accounts } : {}),
      ...(notAccounts ? { notAccounts } : {}),
      ...(qos ? { qos } : {}),
      ...(notQos ? { notQos } : {}),
      ...(ownQos ? { ownQos } : {}),
    },
  ];
}

/** undefined: no list, which is all or none. */
function words(text: string | undefined): string[] | undefined {
  const all = (text ?? '').split(',').filter((word) => word !== '');
  return all.length === 0 || /^(ALL|N\/A|\(null\))$/.test(all[0] ?? '') ? undefined : all;
}

/** `safe` includes limits, and everything but `nojobs` and `nosteps` includes associations (slurm.conf(5)). */
function configOf(text: string): Config {
  const field = (name: string) => new RegExp(`^${name} *= *(.*?) *$`, 'm').exec(text)?.[1] ?? '';
  const enforced = field('AccountingStorageEnforce').toLowerCase();
  const any = (...parts: string[]) => parts.some((part) => enforced.split(',').includes(part));
  const limits = any('limits', 'safe', 'all', '1');
  const qos = any('qos', 'all', '1');
  return {
    cluster: field('ClusterName'),
    enforces: { limits, qos, accounts: limits || qos || any('associations', 'wckeys') },
  };
}
