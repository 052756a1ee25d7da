/** A session that goes on from a former one: the same work directory, the same origin in the browser (DESIGN 16). */
import type { LaunchArrows } from '../core/arrows.ts';
import type { Cluster } from '../core/cluster.ts';
import type { Bind } from '../core/config.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { Progress } from '../core/progress.ts';
import { endInWords } from './advance.ts';
import type { SessionRecord } from './records.ts';
import { clock } from './words.ts';

export type ContinueWorld = {
  arrows: Pick<LaunchArrows, 'confirm'>;
  /** what the cluster, the agent and the scheduler say of a session now */
  refresh(cluster: Cluster, record: SessionRecord): Promise<SessionRecord>;
  learned(record: SessionRecord): void;
  now(): Date;
};

/** The former session as it is now. One that still lives is waited for by the job itself, once the person agrees. */
export async function* formerOf(
  cluster: Cluster,
  known: SessionRecord,
  world: ContinueWorld,
): AsyncGenerator<Progress, SessionRecord> {
  const former = known.phase === 'ended' ? known : await world.refresh(cluster, known);
  world.learned(former);
  const id = former.id.slice(3, 7);
  const how = 'the same work directory, the same address in the browser';
  if (former.phase === 'ended') {
    const why = former.ended ? ` (${endInWords(former.ended.why)})` : '';
    yield { type: 'note', text: `goes on from ${id}${why}: ${how}` };
    return former;
  }
  if (former.jobId === undefined)
    throw new HpcbinderError('E-SESSION-STATE', {
      message: `session ${id} has no job yet: there is nothing to go on from`,
      hint: `hpcbinder status ${id} tells what is known of it.`,
    });
  const until = former.endsAt ? ` until ${clock(new Date(former.endsAt * 1000), world.now())}` : '';
  await world.arrows.confirm(
    `Session ${id} is not over: job ${former.jobId} goes on${until}, and hpcbinder open ${id} goes back to it. Submit a job that waits for its end?`,
    '--yes',
  );
  yield { type: 'note', text: `starts when ${id} has ended${until ? `,${until} at the latest` : ''}: ${how}` };
  return former;
}

/** What the former session saw, without what only the user's trust in the repository opened: that is decided anew. */
export function bindsOf(former: SessionRecord | undefined, profile: Cluster['profile']): readonly Bind[] {
  return (former?.binds ?? []).filter(({ from }) => from !== profile.home && from !== profile.scratch);
}
