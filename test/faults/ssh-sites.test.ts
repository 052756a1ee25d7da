/** What sites do with sshd, shells and keys, seen from both transports; nobody is asked anything here. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { textOf } from '../../core/command.ts';
import { bytes, readAll } from '../../core/transport.ts';
import { openTransport, type ShellTransport, type TransportOptions } from '../../transports/index.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { Line } from './line.ts';
import { root, Sshd } from './sshd.ts';

const TRANSPORTS = ['ssh2', 'openssh'] as const;
type By = (typeof TRANSPORTS)[number] | 'auto';
/** users with a shell or a .bashrc of their own */
const PEOPLE = {
  bea: ['/bin/bash', ''],
  tess: ['/usr/bin/tcsh', ''],
  finn: ['/usr/bin/fish', ''],
  zoe: ['/usr/bin/zsh', ''],
  talk: ['/bin/bash', 'seq 1 5000; echo Welcome >&2'],
  hang: ['/bin/bash', 'echo Loading modules; sleep 60'],
  quit: ['/bin/bash', 'echo Not today; exit 3'],
  rick: ['/bin/rbash', ''],
} as const;

let dir: string;
let world: OwnWorld;
let identity: string;
let sshd: Sshd;

beforeAll(async () => {
  world = new OwnWorld();
  dir = mkdtempSync(join(tmpdir(), 'hb-sites-'));
  identity = world.entry.identity_file;
  const key = (await execa('ssh-keygen', ['-y', '-f', identity])).stdout;
  await root(
    `${Object.entries(PEOPLE)
      .map(
        ([name, [shell, rc]]) =>
          `id ${name} >/dev/null 2>&1 || useradd -m -b /var/tmp -s ${shell} -p '*' ${name}; printf '%s\\n' '${rc}' >/var/tmp/${name}/.bashrc; `,
      )
      .join('')}
     dpkg -s tcsh fish zsh >/dev/null 2>&1 || { apt-get update -qq && apt-get install -y --no-install-recommends tcsh fish zsh; } >/dev/null
     echo '${key}' >/etc/hb-keys; rm -rf /etc/hb-ca; mkdir /etc/hb-ca; ssh-keygen -q -t ed25519 -N '' -f /etc/hb-ca/ca`,
  );
  sshd = await site();
});
afterAll(async () => {
  await sshd?.[Symbol.asyncDispose]();
  await root(
    `rm -rf /etc/hb-keys /etc/hb-ca; ${Object.keys(PEOPLE)
      .map((name) => `userdel -r ${name} 2>/dev/null;`)
      .join('')} true`,
  );
  await world?.[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

let ports = 2321;
const site = (lines: readonly string[] = [], prepare?: string) =>
  Sshd.start(ports++, { lines: [...lines, 'AuthorizedKeysFile /etc/hb-keys'], ...(prepare ? { prepare } : {}) });

type Way = { user?: string; known?: string; key?: string | undefined; config?: string; options?: TransportOptions };

async function open(by: By, at: Sshd, how: Way = {}): Promise<ShellTransport> {
  const knownHosts = join(dir, 'known');
  writeFileSync(knownHosts, how.known ?? at.known);
  const key = 'key' in how ? how.key : identity;
  const target = { host: at.host, port: at.port, user: how.user ?? 'alice', knownHosts };
  const sshConfig = how.config === undefined ? '' : join(dir, 'config');
  if (how.config !== undefined) writeFileSync(sshConfig, how.config);
  const options = { sshConfig, ssh: by, openTimeoutMs: 5_000, ...how.options };
  return openTransport(key === undefined ? target : { ...target, identityFile: key }, undefined, options);
}

const said = async (by: ShellTransport, ...argv: string[]) => textOf((await by.run({ argv })).stdout);
const attempts = (at: Sshd) => at.count(/Accepted|Failed|Invalid|preauth/);

describe.each(TRANSPORTS)('%s', (by) => {
  it.each(['bea', 'tess', 'finn', 'zoe', 'talk'])(
    'works for %s, whatever the login shell is and says',
    async (user) => {
      await using transport = await open(by, sshd, { user });
      const word = `it's "$HOME" \\ !x *`;
      expect(await said(transport, 'printf', '%s', word)).toBe(word);
      const data = Buffer.alloc(300_000, 'x');
      await transport.write(`/var/tmp/${user}/file`, bytes(data), { mode: 0o600 });
      expect((await readAll(transport, `/var/tmp/${user}/file`))?.length).toBe(data.length);
      const terminal = await transport.start({ argv: ['tty'] }, { pty: { rows: 10, cols: 80 } });
      expect(String((await terminal.stdout.toArray()).join(''))).toMatch(/^\/dev\/pts/);
    },
  );

  it.each([
    ['hang', /does not come to our command within 5 s/, 'Loading modules'],
    ['quit', /ends before it runs our command \(exit 3\)/, 'Not today'],
  ])('names a .bashrc that would %s, with what it printed', async (user, message, evidence) => {
    await expect(open(by, sshd, { user })).rejects.toMatchObject({
      code: 'E-REMOTE-SHELL',
      message: expect.stringMatching(message),
      evidence: [evidence],
    });
  });

  it('names a restricted shell, and a command that the site runs instead of ours, by what they say', async () => {
    await expect(open(by, sshd, { user: 'rick' })).rejects.toMatchObject({
      code: 'E-REMOTE-SHELL',
      evidence: [expect.stringContaining('restricted')],
    });
    await using forced = await site(['ForceCommand echo Files only here']);
    await expect(open(by, forced)).rejects.toMatchObject({
      code: 'E-REMOTE-SHELL',
      message: expect.stringMatching(/ends before it runs our command \(exit 0\)/),
      evidence: ['Files only here'],
    });
  });

  it('goes on with the one session that sshd allows (MaxSessions 1)', async () => {
    await using one = await site(['MaxSessions 1']);
    await using transport = await open(by, one);
    const path = `${(await said(transport, 'mktemp', '-d')).trim()}/file`;
    const data = Buffer.alloc(3_000_000, 'y');
    const [written] = await Promise.all([
      transport.write(path, bytes(data), { mode: 0o600 }),
      transport.run({ argv: ['true'] }),
    ]);
    expect(written.bytes).toBe(data.length);
    expect((await readAll(transport, path))?.length).toBe(data.length);
    const started = await transport.start({ argv: ['sleep', '60'] });
    started.kill('TERM');
    expect(await started.ended).toEqual({ kind: 'signal', name: 'TERM' });
    expect(await said(transport, 'echo', 'on')).toBe('on\n');
  });

  it('takes hashed names, and refuses a revoked and a changed key before any login', async () => {
    await using fresh = await site();
    const hashed = join(dir, 'hashed');
    writeFileSync(hashed, fresh.known);
    await execa('ssh-keygen', ['-q', '-H', '-f', hashed]);
    expect(readFileSync(hashed, 'utf8')).toMatch(/^\|1\|/);
    await (await open(by, fresh, { known: readFileSync(hashed, 'utf8') }))[Symbol.asyncDispose]();
    const before = await attempts(fresh);
    for (const known of [`@revoked ${fresh.known}`, fresh.known.replace(/ \S+\n$/, ` ${sshd.key.split(' ')[1]}\n`), ''])
      await expect(open(by, fresh, { known })).rejects.toMatchObject({ code: 'E-SSH-HOSTKEY' });
    expect(
      (await fresh.log()).split('\n').filter((line) => /Accepted|publickey/.test(line)).length,
    ).toBeLessThanOrEqual(before);
  });

  it('refuses an unknown key and forwards no agent, whatever the configuration says', async () => {
    const config = 'Host *\n StrictHostKeyChecking no\n ForwardAgent yes\n ForwardX11 yes\n SendEnv *\n';
    await expect(open(by, sshd, { known: '', config })).rejects.toMatchObject({ code: 'E-SSH-HOSTKEY' });
    const agent = await execa('ssh-agent', ['-s']);
    const [, socket = '', , pid = ''] = /SSH_AUTH_SOCK=([^;]+)[\s\S]*(SSH_AGENT_PID)=(\d+)/.exec(agent.stdout) ?? [];
    const before = process.env.SSH_AUTH_SOCK;
    process.env.SSH_AUTH_SOCK = socket;
    try {
      await execa('ssh-add', ['-q', identity]);
      await using transport = await open(by, sshd, { config, key: undefined });
      expect(await said(transport, 'sh', '-c', 'echo "[$SSH_AUTH_SOCK$DISPLAY]"')).toBe('[]\n');
    } finally {
      if (before === undefined) delete process.env.SSH_AUTH_SOCK;
      else process.env.SSH_AUTH_SOCK = before;
      process.kill(Number(pid));
    }
  });

  it('tells tunnels that are forbidden from ports where nobody listens', async () => {
    await using closed = await site(['AllowTcpForwarding no']);
    await using transport = await open(by, closed);
    const to = { host: '127.0.0.1', port: 22 };
    await expect(transport.connect(to)).rejects.toMatchObject({ message: expect.stringContaining('forbids tunnels') });
    await using other = await open(by, sshd);
    const nobody = other.connect({ host: '127.0.0.1', port: 1 });
    await expect(nobody).rejects.toMatchObject({ code: 'E-AGENT', transient: true });
  });

  it('offers a key that is not accepted once', async () => {
    const key = join(dir, `stranger-${by}`);
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    await using fresh = await site(['LogLevel DEBUG1', 'LogLevel VERBOSE']);
    await expect(open(by, fresh, { key })).rejects.toMatchObject({ code: 'E-SSH-AUTH' });
    expect(await fresh.count(/Connection from/)).toBe(1);
    expect(await fresh.count(/Failed publickey/)).toBeLessThanOrEqual(1);
  });

  it('says that commands are lost, not failed, when the line breaks, and comes back', async () => {
    await using fresh = await site();
    await using transport = await open(by, fresh);
    const pending = transport.run({ argv: ['sleep', '30'] });
    const up = new Promise<void>((resolve) => {
      transport.link.watch((value) => value === 'up' && resolve());
    });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await fresh.cut();
    expect((await pending).ended.kind).toBe('lost');
    await up;
    expect(await said(transport, 'echo', 'on')).toBe('on\n');
  });
});

it('a line that falls silent, and tells nobody, is given up within a minute by OpenSSH too, and made anew', async () => {
  const line = await Line.to(sshd.port);
  line.to = { host: sshd.host, port: sshd.port };
  const known = `[127.0.0.1]:${line.port} ${sshd.key}\n`;
  await using transport = await open('openssh', { ...sshd, host: '127.0.0.1', port: line.port } as Sshd, { known });
  const states: string[] = [];
  const up = new Promise<void>((resolve) => {
    transport.link.watch((value) => {
      states.push(value);
      if (value === 'up') resolve();
    });
  });
  line.cut();
  setTimeout(() => line.mend({ lost: true }), 30_000);
  await up;
  expect(states).toEqual(['reconnecting', 'up']);
  expect(await said(transport, 'echo', 'on')).toBe('on\n');
  await line.close();
});

describe('by itself OpenSSH is taken', () => {
  it('for a host certificate, which ssh2 cannot check', async () => {
    const sign = 'ssh-keygen -q -s /etc/hb-ca/ca -I host -h $dir/key.pub';
    await using signed = await site([`HostCertificate /run/hb-ssh-${ports}/key-cert.pub`], sign);
    const known = `@cert-authority * ${await root('cat /etc/hb-ca/ca.pub')}\n`;
    await (await open('auto', signed, { known }))[Symbol.asyncDispose]();
    await expect(open('ssh2', signed, { known })).rejects.toMatchObject({ code: 'E-SSH-HOSTKEY' });
    const other = `@cert-authority * ${sshd.key}\n`;
    await expect(open('auto', signed, { known: other })).rejects.toMatchObject({ code: 'E-SSH-HOSTKEY' });
  });

  it('for a certificate of the user', async () => {
    const key = join(dir, 'certified');
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key]);
    const cert = await root(
      `cd /etc/hb-ca; echo '${readFileSync(`${key}.pub`, 'utf8').trim()}' >u.pub; ssh-keygen -q -s ca -I alice -n alice u.pub; cat u-cert.pub`,
    );
    writeFileSync(`${key}-cert.pub`, `${cert}\n`);
    await using trusting = await Sshd.start(ports++, {
      lines: ['TrustedUserCAKeys /etc/hb-ca/ca.pub', 'AuthorizedKeysFile none'],
    });
    await using transport = await open('auto', trusting, { key });
    expect(await said(transport, 'id', '-un')).toBe('alice\n');
    await expect(open('ssh2', trusting, { key })).rejects.toMatchObject({ code: 'E-SSH-AUTH' });
  });

  it('for ProxyCommand and Match exec in ~/.ssh/config', async () => {
    const config = `Match exec "true"\n User alice\nHost *\n ProxyCommand ssh -F none -i ${identity} -p ${sshd.port} -o UserKnownHostsFile=${join(dir, 'known')} -W %h:%p alice@${sshd.host}\n`;
    await using transport = await open('auto', sshd, { config });
    expect(await said(transport, 'id', '-un')).toBe('alice\n');
    await expect(open('ssh2', sshd, { config })).rejects.toMatchObject({ code: 'E-CONFIG' });
  });
});
