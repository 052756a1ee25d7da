/** Keys with a passphrase, and a kept login whose only session is taken; the person sits at a pseudo-terminal. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { execa } from 'execa';
import { hpcbinder } from '../e2e/rig.ts';
import { storedImage } from '../e2e/stored.ts';
import { CTRL_C, Terminal } from '../e2e/terminal.ts';
import { OwnWorld } from '../e2e/worlds.ts';
import { eventually, launchOf, stop } from './rig.ts';
import { ASK_CODE, ASK_PASSWORD, answer, PASSWORD, people, root, Sshd } from './sshd.ts';

const PASSPHRASE = 'open sesame';
const LOGIN = [
  [/Password: /, PASSWORD],
  [/Verification code: /, undefined],
] as const;
/** Any command that needs the cluster. */
const COMMAND = ['work', 'ls'];

let crowd: AsyncDisposable;
let world: OwnWorld;
const run = (...args: string[]) => hpcbinder(args, { env: world.env });

beforeAll(async () => {
  crowd = await people();
  world = new OwnWorld();
});
afterAll(async () => {
  await run('logout');
  await root('rm -f /etc/hb-locked');
  await world?.[Symbol.asyncDispose]();
  await crowd?.[Symbol.asyncDispose]();
});

it.each(['ssh2', 'openssh', 'auto'] as const)(
  'a key with a passphrase: asked for until it is right, the login kept by OpenSSH, and told where nobody can answer: %s',
  async (transport) => {
    const key = join(world.dir, `locked-${transport}`);
    await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', PASSPHRASE, '-f', key]);
    await root(`echo '${(await execa('cat', [`${key}.pub`])).stdout}' >/etc/hb-locked`);
    await using sshd = await Sshd.start(2391, { lines: ['AuthorizedKeysFile /etc/hb-locked'] });
    sshd.become(world, { identity_file: key, ssh: { transport } });
    const alone = await run(...COMMAND);
    expect([alone.code, alone.stderr]).toEqual([1, expect.stringContaining('E-SSH-AUTH')]);

    const terminal = new Terminal(COMMAND, world.env);
    await answer(terminal, [
      [/assphrase for [^\n]*locked[^\n]*: /, 'wrong'],
      [/assphrase for [^\n]*locked[^\n]*: /, PASSPHRASE],
    ]);
    expect([await terminal.ended(), terminal.text]).toEqual([0, expect.not.stringContaining(PASSPHRASE)]);
    expect(await sshd.count(/Accepted publickey/)).toBe(1);
    const again = await run(...COMMAND);
    expect([again.code, await sshd.count(/Accepted publickey/)]).toEqual([transport === 'openssh' ? 0 : 1, 1]);
    await run('logout');
  },
);

it.each(['ssh2', 'openssh'] as const)(
  'a password that has expired is changed in the words of the site, and told where nobody can answer: %s',
  async (transport) => {
    const pam = [ASK_PASSWORD, 'account required pam_unix.so', 'password required pam_unix.so'];
    await using sshd = await Sshd.start(2393, { pam });
    sshd.become(world, { ssh: { transport, keep: '0' } });
    await root(`echo 'alice:${PASSWORD}' | chpasswd; chage -d 0 alice`);
    const alone = await run(...COMMAND);
    expect([alone.code, alone.stderr]).toEqual([1, expect.stringContaining('E-SSH-AUTH')]);
    const terminal = new Terminal(COMMAND, world.env);
    const next = 'another horse 7';
    await answer(terminal, [
      [/Password: /, PASSWORD],
      [/Current password: /, PASSWORD],
      [/New password: /, next],
      [/Retype new password: /, next],
    ]);
    expect([await terminal.ended(), terminal.text]).toEqual([0, expect.stringContaining('required to change')]);
    expect(terminal.text).not.toContain(next);
    expect(await sshd.count(/Accepted keyboard-interactive/)).toBe(1);
    await root(`echo 'alice:${PASSWORD}' | chpasswd; chage -d -1 alice`);
  },
);

it('a kept login with the one session that sshd allows: a second command says so, and logs in by itself', async () => {
  const sif = await storedImage();
  await using sshd = await Sshd.start(2392, { pam: [ASK_PASSWORD, ASK_CODE], lines: ['MaxSessions 1'] });
  sshd.become(world, { ssh: {} });
  const accepted = () => sshd.count(/Accepted keyboard-interactive/);
  const launch = new Terminal([...launchOf(sif), '--no-browser'], world.env);
  await answer(launch, LOGIN);
  const [, id = ''] = await launch.until(/hpcbinder stop (\w+)/);
  expect([await accepted(), await sshd.open()]).toEqual([1, 1]);

  const nobody = await run(...COMMAND);
  expect([nobody.code, nobody.stderr]).toEqual([75, expect.stringMatching(/all the sessions .* \(MaxSessions\)/)]);
  const second = new Terminal(COMMAND, world.env);
  await second.until(/this one logs in by itself/);
  await answer(second, LOGIN);
  expect([await second.ended(), second.text]).toEqual([0, expect.anything()]);
  expect(await accepted()).toBe(2);
  expect(
    await eventually(
      () => sshd.open(),
      (count) => count === 1,
      20,
    ),
  ).toBe(1);

  // the launch goes on over the kept login, which the next command has again
  launch.type(CTRL_C);
  expect(await launch.ended()).toBe(0);
  expect(await stop(world, id)).toMatchObject({ phase: 'ended' });
  expect(await accepted()).toBe(2);
});
