/**
 * A named fake: ssh2's own server with a shell behind it. It stands in for sshd where none is installed; what it cannot
 * show (MaxSessions, PAM, a real login) is shown on the devcluster's sshd by test/e2e/transport.test.ts.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { type AddressInfo, connect, type Socket } from 'node:net';
import ssh2, { type AuthContext, type Connection, type ServerChannel } from 'ssh2';
import { keyPair } from './ssh-rig.ts';

export type FakeSshd = AsyncDisposable & {
  port: number;
  hostKey: Buffer;
  /** every login attempt, in order: `none`, `publickey SHA256…`, `password`, `keyboard-interactive` */
  attempts: string[];
  /** TCP connections that came */
  connections: number;
  /** session channels that are open, and the most that ever were */
  sessions: { now: number; most: number };
  /** cuts every connection, as a network does */
  drop(): void;
  /** ends the listening as well */
  stop(): Promise<void>;
  /** listens again on the same port */
  resume(): Promise<void>;
};

export type FakeOptions = {
  hostKeyType?: 'ed25519' | 'rsa' | 'ecdsa';
  /** public keys in ssh form; absent: any key is welcome */
  accept?: readonly Buffer[];
  password?: string;
  /** the answers that let in, to the prompts as sent */
  prompts?: { text: string; echo: boolean; answer: string }[];
  /** more prompts in the same method, after the first were answered rightly; an empty list is words only */
  rounds?: { text: string; echo: boolean; answer: string }[][];
  /** a method that is not enough by itself: what is asked for after it (AuthenticationMethods) */
  afterwards?: 'password';
  /** who needs no proof at all (PermitEmptyPasswords) */
  unasked?: boolean;
  banner?: string;
  /** as /etc/passwd has it; it is called with -c */
  shell?: readonly string[];
  env?: Record<string, string>;
  forwarding?: boolean;
};

const TYPES = { ed25519: ['ed25519', {}], rsa: ['rsa', { bits: 2048 }], ecdsa: ['ecdsa', { bits: 256 }] } as const;

export async function fakeSshd(options: FakeOptions = {}): Promise<FakeSshd> {
  const [type, how] = TYPES[options.hostKeyType ?? 'ed25519'];
  const pair = keyPair(type, how);
  const parsed = ssh2.utils.parseKey(pair.private);
  if (parsed instanceof Error) throw parsed;
  const connections = new Set<Connection>();
  const children = new Set<ChildProcess>();
  const counts = { now: 0, most: 0 };
  const fake = { attempts: [] as string[], connections: 0 };
  const server = new ssh2.Server(
    { hostKeys: [pair.private], ...(options.banner ? { banner: options.banner } : {}) },
    (client) => {
      fake.connections++;
      connections.add(client);
      client.on('error', () => undefined);
      socketOf(client).setNoDelay(true);
      client.on('close', () => connections.delete(client));
      client.on('authentication', (context) => authenticate(context, options, fake.attempts));
      client.on('session', (accept) => {
        counts.now++;
        counts.most = Math.max(counts.most, counts.now);
        const session = accept();
        session.on('pty', (_ok, no) => no?.());
        session.on('exec', (ok, _no, { command }) => execute(ok(), command, options, children));
        session.on('close', () => counts.now--);
      });
      client.on('tcpip', (accept, reject, { destIP, destPort }) => {
        if (options.forwarding === false) {
          reject();
          return;
        }
        const socket = connect(destPort, destIP);
        socket.once('error', () => reject());
        socket.once('connect', () => {
          const channel = accept();
          socket.pipe(channel).pipe(socket);
          socket.on('error', () => channel.destroy());
          channel.on('error', () => socket.destroy());
          channel.on('close', () => socket.destroy());
        });
      });
    },
  );
  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  let listening = true;
  const port = (server.address() as AddressInfo).port;
  const drop = () => {
    for (const connection of connections) socketOf(connection).destroy();
  };
  const stop = async () => {
    listening = false;
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    drop();
    await closed;
  };
  return Object.assign(fake, {
    port,
    hostKey: parsed.getPublicSSH(),
    sessions: counts,
    drop,
    stop,
    async resume() {
      await listen(port);
      listening = true;
    },
    async [Symbol.asyncDispose]() {
      if (listening) await stop();
      for (const { pid } of children) {
        try {
          if (pid !== undefined) process.kill(-pid, 'SIGKILL');
        } catch {
          // it ended by itself, a moment ago
        }
      }
    },
  });
}

/** ssh2 has no way of its own to cut a connection, nor to send small packets at once */
function socketOf(connection: Connection): Socket {
  return (connection as unknown as { _sock: Socket })._sock;
}

function authenticate(context: AuthContext, options: FakeOptions, attempts: string[]): void {
  const methods: AuthContext['method'][] = ['publickey'];
  if (options.password !== undefined) methods.push('password');
  if (options.prompts) methods.push('keyboard-interactive');
  const signed = context.method === 'publickey' && context.signature !== undefined;
  if (!signed) attempts.push(context.method);
  if (context.method === 'none' && options.unasked) {
    context.accept();
    return;
  }
  if (context.method === 'publickey') {
    const known = !options.accept || options.accept.some((key) => key.equals(context.key.data));
    if (known) {
      context.accept();
      return;
    }
  } else if (context.method === 'password') {
    if (context.password === options.password) {
      context.accept();
      return;
    }
  } else if (context.method === 'keyboard-interactive' && options.prompts) {
    const rounds = [options.prompts, ...(options.rounds ?? [])];
    const ask = ([prompts, ...left]: typeof rounds) => {
      if (prompts === undefined) {
        if (options.afterwards === undefined) context.accept();
        else context.reject([options.afterwards], true);
        return;
      }
      const asked = prompts.map(({ text, echo }) => ({ prompt: text, echo }));
      context.prompt(asked, 'Second factor', 'Enter what your device shows', (answers) => {
        if (prompts.every(({ answer }, at) => answers[at] === answer)) ask(left);
        else context.reject(methods);
      });
    };
    ask(rounds);
    return;
  }
  context.reject(methods);
}

function execute(channel: ServerChannel, command: string, options: FakeOptions, children: Set<ChildProcess>): void {
  const [program = '/bin/sh', ...words] = options.shell ?? ['/bin/sh'];
  const env = { ...process.env, ...options.env };
  const child = spawn(program, [...words, '-c', command], { detached: true, env });
  children.add(child);
  channel.pipe(child.stdin);
  child.stdin.on('error', () => undefined);
  channel.on('error', () => undefined);
  child.stdout.on('data', (chunk) => channel.write(chunk));
  child.stderr.on('data', (chunk) => channel.stderr.write(chunk));
  child.on('close', (code, signal) => {
    children.delete(child);
    if (!channel.writable) return;
    if (code !== null) channel.exit(code);
    else channel.exit((signal ?? 'SIGKILL').slice(3));
    // closes by itself when the last bytes are out; close() would leave behind what waits for the client's window
    channel.end();
  });
  channel.on('close', () => child.stdin.destroy());
}
