/** How a line that dropped comes back, whoever speaks SSH (DESIGN 8). */
import { HpcbinderError } from '../core/errors.ts';
import type { Link, Prompter } from '../core/transport.ts';
import { backOff } from './back-off.ts';
import type { Watched } from './watch.ts';

export type Dropped = {
  name: string;
  link: Watched<Link>;
  /** the transport is closed */
  stopped: AbortSignal;
  /** a person had to do something for the login */
  attended: boolean;
  prompter: Prompter | undefined;
  /** a new connection; the link is up when it returns */
  open(prompter: Prompter | undefined): Promise<void>;
  /** why it stays down; told before the link is */
  refused(error: unknown): void;
};

/**
 * By itself as long as only the network is at fault (SSH-07); where a person is needed, by that person or not at all.
 * Returns when the link is up or down for good.
 */
export async function comeBack(dropped: Dropped): Promise<void> {
  const { name, link, stopped, attended, prompter, open, refused } = dropped;
  if (stopped.aborted || (attended && !prompter)) {
    link.set('down');
    return;
  }
  link.set('reconnecting');
  try {
    if (attended && prompter) return await revive(name, prompter, () => open(prompter));
    for await (const _ of backOff(stopped)) {
      if (link.value !== 'reconnecting') return;
      try {
        return await open(undefined);
      } catch (error) {
        if (!isUnreachable(error)) throw error;
      }
    }
  } catch (error) {
    refused(error);
  }
  if (link.value === 'reconnecting') link.set('down');
}

/** Only the network is at fault. */
export function isUnreachable(error: unknown): boolean {
  return error instanceof HpcbinderError && error.code === 'E-SSH-UNREACHABLE';
}

/**
 * A line that only a person can bring back: one line asks, one attempt a keypress, none without.
 * Returns when `open` succeeded; throws what `prompter.ask` throws when the person declines. Each failed attempt is said,
 * and asked about again.
 */
async function revive(name: string, prompter: Prompter, open: () => Promise<void>): Promise<void> {
  for (;;) {
    await prompter.ask(`The connection to ${name} is lost. Enter logs in again, ctrl-C leaves it: `, { secret: false });
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof HpcbinderError)) throw error;
      prompter.say(error.message);
    }
  }
}
