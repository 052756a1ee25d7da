/** `shell` and `cp`: into a running session, by the agent's own connection; no scheduler and no sshd of the node is asked. */
import type { Cluster } from '../core/cluster.ts';
import { HpcbinderError } from '../core/errors.ts';
import { endInWords } from '../sessions/advance.ts';
import type { SessionRecord } from '../sessions/records.ts';
import { type Door, download, upload } from './copy.ts';
import { clusterOf, findLocal, freshRecord } from './find.ts';
import { Interrupts } from './interrupts.ts';
import { placeOf } from './places.ts';
import { refreshed } from './refresh.ts';
import { joined, windowSize } from './remote-terminal.ts';
import { relaunchOf, shortId } from './words.ts';
import { localRecords, toAgent } from './world.ts';

/** A login shell, or the command word by word. Gives its exit status. */
export function shell(id: string, command: readonly string[]): Promise<number> {
  return within(id, async (door) => {
    const { openShell } = await import('../sessions/frames.ts');
    const { stdin, stdout } = process;
    const terminal =
      stdin.isTTY && stdout.isTTY
        ? { ...windowSize(), ...(process.env.TERM ? { term: process.env.TERM } : {}) }
        : undefined;
    const argv = command.length > 0 ? { argv: command } : {};
    return joined(await openShell(...door, { terminal, ...argv }), terminal !== undefined);
  });
}

/** One side is `ID:PATH`, relative to the repository; the other is here. */
export async function copy(from: string, to: string): Promise<number> {
  const [source, target] = [placeOf(from), placeOf(to)];
  if (source.session !== undefined && target.session === undefined)
    return within(source.session, (door) => download(door, source.path, target.path));
  if (source.session === undefined && target.session !== undefined)
    return within(target.session, (door) => upload(door, source.path, target.path));
  throw new HpcbinderError('E-USAGE', {
    message:
      source.session === undefined ? 'neither side is in a session' : 'both sides are in sessions: one has to be here',
    hint: 'For example: hpcbinder cp k3f:results.csv .   or   hpcbinder cp data.csv k3f:data/   (a file here whose name has a colon: ./a:b)',
  });
}

async function within(id: string, act: (door: Door) => Promise<number>): Promise<number> {
  const found = findLocal(id);
  if (found.phase === 'ended') throw over(found);
  const cluster = await clusterOf(found);
  const interrupts = new Interrupts();
  try {
    const record = await reached(cluster, found);
    const connect = toAgent(cluster, record);
    const connectUntilInterrupt = async () => {
      const stream = await connect();
      interrupts.signal.addEventListener('abort', () => stream.destroy(), { once: true });
      return stream;
    };
    return await act([connectUntilInterrupt, record.id, record.secrets]);
  } catch (error) {
    throw interrupts.aborted ? new HpcbinderError('E-CANCELLED', { message: 'interrupted', cause: error }) : error;
  } finally {
    interrupts.dispose();
    await cluster.transport[Symbol.asyncDispose]();
  }
}

/** Our copy knows where a ready session is: the cluster is asked where it was not yet ready. */
async function reached(cluster: Cluster, found: SessionRecord): Promise<SessionRecord> {
  if (found.address && found.phase === 'ready') return found;
  const record = await refreshed(cluster, await freshRecord(cluster, found));
  localRecords().save(record);
  if (record.phase === 'ended') throw over(record);
  if (record.address) return record;
  throw new HpcbinderError('E-SESSION-STATE', {
    message: `session ${shortId(record.id)} does not run yet: ${record.phase}`,
    hint: `hpcbinder open ${shortId(record.id)} waits for it.`,
    transient: true,
  });
}

function over(record: SessionRecord): HpcbinderError {
  return new HpcbinderError('E-SESSION-STATE', {
    message: `session ${shortId(record.id)} is over: ${endInWords(record.ended?.why ?? 'lost')}`,
    hint: `Its work is kept in ${record.workDirectory}; go on with: ${relaunchOf(record)}`,
  });
}
