/** What an app answers is a stranger's bytes: Node's parser takes more than its server sends, and what throws there ends every session. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type EndpointRig, endpointRawRig } from './endpoint/agent.ts';
import { type Rig, rawRig, request, statusOf } from './rig.ts';

type AnyRig = Rig | EndpointRig;
let said = '';
const speak = (socket: NodeJS.ReadWriteStream) =>
  void socket.once('data', () => void socket.end(Buffer.from(said, 'latin1')));
const PROXIES: [string, () => Promise<AnyRig>][] = [
  ['the command line’s proxy', () => rawRig(speak)],
  ['the campus endpoint', () => endpointRawRig(speak)],
];

describe.each(PROXIES)('an app that answers what is no HTTP, behind %s', (_, opened) => {
  let rig: AnyRig;
  beforeAll(async () => {
    rig = await opened();
  }, 60_000);
  afterAll(() => rig.close());

  const answerTo = (answer: string) => {
    said = answer;
    return request(rig.session.port, { host: rig.host, headers: { Cookie: rig.cookie } });
  };
  const SOUND = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';
  const ends = (answer: string) => answer.endsWith('\r\n\r\nhi');

  it.each([
    ['a control character in the reason', 'HTTP/1.1 200 O\x01K\r\nContent-Length: 2\r\n\r\nhi'],
    ['a status below 100', 'HTTP/1.1 099 OK\r\nContent-Length: 2\r\n\r\nhi'],
    ['a status of 000', 'HTTP/1.1 000 OK\r\n\r\n'],
  ])('%s is a bad gateway, and the next request is served', async (__, answer) => {
    const got = await answerTo(answer);
    expect(statusOf(got)).toBe(502);
    expect(got).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n/);
    expect(got).toContain('The app sent what is no HTTP answer.');
    expect(ends(await answerTo(SOUND))).toBe(true);
  });

  it('a reason of the app’s own passes, an empty one is the standard’s', async () => {
    expect(await answerTo(SOUND.replace('OK', 'Gr\xfc\xdf dich'))).toMatch(/^HTTP\/1\.1 200 Gr\xfc\xdf dich\r\n/);
    expect(await answerTo(SOUND.replace('OK', ''))).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  it('whatever bytes stand in its head, the proxy lives on', async () => {
    const byte = fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code));
    const change = fc.record({
      at: fc.nat({ max: 60 }),
      much: fc.nat({ max: 3 }),
      put: fc.string({ unit: byte, maxLength: 4 }),
    });
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A: b\r\nSet-Cookie: a=b\r\n\r\nhi';
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 3 }), async (changes) => {
        await answerTo(
          changes.reduce((text, { at, much, put }) => text.slice(0, at) + put + text.slice(at + much), head),
        );
      }),
      { numRuns: 100 },
    );
    expect(ends(await answerTo(SOUND))).toBe(true);
  });
});
