/** `extend`: the scheduler is asked for more walltime; where it gives it, agent, record and warnings follow. */
import type { Cluster } from '../core/cluster.ts';
import { orThrow } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { Extension } from '../core/scheduler.ts';
import { quoteWords } from '../core/shell.ts';
import { ask } from '../core/transport.ts';
import { duration, durationWord, parseDuration } from '../core/units.ts';
import { endInWords } from '../sessions/advance.ts';
import { hereAt, secondsUntil } from '../sessions/clocks.ts';
import { controlRequest } from '../sessions/control.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { saveSession } from '../sessions/remote.ts';
import { jobOf } from '../sessions/watch.ts';
import { clock } from '../sessions/words.ts';
import { disposable, findLocal, freshRecord } from './find.ts';
import type { Flags } from './flags.ts';
import { refreshed } from './refresh.ts';
import { plain } from './terminal.ts';
import { relaunchWords, shortId } from './words.ts';
import { localRecords, toAgent } from './world.ts';

type Running = SessionRecord & { jobId: string };

/** `time` is what is added, like 2h or +30m. Throws E-LIMIT where the scheduler says no, with the command that goes on. */
export async function extend(id: string, time: string, flags: Flags): Promise<number> {
  const seconds = parseDuration(time.replace(/^\+/, ''));
  const found = findLocal(id);
  await using cluster = await disposable(found);
  const record = running(await refreshed(cluster.value, await freshRecord(cluster.value, found)));
  localRecords().save(record);
  if (flags.dryRun === true) {
    const question = cluster.value.scheduler.extend(record.jobId, seconds, total(record, seconds));
    return dryRun(question.command.argv, record, flags);
  }
  const now = await extended(cluster.value, record, seconds);
  localRecords().save(now);
  if (flags.json) {
    const { id: session, endsAt, request } = now;
    process.stdout.write(`${JSON.stringify({ type: 'extended', id: session, endsAt, seconds: request.seconds })}\n`);
  } else process.stderr.write(plain(`${inWords(now, seconds)}\n`));
  return 0;
}

/** Asks the scheduler; agent and record follow. E-LIMIT where it says no. */
export async function extended(cluster: Cluster, before: SessionRecord, seconds: number): Promise<SessionRecord> {
  const record = running(before);
  const question = cluster.scheduler.extend(record.jobId, seconds, total(record, seconds));
  const answer = orThrow(await ask(cluster.transport, question));
  if (answer !== 'extended') throw refusal(answer, record, seconds);
  return moved(cluster, record, seconds);
}

function running(record: SessionRecord): Running {
  const { jobId } = record;
  if (record.phase !== 'ended' && jobId !== undefined) return { ...record, jobId };
  const how = record.phase === 'ended' ? `is over: ${endInWords(record.ended?.why ?? 'lost')}` : 'has no job yet';
  throw new HpcbinderError('E-SESSION-STATE', {
    message: `session ${shortId(record.id)} ${how}`,
    hint: 'Its work is kept.',
    next: relaunchWords(record),
  });
}

/** Slurm's rule: scontrol(1), TimeLimit: "only the Slurm administrator or an operator can increase a job's TimeLimit". */
function refusal(answer: Exclude<Extension, 'extended'>, record: Running, seconds: number): HpcbinderError {
  const why = {
    'not-permitted':
      'this scheduler lets the owner of a job only shorten it; an administrator of the cluster can extend it',
    'over-limit': 'this is over a limit of the partition or of your account',
    over: `job ${record.jobId} has ended`,
  }[answer];
  const until = record.endsAt ? `, it ends at ${clock(hereAt(record, record.endsAt), new Date())}` : '';
  return new HpcbinderError('E-LIMIT', {
    message: `session ${shortId(record.id)} was not extended${until}: ${why}`,
    hint: 'Your work is kept: a new job goes on with it, at the same address.',
    // whole minutes, as schedulers count
    next: [...relaunchWords(record), '--time', durationWord(Math.ceil(seconds / 60) * 60)],
  });
}

/** From its start; in whole minutes, as schedulers count. */
function total(record: Running, seconds: number): number {
  return record.request.seconds + Math.ceil(seconds / 60) * 60;
}

/** The new end is the scheduler's own; the agent is told, for its warnings and its own end in order. */
async function moved(cluster: Cluster, record: Running, seconds: number): Promise<SessionRecord> {
  const { transport, scheduler, profile } = cluster;
  const known = orThrow(await ask(transport, scheduler.status([jobOf(record)], profile.uid))).get(record.jobId);
  const endsAt = known?.state === 'running' ? known.endsAt : undefined;
  if (record.address && endsAt !== undefined)
    await controlRequest(toAgent(cluster, record), record.id, record.secrets, { verb: 'ends', at: endsAt });
  const request = { ...record.request, seconds: total(record, seconds) };
  const now = { ...record, request, ...(endsAt === undefined ? {} : { endsAt }) };
  orThrow(await ask(transport, saveSession(profile, now)));
  return now;
}

function inWords(record: SessionRecord, seconds: number): string {
  const id = shortId(record.id);
  const more = `${duration(seconds)} more`;
  if (!record.endsAt || !record.address) return `${id} has ${more}: ${duration(record.request.seconds)} once it runs`;
  const left = duration(Math.max(60, secondsUntil(record, record.endsAt, new Date())));
  return `${id} has ${more}: it ends at ${clock(hereAt(record, record.endsAt), new Date())}, in ${left}`;
}

function dryRun(argv: readonly string[], record: SessionRecord, flags: Flags): number {
  if (flags.json)
    process.stdout.write(`${JSON.stringify({ type: 'dry-run', id: record.id, endsAt: record.endsAt, argv })}\n`);
  else process.stdout.write(plain(`${quoteWords(argv)}\n# nothing was done\n`));
  return 0;
}
