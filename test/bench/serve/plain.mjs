// Our front before a plain upstream, without TLS, as configurable-http-proxy stands before it; the checks and the cookie are
// those of `hpcbinder launch`. `node plain.mjs PORT UPSTREAM-PORT COOKIE-KEY`.
import { connect } from 'node:net';
import { Access } from '../../../dist/server/access.js';
import { AppAgent } from '../../../dist/server/agent.js';
import { createFront } from '../../../dist/server/front.js';
import { LIMITS } from '../../../dist/server/limits.js';
import { OpenPages } from '../../../dist/server/open-pages.js';

const [port, upstream, cookieKey] = process.argv.slice(2);
const sessionId = 'hb-0000000000';
const connectApp = () =>
  new Promise((resolve, reject) => {
    const socket = connect(Number(upstream), '127.0.0.1', () => resolve(socket));
    socket.once('error', reject);
  });
const route = { sessionId, connectApp, appToken: 'token', cookieKey, state: () => 'ready', words: () => ({}) };
const host = `${sessionId}.localhost:${port}`;
const door = {
  route,
  origin: `http://${host}`,
  access: new Access(sessionId, cookieKey),
  pages: new OpenPages(sessionId),
  agent: new AppAgent(connectApp, LIMITS),
  streams: new AppAgent(connectApp, LIMITS, 0),
};
const doors = new Map([[host, door]]);
createFront((req) => doors.get(req.headers.host ?? ''), LIMITS)
  .server()
  .listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
