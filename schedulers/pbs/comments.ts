/**
 * Why a job waits, for people: PBS says it as the job's comment, in a sentence with names and figures. Known is what the
 * scheduler and the server of OpenPBS 23 write; sites' hooks write their own, which is shown as it is.
 */
import type { Resource, Waiting } from '../../core/waiting.ts';
import { firstMatch, less, RESOURCE, SAID, theyUseAll, unknownReason, waiting, youUseAll } from '../../core/waiting.ts';

const RESOURCES: ReadonlyMap<string, Resource> = new Map([
  ['ncpus', RESOURCE.cores],
  ['mem', RESOURCE.memory],
  ['vmem', RESOURCE.memory],
  ['ngpus', RESOURCE.gpus],
  ['walltime', RESOURCE.walltime],
]);

const ROWS: readonly (readonly [RegExp, ...said: Parameters<typeof waiting>])[] = [
  [/^$/, ...SAID.unseen],
  [/^Not enough total nodes available/, ...SAID.fitsNowhere],
  [/^can't fit in the largest placement set/, ...SAID.fitsNowhere],
  [/^(Not enough free nodes|No available resources on nodes|.* has too few free|Too few free)/, ...SAID.next],
  [/^Not enough of the right type of nodes/, ...SAID.kindInUse],
  [/^Job would (interfere with a top job|break strict sorted order)/, ...SAID.behind],
  [
    /^(Job would (interfere|conflict)|Provision)/,
    'a reservation or a more urgent job is ahead',
    'nobody',
    'yes',
    '--time',
  ],
  [
    /^(Dedicated|Job would cross)/,
    'it would run into the time that the site keeps for itself',
    'nobody',
    'yes',
    '--time',
  ],
  [/^Job will run in (non)?primetime/, 'its queue runs at certain hours only', 'nobody', 'yes', '--queue'],
  [/^Job will cross into/, 'it would not end within the hours of its queue', 'nobody', 'yes', '--time'],
  [/^Can't preempt enough work/, 'too little can be ended in favour of it', 'nobody', 'yes'],
  [/^Queue not started/, 'the queue starts no jobs for now', 'admin', 'perhaps', '--queue'],
  [/^Queue not an execution queue/, 'the queue runs no jobs', 'you', 'no', '--queue'],
  [/^Specified .* does not exist/, 'a node or queue that it names does not exist', 'you', 'no', 'name another'],
  [/^Node is (in|of) an ineligible/, 'its node may not be used now', 'admin', 'perhaps', '--queue'],
  [/^Node has no PBS license/, 'a node has no licence of PBS', 'admin', 'perhaps'],
  [/^Node/, 'the nodes it may use are as full as they may be', 'nobody', 'yes'],
  [/requesting an exclusive node/, 'it wants a node for itself, and none is empty', 'nobody', 'yes'],
  // limits: of a user, a group, a project or all; of a queue or the whole cluster
  [/^User has reached|job limit reached for user|Scheduler user rate limit/, ...SAID.enoughJobs],
  [/^(Group|Project) has reached|job limit reached for (group|project)/, ...SAID.enoughOfGroup],
  [/^(Queue \S+|Server) job limit has been reached/, 'as many jobs run as may', 'nobody', 'yes', '--queue'],
  [/^Number of concurrent running subjobs/, ...SAID.arrayFull],
  [/^Job has zero shares/, 'your group has no share of the cluster', 'admin', 'no'],
  [/^Job is under job_sort_formula/, 'its priority is too low to be started yet', 'nobody', 'yes'],
  [/^Cannot provision/, 'no node can be set up as it asks', 'admin', 'perhaps'],
  // held, or tried in vain
  [/^[Jj]ob held, (too many failed attempts|provisioning failed)/, ...SAID.heldAfterFailures],
  [/^Job held by '.*' hook/, 'it is held by a rule of the site', 'admin', 'no'],
  [/^Job held by root /, ...SAID.heldByAdmin],
  [/^Job held by /, 'it is held', 'you', 'no', '`qrls JOB` on the cluster frees it'],
  [/^PBS Error: /, 'the node could not start it; it is tried again', 'admin', 'perhaps'],
  [/^Internal Scheduling Error/, 'the scheduler failed with it', 'admin', 'perhaps'],
];

/** Whose limit, and of what. */
const EXCEEDED =
  /^(?:(?:Queue \S+|Server) per-(user|group|project) limit reached|would exceed (user|group|project|overall) .*limit) on resource (\S+)/;
/** Of what, and the figures: `(R: 4096 A: 2 T: 2)`, requested, available, total. */
const INSUFFICIENT = /^Insufficient amount of (?:queue |server )?resource: (\S+)(?:.*\(R: \S+ A: \S+ T: (\S+)\))?/;

/** `comment` of a job that waits; '' where it has none yet. */
export function commentInWords(comment: string): Waiting {
  const [, prefix = '', rest = ''] = /^(Not Running: |Can Never Run: )?(.*)$/s.exec(comment) ?? [];
  const never = prefix.startsWith('Can');
  const words = ofResource(rest, never) ?? firstMatch(ROWS, rest) ?? unknownReason('PBS', comment);
  return never ? { ...words, starts: 'no' } : words;
}

function ofResource(comment: string, never: boolean): Waiting | undefined {
  const [, of, whose = of, limited] = EXCEEDED.exec(comment) ?? [];
  const [, short, total] = INSUFFICIENT.exec(comment) ?? [];
  const name = limited ?? short;
  if (name === undefined) return undefined;
  const resource = RESOURCES.get(name) ?? { noun: `the resource ${name}` };
  if (whose === 'user') return youUseAll(resource);
  if (whose !== undefined)
    return theyUseAll(whose === 'overall' ? 'all jobs together' : 'jobs of your group', resource);
  const { noun, lever } = resource;
  if (!never) return waiting(`not enough is free at the moment: ${noun}`, 'nobody', 'yes', less(resource), lever);
  const most = total === undefined ? '' : `: there are ${total}`;
  const means = `it asks for more than there is of ${noun}${most}`;
  return waiting(means, 'you', 'no', `${less(resource)}, or another --queue`, lever);
}
