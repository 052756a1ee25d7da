/**
 * Why a job waits, for people: PBS says it as the job's comment, in a sentence with names and figures. Known is what the
 * scheduler and the server of OpenPBS 23 write; sites' hooks write their own, which is shown as it is.
 */
import { type Lever, unknownReason, type Waiting, waiting } from '../../core/waiting.ts';

const OTHER = 'another --queue';
const SMALLER = 'ask for less, with --time, --cpus, --mem or --gpus';
const RELEASE = '`qrls JOB` on the cluster frees it';

const LEVERS: ReadonlyMap<string, { noun: string; lever: Lever }> = new Map([
  ['ncpus', { noun: 'cores', lever: '--cpus' }],
  ['mem', { noun: 'memory', lever: '--mem' }],
  ['vmem', { noun: 'memory', lever: '--mem' }],
  ['ngpus', { noun: 'GPUs', lever: '--gpus' }],
  ['walltime', { noun: 'walltime', lever: '--time' }],
]);

/** Of a resource's name, as it stands in a comment: words for it, and the flag that asks for it. */
function resource(name: string): { noun: string; less: string; lever?: Lever } {
  const known = LEVERS.get(name);
  return known === undefined
    ? { noun: `the resource ${name}`, less: 'ask for less of it' }
    : { ...known, less: known.lever === '--time' ? 'a shorter --time' : `less ${known.lever}` };
}

/** The most that there is: `(R: 4096 A: 2 T: 2)`, requested, available, total. */
const FIGURES = /\(R: (\S+) A: (\S+) T: (\S+)\)/;

type Row = readonly [RegExp, (found: RegExpExecArray, never: boolean) => Waiting];
const row = (pattern: RegExp, ...said: Parameters<typeof waiting>): Row => [pattern, () => waiting(...said)];

