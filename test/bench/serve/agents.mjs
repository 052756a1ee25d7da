// Fake agents: one process in place of the agents of all jobs. The handshake is theirs (the session's CA, the client's
// certificate required, ALPN http/1.1); behind it there is no job but a sink, an echo and something that never answers.
// `node agents.mjs DIRECTORY PORT`.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import { WebSocketServer } from 'ws';

const [directory, port] = process.argv.slice(2);
const { sessions } = JSON.parse(readFileSync(join(directory, 'sessions.json'), 'utf8'));
const contexts = new Map(
  sessions.map(({ name, secrets, server }) => [
    name,
    createSecureContext({ ca: secrets.ca, cert: server.cert, key: server.key, minVersion: 'TLSv1.2' }),
  ]),
);
const [first] = sessions;

const server = createServer(
  {
    ...{ ca: first.secrets.ca, cert: first.server.cert, key: first.server.key },
    ...{ requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['http/1.1'], keepAliveTimeout: 0 },
    SNICallback: (name, done) => done(null, contexts.get(name)),
  },
  (req, res) => {
    let size = 0;
    req.on('data', (part) => {
      size += part.length;
    });
    req.on('end', () => res.end(String(size)));
  },
);
const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
server.on('upgrade', (req, socket, head) => {
  socket.on('error', () => socket.destroy());
  if (req.url.startsWith('/hung')) return;
  webSockets.handleUpgrade(req, socket, head, (open) => {
    open.on('message', (data) => open.send(data));
    open.on('error', () => open.terminate());
  });
});
server.listen(Number(port), '127.0.0.1', 4096);
