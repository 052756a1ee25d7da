/** What the engine streams during a build that never stops to talk (SECURITY F-47). The engine is a fake: a stream of events. */
import { Readable } from 'node:stream';
import { describe, expect, it } from '@jest/globals';
import type Docker from 'dockerode';
import { buildStream } from '../../images/docker-streams.ts';

const event = (stream: string) => `${JSON.stringify({ stream })}\r\n`;

async function linesOf(pieces: Iterable<string>): Promise<string[]> {
  const bytes = Readable.from(pieces, { objectMode: false });
  const docker = { buildImage: async () => bytes } as unknown as Docker;
  const lines: string[] = [];
  const how = { tag: 't', dockerfile: 'Dockerfile', platform: 'linux/amd64' as const, labels: {} };
  await buildStream(docker, Readable.from([]), { ...how, on: (line) => lines.push(line) });
  return lines;
}

describe('the output of a build', () => {
  it('comes in lines, also where events end in the middle of one, and where the stream ends in the middle of an event', async () => {
    const text = `${event('Step 1/1 : RUN x\n')}${event('one\ntw')}${event('o\nthree')}`;
    expect(await linesOf([text.slice(0, 30), text.slice(30).trimEnd()])).toEqual([
      'Step 1/1 : RUN x',
      'one',
      'two',
      'three',
    ]);
  });

  it('is cut where a line has no end, and shows NUL and what was no UTF-8 as what it is', async () => {
    function* endless() {
      for (let n = 0; n < 1000; n++) yield event('x'.repeat(32_768));
      yield event('\u0000\ufffd\nthe end\n');
    }
    const lines = await linesOf(endless());
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(65_536);
    expect(lines.at(-2)).toMatch(/\\x00\ufffd$/);
    expect(lines.at(-1)).toBe('the end');
  });

  it('is looked at only in part where it is long, with its last lines; the next step begins anew', async () => {
    function* flood() {
      for (let n = 0; n < 500; n++) yield event('y\n'.repeat(16_384));
      yield event('the last words\n');
      yield event('Step 2/2 : RUN z\n');
      yield event('z\n'.repeat(10_000));
    }
    const lines = await linesOf(flood());
    expect(lines.length).toBeLessThan(6_000_000);
    expect(lines).toContain('the last words');
    expect(lines.slice(lines.indexOf('Step 2/2 : RUN z') + 1)).toHaveLength(10_000);
  });
});
