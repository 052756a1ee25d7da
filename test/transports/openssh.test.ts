/** The parts of the OpenSSH transport that need no ssh; the whole is in test/e2e/transport.test.ts and test/faults/ssh-*. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Connection } from '../../transports/channels/connection.ts';
import { tunnel } from '../../transports/channels/tunnel.ts';
import { Message, Messages, text, u32 } from '../../transports/channels/words.ts';
import { masterWords, targetWords } from '../../transports/openssh/command-line.ts';
import { endMaster, MUX, masterAt, proxyTo } from '../../transports/openssh/control.ts';
import { controlDirectory, placeIn, unfit } from '../../transports/openssh/directory.ts';
import { loginFault } from '../../transports/openssh/faults.ts';
import { Router } from '../../transports/openssh/router.ts';
import { notRun } from '../not-run.ts';

const NOBODY = 65534;

let dir: string;
const runtime = process.env.XDG_RUNTIME_DIR;
const temporary = process.env.TMPDIR;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hb-o-'));
  delete process.env.XDG_RUNTIME_DIR;
});
afterEach(() => {
  if (runtime !== undefined) process.env.XDG_RUNTIME_DIR = runtime;
  if (temporary === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = temporary;
  rmSync(dir, { recursive: true, force: true });
});

describe('the words for ssh', () => {
  const target = {
    host: 'hpc',
    user: 'alice',
    port: 2222,
    identityFile: '/keys/50% mine',
    jump: { host: '::1', port: 22 },
  };
  it('name who is meant, quoted as ssh reads it, with no option after the host', () => {
    expect(targetWords({ target, sshConfig: '' })).toEqual([
      ...[
        '-F',
        'none',
        '-l',
        'alice',
        '-p',
        '2222',
        '-o',
        'IdentityFile="/keys/50%% mine"',
        '-J',
        '[::1]:22',
        '--',
        'hpc',
      ],
    ]);
  });

  it('never say yes to a key, forward nothing, and ask nobody where nobody is (SSH-01, SSH-04)', () => {
    for (const person of [true, false]) {
      const words = masterWords({ target }, { socket: '/s', person, persistS: 15 });
      expect(words).toEqual(expect.arrayContaining(['StrictHostKeyChecking=ask', 'ForwardAgent=no', 'ForwardX11=no']));
      expect(words).toContain('ClearAllForwardings=yes');
      expect(words).toContain(`BatchMode=${person ? 'no' : 'yes'}`);
    }
  });

  it('refuse a host or a user that ssh would read as something else (SSH-05)', () => {
    for (const host of ['-oProxyCommand=id', 'a b', 'a;id', '$(id)', ''])
      expect(() => targetWords({ target: { host } })).toThrow(/no host name/);
    expect(() => targetWords({ target: { host: 'a', user: '-l' } })).toThrow(/no user name/);
    expect(() => targetWords({ target: { host: 'a', jump: { host: '-J' } } })).toThrow(/no host name/);
  });
});

describe('the place of the sockets (SSH-06)', () => {
  it('is 0700 and short enough, whatever TMPDIR is', () => {
    process.env.TMPDIR = join(dir, 'x'.repeat(90));
    const chosen = controlDirectory(join(dir, 'y'.repeat(80)));
    expect(chosen).toBe(`/tmp/hpcbinder-${process.getuid?.()}`);
    expect(Buffer.byteLength(placeIn(chosen, ['a']).master) + 17).toBeLessThan(104);
  });

  it('is closed to others where it was open, and never a link or a file that somebody made first', () => {
    const open = join(dir, 'ssh');
    mkdirSync(open, { mode: 0o777 });
    chmodSync(open, 0o777);
    expect(controlDirectory(open)).toBe(open);
    expect(statSync(open).mode & 0o777).toBe(0o700);
    const link = join(dir, 'link');
    symlinkSync(open, link);
    expect(controlDirectory(link)).not.toBe(link);
  });

  it('is not where others could put a folder of theirs in its place', () => {
    const ours = join(dir, 'runtime');
    process.env.XDG_RUNTIME_DIR = ours;
    const wanted = join(ours, 'hpcbinder');
    mkdirSync(ours, { mode: 0o700 });
    expect(controlDirectory(join(dir, 'state'))).toBe(wanted);
    chmodSync(ours, 0o777);
    expect(controlDirectory(join(dir, 'state'))).toBe(join(dir, 'state'));
    chmodSync(ours, 0o1777);
    expect(controlDirectory(join(dir, 'state'))).toBe(wanted);
  });

  const squat = 'is refused by the name of its owner where another user made it first, or the folder around it';
  if (process.getuid?.() !== 0) notRun(`SSH-06, ${squat}: only root can make a folder of another user`);
  else
    it(squat, () => {
      const [runtime, state, tmp] = ['runtime', 'state', 'tmp'].map((name) => join(dir, name)) as [
        string,
        string,
        string,
      ];
      const theirs = [join(runtime, 'hpcbinder'), join(state, 'ssh'), join(tmp, 'hpcbinder-0'), join(dir, 'around')];
      for (const path of theirs) {
        mkdirSync(path, { recursive: true });
        chmodSync(path, 0o777);
        chownSync(path, NOBODY, NOBODY);
      }
      process.env.XDG_RUNTIME_DIR = runtime;
      process.env.TMPDIR = tmp;
      expect(controlDirectory(join(state, 'ssh'))).toBe('/tmp/hpcbinder-0');
      expect([...theirs.slice(0, 3), join(dir, 'around', 'ssh'), join(dir, 'none', 'ssh')].map(unfit)).toEqual([
        ...Array(3).fill('it belongs to another user'),
        'the folder around it belongs to another user',
        'it cannot be made (ENOENT)',
      ]);
      // nothing of theirs was changed, and nothing of ours is in it
      expect(theirs.map((path) => [statSync(path).mode & 0o777, readdirSync(path)])).toEqual(
        Array(4).fill([0o777, []]),
      );
    });

  it('is another for another user, port, key or way', () => {
    const targets = [{}, { user: 'b' }, { port: 23 }, { identityFile: '/k' }, { jump: { host: 'gate' } }];
    const places = targets.map((more) => placeIn('/d', targetWords({ target: { host: 'h', ...more } })).keeper);
    expect(new Set(places).size).toBe(targets.length);
  });
});

describe('what ssh says', () => {
  it.each([
    ['Host key verification failed.', 'E-SSH-HOSTKEY', false],
    [
      '@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nOffending ED25519 key in /k:3\nHost key verification failed.',
      'E-SSH-HOSTKEY',
      false,
    ],
    ['a@h: Permission denied (publickey,keyboard-interactive).', 'E-SSH-AUTH', false],
    ['ssh: Could not resolve hostname h: Name or service not known', 'E-SSH-UNREACHABLE', true],
    ['ssh: connect to host h port 22: Connection refused', 'E-SSH-UNREACHABLE', true],
    ['a@gate: Permission denied (publickey).\nConnection closed by UNKNOWN port 65535', 'E-SSH-AUTH', false],
    ['something new', 'E-SSH-AUTH', false],
  ])('%s: %s', (said, code, transient) => {
    expect(loginFault('a@h', said, { person: false, host: 'h' })).toMatchObject({ code, transient });
  });

  it('is harmless in the message', () => {
    const { evidence } = loginFault('a@h', 'Permission \u001b[2Jdenied', { person: false, host: 'h' });
    expect(evidence.join('')).not.toContain('\u001b');
  });
});

describe('messages', () => {
  it('are cut out of a stream wherever it is broken, and one that is too long is none', () => {
    const stream = Buffer.concat([text('one'), text(''), text('x'.repeat(1000))]);
    for (const step of [1, 3, 7, 2000]) {
      const messages = new Messages(1000);
      const found: string[] = [];
      for (let at = 0; at < stream.length; at += step)
        found.push(...messages.feed(stream.subarray(at, at + step)).map(String));
      expect(found).toEqual(['one', '', 'x'.repeat(1000)]);
    }
    expect(() => new Messages(1000).feed(u32(1001))).toThrow(/makes no sense/);
    expect(() => new Message(u32(5)).bytes()).toThrow(/makes no sense/);
  });
});

/** A named fake of sshd behind a master: it refuses tunnels to port 1, and echoes what comes to others. */
function fakeMaster(path: string): Promise<Server & { closed: number[]; slow: boolean }> {
  const server = Object.assign(createServer(), { closed: [] as number[], slow: false });
  server.on('connection', (socket) => {
    const messages = new Messages(1 << 20);
    const control = (type: number, ...body: Buffer[]) => socket.write(text(Buffer.concat([u32(type), ...body])));
    control(MUX.hello, u32(4));
    let proxied = false;
    let next = 100;
    const send = (type: number, ...body: Buffer[]) =>
      socket.write(text(Buffer.concat([Buffer.from([0, type]), ...body])));
    const owners = new Map<number, number>();
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      for (const bytes of messages.feed(chunk)) {
        if (!proxied) {
          const message = new Message(bytes);
          if (message.u32() === MUX.proxy) {
            proxied = true;
            control(MUX.proxying, u32(0));
          }
          continue;
        }
        const message = new Message(bytes.subarray(2));
        const type = bytes.readUInt8(1);
        if (type === 90) {
          message.text();
          const theirs = message.u32();
          message.u32();
          message.u32();
          message.text();
          if (message.u32() === 1) send(92, u32(theirs), u32(2), text('refused'), text(''));
          else {
            const mine = next++;
            owners.set(mine, theirs);
            const confirm = () => send(91, u32(theirs), u32(mine), u32(1 << 20), u32(32768));
            if (server.slow) setTimeout(confirm, 200);
            else confirm();
          }
        } else if (type === 94) {
          const theirs = owners.get(message.u32()) ?? -1;
          send(94, u32(theirs), text(message.bytes()));
        } else if (type === 97) {
          const mine = message.u32();
          server.closed.push(mine);
          send(97, u32(owners.get(mine) ?? -1));
        }
      }
    });
  });
  return new Promise((resolve) => server.listen(path, () => resolve(server)));
}

