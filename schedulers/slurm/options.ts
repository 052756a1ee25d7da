/**
 * What may stand on sbatch's command line. Everything is one `--name=value` word, so that no value can become an
 * option (SECURITY INJ-06); a space or a newline is refused, not quoted (INJ-01, INJ-02).
 */
import { checkJob, checkResources, EXPRESSION, refuseOption } from '../../core/request.ts';
import type { JobSpec, ResourceRequest } from '../../core/scheduler.ts';
import { clockTime } from '../../core/units.ts';

/** Ours, or what would make it another kind of job than the one that we follow. */
const REFUSED: readonly (readonly [names: string, why: string])[] = [
  ['partition account qos reservation constraint', 'It has a flag of its own.'],
  ['time', 'Use --time of hpcbinder.'],
  ['mem mem-per-cpu mem-per-gpu', 'Use --mem of hpcbinder.'],
  ['gpus gpus-per-node gpus-per-task gpus-per-socket tres-per-task', 'Use --gpus of hpcbinder.'],
  ['nodes ntasks ntasks-per-node ntasks-per-core ntasks-per-gpu', 'A session is one task on one node.'],
  ['cpus-per-task cpus-per-gpu', 'Use --cpus of hpcbinder.'],
  ['job-name comment chdir output error input open-mode parsable no-requeue requeue', 'hpcbinder sets it itself.'],
  [
    'array wrap export export-file get-user-env clusters uid gid wait test-only help usage version',
    'It has no place here.',
  ],
  ['container container-id bb bbf quiet verbose', 'It has no place here.'],
];
/** Joined by comma with ours, for a second one would replace the first. */
const JOINED = ['dependency', 'gres'];

/** Throws E-OPTION at a word that is not `--name` or `--name=value`, or that would take the job out of our hands. */
export function checkExtra(words: readonly string[]): void {
  for (const word of words) {
    const [, name, value] = /^--([a-z][a-z0-9_-]*)(?:=(.*))?$/.exec(word) ?? [];
    if (name === undefined) refuseOption('the option', word, 'Write one option as --name=value, without spaces.');
    // getopt takes every unambiguous beginning of a name: --wra=id is --wrap=id
    const refused = REFUSED.find(([names]) => names.split(' ').some((full) => full.startsWith(name)));
    if (refused !== undefined) refuseOption('the option', word, refused[1]);
    if (value !== undefined && !EXPRESSION.test(value)) {
      refuseOption('the option', word, 'Its value is empty or has a character that is not allowed.');
    }
    const joined = JOINED.find((full) => full.startsWith(name));
    if (joined !== undefined && (joined !== name || value === undefined)) {
      refuseOption('the option', word, `Write it as --${joined}=value.`);
    }
    if (name === 'gres' && /(^|,)gpu/.test(value ?? '')) refuseOption('the option', word, 'Use --gpus of hpcbinder.');
  }
}

/** Throws E-OPTION. */
export function checkRequest(request: ResourceRequest): void {
  checkResources(request);
  checkExtra(request.extra);
}

/** sbatch's words for what the job needs; the same for a submit and for an estimate. */
export function requestWords(request: ResourceRequest): string[] {
  checkRequest(request);
  const { partition, account, qos, reservation, constraint } = request;
  const gres = gresOf(request);
  const named = Object.entries({ partition, account, qos, reservation, constraint, gres });
  return [
    '--nodes=1',
    '--ntasks=1',
    `--cpus-per-task=${request.cpus}`,
    `--mem=${request.memoryMb}M`,
    `--time=${clockTime(request.seconds)}`,
    ...named.flatMap(([name, value]) => (value === undefined ? [] : [`--${name}=${value}`])),
    ...request.extra.filter((word) => !JOINED.some((name) => word.startsWith(`--${name}=`))),
  ];
}

/** GPUs, and what else was given; not --gpus-per-node, which needs SelectType=select/cons_tres. */
export function gresOf(request: ResourceRequest): string | undefined {
  const { gpus, gpuType } = request;
  const gpu = gpus > 0 ? [`gpu:${gpuType === undefined ? '' : `${gpuType}:`}${gpus}`] : [];
  return [...gpu, ...given(request, 'gres')].join(',') || undefined;
}

/** sbatch's words for the job itself: name, place and log. */
export function jobWords(job: JobSpec): string[] {
  const log = `${job.directory}/${job.log}`;
  checkJob(job, /^[0-9]+$/);
  // a backslash switches the patterns of --output off, so it can't be escaped
  if (log.includes('\\')) refuseOption('the directory', log, 'It must be without backslashes.');
  const after = job.after === undefined ? [] : [`afterany:${job.after}`];
  return [
    `--job-name=${job.tag}`,
    // the name is used once, so a duplicate of a submit whose answer was lost waits for the first (SECURITY F-11)
    `--dependency=${['singleton', ...after, ...given(job.request, 'dependency')].join(',')}`,
    '--no-requeue',
    `--chdir=${job.directory}`,
    `--output=${log.replaceAll('%', '%%')}`,
    '--open-mode=append',
    `--comment=${job.comment}`,
  ];
}

function given(request: ResourceRequest, name: string): string[] {
  return request.extra.filter((word) => word.startsWith(`--${name}=`)).map((word) => word.slice(name.length + 3));
}
