import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { HpcbinderError } from '../../core/errors.ts';
import type { Prompter } from '../../core/transport.ts';
import { openTransport, type ShellTransport } from '../../transports/index.ts';
import { type FakeOptions, type FakeSshd, fakeSshd } from './fake-sshd.ts';
import { keyFile, knownHostsFor, person, publicKey } from './ssh-rig.ts';

let dir: string;
const open: AsyncDisposable[] = [];
const agent = process.env.SSH_AUTH_SOCK;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'hb-login-'));
  delete process.env.SSH_AUTH_SOCK;
});
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]();
  if (agent !== undefined) process.env.SSH_AUTH_SOCK = agent;
});

async function peerWith(options: FakeOptions): Promise<FakeSshd> {
  const peer = await fakeSshd(options);
  open.push(peer);
  return peer;
}

async function login(
  peer: FakeSshd,
  prompter?: Prompter,
  more: { key?: string; knownHosts?: string } = {},
): Promise<ShellTransport> {
  const target = {
    host: '127.0.0.1',
    port: peer.port,
    user: 'tester',
    identityFile: more.key ?? keyFile(dir),
    knownHosts: more.knownHosts ?? knownHostsFor(dir, peer),
  };
  const transport = await openTransport(target, prompter, { sshConfig: '', openTimeoutMs: 3000 });
  open.push(transport);
  return transport;
}
const pubOf = (key: string) => publicKey(readFileSync(`${key}.pub`, 'utf8'));

describe('logging in', () => {
  it('offers a key exactly once, and names what was tried', async () => {
    const peer = await peerWith({ accept: [] });
    const key = keyFile(dir);
    await expect(login(peer, undefined, { key })).rejects.toMatchObject({
      code: 'E-SSH-AUTH',
      evidence: [expect.stringContaining(key)],
    });
    expect([peer.attempts, peer.connections]).toEqual([['none', 'publickey'], 1]);
  });

  it('asks for a passphrase at most three times, only when the server would take the key', async () => {
    const key = keyFile(dir, 'locked', 'right');
    const peer = await peerWith({ accept: [pubOf(key)] });
    const who = person(['wrong', 'wrong too', 'right']);
    await login(peer, who, { key });
    expect(who.heard).toHaveLength(3);
    const stranger = await peerWith({ accept: [] });
    const unasked = person([]);
    await expect(login(stranger, unasked, { key })).rejects.toMatchObject({ code: 'E-SSH-AUTH' });
    expect(unasked.heard).toEqual([]);
  });

  it('relays each prompt as it was sent', async () => {
    const prompts = [
      { text: 'Password: ', echo: false, answer: 'secret' },
      { text: 'OTP\u001b[2J: ', echo: true, answer: '123456' },
    ];
    const peer = await peerWith({ accept: [], prompts });
    const who = person(['secret', '123456']);
    await login(peer, who);
    expect(who.heard).toEqual([
      'Second factor',
      'Enter what your device shows',
      'secret: Password: ',
      'open: OTP\\x1b[2J: ',
    ]);
  });

  it('asks for a password three times and then stops', async () => {
    const peer = await peerWith({ accept: [], password: 'x' });
    await expect(login(peer, person(['1', '2', '3', '4']))).rejects.toMatchObject({ code: 'E-SSH-AUTH' });
    expect(peer.attempts).toEqual(['none', 'publickey', 'password', 'password', 'password']);
  });

  it('says that a terminal is needed where nobody can be asked', async () => {
    const peer = await peerWith({ accept: [], password: 'x' });
    await expect(login(peer)).rejects.toMatchObject({ code: 'E-SSH-AUTH', hint: expect.stringContaining('terminal') });
  });
});

describe('the host key', () => {
  it('is shown at first contact, asked for, and remembered', async () => {
    const peer = await peerWith({});
    const knownHosts = join(dir, 'new');
    const who = person([]);
    await login(peer, who, { knownHosts });
    expect(who.heard.join('\n')).toMatch(/ED25519 SHA256:/);
    await login(peer, undefined, { knownHosts });
  });

  it('ends the launch where it is not accepted, or nobody is there, before any login', async () => {
    const peer = await peerWith({});
    const knownHosts = join(dir, 'none');
    await expect(login(peer, person([], false), { knownHosts })).rejects.toMatchObject({ code: 'E-SSH-HOSTKEY' });
    await expect(login(peer, undefined, { knownHosts })).rejects.toMatchObject({
      code: 'E-SSH-HOSTKEY',
      hint: expect.stringContaining(`ssh -p ${peer.port} tester@127.0.0.1`),
    });
    expect(peer.attempts).toEqual([]);
  });

  it('is refused when it has changed, with file and line', async () => {
    const [peer, old] = [await peerWith({}), await peerWith({})];
    const knownHosts = knownHostsFor(dir, { port: peer.port, hostKey: old.hostKey });
    await expect(login(peer, person([]), { knownHosts })).rejects.toMatchObject({
      code: 'E-SSH-HOSTKEY',
      message: expect.stringContaining(`${knownHosts} line 1`),
    });
    expect(peer.attempts).toEqual([]);
  });
});

