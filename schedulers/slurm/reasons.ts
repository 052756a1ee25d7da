/**
 * Why a job waits, for people: every reason of https://slurm.schedmd.com/job_reason_codes.html and those that Slurm prints
 * beside it; the limits of accounts and QOS are in limits.ts. Never decides anything (SECURITY R3).
 */
import { SAID, SMALLER, unknownReason, type Waiting, waiting } from '../../core/waiting.ts';
import { limitReached } from './limits.ts';

type Row = readonly [names: string, ...said: Parameters<typeof waiting>];

const RELEASE = '`scontrol release JOB` on the cluster frees it';
const AGAIN = 'stop it and launch again';
const OTHER = 'another --partition';

const ROWS: readonly Row[] = [
  // the queue takes its course
  ['Priority', ...SAID.behind],
  ['Resources', ...SAID.next],
  ['None NotUsed', ...SAID.unseen],
  ['SchedDefer', 'the scheduler looks at new jobs a little later here', 'nobody', 'yes'],
  ['Cleaning', 'its former run is still being cleaned up', 'nobody', 'yes'],
  ['Prolog', 'the node is being prepared', 'nobody', 'yes'],
  ['MpiPortsBusy', 'the ports that it needs are in use', 'nobody', 'yes'],
  ['NvidiaImexChannels', 'the GPU channels that it needs are in use', 'nobody', 'yes'],
  ['MaxPoweredUpNodes', 'as many nodes are switched on as may be', 'nobody', 'yes'],
  ['FedJobLock', 'the clusters of the federation agree on where it runs', 'nobody', 'yes'],
  ['Licenses', 'a licence that it needs is in use', 'nobody', 'yes'],
  ['BurstBufferResources', 'the burst buffer is full', 'nobody', 'yes'],
  ['BurstBufferStageIn', 'its data are being brought into the burst buffer', 'nobody', 'yes'],
  ['Constraints', 'nodes with the features that it asks for are not free', 'nobody', 'perhaps', '--constraint'],
  // what it waits for was asked for
  ['Dependency', 'it waits for another job to end', 'nobody', 'yes'],
  ['DependencyNeverSatisfied', 'what the job that it waits for had to do did not happen', 'you', 'no', AGAIN],
  ['BeginTime', 'its begin time is not reached', 'nobody', 'yes'],
  ['JobArrayTaskLimit', ...SAID.arrayFull],
  ['Reservation', 'it waits for its reservation to begin', 'nobody', 'yes', 'launch without it', '--reservation'],
  ['ReservationDeleted', 'its reservation was deleted', 'you', 'no', '--reservation'],
  ['ReservationInvalid', 'its reservation may not be used', 'you', 'no', '--reservation'],
  [
    'DeadLine',
    'it cannot end before its own deadline',
    'you',
    'no',
    'launch without --deadline, or with a shorter --time',
    '--time',
  ],
  // held
  ['JobHeldUser', 'it is held by you or by the coordinator of your account', 'you', 'no', RELEASE],
  ['JobHeldAdmin', ...SAID.heldByAdmin],
  ['JobHoldMaxRequeue', ...SAID.heldAfterFailures],
  // nodes and partitions
  // squeue writes this one as a sentence too (seen with 24.11): "Nodes required for job are DOWN, DRAINED or reserved …"
  [
    'ReqNodeNotAvail Nodes',
    'the nodes it may use are down or reserved, often for maintenance',
    'admin',
    'perhaps',
    `a --time that ends before the maintenance, or ${OTHER}`,
    '--partition',
  ],
  ['NodeDown', 'a node that it needs is down', 'admin', 'perhaps', '--partition'],
  ['FrontEndDown', 'the node that starts its jobs is down', 'admin', 'perhaps', '--partition'],
  ['PartitionDown', 'the partition is down', 'admin', 'perhaps', '--partition'],
  ['PartitionInactive', 'the partition starts no jobs for now', 'admin', 'perhaps', '--partition'],
  ['PartitionTimeLimit', 'its walltime is over the limit of the partition', 'you', 'no', '--time'],
  [
    'PartitionNodeLimit',
    'it asks for more than the partition has, or its nodes are down',
    'you',
    'perhaps',
    `${SMALLER}, or ${OTHER}`,
    '--partition',
  ],
  [
    'PartitionConfig',
    'it is outside the limits of the partition',
    'you',
    'no',
    `${SMALLER}, or ${OTHER}`,
    '--partition',
  ],
  ['BadConstraints', ...SAID.fitsNowhere],
  [
    'MaxMemPerLimit',
    'it asks for more memory for a core or a node than may be',
    'you',
    'no',
    'less --mem, or more --cpus',
    '--mem',
  ],
  // accounts and QOS
  ['InvalidAccount', 'its account may not be used', 'you', 'no', '--account'],
  [
    'AccountNotAllowed',
    'its account may not be used in this partition',
    'you',
    'no',
    `another --account, or ${OTHER}`,
    '--account',
  ],
  ['InvalidQOS', 'its QOS may not be used', 'you', 'no', '--qos'],
  [
    'QOSNotAllowed',
    'its QOS may not be used with this account or partition',
    'you',
    'no',
    `another --qos, or ${OTHER}`,
    '--qos',
  ],
  ['QOSUsageThreshold', 'your account has used too large a share for this QOS', 'nobody', 'perhaps', '--qos'],
  ['QOSJobLimit', 'the QOS already has as many jobs as it may', 'nobody', 'perhaps', '--qos'],
  [
    'QOSResourceLimit',
    'the QOS already uses as much as it may',
    'nobody',
    'perhaps',
    `another --qos, or ${SMALLER}`,
    '--qos',
  ],
  ['QOSTimeLimit', 'the time of the QOS is used up', 'admin', 'perhaps', 'another --qos, or a shorter --time', '--qos'],
  ['AssociationJobLimit', 'your account already has as many jobs as it may', 'nobody', 'perhaps', '--account'],
  [
    'AssociationResourceLimit',
    'your account already uses as much as it may',
    'nobody',
    'perhaps',
    `another --account, or ${SMALLER}`,
    '--account',
  ],
  [
    'AssociationTimeLimit',
    'the time of your account is used up',
    'admin',
    'perhaps',
    'another --account, or a shorter --time',
    '--account',
  ],
  [
    'AccountingPolicy',
    'a limit of your account or QOS is reached',
    'admin',
    'perhaps',
    `${SMALLER}, or another --account or --qos`,
  ],
  // it was tried, and is in the queue again
  ['SystemFailure', 'the cluster could not start it', 'admin', 'perhaps', AGAIN],
  ['JobLaunchFailure launch', 'the node could not start it', 'admin', 'perhaps', AGAIN],
  ['BurstBufferOperation', 'moving its data to the burst buffer failed', 'admin', 'no', AGAIN],
  ['NonZeroExitCode', 'it ended with an error and is in the queue again', 'you', 'perhaps', AGAIN],
  ['RaisedSignal', 'it was ended by a signal and is in the queue again', 'you', 'perhaps', AGAIN],
  ['OutOfMemory', 'it ran out of memory', 'you', 'no', 'more --mem', '--mem'],
  ['TimeLimit', 'its walltime was over', 'you', 'no', 'a longer --time', '--time'],
  ['InactiveLimit', 'it was ended because it did nothing', 'you', 'no', AGAIN],
];

const TABLE: ReadonlyMap<string, Waiting> = new Map(
  ROWS.flatMap(([names, ...said]) => names.split(' ').map((name) => [name, waiting(...said)] as const)),
);

/** Sentences that squeue prints in place of a code; of Slurm's own, with names of the site in brackets. */
const SENTENCES: readonly (readonly [RegExp, string])[] = [
  [/^\(?Job's QOS not permitted to use this partition/, 'QOSNotAllowed'],
  [/^\(?Job's account not permitted to use this partition/, 'AccountNotAllowed'],
  [/^\(?launch failed requeued held/i, 'JobHoldMaxRequeue'],
  [/^\(?job requeued in (held state|special exit)/i, 'JobHeldAdmin'],
];

/** Of what squeue prints: a code, a code with details behind a comma, or a sentence. */
export function reasonInWords(reason: string): Waiting {
  const sentence = SENTENCES.find(([pattern]) => pattern.test(reason))?.[1];
  const code = sentence ?? /^\(?([A-Za-z_]*)/.exec(reason)?.[1] ?? '';
  return TABLE.get(code === '' ? 'None' : code) ?? limitReached(code) ?? unknownReason('Slurm', reason);
}