const ROWS: readonly Row[] = [
  row(/^$/, 'the scheduler has not looked at it yet', 'nobody', 'yes'),
  [
    /^Insufficient amount of (?:queue |server )?resource: (\S+)/,
    ({ 1: name = '', input }, never) => {
      const { noun, less, lever } = resource(name);
      const total = FIGURES.exec(input)?.[3];
      const most = total === undefined ? '' : `: there are ${total}`;
      return never
        ? waiting(`it asks for more than there is of ${noun}${most}`, 'you', 'no', `${less}, or ${OTHER}`, lever)
        : waiting(`not enough is free at the moment: ${noun}`, 'nobody', 'yes', less, lever);
    },
  ],
  row(/^Not enough total nodes available/, 'no node can ever fit what it asks for', 'you', 'no', SMALLER),
  row(/^can't fit in the largest placement set/, 'no group of nodes can fit what it asks for', 'you', 'no', SMALLER),
  row(
    /^(Not enough free nodes available|No available resources on nodes|.* has too few free resources|Too few free resources)/,
    'next in line, as soon as nodes become free',
    'nobody',
    'yes',
  ),
  row(
    /^Not enough of the right type of nodes/,
    'the nodes that fit what it asks for are in use',
    'nobody',
    'perhaps',
    SMALLER,
  ),
  row(
    /^Job would (interfere with a top job|break strict sorted order)/,
    'jobs of higher priority are ahead',
    'nobody',
    'yes',
  ),
  row(
    /^(Job would (interfere with a confirmed reservation|conflict with)|Provision)/,
    'a reservation or a job of higher priority comes first',
    'nobody',
    'yes',
    'a shorter --time',
    '--time',
  ),
  row(
    /^(Dedicated time conflict|Job would cross dedicated time boundary)/,
    'it would not end before the time that the site keeps for itself',
    'nobody',
    'yes',
    'a shorter --time',
    '--time',
  ),
  row(
    /^Job will run in (non)?primetime only/,
    'its queue runs at certain hours only',
    'nobody',
    'yes',
    OTHER,
    '--partition',
  ),
  row(
    /^Job will cross into/,
    'it would not end within the hours of its queue',
    'nobody',
    'yes',
    'a shorter --time',
    '--time',
  ),
  row(/^Can't preempt enough work/, 'too little can be ended in favour of it', 'nobody', 'yes'),
  row(/^Queue not started/, 'the queue starts no jobs for now', 'admin', 'perhaps', OTHER, '--partition'),
  row(/^Queue not an execution queue/, 'the queue runs no jobs', 'you', 'no', OTHER, '--partition'),
  row(/^Specified .* does not exist/, 'a node or queue that it names does not exist', 'you', 'no', 'name another'),
  row(
    /^Node is (in an ineligible state|of an ineligible type)/,
    'its node may not be used now',
    'admin',
    'perhaps',
    OTHER,
  ),
  row(/^Node has no PBS license/, 'a node has no licence of PBS', 'admin', 'perhaps'),
  row(/^Node/, 'the nodes it may use are as full as they may be', 'nobody', 'yes'),
  row(/requesting an exclusive node/, 'it wants a node for itself, and none is empty', 'nobody', 'yes'),
  // limits: of a user, a group, a project or all; of a queue or the whole cluster
  [
    /^(?:Queue \S+|Server) per-(user|group|project) limit reached on resource (\S+)/,
    ([, who = '', name = '']) => exceeded(who, name),
  ],
  [/^would exceed (user|group|project) .*limit on resource (\S+)/, ([, who = '', name = '']) => exceeded(who, name)],
  [/^would exceed (overall) limit on resource (\S+)/, ([, who = '', name = '']) => exceeded(who, name)],
  row(
    /^User has reached|job limit reached for user|Scheduler user rate limit/,
    'you already have as many jobs as you may',
    'you',
    'yes',
    'end another job of yours',
  ),
  row(
    /^(Group|Project) has reached|job limit reached for (group|project)/,
    'your group already has as many jobs as it may',
    'nobody',
    'yes',
  ),
  row(/^(Queue \S+|Server) job limit has been reached/, 'as many jobs run as may', 'nobody', 'yes', OTHER),
  row(/^Number of concurrent running subjobs/, 'as many tasks of its array run as may', 'nobody', 'yes'),
  row(/^Job has zero shares/, 'your group has no share of the cluster', 'admin', 'no'),
  row(/^Job is under job_sort_formula threshold/, 'its priority is too low to be started yet', 'nobody', 'yes'),
  row(/^Cannot provision/, 'no node can be set up as it asks', 'admin', 'perhaps'),
  // held, or tried in vain
  row(
    /^[Jj]ob held, (too many failed attempts|provisioning failed)/,
    'it failed to start so often that it is held',
    'admin',
    'no',
  ),
  row(/^Job held by '.*' hook/, 'it is held by a rule of the site', 'admin', 'no'),
  row(/^Job held by root /, 'it is held by an administrator', 'admin', 'no'),
  row(/^Job held by /, 'it is held', 'you', 'no', RELEASE),
  row(/^PBS Error: /, 'the node could not start it; it is tried again', 'admin', 'perhaps'),
  row(/^Internal Scheduling Error/, 'the scheduler failed with it', 'admin', 'perhaps'),
];

function exceeded(who: string, name: string): Waiting {
  const { noun, less, lever } = resource(name);
  if (who === 'user')
    return waiting(
      `you already use as much as you may: ${noun}`,
      'you',
      'perhaps',
      `end another job of yours, or ${less}`,
      lever,
    );
  const whose = who === 'overall' ? 'all jobs together' : 'jobs of your group';
  return waiting(`${whose} already use as much as they may: ${noun}`, 'nobody', 'perhaps', less, lever);
}

/** `comment` of a job that waits; '' where it has none yet. */
export function commentInWords(comment: string): Waiting {
  const [, prefix = '', rest = ''] = /^(Not Running: |Can Never Run: )?(.*)$/s.exec(comment) ?? [];
  const never = prefix.startsWith('Can');
  for (const [pattern, words] of ROWS) {
    const found = pattern.exec(rest);
    if (found === null) continue;
    const said = words(found, never);
    return never ? { ...said, starts: 'no' } : said;
  }
  return { ...unknownReason('PBS', comment), ...(never ? { starts: 'no' as const } : {}) };
}
