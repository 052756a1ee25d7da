/** A session channel as a process. */
import type { Client, ClientChannel } from 'ssh2';
import type { Ended } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { RawProcess } from '../wire.ts';

/**
 * The protocol's own exit-status is the end mark: it comes from the server after all that the program did, and a cut
 * line brings none, whereas ssh's exit code 255 means both (SSH-10).
 */
export function processOf(channel: ClientChannel, client: Client, name: string): RawProcess {
  const ended = new Promise<Ended>((resolve) => {
    channel.once('exit', (code: number | null, signal?: string) => {
      resolve(code !== null ? { kind: 'exit', code } : { kind: 'signal', name: (signal ?? 'SIG').replace(/^SIG/, '') });
    });
    const lost = () => {
      const cause = new HpcbinderError('E-SSH-LOST', { message: `the connection to ${name} broke`, transient: true });
      resolve({ kind: 'lost', cause });
    };
    channel.once('close', lost);
    client.once('close', lost);
    channel.once('exit', () => client.off('close', lost));
    channel.once('close', () => client.off('close', lost));
  });
  return {
    stdin: channel.stdin,
    stdout: channel,
    stderr: channel.stderr,
    ended,
    resize: ({ rows, cols }) => channel.setWindow(rows, cols, 0, 0),
    signal: (name) => void channel.signal(name),
    close: () => {
      channel.close();
      channel.resume();
      channel.stderr.resume();
    },
  };
}
