/** `doctor`: a compute node, looked at by a job of one minute; asked first. */
import type { Cluster } from '../core/cluster.ts';
import { asHpcbinderError, HpcbinderError } from '../core/errors.ts';
import type { JobEvent } from '../core/jobs.ts';
import { harmless } from '../core/text.ts';
import { duration, parseDuration } from '../core/units.ts';
import { type Finding, Findings } from '../sessions/doctor/finding.ts';
import { lookAtNode } from '../sessions/doctor/job.ts';
import type { Machine } from '../sessions/doctor/look.ts';
import { judgeNode } from '../sessions/doctor/node.ts';
import { decideRequest } from '../sessions/request.ts';
import type { Choice } from './connect.ts';
import type { Flags } from './flags.ts';
import { eraseMoving, isTerminal, plain, prompter } from './terminal.ts';
import { PRODUCT } from './version.ts';

const REQUEST = { seconds: 60, cpus: 1, memoryMb: 1000 };
const MAX_WAIT = '10m';

type Asked = { cluster: Cluster; choice: Choice; login: Machine; flags: Flags; doing: (text: string) => void };

export async function nodeFindings(
  asked: Asked,
  signal: AbortSignal,
): Promise<{ findings: Finding[]; node?: Machine }> {
  const found = new Findings('node');
  try {
    return await looked(asked, found, signal);
  } catch (error) {
    if (signal.aborted) throw cancelled();
    const { message, hint, code } = asHpcbinderError(error);
    if (code === 'E-INTERNAL') throw error;
    found.broken('job', `The job that looks at a node failed: ${message}.`, 'A launch meets the same.', hint ?? '');
    return { findings: found.all };
  }
}

async function looked(
  { cluster, choice, login, flags, doing }: Asked,
  found: Findings,
  signal: AbortSignal,
): Promise<{ findings: Finding[]; node?: Machine }> {
  const { profile, partitions, allowance } = cluster;
  const { partition, account, qos } = choice.entry.defaults ?? {};
  const wanted = typeof flags.partition === 'string' ? flags.partition : undefined;
  const { request } = decideRequest({
    flags: wanted ? { partition: wanted } : {},
    repository: {},
    site: { ...REQUEST, ...(partition ? { partition } : {}), ...(account ? { account } : {}), ...(qos ? { qos } : {}) },
    partitions,
    ...(allowance ? { allowance } : {}),
  });
  const where = request.partition ?? 'the default partition';
  if (!(await agreed(where, flags))) {
    found.note(
      'job',
      'No compute node was looked at.',
      'What a job finds there is not known.',
      `hpcbinder doctor ${profile.name} --yes submits a job of one minute (--partition chooses where).`,
    );
    return { findings: found.all };
  }
  const most = parseDuration(typeof flags.maxWait === 'string' ? flags.maxWait : MAX_WAIT);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(), most * 1000);
  let waits = '';
  const on = (event: JobEvent) => {
    if (event.type === 'submitted') {
      doing(`job ${event.id} looks at a node of ${where} (ctrl-C ends it)`);
      if (!isTerminal) process.stderr.write(plain(`job ${event.id} looks at a node of ${where}\n`));
    } else if (event.type === 'status') {
      const { state, reason = '', waiting } = event.status;
      if (state !== 'pending') clearTimeout(timer);
      waits = state === 'pending' ? harmless(waiting?.means ?? reason) : '';
      if (state === 'pending') doing(`the job waits: ${waits}`);
      else if (state === 'running') doing(`the job runs on ${event.status.nodes.join(', ')}`);
    }
  };
  const binds = profile.binds.map(({ from }) => from.replace(/^~(?=\/|$)/, () => profile.home));
  const how = { request, binds, product: PRODUCT, on, signal: AbortSignal.any([signal, late.signal]) };
  try {
    const look = await lookAtNode(cluster, how);
    if (signal.aborted) throw cancelled();
    const { node, said } = look;
    if (node.host === '') {
      found.broken(
        'job',
        `The job on ${where} ran and left no answer${said.length > 0 ? `: ${said.at(-1)}` : ''}.`,
        'A session there ends before its app starts.',
        `Its node may not see ${profile.stateDir}: state_dir in the cluster's entry names another place.`,
      );
      return { findings: found.all };
    }
    const seen = { ...look, profile, login, binds, partition: where, gpus: request.gpus };
    return { findings: judgeNode(seen), node };
  } catch (error) {
    if (!late.signal.aborted || signal.aborted) throw error;
    found.warning(
      'job',
      `The job to look at a node of ${where} did not start within ${duration(most)}${waits ? `: ${waits}` : ''}.`,
      'No compute node was looked at; the job was cancelled.',
      'Another --partition, or a longer --max-wait.',
    );
    return { findings: found.all };
  } finally {
    clearTimeout(timer);
    eraseMoving();
  }
}

async function agreed(where: string, flags: Flags): Promise<boolean> {
  if (flags.job === false) return false;
  if (flags.yes === true) return true;
  const person = prompter();
  return (await person?.confirm(`Look at a compute node too, by a job of one minute on ${where}?`, true)) ?? false;
}

function cancelled(): HpcbinderError {
  return new HpcbinderError('E-CANCELLED', { message: 'cancelled: the job was ended, nothing is left on the cluster' });
}
