/** Starting the constant remote command, giving it its program, and waiting for the marks. */
import type { PassThrough, Readable, Writable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ended } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import { lastLines } from '../core/text.ts';
import type { PtySize } from '../core/transport.ts';
import { TIMED_OUT, within } from './deadline.ts';
import { isSessionRefused } from './faults.ts';
import { AfterMark } from './frame.ts';
import { newMark, PTY_COMMAND, PTY_READY, REMOTE_COMMAND, type Setup } from './programs.ts';
import type { Slots } from './slots.ts';
import type { RawProcess, Wire } from './wire.ts';

/** how long a session that has ended may still count for sshd */
const ENDING_TRIES = 40;
const ENDING_MS = 50;

export type Launcher = { wire: Pick<Wire, 'name' | 'exec'>; slots: Slots; setup?: Setup; openTimeoutMs: number };

/** A process past its marks. `pid` is also its process group: sshd makes each session the leader of one. */
export type Launched = {
  pid: number;
  process: {
    stdin: Writable;
    stdout: Readable;
    stderr: Readable | PassThrough;
    ended: Promise<Ended>;
    resize(size: PtySize): void;
    signal?(name: string): void;
    close(): void;
  };
};

/** E-REMOTE-SHELL when the login shell does not come to our program in time; it shows the last lines that it printed. */
export async function launch(
  { wire, slots, setup, openTimeoutMs }: Launcher,
  lineOf: (mark: string, setup?: Setup) => string,
  pty?: PtySize,
): Promise<Launched> {
  const mark = newMark();
  const line = `${lineOf(mark, setup)}\n`;
  const raw = await sessionOf(wire, slots, pty);
  raw.stdin.on('error', () => undefined);
  const [out, err] = [new AfterMark(mark), new AfterMark(mark)];
  if (pty)
    raw.stdout.once('data', function ready(chunk: Buffer) {
      if (chunk.includes(PTY_READY)) raw.stdin.write(line);
      else raw.stdout.once('data', ready);
    });
  else raw.stdin.write(line);
  pass(raw.stdout, out);
  pass(raw.stderr, err);
  const began = await within(openTimeoutMs, Promise.race([out.began, raw.ended.then(() => within(500, out.began))]));
  if (typeof began !== 'string') {
    const ended = began === TIMED_OUT ? await within(0, raw.ended) : await raw.ended;
    raw.close();
    if (ended !== TIMED_OUT && ended.kind === 'lost') throw asLost(wire.name, ended.cause);
    const said = `${out.noise}\n${err.noise}`;
    throw shellFault(wire.name, ended === TIMED_OUT ? undefined : ended, said, openTimeoutMs, setup);
  }
  return {
    pid: Number(began),
    process: {
      stdin: raw.stdin,
      stdout: out,
      stderr: err,
      ended: raw.ended,
      resize: (size) => raw.resize(size),
      ...(raw.signal ? { signal: raw.signal } : {}),
      close: () => raw.close(),
    },
  };
}

/** Where sshd opens no further session, the next of ours that ends makes room; from then on we ask for no more than that. */
async function sessionOf(wire: Launcher['wire'], slots: Slots, pty: PtySize | undefined): Promise<RawProcess> {
  for (let ending = 0; ; ) {
    const release = await slots.take();
    try {
      const raw = await wire.exec(pty ? PTY_COMMAND : REMOTE_COMMAND, pty ? { pty } : {});
      void raw.ended.then(release);
      return raw;
    } catch (error) {
      const others = slots.held - 1;
      if (others > 0 && isSessionRefused(error)) slots.lower(others);
      release();
      if (!isSessionRefused(error)) throw error;
      if (others > 0) continue;
      // the one before has told its end, and sshd is about to forget it
      if (slots.limit > 1 || ending++ >= ENDING_TRIES) throw error;
      await sleep(ENDING_MS);
    }
  }
}

/** Like pipe, and the end also comes when the source is cut off. */
function pass(from: Readable, to: AfterMark): void {
  from.pipe(to);
  from.once('close', () => to.end());
  from.once('error', () => to.end());
}

function asLost(name: string, cause: unknown): HpcbinderError {
  if (cause instanceof HpcbinderError) return cause;
  return new HpcbinderError('E-SSH-LOST', { message: `the connection to ${name} broke`, transient: true, cause });
}

function shellFault(
  name: string,
  ended: Ended | undefined,
  noise: string,
  waitedMs: number,
  setup: Setup | undefined,
): HpcbinderError {
  const evidence = lastLines(noise, 5);
  const how =
    ended === undefined
      ? `does not come to our command within ${Math.round(waitedMs / 1000)} s`
      : `ends before it runs our command (${ended.kind === 'exit' ? `exit ${ended.code}` : ended.kind})`;
  const own = [
    ...(setup?.modules?.length ? [`modules (${setup.modules.join(', ')})`] : []),
    ...(setup?.prologue === undefined ? [] : ['prologue']),
  ].join(' or ');
  if (own !== '') {
    return new HpcbinderError('E-REMOTE-SHELL', {
      message: `with the ${own} of the cluster's entry the shell on ${name} ${how}`,
      hint: `Try it there by hand${setup?.modules?.length ? `: bash -lc 'module load ${setup.modules.join(' ')}'` : ''}; \`hpcbinder config\` shows the entry.`,
      evidence,
    });
  }
  return new HpcbinderError('E-REMOTE-SHELL', {
    message: `the login shell on ${name} ${how}`,
    hint:
      'Its start files (~/.bashrc, ~/.bash_profile, ~/.cshrc, …) wait, read or exit there even when no terminal is open.\n' +
      'Guard such lines, for bash with: case $- in *i*) ;; *) return ;; esac',
    evidence,
  });
}
