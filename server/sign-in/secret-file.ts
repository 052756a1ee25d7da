/** A secret that the admin put into a file: ours to read, and nobody else's (SECURITY TOK-09). */
import { open } from 'node:fs/promises';
import { HpcbinderError } from '../../core/errors.ts';

const MOST_BYTES = 4096;

/** The first line, without what surrounds it. */
export async function readSecretFile(path: string, what: string): Promise<string> {
  const fault = (message: string, hint: string) =>
    new HpcbinderError('E-SIGN-IN', { message: `${what}: ${path} ${message}`, hint });
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    throw fault(
      `cannot be read (${error.code ?? error.message})`,
      'It must belong to the account that runs hpcbinder serve.',
    );
  });
  try {
    const stat = await file.stat();
    // of the open file, so that it cannot be swapped between the look and the reading
    if (!stat.isFile()) throw fault('is no file', 'Name a file that holds the secret alone.');
    if ((stat.mode & 0o077) !== 0) throw fault('can be read by others', `Run: chmod 600 ${path}`);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MOST_BYTES), 0, MOST_BYTES, 0);
    const [line = ''] = buffer.toString('utf8', 0, bytesRead).split('\n');
    if (line.trim() === '') throw fault('is empty', 'Its first line must be the secret.');
    return line.trim();
  } finally {
    await file.close();
  }
}
