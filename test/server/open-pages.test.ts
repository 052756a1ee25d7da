/** The pages that listen for a session's end: who may, what they are told, and what their answers are worth. */
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import WebSocket from 'ws';
import { httpRig, ID, type Rig, request, statusOf, until } from './rig.ts';

const FORMER = 'hb-0000000000';
const forwarded: string[] = [];
let rig: Rig;

beforeAll(async () => {
  const listener: Parameters<typeof httpRig>[0] = (req, res) => {
    forwarded.push(req.url ?? '');
    res.end('of the app');
  };
  rig = await httpRig(listener);
});
afterAll(() => rig.close());

type Message = { type: string; [key: string]: unknown };

/** A page as page.js is one; `answer` says what it does when it is to save. */
async function openPage(answer?: (asked: Message) => object | undefined) {
  const heard: Message[] = [];
  const headers = { Host: rig.host, Origin: rig.origin, Cookie: rig.cookie };
  const socket = new WebSocket(`ws://127.0.0.1:${rig.session.port}/_hpcbinder/page`, { headers });
  socket.on('message', (data) => {
    const message = JSON.parse(String(data)) as Message;
    heard.push(message);
    const said = message.id === undefined ? undefined : answer?.(message);
    if (said) socket.send(JSON.stringify(said));
  });
  await once(socket, 'open');
  await until(() => heard.length > 0);
  return { heard, socket, close: () => socket.close() };
}

const saved =
  (files: number, failed: unknown = []) =>
  (asked: Message) => ({ type: 'saved', id: asked.id, files, failed });

/** The answer to an upgrade that is no WebSocket's. */
function refused(path: string, headers: Record<string, string>): Promise<number> {
  const socket = new WebSocket(`ws://127.0.0.1:${rig.session.port}${path}`, {
    headers: { Host: rig.host, ...headers },
  });
  return new Promise((resolve) => {
    socket.on('error', () => {});
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode ?? 0));
    socket.on('open', () => resolve(101));
  });
}

describe('the pages of a session', () => {
  it('are told which session has their address', async () => {
    const page = await openPage();
    expect(page.heard).toEqual([{ type: 'hello', session: ID }]);
    page.close();
  });

  it('listen with the cookie of the session and from its origin only', async () => {
    expect(await refused('/_hpcbinder/page', { Origin: rig.origin })).toBe(403);
    expect(await refused('/_hpcbinder/page', { Origin: 'http://evil.localhost', Cookie: rig.cookie })).toBe(403);
    expect(await refused('/_hpcbinder/other', { Origin: rig.origin, Cookie: rig.cookie })).toBe(404);
  });

  it('have an address that the app never sees', async () => {
    const answer = await request(rig.session.port, {
      path: '/_hpcbinder/page',
      host: rig.host,
      headers: { Cookie: rig.cookie },
    });
    expect(statusOf(answer)).toBe(404);
    expect(forwarded.filter((url) => url.startsWith('/_hpcbinder'))).toEqual([]);
  });

  it('are none: then nothing is saved, and that is the answer at once', async () => {
    expect(await until(() => true)).toBe(true);
    expect(await rig.session.pages.save('the end', 60_000, false)).toEqual({ pages: 0, files: 0, failed: [] });
  });

  it('are all asked, and what they saved is counted together', async () => {
    const pages = [await openPage(saved(2)), await openPage(saved(1, ['a.txt: changed']))];
    expect(await rig.session.pages.save('ends in 1 min', 10_000, true)).toEqual({
      pages: 2,
      files: 3,
      failed: ['a.txt: changed'],
    });
    expect(pages[0]?.heard.at(-1)).toMatchObject({ type: 'notice', text: 'ends in 1 min', last: true, seconds: 6 });
    for (const page of pages) page.close();
    await Promise.all(pages.map(({ socket }) => once(socket, 'close')));
  });

  it('that are silent, closed or lie hold nobody up', async () => {
    const silent = await openPage();
    const closing = await openPage(() => void closing.close());
    const lying = await openPage((asked) => ({
      type: 'saved',
      id: asked.id,
      files: 1e9,
      failed: [`\u001b[31m${'x'.repeat(999)}`],
    }));
    const stale = await openPage((asked) => ({ type: 'saved', id: Number(asked.id) - 1, files: 7 }));
    const { pages, files, failed } = await rig.session.pages.save('the end', 500, true);
    expect({ pages, files }).toEqual({ pages: 4, files: 10_000 });
    const words = [...failed].sort();
    // what is not text is shown as such
    expect(words.shift()).toMatch(/^\\x1b\[31mx{200,300}$/);
    expect(words).toEqual([
      'a page was closed before it had saved',
      'an open page does not answer',
      'an open page does not answer',
    ]);
    for (const page of [silent, lying, stale]) page.close();
  });

  it.each([
    { files: { toString: 0, valueOf: 0 } },
    { files: 1, failed: [{ toString: 0 }, 'a.txt'] },
    { failed: { length: 9 } },
  ])('that answer with %j, which is neither number nor words, end nothing', async (answer) => {
    // those of the tests before are still closing
    while ((await rig.session.pages.save('once', 50, false)).pages > 0)
      await new Promise((done) => setTimeout(done, 20));
    const page = await openPage((asked) => ({ type: 'saved', id: asked.id, ...answer }));
    const { pages, failed } = await rig.session.pages.save('the end', 500, true);
    expect({ pages, failed }).toEqual({ pages: 1, failed: 'files' in answer && 'failed' in answer ? ['a.txt'] : [] });
    page.close();
    await once(page.socket, 'close');
  });

  it('that send too much are cut, and the proxy goes on', async () => {
    const page = await openPage();
    page.socket.on('error', () => {});
    page.socket.send('x'.repeat(1 << 20));
    await once(page.socket, 'close');
    const answer = await request(rig.session.port, { path: '/', host: rig.host, headers: { Cookie: rig.cookie } });
    expect(statusOf(answer)).toBe(200);
  });
});

it('a session that goes on from another has its name, and takes the cookie that the other gave', async () => {
  const key = 'cd'.repeat(32);
  const former = await httpRig((_, res) => res.end('former'), { change: { sessionId: FORMER, cookieKey: key } });
  const next = await httpRig((_, res) => res.end('next'), { change: { originId: FORMER, cookieKey: key } });
  const host = `${FORMER}.localhost:${next.session.port}`;
  expect(next.session.url()).toContain(`http://${host}/`);
  const headers = { Cookie: former.cookie };
  expect(statusOf(await request(next.session.port, { path: '/', host, headers }))).toBe(200);
  const other = await httpRig((_, res) => res.end('other'), { change: { originId: FORMER } });
  const there = `${FORMER}.localhost:${other.session.port}`;
  expect(statusOf(await request(other.session.port, { path: '/', host: there, headers }))).toBe(403);
  await Promise.all([former.close(), next.close(), other.close()]);
});
