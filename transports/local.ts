/** This machine as a cluster: on a login node, and in tests. */
import { spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Ended } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { Endpoint, Link } from '../core/transport.ts';
import { TIMED_OUT, within } from './deadline.ts';
import { agentFault } from './faults.ts';
import { Watched } from './watch.ts';
import type { RawProcess, Wire } from './wire.ts';

const CONNECT_MS = 20_000;

export function localWire(): Wire {
  const link = new Watched<Link>('up');
  const sockets = new Set<Socket>();
  return {
    name: 'local',
    link,
    async exec(shellCommand, { pty }) {
      if (pty) {
        throw new HpcbinderError('E-USAGE', {
          message: 'no terminal is opened on this machine itself',
          hint: 'The terminal you are in is on it: run the command there.',
        });
      }
      return localProcess(shellCommand);
    },
    async connect(to: Endpoint): Promise<Duplex> {
      const socket = 'socketPath' in to ? connect(to.socketPath) : connect(to.port, to.host);
      const opened = new Promise<void>((resolve, reject) => {
        socket.once('connect', resolve);
        socket.once('error', reject);
      });
      try {
        if ((await within(CONNECT_MS, opened)) === TIMED_OUT) throw new Error('timed out');
      } catch (cause) {
        socket.destroy();
        throw agentFault(to, 'local', cause);
      }
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return socket;
    },
    async reconnect() {},
    async [Symbol.asyncDispose]() {
      link.set('down');
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** `detached`: a process group of its own, as sshd gives one, so that ctrl-C here does not reach it. */
function localProcess(shellCommand: string): RawProcess {
  const child = spawn('/bin/sh', ['-c', shellCommand], { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<Ended>((resolve) => {
    child.once('error', (cause) => resolve({ kind: 'lost', cause }));
    child.once('exit', (code, signal) => {
      resolve(code !== null ? { kind: 'exit', code } : { kind: 'signal', name: (signal ?? 'SIG').slice(3) });
    });
  });
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended,
    resize() {},
    close() {
      child.stdin.destroy();
      child.stdout.destroy();
      child.stderr.destroy();
      child.unref();
    },
  };
}
