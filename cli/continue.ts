/** `launch --continue ID`: what a launch takes over from a session that is over, or soon will be. */
import { HpcbinderError } from '../core/errors.ts';
import { namesOfCode } from '../core/variables.ts';
import type { SessionRecord } from '../sessions/records.ts';
import type { Flags } from './flags.ts';
import { shortId } from './words.ts';

export type Continued = { repo: string | undefined; flags: Flags };

/** What the person typed wins over what the session had; what would contradict the flag is refused. */
export function continued(from: SessionRecord, repo: string | undefined, flags: Flags): Continued {
  const id = shortId(from.id);
  const refuse = (message: string, hint: string) => new HpcbinderError('E-USAGE', { message, hint });
  if (repo !== undefined || flags.sif !== undefined)
    throw refuse(
      `--continue ${id} goes on with ${from.repo.shown}; no other repository can be named`,
      `hpcbinder launch --continue ${id}`,
    );
  if (flags.fresh === true)
    throw refuse('--fresh and --continue exclude each other', 'Without --continue a new work directory is made.');
  if (flags.cluster !== undefined && flags.cluster !== from.cluster)
    throw refuse(
      `the work directory of ${id} lies on ${from.cluster}`,
      'Leave --cluster out, or launch the repository anew.',
    );
  const { url } = from.repo;
  const local = url?.startsWith('/') === true;
  return {
    repo: url,
    flags: {
      ...asked(from, flags),
      cluster: from.cluster,
      ...(url === undefined ? { sif: from.sif } : {}),
      ...(local ? { local: true } : {}),
      // the very commit; of a branch that went on since, --ref BRANCH takes the newest
      ...(url !== undefined && !local && from.repo.commit ? { ref: from.repo.commit } : {}),
      ...present(flags),
      ...variables(from, flags),
    },
  };
}

/** The session's own request and limits, as they are typed. */
function asked({ request, app, limits }: SessionRecord, flags: Flags): Flags {
  const { partition, cpus, memoryMb, seconds, gpus, gpuType, account, qos, reservation, constraint, extra } = request;
  const elsewhere = (flags.partition ?? flags.queue) !== undefined;
  return {
    ...(flags.queue === undefined ? { partition } : {}),
    cpus: String(cpus),
    mem: `${memoryMb}M`,
    time: `${seconds}s`,
    // another partition may have other GPUs, or none
    ...(elsewhere ? {} : { gpus: gpuType === undefined ? String(gpus) : `${gpuType}:${gpus}` }),
    account,
    qos,
    reservation,
    constraint,
    ...(typedWords(flags) ? {} : { [extra.some((word) => word.startsWith('--')) ? 'sbatch' : 'qsub']: [...extra] }),
    app,
    idle: `${limits.idleSeconds}s`,
    ...(limits.maxAgeSeconds === undefined ? {} : { maxAge: `${limits.maxAgeSeconds}s` }),
  };
}

function typedWords({ sbatch, qsub }: Flags): boolean {
  return [sbatch, qsub].some((words) => Array.isArray(words) && words.length > 0);
}

/** What was typed: an empty list is commander's own default. */
function present(flags: Flags): Flags {
  return Object.fromEntries(
    Object.entries(flags).filter(([, value]) => value !== undefined && !(Array.isArray(value) && value.length === 0)),
  );
}

/** What the session had set inside, and what was typed, which wins. */
function variables({ variables: before = [] }: SessionRecord, flags: Flags): Flags {
  const typed = (key: string) => (Array.isArray(flags[key]) ? (flags[key] as string[]) : []);
  return {
    env: [...before.map(([name, value]) => `${name}=${value}`), ...typed('env')],
    allowEnv: [...namesOfCode(before), ...typed('allowEnv')],
  };
}
