/**
 * A lock on the cluster between any two hpcbinders, by mkdir, which is atomic on every shared file system. Its holder
 * touches a file in it; a lock whose holder has been silent for five minutes is taken over, by one only.
 */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { textOf } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import { harmless, lastLines } from '../core/text.ts';
import type { Transport } from '../core/transport.ts';
import { throwIfAborted } from './cancelled.ts';
import { type Clock, systemClock } from './clock.ts';

const BEAT_MS = 30_000;
const EXPIRY_S = 300;

/**
 * Words: directory, our owner line, expiry in seconds. Age is by the file system's clock alone (a file made now against
 * the holder's), for login nodes' clocks differ. The claim's name is of the dead holder, so that of many who see the same
 * dead holder one wins, and one who comes late to a new holder's lock finds another name in it and backs off.
 */
const TAKE = `umask 077
own() { printf '%s' "$2" > "$1/owner.$$" && mv -f "$1/owner.$$" "$1/owner"; }
if mkdir "$1" 2>/dev/null; then own "$1" "$2" && echo taken; exit; fi
[ -d "$1" ] || { mkdir "$1"; exit; }
old=$(cat "$1/owner" 2>/dev/null)
: > "$1/now.$$"; now=$(stat -c %Y "$1/now.$$"); rm -f "$1/now.$$"
beat=$(stat -c %Y "$1/owner" 2>/dev/null || stat -c %Y "$1") || exit 0
if [ $((now - beat)) -gt "$3" ]; then
  claim="$1/claim.$(printf '%s' "$old" | cksum | tr -d ' ')"
  if mkdir "$claim" 2>/dev/null; then
    if [ "$(cat "$1/owner" 2>/dev/null)" = "$old" ]; then own "$1" "$2" && echo taken; fi
    rmdir "$claim"; exit
  fi
  [ $((now - $(stat -c %Y "$claim" 2>/dev/null || echo "$now"))) -gt "$3" ] && rmdir "$claim" 2>/dev/null
fi
printf 'held %s\\n' "$old"`;

/** Only while it is still ours. */
const BEAT = `[ "$(cat "$1/owner" 2>/dev/null)" = "$2" ] && touch "$1/owner"`;
const FREE = `[ "$(cat "$1/owner" 2>/dev/null)" = "$2" ] && mv "$1" "$1.$$" && rm -rf "$1.$$"`;

export type LockOptions = {
  clock?: Clock;
  signal?: AbortSignal;
  /** milliseconds to wait for another holder; 0 (default) does not wait */
  waitMs?: number;
  /** told once, with who holds it */
  onWait?: (holder: string) => void;
};

export interface RemoteLock extends AsyncDisposable {
  /** fires when the lock was lost to another, after we were silent for too long */
  readonly lost: AbortSignal;
}

/**
 * `path`: absolute, of a directory that is made and removed, whose parent is there. `purpose`: what for, shown to whoever
 * waits. @throws E-LOCKED (transient) when another holds it; E-REMOTE when it can't be made.
 */
export async function remoteLock(
  transport: Pick<Transport, 'run'>,
  path: string,
  purpose: string,
  options: LockOptions = {},
): Promise<RemoteLock> {
  const clock = options.clock ?? systemClock;
  const owner = `${purpose} (${hostname()}, process ${process.pid}) ${randomUUID()}`;
  const until = clock.now() + (options.waitMs ?? 0);
  for (let told = false; ; told = true) {
    throwIfAborted(options.signal);
    const result = await transport.run(sh(TAKE, path, owner, String(EXPIRY_S)), options.signal);
    const said = textOf(result.stdout).trim();
    if (said === 'taken') return held(transport, path, owner, clock);
    const holder = /^held ?(.*?)(?: [0-9a-f-]{36})?$/.exec(said)?.[1];
    if (holder === undefined && result.ended.kind === 'exit' && result.ended.code !== 0) {
      const evidence = lastLines(textOf(result.stderr), 3);
      throw new HpcbinderError('E-REMOTE', { message: `the lock ${path} cannot be made`, evidence });
    }
    if (clock.now() >= until) {
      const message = `another hpcbinder holds ${path}: ${harmless(holder ?? 'unknown')}`;
      const hint = 'Wait until it is done; a holder that has died is overruled after five minutes.';
      throw new HpcbinderError('E-LOCKED', { message, hint, transient: true });
    }
    if (!told) options.onWait?.(harmless(holder ?? 'another hpcbinder'));
    await clock.sleep(2000, options.signal);
  }
}

function sh(program: string, ...words: string[]) {
  return { argv: ['sh', '-c', program, 'sh', ...words], timeoutMs: 20_000 };
}

function held(transport: Pick<Transport, 'run'>, path: string, owner: string, clock: Clock): RemoteLock {
  const lost = new AbortController();
  const released = new AbortController();
  const beating = (async () => {
    while (!released.signal.aborted && !lost.signal.aborted) {
      await clock.sleep(BEAT_MS, released.signal);
      if (released.signal.aborted) return;
      const beat = await transport.run(sh(BEAT, path, owner)).catch(() => undefined);
      // no answer is no loss: whether it expired is seen at the next beat
      if (beat?.ended.kind === 'exit' && beat.ended.code !== 0) lost.abort();
    }
  })();
  return {
    lost: lost.signal,
    async [Symbol.asyncDispose]() {
      released.abort();
      await beating;
      await transport.run(sh(FREE, path, owner)).catch(() => undefined);
    },
  };
}
