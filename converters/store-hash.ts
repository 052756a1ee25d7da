/** Images of a store, read again on the cluster: their sha256, with progress. */
import { readFileSync } from 'node:fs';
import type { EnvironmentKey } from '../core/artifacts.ts';
import { endedInWords, succeeded, textOf } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import { lines } from '../core/lines.ts';
import { lastLines } from '../core/text.ts';
import type { Transport } from '../core/transport.ts';

/** `identity`: size, inode, mtime and ctime of what was read, as KEY.seal has them. */
export type Hashed = { sha256: string; identity: string } | { error: string };

export type HashHow = {
  python: string;
  on?(key: EnvironmentKey, done: number, total: number): void;
  signal?: AbortSignal;
};

/** `wanted`: key → the sha256 of its receipt; an image that has it is sealed. A key without an answer is not in the map. */
export async function hashOn(
  transport: Pick<Transport, 'start'>,
  directory: string,
  wanted: ReadonlyMap<EnvironmentKey, string | null>,
  how: HashHow,
): Promise<ReadonlyMap<EnvironmentKey, Hashed>> {
  const found = new Map<EnvironmentKey, Hashed>();
  const program = readFileSync(new URL('store-hash.py', import.meta.url), 'utf8');
  const stdin = JSON.stringify({ directory, keys: Object.fromEntries(wanted) });
  const result = await lines(
    transport,
    { argv: [how.python, '-I', '-c', program], stdin },
    { on: (line) => take(line, found, how), ...(how.signal ? { signal: how.signal } : {}) },
  );
  how.signal?.throwIfAborted();
  if (succeeded(result)) return found;
  throw new HpcbinderError('E-REMOTE', {
    message: `reading the images in ${directory} did not come to its end (${endedInWords(result.ended)})`,
    evidence: lastLines(textOf(result.stderr), 3),
    transient: result.ended.kind !== 'exit',
  });
}

function take(line: string, found: Map<EnvironmentKey, Hashed>, how: HashHow): void {
  const said = parsed(line);
  const key = said?.key;
  if (said === undefined || typeof key !== 'string') return;
  if (typeof said.sha256 === 'string' && typeof said.identity === 'string')
    found.set(key, { sha256: said.sha256, identity: said.identity });
  else if (typeof said.error === 'string') found.set(key, { error: said.error });
  else how.on?.(key, Number(said.done), Number(said.total));
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    // a login shell's chatter
    return undefined;
  }
}
