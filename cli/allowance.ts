/** What the user may use on a cluster: asked once a day, for it seldom changes and its database is everybody's. */
import type { Account, Allowance, Limits, PartitionRules, Qos } from '../core/allowance.ts';
import type { Cluster } from '../core/cluster.ts';
import { isFields } from '../core/json.ts';
import { askAll } from '../core/transport.ts';
import { keepText, keptText } from './known-clusters.ts';

const DAY_MS = 86_400_000;

/** Undefined where nobody answers: the scheduler will say at the submit what it does not allow. */
export async function allowanceOn(
  { profile, scheduler, transport }: Cluster,
  how: 'known' | 'fresh',
): Promise<Allowance | undefined> {
  const { name, user } = profile;
  const known = how === 'known' ? readKept(keptText(name, 'allowance'), user, Date.now()) : undefined;
  if (known) return known;
  const answer = await askAll(transport, scheduler.allowance(user)).catch(() => undefined);
  if (!answer?.ok) return undefined;
  keepText(name, 'allowance', JSON.stringify({ schema: 1, at: Date.now(), user, allowance: answer.value }));
  return answer.value;
}

/** Whoever wrote the file: what is not of our shape is asked anew. */
export function readKept(text: string | undefined, user: string, now: number): Allowance | undefined {
  try {
    const value = JSON.parse(text ?? '') as { schema?: unknown; at?: unknown; user?: unknown; allowance?: unknown };
    const age = now - Number(value.at);
    if (value.schema !== 1 || value.user !== user || !(age >= 0 && age < DAY_MS)) return undefined;
    return isAllowance(value.allowance) ? value.allowance : undefined;
  } catch {
    return undefined;
  }
}

function isAllowance(value: unknown): value is Allowance {
  if (!isFields(value) || !isFields(value.enforces)) return false;
  return (
    every(value.accounts, (one: Partial<Account>) => named(one) && every(one.qos, isText) && isLimits(one.limits)) &&
    every(value.qos, (one: Partial<Qos>) => named(one) && isLimits(one.limits)) &&
    every(
      value.partitions,
      (one: Partial<PartitionRules>) =>
        named(one) &&
        [one.accounts, one.notAccounts, one.qos, one.notQos].every((list) => list === undefined || every(list, isText)),
    )
  );
}

function isLimits(value: unknown): value is Limits {
  if (!isFields(value)) return false;
  const { gpusOfType, ...rest } = value;
  const types =
    gpusOfType === undefined ||
    every(gpusOfType, (pair: unknown) => Array.isArray(pair) && isText(pair[0]) && Number.isFinite(pair[1]));
  return types && Object.values(rest).every((most) => Number.isFinite(most));
}

function every<T>(list: unknown, fits: (one: T) => boolean): boolean {
  return Array.isArray(list) && list.every((one) => one !== null && fits(one as T));
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function named(one: { name?: unknown }): boolean {
  return isText(one.name);
}
