/** One endpoint from one state: two would submit twice and cull for each other. */
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { HpcbinderError } from '../../core/errors.ts';
import { stateFault } from './faults.ts';
import { library } from './library.ts';

/** One that is just ending, as a restart by systemd has it, is waited for. */
const PATIENCE_MS = 3000;

/** A lock that nobody refers to would be collected, and let go. */
const held = new Set<object>();

/**
 * An empty database that is held exclusively: a lock of the kernel's, which goes with the process, however it ends.
 * @returns lets it go
 * @throws HpcbinderError E-LOCKED
 */
export function alone(directory: string, patienceMs: number = PATIENCE_MS): () => void {
  const path = join(directory, 'serve.lock');
  closeSync(openSync(path, 'a', 0o600));
  const lock = new (library())(path, { timeout: patienceMs });
  try {
    // no journal on the disk: it is never written to, and a full disk must not keep the endpoint from its start
    lock.pragma('journal_mode = MEMORY');
    lock.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    lock.close();
    if (!String((error as { code?: unknown }).code).startsWith('SQLITE_BUSY')) throw stateFault(error, path);
    throw new HpcbinderError('E-LOCKED', {
      message: `another hpcbinder serves from ${directory}`,
      hint: `\`fuser ${path}\` names it; \`systemctl stop hpcbinder\` ends the service.`,
      cause: error,
    });
  }
  held.add(lock);
  return () => {
    held.delete(lock);
    lock.close();
  };
}
