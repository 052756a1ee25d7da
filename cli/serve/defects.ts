/** What nobody caught is a defect of ours: the service's log has it whole, for the one who mends it. */

import type { EventEmitter } from 'node:events';

/** sysexits.h */
const EX_SOFTWARE = 70;

/**
 * A promise that nobody waited for ends nothing: its one session or request is at fault. An exception may have left anything half
 * done, so the process ends; systemd starts it again, and sessions go on (SECURITY F-49).
 */
export function logDefects(
  log: (line: Record<string, unknown>) => void,
  from: Pick<EventEmitter, 'on'> = process,
  end: () => void = () => process.exit(EX_SOFTWARE),
): void {
  const told = (what: string, cause: unknown) =>
    log({ event: 'defect', what, stack: cause instanceof Error ? (cause.stack ?? cause.message) : typeof cause });
  from.on('unhandledRejection', (cause) => told('a promise that nobody waited for', cause));
  from.on('uncaughtException', (cause) => {
    told('an exception that nobody caught', cause);
    end();
  });
}
