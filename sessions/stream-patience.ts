/** How long a numbered stream waits for what, milliseconds. */
export type Patience = {
  /** how often it is looked at */
  tickMs: number;
  /** unheard for so long, the agent is asked for a sign of life */
  quietMs: number;
  /** a connection without an answer for so long is left for a new one: nothing is lost by doing so in error */
  answerMs: number;
  /** the same on waking up, when the tunnel is likely gone */
  wokenMs: number;
  /** for one attempt at a new connection */
  attemptMs: number;
  /** between attempts, growing up to this */
  pauseMs: number;
  /** as long as the agent keeps the app's side open */
  awayMs: number;
  /** for the bytes received last to be acknowledged */
  settleMs: number;
};

export const PATIENCE: Patience = {
  tickMs: 3_000,
  quietMs: 12_000,
  answerMs: 15_000,
  wokenMs: 4_000,
  attemptMs: 20_000,
  pauseMs: 4_000,
  awayMs: 30 * 60_000,
  settleMs: 1_000,
};
