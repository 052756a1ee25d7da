/**
 * A lock on the cluster between any two hpcbinders, by rename, which is atomic on every shared file system. Its holder
 * touches a file in it and can say there what it does; who waits reads that, and leaves a mark that the holder can see.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { type Command, textOf } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import { harmless, lastLines, plainLine } from '../core/text.ts';
import type { Transport } from '../core/transport.ts';
import { throwIfAborted } from './cancelled.ts';
import { type Clock, systemClock } from './clock.ts';
import { BEAT, FREE, parseTaken, TAKE, WAITERS } from './lock-scripts.ts';

const BEAT_MS = 20_000;
/** how soon what the holder says reaches those who wait */
const SAY_MS = 5_000;
const POLL_MS = 2_000;
/** Silent for so long, a holder is dead. */
const DEAD_S = 300;
/**
 * Silent for so long (four beats), it is dead if one who waits sees no beat for more than another beat's time: after a
 * shared disk's stall all beats look old at once, and the holder must get its chance before the heir does.
 */
const SILENT_S = 90;
const CHANCE_MS = 25_000;
const WAITER_S = 30;
/** Who ends with ctrl-C does not wait longer for a line that is silent. */
const FREE_MS = 5_000;

export type LockHolder = { holder: string; doing: string };

export type LockOptions = {
  clock?: Clock;
  signal?: AbortSignal;
  /** milliseconds to wait for another holder; 0 (default) does not wait */
  waitMs?: number;
  /** who holds it and what it says that it does: told at each change of either */
  onWait?: (held: LockHolder) => void;
  /** ids of locks whose holders are over and could not give them back; they are overruled at once */
  orphans?: readonly string[];
  /** this lock could not be given back, for nobody answered: its id, for `orphans` */
  onOrphan?: (id: string) => void;
};

export interface RemoteLock extends AsyncDisposable {
  /** fires when the lock was lost to another, after we were silent for too long */
  readonly lost: AbortSignal;
  /** taken from a holder that had died: what that left half-way may still be written to */
  readonly tookOver: boolean;
  /** one line, for those who wait */
  say(doing: string): void;
  /** does another wait for this lock right now? */
  awaited(): Promise<boolean>;
}

type Shell = Pick<Transport, 'run'>;

/**
 * `path`: absolute, of a directory that is made and removed, whose parent is there. `purpose`: what for, shown to whoever
 * waits. @throws E-LOCKED (transient) when another holds it; E-REMOTE when it can't be made.
 */
export async function remoteLock(
  transport: Shell,
  path: string,
  purpose: string,
  options: LockOptions = {},
): Promise<RemoteLock> {
  const clock = options.clock ?? systemClock;
  const id = randomUUID();
  const owner = `${purpose} (${hostname()}, process ${process.pid}) ${id}`;
  const mark = options.waitMs ? `wait.${id}` : '';
  const orphans = (options.orphans ?? []).map((each) => ` ${each} `).join('');
  const until = clock.now() + (options.waitMs ?? 0);
  let told = '';
  let silent: { beat: string; since: number } | undefined;
  try {
    for (;;) {
      throwIfAborted(options.signal);
      const chanceIsOver = silent !== undefined && clock.now() - silent.since > CHANCE_MS;
      const expiry = chanceIsOver ? SILENT_S : DEAD_S;
      const result = await transport.run(sh(TAKE, path, owner, String(expiry), mark, orphans), options.signal);
      const said = parseTaken(textOf(result.stdout));
      if (said.kind === 'taken') return held(transport, path, owner, said.over, clock, () => options.onOrphan?.(id));
      if (said.kind === 'nothing' && result.ended.kind === 'exit' && result.ended.code !== 0) {
        const evidence = lastLines(textOf(result.stderr), 3);
        throw new HpcbinderError('E-REMOTE', { message: `the lock ${path} cannot be made`, evidence });
      }
      const holder = said.kind === 'held' ? harmless(said.holder) : 'another hpcbinder';
      if (said.kind === 'held' && said.age > SILENT_S) {
        if (silent?.beat !== said.beat) silent = { beat: said.beat, since: clock.now() };
      } else silent = undefined;
      if (clock.now() >= until) {
        throw new HpcbinderError('E-LOCKED', {
          message: `another hpcbinder holds ${path}: ${holder}`,
          hint: 'Wait until it is done; a holder that has died is overruled after two minutes.',
          transient: true,
        });
      }
      const doing = silent ? 'not heard of' : said.kind === 'held' ? plainLine(said.doing) : '';
      if (told !== `${holder}\n${doing}`) options.onWait?.({ holder, doing });
      told = `${holder}\n${doing}`;
      await clock.sleep(POLL_MS, options.signal);
    }
  } catch (error) {
    if (mark !== '') await transport.run({ argv: ['rm', '-f', '--', `${path}/${mark}`] }).catch(() => undefined);
    throw error;
  }
}

function sh(program: string, ...words: string[]): Command {
  return { argv: ['sh', '-c', program, 'sh', ...words], timeoutMs: 20_000 };
}

function held(
  transport: Shell,
  path: string,
  owner: string,
  tookOver: boolean,
  clock: Clock,
  orphaned: () => void,
): RemoteLock {
  const lost = new AbortController();
  const released = new AbortController();
  let doing = '';
  const beating = (async () => {
    let [said, last] = ['', clock.now()];
    while (!released.signal.aborted && !lost.signal.aborted) {
      await clock.sleep(SAY_MS, released.signal);
      if (released.signal.aborted) return;
      if (said === doing && clock.now() - last < BEAT_MS) continue;
      [said, last] = [doing, clock.now()];
      const beat = await transport.run(sh(BEAT, path, owner, said)).catch(() => undefined);
      // no answer is no loss: whether it expired is seen at the next beat
      if (beat?.ended.kind === 'exit' && beat.ended.code !== 0) lost.abort();
    }
  })();
  return {
    lost: lost.signal,
    tookOver,
    say(line) {
      doing = harmless(line).slice(0, 200);
    },
    async awaited() {
      const result = await transport.run(sh(WAITERS, path, owner, String(WAITER_S)));
      return textOf(result.stdout).includes('awaited');
    },
    async [Symbol.asyncDispose]() {
      released.abort();
      const freeing = beating.then(() => transport.run(sh(FREE, path, owner))).catch(() => undefined);
      const answered = new AbortController();
      const freed = await Promise.race([freeing, clock.sleep(FREE_MS, answered.signal)]);
      answered.abort();
      // from here on it is certain that nobody holds it, and nobody there knows
      if (freed?.ended.kind !== 'exit') orphaned();
    },
  };
}
