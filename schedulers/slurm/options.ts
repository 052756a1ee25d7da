/**
 * What may stand on sbatch's command line. Everything is one `--name=value` word, so that no value can become an
 * option (SECURITY INJ-06); a space or a newline is refused, not quoted (INJ-01, INJ-02).
 */
import { HpcbinderError } from '../../core/errors.ts';
import { SESSION_ID } from '../../core/ids.ts';
import type { JobSpec, ResourceRequest } from '../../core/scheduler.ts';
import { cutMiddle, harmless, hasControls } from '../../core/text.ts';
import { clockTime } from '../../core/units.ts';

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.@+:,-]{0,254}$/;
/** Of constraints and node lists: `a100&(ib|roce)`, `[rack1|rack2]`, `c[1-3]`, `gpu*2` */
const EXPRESSION = /^[A-Za-z0-9_([!][A-Za-z0-9_.@+:=,/&|*!()[\]-]{0,510}$/;
const EXTRA = /^--([a-z][a-z0-9_-]*)(?:=(.*))?$/;

/** Ours, or with a flag of their own at `launch`; the rest would make it another kind of job than the one we follow. */
const REFUSED = new Map<string, string>([
  ...['partition', 'account', 'qos', 'reservation', 'constraint', 'time'].map((n) => [n, `use --${n}`] as const),
  ...['mem', 'mem-per-cpu', 'mem-per-gpu'].map((n) => [n, 'use --mem'] as const),
  ...['gpus', 'gpus-per-node', 'gpus-per-task', 'gpus-per-socket', 'tres-per-task'].map(
    (n) => [n, 'use --gpus'] as const,
  ),
  ...['cpus-per-task', 'cpus-per-gpu', 'ntasks', 'ntasks-per-node', 'ntasks-per-core', 'ntasks-per-gpu', 'nodes'].map(
    (n) => [n, 'a session is one task on one node; use --cpus'] as const,
  ),
  ...['job-name', 'comment', 'chdir', 'output', 'error', 'input', 'open-mode', 'parsable', 'no-requeue', 'requeue'].map(
    (n) => [n, 'hpcbinder sets it itself'] as const,
  ),
  ...['array', 'wrap', 'export', 'export-file', 'get-user-env', 'clusters', 'cluster', 'uid', 'gid', 'wait'].map(
    (n) => [n, 'a session cannot be run so'] as const,
  ),
  ...[
    'test-only',
    'help',
    'usage',
    'version',
    'quiet',
    'verbose',
    'autocomplete',
    'container',
    'container-id',
    'bb',
  ].map((n) => [n, 'a session cannot be run so'] as const),
]);
/** These may be named more than once: they are joined by comma with ours, for a second one would replace the first. */
const JOINED = ['dependency', 'gres'];

function no(what: string, word: string, hint: string): never {
  throw new HpcbinderError('E-OPTION', { message: `${what} ${cutMiddle(harmless(word), 80)} cannot be used`, hint });
}

/** Throws E-OPTION at the first word that is not `--name` or `--name=value`, or that would take the job out of our hands. */
export function checkExtra(words: readonly string[]): void {
  for (const word of words) {
    const [, name, value] = EXTRA.exec(word) ?? [];
    if (name === undefined) no('the option', word, 'Write one option as --name=value, without spaces.');
    if (value !== undefined && !EXPRESSION.test(value))
      no('the option', word, 'Its value has a character that is not allowed.');
    if (JOINED.includes(name)) {
      if (value === undefined) no('the option', word, `Write it as --${name}=value.`);
      if (/(^|,)gpu/.test(value) && name === 'gres') no('the option', word, 'use --gpus');
      continue;
    }
    // getopt takes every unambiguous beginning of a name: --wra=id is --wrap=id
    const refused = [...REFUSED.keys(), ...JOINED].find((full) => full === name || full.startsWith(name));
    if (refused !== undefined) no('the option', word, REFUSED.get(refused) ?? `Write the whole name: --${refused}.`);
  }
}

function inRange(what: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    no(what, String(value), `It must be a whole number from ${least} to ${most}.`);
  }
}

/** Throws E-OPTION: what no site can mean, before any site is asked (SECURITY ABU-08). */
export function checkRequest(request: ResourceRequest): void {
  inRange('the number of cores', request.cpus, 1, 65_535);
  inRange('the memory in MiB', request.memoryMb, 1, 1 << 30);
  inRange('the walltime in seconds', request.seconds, 1, 366 * 86_400);
  inRange('the number of GPUs', request.gpus, 0, 1024);
  for (const field of ['partition', 'account', 'qos', 'reservation', 'gpuType', 'constraint'] as const) {
    const value = request[field];
    const grammar = field === 'constraint' ? EXPRESSION : NAME;
    if (value !== undefined && !grammar.test(value))
      no(`the ${field}`, `"${value}"`, 'It has a character that is not allowed.');
  }
  checkExtra(request.extra);
}

/** sbatch's words for what the job needs; the same for a submit and for an estimate. */
export function requestWords(request: ResourceRequest): string[] {
  checkRequest(request);
  const gpus = request.gpus > 0 ? [`gpu:${request.gpuType ? `${request.gpuType}:` : ''}${request.gpus}`] : [];
  const named: readonly (readonly [string, string | undefined])[] = [
    ['partition', request.partition],
    ['account', request.account],
    ['qos', request.qos],
    ['reservation', request.reservation],
    ['constraint', request.constraint],
    // not --gpus-per-node: that one needs SelectType=cons_tres
    ['gres', [...gpus, ...extrasOf(request, 'gres')].join(',') || undefined],
  ];
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

/** sbatch's words for the job itself: name, place and log. */
export function jobWords(job: JobSpec): string[] {
  if (!SESSION_ID.test(job.tag)) no('the job name', job.tag, 'It must be a session id.');
  const log = `${job.directory}/${job.log}`;
  // a backslash switches the patterns of --output off, so it can't be escaped
  if (!log.startsWith('/') || /[\\\n]/.test(log) || hasControls(log))
    no('the directory', job.directory, 'Choose a plain path.');
  if (hasControls(job.comment)) no('the comment', job.comment, 'It has control characters.');
  return [
    `--job-name=${job.tag}`,
    // the name is used once, so a duplicate of a submit whose answer was lost waits for the first (SECURITY F-11)
    `--dependency=${['singleton', ...extrasOf(job.request, 'dependency')].join(',')}`,
    '--no-requeue',
    `--chdir=${job.directory}`,
    `--output=${log.replaceAll('%', '%%')}`,
    '--open-mode=append',
    `--comment=${job.comment}`,
  ];
}

function extrasOf(request: ResourceRequest, name: string): string[] {
  return request.extra.filter((word) => word.startsWith(`--${name}=`)).map((word) => word.slice(name.length + 3));
}
