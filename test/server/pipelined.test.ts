/** Requests on one connection that do not wait for the answers before them. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { httpRig, type Rig, raw, request, statusOf } from './rig.ts';

let rig: Rig;
let seen = 0;
beforeAll(async () => {
  rig = await httpRig((req, res) => {
    seen += 1;
    setTimeout(() => res.end(req.url), 20);
  });
});
afterAll(() => rig.close());

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: ${rig.host}\r\nCookie: ${rig.cookie}\r\n\r\n`;

describe('requests that do not wait', () => {
  it('are answered in order, as long as they are few', async () => {
    const answer = await raw(rig.session.port, [1, 2, 3, 4, 5, 6, 7, 8].map((n) => get(`/number/${n}`)).join(''), 400);
    expect([...answer.matchAll(/\/number\/(\d)/g)].map(([, n]) => n)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
  });

  it('by the hundred cut their connection: their answers would lie in memory for whoever does not read', async () => {
    seen = 0;
    const socket = connect(rig.session.port, '127.0.0.1');
    await once(socket, 'connect');
    socket.on('error', () => {});
    socket.pause().write(get('/').repeat(500));
    // reset, for there was more to read
    await new Promise((resolve) => socket.resume().once('close', resolve));
    expect(seen).toBeLessThan(20);
    const answer = await request(rig.session.port, { path: '/', host: rig.host, headers: { Cookie: rig.cookie } });
    expect(statusOf(answer)).toBe(200);
  });
});
