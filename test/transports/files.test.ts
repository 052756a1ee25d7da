/** What the conformance suite cannot bring about: a server that tells the exit code and then loses the last bytes. */
import { PassThrough, Readable } from 'node:stream';
import { expect, it } from '@jest/globals';
import type { CommandResult } from '../../core/command.ts';
import type { RemoteProcess, Transport } from '../../core/transport.ts';
import { ANSWER } from '../../transports/file-scripts.ts';
import { readFile } from '../../transports/files.ts';

/** `length` is what the host says that there is; `sent` comes, and the program ended well. */
function shell(length: number, sent: Uint8Array): Pick<Transport, 'name' | 'run' | 'start'> {
  const exit = (code: number) => ({ kind: 'exit', code }) as const;
  return {
    name: 'login1',
    run: async (): Promise<CommandResult> => ({
      ended: exit(ANSWER.large),
      stdout: Buffer.from(`${length}\n`),
      stderr: new Uint8Array(),
      truncated: false,
    }),
    start: async () =>
      ({
        stdin: new PassThrough(),
        stdout: Readable.from([sent]),
        stderr: Readable.from([]),
        ended: Promise.resolve(exit(0)),
        kill: () => undefined,
      }) as unknown as RemoteProcess,
  };
}

async function read(of: Pick<Transport, 'name' | 'run' | 'start'>): Promise<number> {
  let bytes = 0;
  for await (const chunk of (await readFile(of, '/home/alice/log')) ?? []) bytes += chunk.length;
  return bytes;
}

it('a large file that came whole is read to its end', async () => {
  expect(await read(shell(100_000, new Uint8Array(100_000)))).toBe(100_000);
});

it('a large file whose last bytes were lost is no whole file, though its program ended well', async () => {
  await expect(read(shell(100_000, new Uint8Array(70_000)))).rejects.toMatchObject({
    code: 'E-SSH-LOST',
    transient: true,
    message: '/home/alice/log came only in part from login1: 70000 of 100000 bytes',
  });
});
