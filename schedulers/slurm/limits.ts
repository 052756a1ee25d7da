/**
 * Reasons that are limits of an account or a QOS. Their names are put together of whose limit it is, how it counts and what
 * (`AssocGrpCPUMinutesLimit`, `QOSMaxGRESPerUser`), and so are the words. https://slurm.schedmd.com/resource_limits.html
 */
import { type Lever, type Waiting, waiting } from '../../core/waiting.ts';

type Resource = { noun: string; lever?: Lever };

const RESOURCES: ReadonlyMap<string, Resource> = new Map([
  ['Cpu', { noun: 'cores', lever: '--cpus' }],
  ['CPU', { noun: 'cores', lever: '--cpus' }],
  ['Mem', { noun: 'memory', lever: '--mem' }],
  ['Memory', { noun: 'memory', lever: '--mem' }],
  ['GRES', { noun: 'GPUs', lever: '--gpus' }],
  ['Node', { noun: 'nodes' }],
  ['BB', { noun: 'burst buffer space' }],
  ['Billing', { noun: 'billing units' }],
  ['Energy', { noun: 'energy' }],
  ['License', { noun: 'licences' }],
  ['Unknown', { noun: 'a resource of the site' }],
]);

const NAMES = [...RESOURCES.keys()].join('|');
const SCOPE = '(QOS|Assoc)';
const OTHER = 'another --account or --qos';

type Family = readonly [RegExp, (scope: string, resource: Resource) => Waiting];

const pattern = (text: string) => new RegExp(`^${text.replace('R', `(${NAMES})`)}$`);
const whose = (scope: string) => (scope === 'QOS' ? 'jobs of the QOS' : 'jobs of your group');
const less = ({ lever }: Resource) => (lever === undefined ? 'ask for less' : `less ${lever}`);

const FAMILIES: readonly Family[] = [
  [
    pattern(`${SCOPE}GrpR(?:Limit)?`),
    (scope, r) =>
      waiting(
        `${whose(scope)} already use as much as they may: ${r.noun}`,
        'nobody',
        'perhaps',
        `${less(r)}, or ${OTHER}`,
        r.lever,
      ),
  ],
  [
    pattern(`${SCOPE}GrpRMinutes(?:Limit)?`),
    (scope, r) =>
      waiting(
        `the allocation of ${scope === 'QOS' ? 'the QOS' : 'your group'} is used up: minutes of ${r.noun}`,
        'admin',
        'perhaps',
        `a shorter --time, if anything is left, or ${OTHER}`,
        '--time',
      ),
  ],
  [
    pattern(`${SCOPE}GrpRRunMinutes(?:Limit)?`),
    (scope, r) =>
      waiting(
        `running ${whose(scope)} hold all the minutes they may: ${r.noun}`,
        'nobody',
        'perhaps',
        `a shorter --time, or ${OTHER}`,
        '--time',
      ),
  ],
  [
    pattern(`${SCOPE}MaxRPer(?:Job|Node)(?:Limit)?`),
    (scope, r) =>
      waiting(
        `it asks for more than one job of ${scope === 'QOS' ? 'its QOS' : 'your account'} may: ${r.noun}`,
        'you',
        'no',
        `${less(r)}, or ${OTHER}`,
        r.lever,
      ),
  ],
  [
    pattern(`${SCOPE}MaxRMinutesPerJob(?:Limit)?`),
    (_scope, r) =>
      waiting(
        `its walltime times its ${r.noun} is more than one job may have`,
        'you',
        'no',
        `a shorter --time, or ${less(r)}`,
        '--time',
      ),
  ],
  [
    pattern('(QOS)MaxRPerUser(?:Limit)?'),
    (_scope, r) =>
      waiting(
        `you already use as much as you may: ${r.noun}`,
        'you',
        'perhaps',
        `end another job of yours, or ${less(r)}`,
        r.lever,
      ),
  ],
  [
    pattern('()MaxRPerAccount'),
    (_scope, r) =>
      waiting(
        `jobs of your account already use as much as they may: ${r.noun}`,
        'nobody',
        'perhaps',
        `${less(r)}, or ${OTHER}`,
        r.lever,
      ),
  ],
  [
    pattern('()MaxRRunMinsPer(?:User|Account)'),
    (_scope, r) =>
      waiting(
        `your running jobs or your account's hold all the minutes they may: ${r.noun}`,
        'nobody',
        'perhaps',
        `a shorter --time, or ${OTHER}`,
        '--time',
      ),
  ],
  [
    pattern('(QOS)MinR(?:NotSatisfied)?'),
    (_scope, r) =>
      waiting(
        `it asks for less than a job of its QOS must: ${r.noun}`,
        'you',
        'no',
        `${r.lever ? `more ${r.lever}` : 'ask for more'}, or another --qos`,
        r.lever,
      ),
  ],
];

/** Limits of jobs and of walltime, which count no resource. */
const PLAIN: readonly (readonly [RegExp, Waiting])[] = [
  [
    /^(QOS|Assoc)MaxWallDurationPerJobLimit$/,
    waiting('its walltime is longer than one job may have', 'you', 'no', 'a shorter --time', '--time'),
  ],
  [
    /^(QOS|Assoc)GrpWallLimit$/,
    waiting('the walltime of your group is used up', 'admin', 'perhaps', `a shorter --time, or ${OTHER}`, '--time'),
  ],
  [
    /^(QOS|Assoc)Grp(Jobs|SubmitJobs)Limit$/,
    waiting('your group already has as many jobs as it may', 'nobody', 'yes', OTHER),
  ],
  [
    /^(QOSMax(JobsPerUser|SubmitJobPerUser)Limit|AssocMax(Jobs|SubmitJob)Limit)$/,
    waiting('you already have as many jobs as you may', 'you', 'yes', 'end another job of yours'),
  ],
  [/^Max(Submit)?JobsPerAccount$/, waiting('your account already has as many jobs as it may', 'nobody', 'yes', OTHER)],
];

/** undefined: the word is no limit that Slurm has. */
export function limitReached(code: string): Waiting | undefined {
  const plain = PLAIN.find(([name]) => name.test(code))?.[1];
  if (plain !== undefined) return plain;
  for (const [name, words] of FAMILIES) {
    const [, scope = '', resource = ''] = name.exec(code) ?? [];
    const found = RESOURCES.get(resource);
    if (found !== undefined) return words(scope, found);
  }
  return undefined;
}
