/** What counts as use, by the agent's own functions in Python. */
import { execFileSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import { agentSource } from '../../sessions/agent.ts';
import { frame, UPGRADE } from './frames.ts';
import { pythons } from './pythons.ts';

describe.each(pythons())('with %s, use', (python) => {
  /** The agent's own functions, called in Python; JSON comes back. */
  const call = (code: string): unknown => {
    const program = `import sys, json\nspace = {"__name__": "agent"}\nexec(sys.stdin.read(), space)\nglobals().update(space)\nprint(json.dumps(${code}))`;
    return JSON.parse(execFileSync(python, ['-c', program], { input: agentSource(), encoding: 'utf8' }));
  };

  it('counts what processes took between two looks, of those that live', () => {
    const look = (...ticks: [pid: number, start: number, ticks: number][]) =>
      `{${ticks.map(([pid, start, took]) => `${pid}: (1, 1, ${took}, 1, ${start})`).join(', ')}}`;
    const code = (...looks: string[]) =>
      `(lambda e: [(e.look(m, 10.0 * n), round(e.share * os.sysconf("SC_CLK_TCK"), 3))[1] for n, m in enumerate([${looks.join(', ')}])])(Effort())`;
    expect(call(code(look([7, 1, 500]), look([7, 1, 520]), look([7, 1, 520])))).toEqual([0, 2, 0]);
    // one ends, another begins under its number
    expect(call(code(look([7, 1, 500], [8, 1, 90]), look([7, 1, 510], [8, 2, 40])))).toEqual([0, 5]);
  });

  it('is what a browser says over a WebSocket, and not what keeps it awake', () => {
    const said: [Buffer, boolean][] = [
      [frame(1, 'hello'), true],
      [frame(2, ''), true],
      [frame(9, 'ping'), false],
      [Buffer.concat([frame(10, ''), frame(10, 'pong')]), false],
      [Buffer.concat([frame(10, 'pong'), frame(1, 'x')]), true],
      [Buffer.from(UPGRADE), false],
      [Buffer.alloc(0), false],
    ];
    const words = said.map(([data]) => `"${data.toString('hex')}"`).join(', ');
    expect(call(`[says_something(bytes.fromhex(word)) for word in [${words}]]`)).toEqual(said.map(([, use]) => use));
  });

  it('that an endpoint asks for makes the idle time shorter by what it says, and never newer than now', () => {
    const since = (...steps: string[]) =>
      call(`(lambda u: [u.learn([], [], 1000), ${steps.join(', ')}, u.idle_since(5000)][-1])(Use(1000))`);
    expect(since('u.put_off(5000, 60)')).toBe(1060);
    expect(since('u.put_off(5000, 60)', 'u.put_off(5000, 60)')).toBe(1120);
    expect(since('u.put_off(1030, 600)')).toBe(1030);
    for (const odd of ['None', '0', '-5', '"60"', '1e9', 'True and "x"'])
      expect(since(`u.put_off(5000, ${odd})`)).toBe(5000);
  });
});
