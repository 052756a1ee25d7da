/** This machine as a cluster: on a login node, and in tests. */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Ended } from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { Endpoint, Link } from '../core/transport.ts';
import { dial } from './dial.ts';
import { Watched } from './watch.ts';
import type { RawProcess, Wire } from './wire.ts';

const PROCESSES = 32;

export function localWire(): Wire {
  const link = new Watched<Link>('up');
  const sockets = new Set<Socket>();
  return {
    name: 'local',
    link,
    sessions: PROCESSES,
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
      const socket = await dial(to, 'local');
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
