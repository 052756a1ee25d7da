/** What may stand on qsub's command line: an option and its value as two words, both by a grammar (SECURITY INJ-06, INJ-11). */
import { checkJob, checkResources, refuseOption } from '../../core/request.ts';
import { type JobSpec, type ResourceRequest, SERVER_LOG } from '../../core/scheduler.ts';
import { clockTime } from '../../core/units.ts';
import { JOB_ID } from './answers.ts';

/** `-l place=excl`, `-W depend=afterok:12.pbs`, `-p 100`: the letters that leave the job ours. */
const OPTION = /^-([laApPW]) ?([A-Za-z0-9_][A-Za-z0-9_.@+:=,^/[\]-]{0,510})$/;
const OURS_IN_L = /(^|,)(select|nodes|walltime|mem|vmem|ncpus|ngpus|procs)=/;
const ALLOWED_IN_W = /^(depend|group_list)=/;
/** Joined with ours, for a second one would replace the first. */
const DEPEND = /^-W ?depend=(.*)$/;
/** Of a chunk: `model=a100`, `model=a100:site=x`. */
const CHUNK = /^[A-Za-z][A-Za-z0-9_]*=[A-Za-z0-9_.+-]+(:[A-Za-z][A-Za-z0-9_]*=[A-Za-z0-9_.+-]+)*$/;

/** Throws E-OPTION at a word that is not one of qsub's options with its value, or would take the job out of our hands. */
export function checkExtra(words: readonly string[]): void {
  for (const word of words) {
    const [, letter, value = ''] = OPTION.exec(word) ?? [];
    if (letter === undefined) {
      refuseOption('the option', word, 'One of -l -a -A -p -P -W with its value, like --qsub "-l place=excl".');
    }
    if (letter === 'l' && OURS_IN_L.test(value)) {
      refuseOption('the option', word, 'Use --cpus, --mem, --gpus, --time and --constraint of hpcbinder.');
    }
    if (letter === 'W' && !ALLOWED_IN_W.test(value)) {
      refuseOption('the option', word, 'Of -W only depend and group_list are allowed.');
    }
  }
}

/** What other schedulers have. */
const FOREIGN = {
  qos: 'PBS has none; queues take its place (--queue).',
  reservation: 'A reservation of PBS is a queue of its own: --queue R123.',
  gpuType: 'Sites name it differently: --constraint gpu_type=a100 or alike.',
};

/** Throws E-OPTION. */
export function checkRequest(request: ResourceRequest): void {
  checkResources(request, FOREIGN);
  checkExtra(request.extra);
  if (request.constraint !== undefined && !CHUNK.test(request.constraint))
    refuseOption('the constraint', request.constraint, 'Write resources of a chunk like model=a100:site=x.');
}

/** qsub's words for what the job needs: one chunk on one node. */
function requestWords(request: ResourceRequest): string[] {
  checkRequest(request);
  const { cpus, memoryMb, seconds, gpus, partition, account, constraint } = request;
  const chunk = [`ncpus=${cpus}`, `mem=${memoryMb}mb`, ...(gpus > 0 ? [`ngpus=${gpus}`] : [])];
  if (constraint !== undefined) chunk.push(constraint);
  return [
    ...['-l', `select=1:${chunk.join(':')}`, '-l', `walltime=${clockTime(seconds, { days: false })}`],
    ...(partition === undefined ? [] : ['-q', partition]),
    ...(account === undefined ? [] : ['-A', account]),
    ...request.extra.filter((word) => !DEPEND.test(word)).flatMap((word) => [word.slice(0, 2), word.slice(2).trim()]),
  ];
}

/**
 * The server starts a job in the user's home directory and brings its output only at its end: the job goes to its own
 * directory and writes its own log. No quotes, for qstat has to bring them back as JSON. Words: directory, script, log.
 */
const START = 'set -f; IFS=; cd $1 && exec /bin/sh $2 >>$3 2>&1';

/**
 * qsub's words. Nothing by -v or -V: everybody can read them (SECURITY TOK-04). What the server itself brings at the end, the
 * words of prologues, goes beside the log; its path is relative, for qsub refuses one that is not ASCII (prepare_path.c).
 * -m n: no mail to anybody.
 */
export function submitWords(job: JobSpec, scriptPath: string): string[] {
  checkJob(job, JOB_ID);
  const after = job.after === undefined ? [] : [`afterany:${job.after}`];
  const depend = [...after, ...job.request.extra.flatMap((word) => DEPEND.exec(word)?.[1] ?? [])];
  return [
    ...['qsub', '-N', job.tag, '-r', 'n', '-m', 'n', '-j', 'oe', '-o', SERVER_LOG, '-W', 'umask=077'],
    ...(depend.length === 0 ? [] : ['-W', `depend=${depend.join(',')}`]),
    ...requestWords(job.request),
    ...['--', '/bin/sh', '-c', START, 'sh', job.directory, scriptPath, job.log],
  ];
}
