/** A session channel as a process. */
import type { Ended } from '../../core/command.ts';
import { HpcbinderError } from '../../core/errors.ts';
import type { PtySize } from '../../core/transport.ts';
import type { Channel } from '../channels/channel.ts';
import type { Connection } from '../channels/connection.ts';
import { text, u32 } from '../channels/words.ts';
import type { RawProcess } from '../wire.ts';

/** No terminal modes but the end of their list (RFC 4254 section 8). */
const NO_MODES = Buffer.from([0]);

function sizeOf({ rows, cols }: PtySize): Buffer {
  return Buffer.concat([u32(cols), u32(rows), u32(0), u32(0)]);
}

/** Rejects with the server's words where it opens no session, no terminal, or runs no command. */
export async function execute(
  connection: Connection,
  shellCommand: string,
  how: { pty?: PtySize; name: string },
): Promise<RawProcess> {
  const channel = await connection.open('session');
  const { pty } = how;
  try {
    if (pty && !(await channel.request('pty-req', text(pty.term ?? 'xterm'), sizeOf(pty), text(NO_MODES))))
      throw new Error('unable to request a pseudo-terminal');
    if (!(await channel.request('exec', text(shellCommand)))) throw new Error('unable to exec');
  } catch (error) {
    channel.destroy();
    throw error;
  }
  return processOf(channel, how.name);
}

/** The server's own word of the end comes after all output; a cut line brings none (SSH-10). */
function processOf(channel: Channel, name: string): RawProcess {
  const ended = channel.exit.then((exit): Ended => {
    if (exit) return exit;
    const cause = new HpcbinderError('E-SSH-LOST', { message: `the connection to ${name} broke`, transient: true });
    return { kind: 'lost', cause };
  });
  return {
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    ended,
    resize: (size) => channel.tell('window-change', sizeOf(size)),
    signal: (signal) => channel.tell('signal', text(signal)),
    close: () => void channel.destroy(),
  };
}
