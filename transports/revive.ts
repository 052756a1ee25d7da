/** A line that only a person can bring back: one line asks, one attempt a keypress, none without (DESIGN 8). */
import { HpcbinderError } from '../core/errors.ts';
import type { Prompter } from '../core/transport.ts';

/**
 * Returns when `open` succeeded; throws what `prompter.ask` throws when the person declines. Each failed attempt is said,
 * and asked about again.
 */
export async function revive(name: string, prompter: Prompter, open: () => Promise<void>): Promise<void> {
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
