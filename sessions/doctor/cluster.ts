/** Judges what the scheduler said. Pure. */
import type { Allowance } from '../../core/allowance.ts';
import type { Partition } from '../../core/scheduler.ts';
import { type Finding, Findings } from './finding.ts';

export type ClusterSeen = {
  /** `Slurm 24.11` */
  scheduler: string;
  /** absent: it did not tell */
  partitions?: readonly Partition[];
  allowance?: Allowance;
  /** of the entry: where launches go, and where builds go, if they are named there */
  usual?: string;
  builds?: string;
};

export function judgeCluster({ scheduler, partitions, allowance, usual, builds }: ClusterSeen): Finding[] {
  const found = new Findings('cluster');
  if (partitions === undefined) {
    found.broken(
      'scheduler',
      `${scheduler} does not answer.`,
      'No job can be submitted now.',
      'Try again in some minutes.',
    );
    return found.all;
  }
  found.fine('scheduler', scheduler);
  const down = partitions.filter(({ up }) => !up).map(({ name }) => name);
  const first = usual ?? partitions.find(({ isDefault }) => isDefault)?.name;
  if (down.length === partitions.length)
    found.broken(
      'partitions',
      'No partition takes jobs now.',
      'Nothing starts.',
      'The site has closed them: ask until when.',
    );
  else if (down.length > 0) {
    const mine = down.includes(first ?? '');
    found[mine ? 'warning' : 'note'](
      'partitions',
      `${down.join(', ')} starts no jobs now.`,
      mine
        ? `A launch goes to ${first} where no --partition is given, and waits.`
        : 'A launch there waits until it is opened.',
      'hpcbinder partitions shows the others.',
    );
  } else found.fine('partitions', partitions.map(({ name }) => name).join(', '));
  const named = new Set(partitions.map(({ name }) => name));
  const list = [...named].join(', ');
  if (usual !== undefined && !named.has(usual))
    found.broken(
      'default-partition',
      `The entry's partition ${usual} does not exist.`,
      'A launch without --partition is refused.',
      `In the cluster's entry: defaults: partition: one of ${list}`,
    );
  if (builds !== undefined && !named.has(builds))
    found.warning(
      'build-partition',
      `The entry's build_partition ${builds} does not exist.`,
      'Builds on the cluster are refused.',
      `In the cluster's entry: build_partition: one of ${list}`,
    );
  if (allowance === undefined || allowance.unknown !== undefined)
    found.note(
      'accounting',
      allowance?.unknown ?? 'The accounting of jobs does not answer.',
      'Limits of your account are met at the submit only, and how a job ended is told by its log.',
    );
  else if (allowance.accounts.length > 0) found.fine('accounting', 'accounting');
  return found.all;
}
