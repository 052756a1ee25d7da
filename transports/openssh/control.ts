/**
 * The control socket of OpenSSH's ControlMaster (its PROTOCOL.mux). In proxy mode, which every OpenSSH since 7.4 has, it
 * carries the messages of the SSH connection protocol: all channels run in this process, with exit codes and signals told
 * apart, and no `ssh` is started for a command or a tunnel.
 */
import { connect, type Socket } from 'node:net';
import { HpcbinderError } from '../../core/errors.ts';
import { Message, Messages, text, u32 } from '../channels/words.ts';
import { TIMED_OUT, within } from '../deadline.ts';

/** Types of messages; `keep` is ours, from PROTOCOL.mux's free room, and only our keeper knows it. */
export const MUX = {
  hello: 0x00000001,
  aliveCheck: 0x10000004,
  terminate: 0x10000005,
  proxy: 0x1000000f,
  keep: 0x1f684201,
  ok: 0x80000001,
  denied: 0x80000002,
  failure: 0x80000003,
  alive: 0x80000005,
  proxying: 0x8000000f,
} as const;
export const VERSION = 4;
const ANSWER_MS = 10_000;
export const LONGEST_REQUEST = 64 * 1024;

/** What a keeper says of itself in its hello; empty for OpenSSH's own master. */
export type About = ReadonlyMap<string, string>;
type Answered = { socket: Socket; answer: Message; about: About };

/** The socket after the master's answer to one request; undefined where no master is there. */
async function asked(path: string, request: number, ...body: Buffer[]): Promise<Answered | undefined> {
  const socket = connect(path);
  const about = new Map<string, string>();
  const answered = new Promise<Message | undefined>((resolve, reject) => {
    const messages = new Messages(LONGEST_REQUEST);
    const onData = (chunk: Buffer) => {
      try {
        // one at a time: what follows the answer belongs to who asked
        for (const bytes of messages.feed(chunk)) {
          const message = new Message(bytes);
          const type = message.u32();
          if (type === MUX.hello) {
            if (message.u32() !== VERSION) throw new RangeError('another version of the control protocol');
            while (message.left > 0) about.set(message.text(), message.text());
            continue;
          }
          socket.off('data', onData);
          socket.pause();
          if (type === MUX.denied || type === MUX.failure)
            throw new RangeError(`request ${message.u32()}: ${message.text()}`);
          resolve(message);
        }
      } catch (error) {
        reject(error);
      }
    };
    socket.on('data', onData);
    socket.once('error', () => resolve(undefined));
    socket.once('close', () => resolve(undefined));
  });
  const hello = Buffer.concat([u32(MUX.hello), u32(VERSION)]);
  socket.write(Buffer.concat([text(hello), text(Buffer.concat([u32(request), u32(0), ...body]))]));
  try {
    const answer = await within(ANSWER_MS, answered);
    if (answer !== undefined && answer !== TIMED_OUT) return { socket, answer, about };
    socket.destroy();
    if (answer === undefined) return undefined;
    throw new RangeError('no answer');
  } catch (cause) {
    socket.destroy();
    throw new HpcbinderError('E-SSH-LOST', {
      message: `the ssh that keeps the login does not answer as it should (${path})`,
      hint: 'hpcbinder logout ends it; the next command logs in anew.',
      evidence: [String(cause)],
      cause,
    });
  }
}

/** Who listens there: its process id, and what it says of itself. undefined: nobody does. */
export async function masterAt(path: string): Promise<{ pid: number; about: About } | undefined> {
  const found = await asked(path, MUX.aliveCheck);
  found?.socket.destroy();
  if (found === undefined) return undefined;
  found.answer.u32();
  return { pid: found.answer.u32(), about: found.about };
}

/** Ends the master with all that runs over it. False: there was none. */
export async function endMaster(path: string): Promise<boolean> {
  const found = await asked(path, MUX.terminate);
  found?.socket.destroy();
  return found !== undefined;
}

/** From now on a keeper keeps the idle login at most so many seconds; 0 ends it with its last user. */
export async function keepAtMost(path: string, seconds: number): Promise<void> {
  (await asked(path, MUX.keep, u32(seconds)))?.socket.destroy();
}

/** A paused stream of SSH connection protocol messages; undefined: no master listens there. */
export async function proxyTo(path: string): Promise<{ socket: Socket; about: About } | undefined> {
  return asked(path, MUX.proxy);
}
