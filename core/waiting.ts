/** Why a job waits, in words. For people, never for decisions (SECURITY R3). */

/** The flag of hpcbinder by which the smallest change is made. */
export type Lever =
  | '--time'
  | '--cpus'
  | '--mem'
  | '--gpus'
  | '--partition'
  | '--queue'
  | '--account'
  | '--qos'
  | '--reservation'
  | '--constraint';

export type Waiting = {
  /** without a full stop */
  means: string;
  /** who can mend it; `nobody`: it is to be waited for; `unknown`: the reason is not in our table */
  mends: 'you' | 'admin' | 'nobody' | 'unknown';
  /** as it was submitted; `perhaps`: that depends on figures that the scheduler does not tell */
  starts: 'yes' | 'no' | 'perhaps';
  /** the smallest change that would let it start, or start sooner */
  change?: string;
  lever?: Lever;
};

const USUAL_CHANGES: ReadonlyMap<string, string> = new Map<Lever, string>([
  ['--time', 'a shorter --time'],
  ['--cpus', 'less --cpus'],
  ['--mem', 'less --mem'],
  ['--gpus', 'less --gpus'],
  ['--partition', 'another --partition'],
  ['--queue', 'another --queue'],
  ['--account', 'another --account'],
  ['--qos', 'another --qos'],
  ['--reservation', 'launch without it, or with another'],
  ['--constraint', 'fewer features'],
]);

/** Of a row of a table. A lever in place of the change stands for what is usually changed of it. */
export function waiting(
  means: string,
  mends: Waiting['mends'],
  starts: Waiting['starts'],
  change?: Lever | (string & {}),
  lever?: Lever,
): Waiting {
  const usual = USUAL_CHANGES.get(change ?? '');
  if (usual !== undefined) return { means, mends, starts, change: usual, lever: change as Lever };
  return { means, mends, starts, ...(change ? { change } : {}), ...(lever ? { lever } : {}) };
}

/** The words of the first row that matches; undefined: there is none. */
export function firstMatch(
  rows: readonly (readonly [RegExp, ...said: Parameters<typeof waiting>])[],
  reason: string,
): Waiting | undefined {
  const row = rows.find(([pattern]) => pattern.test(reason));
  if (row === undefined) return undefined;
  const [, ...said] = row;
  return waiting(...said);
}

export const SMALLER = 'ask for less, with --time, --cpus, --mem or --gpus';

/** What every scheduler says, each in words of its own. */
export const SAID = {
  unseen: ['the scheduler has not looked at it yet', 'nobody', 'yes'],
  behind: ['jobs of higher priority are ahead', 'nobody', 'yes'],
  next: ['next in line, as soon as nodes become free', 'nobody', 'yes'],
  arrayFull: ['as many tasks of its array run as may', 'nobody', 'yes'],
  kindInUse: ['all nodes of the right kind are in use', 'nobody', 'perhaps', SMALLER],
  fitsNowhere: ['no node can ever fit what it asks for', 'you', 'no', SMALLER],
  enoughJobs: ['you already have as many jobs as you may', 'you', 'yes', 'end another job of yours'],
  enoughOfGroup: ['your group already has as many jobs as it may', 'nobody', 'yes'],
  heldByAdmin: ['it is held by an administrator', 'admin', 'no'],
  heldAfterFailures: ['it failed to start so often that it is held', 'admin', 'no', 'stop it and launch again'],
} as const satisfies Readonly<Record<string, Parameters<typeof waiting>>>;

/** What a limit counts. */
export type Resource = { noun: string; lever?: Lever };

type Known = 'cores' | 'memory' | 'gpus' | 'walltime';

export const RESOURCE: Readonly<Record<Known, Resource>> = {
  cores: { noun: 'cores', lever: '--cpus' },
  memory: { noun: 'memory', lever: '--mem' },
  gpus: { noun: 'GPUs', lever: '--gpus' },
  walltime: { noun: 'walltime', lever: '--time' },
};

export function less({ lever }: Resource): string {
  return USUAL_CHANGES.get(lever ?? '') ?? 'ask for less';
}

/** You are at your own limit. */
export function youUseAll(resource: Resource): Waiting {
  const change = `end another job of yours, or ${less(resource)}`;
  return waiting(`you already use as much as you may: ${resource.noun}`, 'you', 'perhaps', change, resource.lever);
}

/** `who`: those who share a limit with you, like `jobs of your group`. */
export function theyUseAll(who: string, resource: Resource, change = less(resource)): Waiting {
  const means = `${who} already use as much as they may: ${resource.noun}`;
  return waiting(means, 'nobody', 'perhaps', change, resource.lever);
}

/** A reason that is in no table of ours is shown as it was said, and nothing is claimed of it. */
export function unknownReason(scheduler: string, said: string): Waiting {
  return { means: `${scheduler} says "${said}"`, mends: 'unknown', starts: 'perhaps' };
}

/** `nobody has to do anything`, `an administrator has to mend it`: who, after what it means. */
export function mendedBy({ mends, starts, change }: Waiting): string {
  const ends = starts === 'no' ? 'it never starts as it is' : undefined;
  const who = {
    you: change === undefined ? 'you can mend it' : undefined,
    admin: 'only an administrator can mend it',
    nobody: starts === 'yes' && change === undefined ? 'it starts by itself' : undefined,
    unknown: undefined,
  }[mends];
  const how = change === undefined ? undefined : starts === 'no' ? `change: ${change}` : `sooner: ${change}`;
  return [ends, who, how].filter((part) => part !== undefined).join(' · ');
}
