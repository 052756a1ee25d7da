/** Two clocks: the cluster's, by which its agents and its scheduler speak, and this machine's, which the person looks at (SECURITY F-46). */
import type { Session } from '../core/session.ts';

/** Less is the way of the answer, and whole seconds. */
const SAME_SECONDS = 3;

/** By how many seconds this machine's clock is ahead of the cluster's, which said `theirs` (epoch seconds) a moment ago. */
export function aheadOf(theirs: number, now: Date): number {
  const ahead = Math.round(now.getTime() / 1000 - theirs);
  return Math.abs(ahead) < SAME_SECONDS ? 0 : ahead;
}

/** A moment of the cluster's clock, in epoch seconds, by this machine's. */
export function hereAt({ localAhead = 0 }: Pick<Session, 'localAhead'>, seconds: number): Date {
  return new Date((seconds + localAhead) * 1000);
}

/** Seconds from now to a moment of the cluster's clock. */
export function secondsUntil(session: Pick<Session, 'localAhead'>, seconds: number, now: Date): number {
  return (hereAt(session, seconds).getTime() - now.getTime()) / 1000;
}