describe('the way there', () => {
  it('tells a closed port, and that trying again can help', async () => {
    const target = { host: '127.0.0.1', port: 1, user: 'tester' };
    await expect(openTransport(target, undefined, { sshConfig: '' })).rejects.toMatchObject({
      code: 'E-SSH-UNREACHABLE',
      transient: true,
    });
  });

  it('goes through a jump host', async () => {
    const [gate, inner] = [await peerWith({}), await peerWith({})];
    const key = keyFile(dir);
    const jump = {
      host: '127.0.0.1',
      port: gate.port,
      user: 'gate',
      identityFile: key,
      knownHosts: knownHostsFor(dir, gate, 'g'),
    };
    const target = {
      host: '127.0.0.1',
      port: inner.port,
      user: 'in',
      identityFile: key,
      knownHosts: knownHostsFor(dir, inner, 'i'),
      jump,
    };
    const transport = await openTransport(target, undefined, { sshConfig: '' });
    open.push(transport);
    expect((await transport.run({ argv: ['true'] })).ended).toEqual({ kind: 'exit', code: 0 });
    expect([gate.connections, inner.connections]).toEqual([1, 1]);
  });

  it('names a login shell that ends, or never comes to our command, with what it printed', async () => {
    for (const rc of ['echo Sorry; exit 3', 'echo Sorry; sleep 30']) {
      const wrapper = join(dir, 'shell');
      writeFileSync(wrapper, `#!/bin/sh\n${rc}\n`, { mode: 0o755 });
      const peer = await peerWith({ shell: [wrapper] });
      await expect(login(peer)).rejects.toMatchObject({ code: 'E-REMOTE-SHELL', evidence: ['Sorry'] });
    }
  });

  it('reads through a megabyte of noise', async () => {
    const wrapper = join(dir, 'shell');
    writeFileSync(wrapper, '#!/bin/sh\nhead -c 1000000 /dev/zero\necho Welcome >&2\nexec /bin/sh "$@"\n', {
      mode: 0o755,
    });
    const transport = await login(await peerWith({ shell: [wrapper] }));
    const started = await transport.start({ argv: ['echo', 'clean'] });
    expect(String((await started.stdout.toArray())[0])).toBe('clean\n');
  });

  it('comes back by itself after a cut, and commands in between are lost, not failed', async () => {
    const peer = await peerWith({});
    const transport = await login(peer);
    const pending = transport.run({ argv: ['sleep', '20'] });
    const states: string[] = [];
    const back = new Promise<void>((resolve) => {
      transport.link.watch((value) => {
        states.push(value);
        if (value === 'up') resolve();
      });
    });
    setTimeout(() => peer.drop(), 100);
    expect((await pending).ended.kind).toBe('lost');
    expect((await transport.run({ argv: ['true'] })).ended.kind).toBe('lost');
    await back;
    expect(states).toEqual(['reconnecting', 'up']);
    expect((await transport.run({ argv: ['true'] })).ended).toEqual({ kind: 'exit', code: 0 });
  });

  it('is whole again after a cut between two commands: the first that follows is not lost with the old shell', async () => {
    const peer = await peerWith({});
    const transport = await login(peer);
    const back = new Promise<void>((resolve) => {
      transport.link.watch((value) => value === 'up' && resolve());
    });
    peer.drop();
    await back;
    expect((await transport.run({ argv: ['true'] })).ended).toEqual({ kind: 'exit', code: 0 });
  });

  it('says why it stays down: the host that came back has another key', async () => {
    const peer = await peerWith({});
    const known = knownHostsFor(dir, peer);
    const transport = await login(peer, undefined, { knownHosts: known });
    const down = new Promise<void>((resolve) => {
      transport.link.watch((value) => value === 'down' && resolve());
    });
    const other = publicKey(readFileSync(`${keyFile(dir, 'other')}.pub`, 'utf8'));
    writeFileSync(known, readFileSync(known, 'utf8').replace(/\S+\s*$/, `${other.toString('base64')}\n`));
    peer.drop();
    await down;
    await expect(transport.start({ argv: ['true'] })).rejects.toMatchObject({
      code: 'E-SSH-HOSTKEY',
      hint: expect.stringMatching(/keep the old one and add this line[^\n]*\n\S+ ssh-ed25519 AAAA/),
    });
  });

  it('after a cut asks a person once, tries at each key, and makes no attempt before it', async () => {
    const peer = await peerWith({ accept: [], password: 'x' });
    const who = person(['x', 'wrong', 'wrong', 'wrong', 'x']);
    let press = () => {};
    const key = () => new Promise<string>((resolve) => (press = () => resolve('')));
    const ask = (prompt: string, how: { secret: boolean }) => {
      if (how.secret) return who.ask(prompt, how);
      who.heard.push(prompt);
      return key();
    };
    const transport = await login(peer, { ...who, ask });
    const before = peer.attempts.length;
    peer.drop();
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect([transport.link.value, peer.attempts.length]).toEqual(['reconnecting', before]);
    expect(who.heard.filter((line) => line.includes('Enter logs in again'))).toHaveLength(1);
    press();
    while (who.heard.filter((line) => line.includes('Enter logs in again')).length < 2)
      await new Promise((resolve) => setTimeout(resolve, 20));
    expect(who.heard.join('\n')).toMatch(/refused the login/);
    const up = new Promise<void>((resolve) => transport.link.watch((value) => value === 'up' && resolve()));
    press();
    await up;
    expect((await transport.run({ argv: ['true'] })).ended).toEqual({ kind: 'exit', code: 0 });
  });

  it('stays down after a cut where nobody is there, or the person leaves it', async () => {
    const peer = await peerWith({ accept: [], password: 'x' });
    const who = person(['x']);
    const ask = async (prompt: string, how: { secret: boolean }) => {
      if (how.secret) return who.ask(prompt, how);
      throw new HpcbinderError('E-CANCELLED', { message: 'cancelled' });
    };
    const transport = await login(peer, { ...who, ask });
    const down = new Promise<void>((resolve) => transport.link.watch((value) => value === 'down' && resolve()));
    peer.drop();
    await down;
    await expect(transport.start({ argv: ['true'] })).rejects.toMatchObject({ code: 'E-CANCELLED' });
  });
});
