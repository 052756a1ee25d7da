/**
 * Reasons that are limits of an account or a QOS. Their names are put together of whose limit it is, how it counts and what
 * (`AssocGrpCPUMinutesLimit`, `QOSMaxGRESPerUser`), and so are the words. https://slurm.schedmd.com/resource_limits.html
 */
import {
  firstMatch,
  less,
  RESOURCE,
  type Resource,
  SAID,
  theyUseAll,
  type Waiting,
  waiting,
  youUseAll,
} from '../../core/waiting.ts';

const RESOURCES: ReadonlyMap<string, Resource> = new Map([
  ['Cpu', RESOURCE.cores],
  ['CPU', RESOURCE.cores],
  ['Mem', RESOURCE.memory],
  ['Memory', RESOURCE.memory],
  ['GRES', RESOURCE.gpus],
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

const FAMILIES: readonly Family[] = [
  [pattern(`${SCOPE}GrpR(?:Limit)?`), (scope, r) => theyUseAll(whose(scope), r, `${less(r)}, or ${OTHER}`)],
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
  [pattern('(QOS)MaxRPerUser(?:Limit)?'), (_scope, r) => youUseAll(r)],
  [pattern('()MaxRPerAccount'), (_scope, r) => theyUseAll('jobs of your account', r, `${less(r)}, or ${OTHER}`)],
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
const PLAIN: readonly (readonly [RegExp, ...said: Parameters<typeof waiting>])[] = [
  [/^(QOS|Assoc)MaxWallDurationPerJobLimit$/, 'its walltime is longer than one job may have', 'you', 'no', '--time'],
  [
    /^(QOS|Assoc)GrpWallLimit$/,
    'the walltime of your group is used up',
    'admin',
    'perhaps',
    `a shorter --time, or ${OTHER}`,
    '--time',
  ],
  [/^(QOS|Assoc)Grp(Jobs|SubmitJobs)Limit$/, ...SAID.enoughOfGroup, OTHER],
  [/^(QOSMax(JobsPerUser|SubmitJobPerUser)Limit|AssocMax(Jobs|SubmitJob)Limit)$/, ...SAID.enoughJobs],
  [/^Max(Submit)?JobsPerAccount$/, 'your account already has as many jobs as it may', 'nobody', 'yes', OTHER],
];

/** undefined: the word is no limit that Slurm has. */
export function limitReached(code: string): Waiting | undefined {
  const plain = firstMatch(PLAIN, code);
  if (plain !== undefined) return plain;
  for (const [name, words] of FAMILIES) {
    const [, scope = '', resource = ''] = name.exec(code) ?? [];
    const found = RESOURCES.get(resource);
    if (found !== undefined) return words(scope, found);
  }
  return undefined;
}
