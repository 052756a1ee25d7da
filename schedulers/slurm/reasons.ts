/** Why a job waits, for people (https://slurm.schedmd.com/job_reason_codes.html). Never decides anything (SECURITY R3). */

/** The first that matches speaks. Families first share a prefix: QOSMaxGRESPerUser, AssocGrpCPUMinutesLimit … */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/^Priority$/, 'jobs of higher priority are ahead'],
  [/^Resources$/, 'next in line, as soon as nodes become free'],
  [/^(None|NotUsed)?$/, 'the scheduler has not looked at it yet'],
  [/^Dependency$/, 'it waits for another job to end'],
  [/^DependencyNeverSatisfied$/, 'the job that it waits for failed: it will never start'],
  [/^BeginTime$/, 'its begin time is not reached'],
  [/^JobHeldUser$/, 'held by you: `scontrol release` frees it'],
  [/^JobHeld(Admin)?$/, 'held by an administrator'],
  // squeue writes this one as a sentence (seen with 24.11): "Nodes required for job are DOWN, DRAINED or reserved …"
  [/^(ReqNodeNotAvail|Nodes)/, 'the nodes it may use are down or reserved, often for maintenance'],
  [/^(Reservation|ReservationDeleted)$/, 'it waits for its reservation'],
  [/^Partition(Down|Inactive)$/, 'the partition is closed for now'],
  [/^PartitionTimeLimit$/, 'its walltime is over the partition’s limit: it will not start'],
  [/^PartitionNodeLimit$/, 'it asks for more than the partition has: it will not start'],
  [/^(QOSNotAllowed|InvalidQOS)$/, 'its QOS may not be used here'],
  [/^(InvalidAccount|AccountNotAllowed)$/, 'its account may not be used here'],
  [/^(BadConstraints|NodeDown)$/, 'no node that is up fits what it asks for'],
  [/^Licenses$/, 'a licence it needs is in use'],
  [
    /^QOSMaxJobsPer|^QOSMaxSubmit|^AssocMaxJobs|^MaxJobsPer|^JobArrayTaskLimit/,
    'you already have as many jobs as you may',
  ],
  [/^(QOS|Assoc)Grp\w*(Minutes|RunMinutes|Billing)/, 'the allocation of your group is used up'],
  [/^(QOS|Assoc)Grp/, 'your group already uses as much as it may'],
  [/^(QOS|Assoc)Max\w*PerUser/, 'you already use as much as you may'],
  [/^(QOS|Assoc)Max\w*(PerJob|PerNode|WallDuration)/, 'it asks for more than one job may: it will not start'],
  [/^(QOS|Assoc|Max)/, 'a limit of your account or QOS is reached'],
  [/^(Prolog|Cleaning|SchedDefer)/, 'the node is being prepared'],
  [/^(launch_failed_requeued_held|SystemFailure)/i, 'the node could not start it'],
];

/** A sentence without its full stop; a reason we do not know is shown as Slurm says it. */
export function reasonInWords(reason: string): string {
  const code = /^\(?([A-Za-z_]*)/.exec(reason)?.[1] ?? '';
  return REASONS.find(([pattern]) => pattern.test(code))?.[1] ?? reason;
}