describe('the router', () => {
  /** A client's connection through it, and the end of the client without a word. */
  async function client(router: Router, name: string): Promise<{ connection: Connection; vanish(): void }> {
    const path = join(dir, name);
    const joined = new Promise<Socket>((resolve) => {
      const door = createServer((socket) => {
        socket.pause();
        router.join(socket);
        door.close();
      });
      door.listen(path, async () => {
        const { connect } = await import('node:net');
        const socket = connect(path);
        socket.pause();
        resolve(socket);
      });
    });
    const socket = await joined;
    const end = () => void socket.destroy();
    return { connection: new Connection({ input: socket, output: socket, end }), vanish: end };
  }

  it('keeps clients apart, and closes what one that vanished has left open, also what was only being opened', async () => {
    const path = join(dir, 'm');
    const master = await fakeMaster(path);
    const proxied = await proxyTo(path);
    if (!proxied) throw new Error('no master');
    const router = new Router(proxied.socket);
    const [one, two] = [await client(router, 'a'), await client(router, 'b')];
    await expect(tunnel(one.connection, { host: 'h', port: 1 })).rejects.toMatchObject({ reason: 2 });
    const mine = await tunnel(one.connection, { host: 'h', port: 2 });
    const yours = await tunnel(two.connection, { host: 'h', port: 2 });
    master.slow = true;
    void tunnel(one.connection, { host: 'h', port: 2 }).catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
    one.vanish();
    await new Promise((resolve) => setTimeout(resolve, 400));
    expect(master.closed).toEqual([100, 102]);
    expect(mine.destroyed).toBe(true);
    const large = Buffer.alloc(500_000, 'z');
    let back = 0;
    yours.on('data', (data: Buffer) => {
      back += data.length;
    });
    yours.write(large);
    while (back < large.length) await new Promise((resolve) => setTimeout(resolve, 10));
    two.vanish();
    proxied.socket.destroy();
    master.close();
  });
});

describe('a control socket', () => {
  it('that nobody listens at is no master', async () => {
    expect(await masterAt(join(dir, 'none'))).toBeUndefined();
    expect(await endMaster(join(dir, 'none'))).toBe(false);
  });

  it('that talks nonsense is named, with what ends it', async () => {
    const server = createServer((socket) => socket.write(Buffer.alloc(64, 0xff)));
    await new Promise<void>((resolve) => server.listen(join(dir, 's'), resolve));
    await expect(masterAt(join(dir, 's'))).rejects.toMatchObject({
      code: 'E-SSH-LOST',
      hint: expect.stringContaining('logout'),
    });
    server.close();
  });
});
