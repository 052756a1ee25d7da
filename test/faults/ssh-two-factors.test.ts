/** Logins that need a person, on real sshd's with PAM, by both transports; the person sits at a pseudo-terminal. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { hpcbinder } from '../e2e/rig.ts';
import { Terminal } from '../e2e/terminal.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { ASK_CODE, ASK_PASSWORD, answer, PASSWORD, PUSH, people, Sshd } from './sshd.ts';

const ACCEPTED = /Accepted keyboard-interactive/;
let crowd: AsyncDisposable;
let world: OwnWorld;

beforeAll(async () => {
  crowd = await people();
  world = new OwnWorld();
});
afterAll(async () => {
  await hpcbinder(['logout'], { env: world.env });
  await world?.[Symbol.asyncDispose]();
  await crowd?.[Symbol.asyncDispose]();
});

/** Any command that needs the cluster. */
const COMMAND = ['work', 'ls'];

describe.each(['ssh2', 'openssh'] as const)('by %s, at a terminal', (transport) => {
  const ssh = { transport, keep: '0' };

  it.each([
    ['a password, then a code', [ASK_PASSWORD, ASK_CODE], [/Password: /, /Verification code: /]],
    ['a code, then a password', [ASK_CODE, ASK_PASSWORD], [/Verification code: /, /Password: /]],
    [
      'three prompts',
      [
        ASK_PASSWORD,
        ASK_CODE,
        ASK_CODE.replace('pam_google_authenticator.so', '$& [authtok_prompt=Token of the day: ]'),
      ],
      [/Password: /, /Verification code: /, /Token of the day: /],
    ],
  ] as const)('%s', async (_, pam, prompts) => {
    await using sshd = await Sshd.start(2301, { pam });
    sshd.become(world, { ssh });
    const terminal = new Terminal(COMMAND, world.env);
    await answer(
      terminal,
      prompts.map((prompt) => [prompt, prompt.source.startsWith('Password') ? PASSWORD : undefined] as const),
    );
    expect(await terminal.ended()).toBe(0);
    expect(await sshd.count(ACCEPTED)).toBe(1);
    expect(terminal.text).not.toContain(PASSWORD);
  });

  it('a wrong code, then the right one: asked again, in one connection', async () => {
    await using sshd = await Sshd.start(2302, { pam: [ASK_PASSWORD, ASK_CODE] });
    sshd.become(world, { ssh });
    const terminal = new Terminal(COMMAND, world.env);
    await answer(terminal, [
      [/Password: /, PASSWORD],
      [/Verification code: /, '000000'],
      [/Password: /, PASSWORD],
      [/Verification code: /, undefined],
    ]);
    expect(await terminal.ended()).toBe(0);
    expect([await sshd.count(/Connection from/), await sshd.count(ACCEPTED)]).toEqual([1, 1]);
  });
});

/** The world's cluster behind a bastion, both as `~/.ssh/config` has it. */
function behind(bastion: Sshd, inner: Sshd, ssh: Record<string, unknown>): void {
  const home = join(world.dir, 'home');
  mkdirSync(join(home, '.ssh'), { recursive: true, mode: 0o700 });
  writeFileSync(join(home, '.ssh', 'known_hosts'), bastion.known + inner.known);
  const known = `UserKnownHostsFile ${join(home, '.ssh', 'known_hosts')}`;
  const gate = `Host gate\n HostName ${bastion.host}\n Port ${bastion.port}\n User alice\n ${known}\n`;
  const hpc = `Host hpc\n HostName ${inner.host}\n Port ${inner.port}\n User alice\n ProxyJump gate\n ${known}\n`;
  writeFileSync(join(home, '.ssh', 'config'), gate + hpc);
  world.env.HOME = home;
  const { host: _, port: _port, known_hosts: _known, user: _user, ...entry } = world.entry;
  Object.assign(world.entry, entry, { host: 'hpc', ssh });
  for (const key of ['port', 'known_hosts', 'user']) delete world.entry[key];
  world.write();
}

const TWICE = [
  [/Verification code: /, undefined],
  [/Password: /, PASSWORD],
  [/Verification code: /, undefined],
] as const;

it.each(['ssh2', 'openssh', 'auto'] as const)(
  'a bastion with a code of its own, then the login node: %s',
  async (transport) => {
    await using bastion = await Sshd.start(2306, { pam: [ASK_CODE] });
    await using inner = await Sshd.start(2307, { pam: [ASK_PASSWORD, ASK_CODE] });
    behind(bastion, inner, { transport, ...(transport === 'auto' ? {} : { keep: '0' }) });
    const terminal = new Terminal(COMMAND, world.env);
    await answer(terminal, TWICE);
    expect(await terminal.ended()).toBe(0);
    expect([await bastion.count(ACCEPTED), await inner.count(ACCEPTED)]).toEqual([1, 1]);
    const again = await hpcbinder(COMMAND, { env: world.env });
    // the whole way is kept, where anything is
    expect([again.code, again.stderr]).toEqual(
      transport === 'auto' ? [0, expect.anything()] : [1, expect.stringContaining('E-SSH-AUTH')],
    );
    await hpcbinder(['logout'], { env: world.env });
    expect([await bastion.count(ACCEPTED), await inner.count(ACCEPTED)]).toEqual([1, 1]);
  },
);

it('a push that is answered after a minute, by either', async () => {
  await Promise.all(
    (['ssh2', 'openssh'] as const).map(async (transport, at) => {
      await using own = new OwnWorld();
      await using sshd = await Sshd.start(2303 + at, { pam: [ASK_PASSWORD, PUSH(60)] });
      sshd.become(own, { ssh: { transport, keep: '0' } });
      const terminal = new Terminal(COMMAND, own.env);
      await answer(terminal, [[/Password: /, PASSWORD]]);
      await terminal.until(/waiting for .*a push/);
      expect([await terminal.ended(100_000), terminal.text]).toEqual([0, expect.anything()]);
      expect(await sshd.count(ACCEPTED)).toBe(1);
    }),
  );
});
