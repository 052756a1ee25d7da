/** What a user may charge and ask for, beyond what the partitions themselves allow. */

/** Of one job: more than this never starts. Walltime in seconds, memory in MiB; absent where there is no limit. */
export type Limits = {
  seconds?: number;
  cpus?: number;
  memoryMb?: number;
  /** of all types together */
  gpus?: number;
  gpusOfType?: readonly (readonly [type: string, most: number])[];
};

export type Account = {
  name: string;
  isDefault: boolean;
  /** holds in this partition only */
  partition?: string;
  qos: readonly string[];
  defaultQos?: string;
  limits: Limits;
};

export type Qos = {
  name: string;
  limits: Limits;
  /** its limits go before those of the partition's own QOS */
  first: boolean;
};

/** Who may use a partition; absent: everybody. */
export type PartitionRules = {
  name: string;
  accounts?: readonly string[];
  notAccounts?: readonly string[];
  qos?: readonly string[];
  notQos?: readonly string[];
  /** whose limits hold for all of its jobs */
  ownQos?: string;
};

export type Allowance = {
  accounts: readonly Account[];
  qos: readonly Qos[];
  partitions: readonly PartitionRules[];
  /** what the site enforces: that an account and a QOS are one's own, and their limits */
  enforces: { accounts: boolean; qos: boolean; limits: boolean };
  /** one sentence, where nobody keeps accounts or who does is silent */
  unknown?: string;
};

/** Of a scheduler that has neither accounts nor QOS. */
export const NO_ALLOWANCE: Allowance = {
  accounts: [],
  qos: [],
  partitions: [],
  enforces: { accounts: false, qos: false, limits: false },
};
