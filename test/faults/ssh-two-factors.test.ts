/** Logins that need a person, on real sshd's with PAM, by both transports; the person sits at a pseudo-terminal. */
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

it('a push that is answered after a minute, by either', async () => {
  await Promise.all(
    (['ssh2', 'openssh'] as const).map(async (transport, at) => {
      await using own = new OwnWorld();
      await using sshd = await Sshd.start(2303 + at, { pam: [ASK_PASSWORD, PUSH(60)] });
      sshd.become(own, { ssh: { transport, keep: '0' } });
      const terminal = new Terminal(COMMAND, own.env);
      await answer(terminal, [[/Password: /, PASSWORD]]);
      await terminal.until(/Pushed a login request/);
      expect(await terminal.ended(100_000)).toBe(0);
      expect(await sshd.count(ACCEPTED)).toBe(1);
    }),
  );
});
