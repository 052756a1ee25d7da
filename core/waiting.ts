/** Why a job waits, in words. For people, never for decisions (SECURITY R3). */

/** The flag of hpcbinder by which the smallest change is made. */
export type Lever =
  | '--time'
  | '--cpus'
  | '--mem'
  | '--gpus'
  | '--partition'
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

/** Of a row of a table. */
export function waiting(
  means: string,
  mends: Waiting['mends'],
  starts: Waiting['starts'],
  change?: string,
  lever?: Lever,
): Waiting {
  return { means, mends, starts, ...(change ? { change } : {}), ...(lever ? { lever } : {}) };
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
