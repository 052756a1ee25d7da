/** What the user's account and QOS allow a job, and what they refuse it before it is submitted. Pure. */
import type { Account, Allowance, Limits, PartitionRules, Qos } from '../core/allowance.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { ResourceRequest } from '../core/scheduler.ts';
import { nearest } from '../core/text.ts';

/** A limit with its origin, for the message: `the limit of account lab`. */
export type Bound = { of: string; limits: Limits };

type Charged = Pick<ResourceRequest, 'partition' | 'account' | 'qos'>;

/** The association that the job would have: the account's, of the partition where there is one of its own. */
function accountOf({ accounts }: Allowance, { account, partition }: Charged): Account | undefined {
  const named = account ?? accounts.find(({ isDefault }) => isDefault)?.name;
  const mine = accounts.filter(({ name }) => name === named);
  return (
    mine.find((one) => one.partition === partition && partition !== undefined) ?? mine.find((one) => !one.partition)
  );
}

/** Throws E-ACCOUNT at an account or a QOS that the site would refuse, with those that there are. */
export function checkCharged(allowance: Allowance, request: Charged): void {
  const { enforces, accounts, partitions } = allowance;
  const names = [...new Set(accounts.map(({ name }) => name))];
  const { account, qos } = request;
  if (enforces.accounts && account !== undefined && names.length > 0 && !names.includes(account))
    throw refused(`account "${account}" is not one of yours`, 'account', account, names);
  const charged = accountOf(allowance, request);
  if (enforces.qos && qos !== undefined && charged !== undefined && !charged.qos.includes(qos))
    throw refused(`QOS "${qos}" may not be used with account ${charged.name}`, 'qos', qos, charged.qos);
  const rules = partitions.find(({ name }) => name === request.partition);
  if (rules === undefined || charged === undefined) return;
  const used = { account: charged.name, qos: qos ?? charged.defaultQos };
  if (enforces.accounts && closed(rules.accounts, rules.notAccounts, used.account))
    throw refused(
      `partition ${rules.name} takes no jobs of account ${used.account}`,
      'account',
      '',
      open(names, rules.accounts, rules.notAccounts),
    );
  if (enforces.qos && used.qos !== undefined && closed(rules.qos, rules.notQos, used.qos))
    throw refused(
      `partition ${rules.name} takes no jobs of QOS ${used.qos}`,
      'qos',
      '',
      open(charged.qos, rules.qos, rules.notQos),
    );
}

/** May any account of the user's charge a job there? */
export function chargeable({ accounts, partitions, enforces }: Allowance, partition: string): boolean {
  const rules = partitions.find(({ name }) => name === partition);
  if (!enforces.accounts || rules === undefined || accounts.length === 0) return true;
  return accounts.some(({ name }) => !closed(rules.accounts, rules.notAccounts, name));
}

function closed(allowed: readonly string[] | undefined, denied: readonly string[] | undefined, name: string): boolean {
  return (allowed !== undefined && !allowed.includes(name)) || (denied?.includes(name) ?? false);
}

function open(
  mine: readonly string[],
  allowed: readonly string[] | undefined,
  denied: readonly string[] | undefined,
): string[] {
  return mine.filter((name) => !closed(allowed, denied, name));
}

function refused(message: string, flag: 'account' | 'qos', typed: string, choices: readonly string[]): HpcbinderError {
  const near = nearest(typed, choices);
  const guess = near ? `Did you mean ${near}? ` : '';
  const rest =
    choices.length > 0
      ? `You may use: ${choices.join(', ')} (--${flag}).`
      : `None of yours is accepted: choose another --partition (hpcbinder partitions).`;
  const choice = near ?? choices[0];
  const instead = choice === undefined ? {} : { instead: { [`--${flag}`]: choice } };
  return new HpcbinderError('E-ACCOUNT', { message, hint: `${guess}${rest}`, ...instead });
}

/**
 * Each limit that holds for one job, in the order in which Slurm looks for it: the partition's own QOS, the job's, the
 * account; the first that sets a limit sets it.
 */
export function boundsOf(allowance: Allowance, request: Charged): Bound[] {
  if (!allowance.enforces.limits) return [];
  const charged = accountOf(allowance, request);
  const rules = allowance.partitions.find(({ name }) => name === request.partition);
  const found = (name: string | undefined) => allowance.qos.find((one) => one.name === name);
  const own = ownOf(rules, found);
  const asked = found(request.qos ?? charged?.defaultQos);
  const named = (qos: Qos) => ({ of: `QOS ${qos.name}`, limits: qos.limits });
  const levels = [own, asked].filter((qos) => qos !== undefined).map(named);
  if (asked?.first) levels.reverse();
  if (charged) levels.push({ of: `account ${charged.name}`, limits: charged.limits });
  const bounds: Bound[] = [];
  const set = new Set<string>();
  for (const { of, limits } of levels) {
    const fresh = Object.entries(limits).filter(([key]) => !set.has(key));
    for (const [key] of fresh) set.add(key);
    if (fresh.length > 0) bounds.push({ of, limits: Object.fromEntries(fresh) as Limits });
  }
  return bounds;
}

function ownOf(
  rules: PartitionRules | undefined,
  found: (name: string | undefined) => Qos | undefined,
): Qos | undefined {
  return rules?.ownQos === undefined ? undefined : found(rules.ownQos);
}
