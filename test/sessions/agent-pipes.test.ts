/** A command in the session's container without a terminal, as a script uses it. */
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openShell } from '../../sessions/frames.ts';
import { type Rig, SESSION, startSession } from './agent-rig.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startSession();
});
afterAll(() => rig.stop());

const run = async (argv: readonly string[], input = '') => {
  const shell = await openShell(rig.connect, SESSION, rig.secrets, { terminal: undefined, argv });
  const shown = Promise.all([text(shell.output), text(shell.errors)]);
  for (let at = 0; at < input.length; at += 65536)
    if (!shell.write(Buffer.from(input.slice(at, at + 65536)))) await shell.drained();
  shell.end();
  const code = await shell.exited;
  const [output, errors] = await shown;
  return { code, output, errors };
};

describe('a command with pipes', () => {
  it('has output, errors and exit status apart', async () => {
    const done = await run(['sh', '-c', 'echo out; echo err >&2; exit 3']);
    expect(done).toEqual({ code: 3, output: 'out\n', errors: 'err\n' });
  });

  it('gets its words as they stand: no shell reads them', async () => {
    const words = ['$(id)', ';', "it's", 'a  b', '*', ''];
    expect((await run(['printf', '<%s>', ...words])).output).toBe(words.map((word) => `<${word}>`).join(''));
  });

  it('reads its input to the end, more than any pipe holds', async () => {
    const input = 'x'.repeat(3 << 20);
    expect((await run(['wc', '-c'], input)).output.trim()).toBe(String(input.length));
    expect((await run(['cat'], input)).output.length).toBe(input.length);
  });

  it('may leave its input unread', async () => {
    expect((await run(['true'], 'y'.repeat(1 << 20))).code).toBe(0);
  });

  it('tells the signal that ended it', async () => {
    expect((await run(['sh', '-c', 'kill -9 $$'])).code).toBe(137);
  });

  it('ends with its client', async () => {
    const shell = await openShell(rig.connect, SESSION, rig.secrets, { terminal: undefined, argv: ['sleep', '1000'] });
    const failed = shell.exited.catch((error: unknown) => error);
    shell.close();
    expect(await failed).toMatchObject({ code: 'E-AGENT' });
  });

  it('is refused where it is no list of words', async () => {
    const argv = [7] as unknown as string[];
    await expect(openShell(rig.connect, SESSION, rig.secrets, { terminal: undefined, argv })).rejects.toThrow(
      'no list',
    );
  });
});
