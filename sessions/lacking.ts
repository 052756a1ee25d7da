/** What the login node has and the compute node has not: as common as it is hard to see from a failed job. Pure. */
import type { ClusterProfile } from '../core/cluster.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { Session } from '../core/session.ts';

type Lacking = { profile: ClusterProfile };

/**
 * `said`: lines of the job's and the agent's logs and the reason of its end, and none of the app's. Texts, for there is nothing
 * else that every such end leaves: without a Python no agent runs that could write a structured word, without its directory
 * none could keep one, and the exit status reaches us only where a scheduler keeps it (PBS forgets it by default, Slurm's queue
 * after minutes). They are our own sentences (job.sh, app.py, work.py) around the system's words for an errno.
 */
export function lackingOnNode(cluster: Lacking, session: Session, said: readonly string[]): HpcbinderError | undefined {
  // first: a command that is missing ends the making of the work directory, too
  return lackingCommand(cluster, said) ?? lackingDirectory(cluster, session, said);
}

function lackingCommand({ profile }: Lacking, said: readonly string[]): HpcbinderError | undefined {
  const { python, container, host } = profile;
  const missing = (command: string) =>
    [
      `this node has no ${command}`,
      `${command} cannot be started: No such file or directory`,
      `No such file or directory: '${command}'`,
    ].some((words) => said.some((line) => line.includes(words)));
  const fault = (code: 'E-NO-PYTHON' | 'E-NO-CONTAINER', command: string, key: string) =>
    new HpcbinderError(code, {
      message: `the compute node has no ${command}`,
      hint: `Name one that the compute nodes of ${host} have, in the cluster's entry: ${key}: /path/to/${key === 'python' ? 'python3' : key}`,
      evidence: said.filter((line) => line.includes(command)).slice(-2),
    });
  if (missing(python)) return fault('E-NO-PYTHON', python, 'python');
  return missing(container.command) ? fault('E-NO-CONTAINER', container.command, container.flavor) : undefined;
}

/** ENOENT, EACCES, ENOTDIR, EROFS, ESTALE */
const UNUSABLE = /: \[Errno (?:2|13|20|30|116)\] ([A-Za-z -]+)/;

/** A home that is missing, read-only or elsewhere on the compute nodes (SECURITY F-42). */
function lackingDirectory({ profile }: Lacking, session: Session, said: readonly string[]): HpcbinderError | undefined {
  const node = session.job?.nodes[0] ?? 'the compute node';
  if (session.job?.unopened)
    return unusable(
      profile,
      `the node could not open ${session.directory}: missing, read-only or another one on ${node}`,
    );
  const line = said.find((each) => each.includes(`the work directory ${session.workDirectory}: `));
  const [, why] = UNUSABLE.exec(line ?? '') ?? [];
  if (why === undefined) return undefined;
  return unusable(
    profile,
    `the work directory ${session.workDirectory} cannot be used on ${node}: ${why.toLowerCase()}`,
  );
}

function unusable({ host, scratch }: ClusterProfile, message: string): HpcbinderError {
  const place = scratch === undefined ? '/SHARED' : `${scratch}/hpcbinder`;
  return new HpcbinderError('E-NODE-DIRECTORY', {
    message,
    hint: `Sessions need directories that the login node and the compute nodes of ${host} share and may write. In the cluster's entry: state_dir: ${place}/state and work_dir: ${place}/work`,
  });
}
