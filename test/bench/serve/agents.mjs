// Fake agents: one process in place of the agents of many jobs. What a connection costs is theirs: the session's CA, the client's
// certificate required, and the three protocols of a real one (docs/agent.md); behind it there is no job but a sink, an echo and
// something that never answers. `node agents.mjs DIRECTORY PORT`.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { createSecureContext, createServer as createTls } from 'node:tls';
import { FrameReader, frameOf, Numbered } from '../../../dist/sessions/stream-core.js';

const [directory, port] = process.argv.slice(2);
const { sessions } = JSON.parse(readFileSync(join(directory, 'sessions.json'), 'utf8'));
const contexts = new Map(
  sessions.map(({ name, secrets, server }) => [
    name,
    createSecureContext({ ca: secrets.ca, cert: server.cert, key: server.key, minVersion: 'TLSv1.2' }),
  ]),
);
const [first] = sessions;

const app = createServer({ keepAliveTimeout: 0 }, (req, res) => {
  let size = 0;
  req.on('data', (part) => {
    size += part.length;
  });
  req.on('end', () => res.end(String(size)));
});

const server = createTls(
  {
    ...{ ca: first.secrets.ca, cert: first.server.cert, key: first.server.key },
    ...{ requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['hb-stream/1', 'http/1.1', 'hb/1'] },
    SNICallback: (name, done) => done(null, contexts.get(name)),
  },
  (socket) => {
    socket.on('error', () => socket.destroy());
    if (socket.alpnProtocol === 'http/1.1') app.emit('connection', socket);
    else if (socket.alpnProtocol === 'hb/1') control(socket);
    else stream(socket);
  },
);
server.listen(Number(port), '127.0.0.1', 4096);

/** As in sessions/agent/streams.py: without it the endpoint would keep all that it has sent, as for a client that reads nothing. */
const SETTLE_MS = 1_000;
const carried = new Set();
setInterval(() => {
  for (const { core, pump } of carried) {
    core.settle();
    pump();
  }
}, SETTLE_MS);

const startedAt = Math.floor(Date.now() / 1000);

/** `hb/1`: `status` is answered, `notices` stays open. */
function control(socket) {
  socket.once('data', (line) => {
    const { verb } = JSON.parse(line.toString());
    const now = Math.floor(Date.now() / 1000);
    const endsAt = startedAt + 86_400;
    if (verb === 'notices') socket.write(`${JSON.stringify({ ok: true, endsAt })}\n`);
    else {
      const figures = { cpuSeconds: now - startedAt, memoryBytes: 1e8, processes: 3 };
      const known = { ready: true, appVersion: null, idleSince: now, busyKernels: 0, startedAt, endsAt, now };
      socket.write(`${JSON.stringify({ ...known, figures, saved: null, product: 'hpcbinder/bench' })}\n`);
    }
    socket.on('data', () => {});
  });
}

/** `hb-stream/1`, by the core of the client's end: the app behind it answers an upgrade, and is an echo from then on. */
function stream(socket) {
  const reader = new FrameReader();
  const core = new Numbered({ sends: 8 << 20, takes: 1 << 20 });
  core.resume(0);
  const pump = () => {
    for (let frame = core.next(); frame && socket.writable; frame = core.next()) socket.write(frame);
  };
  const one = { core, pump };
  carried.add(one);
  socket.once('close', () => carried.delete(one));
  let open = false;
  const hear = (data) => {
    core.usedUpTo(core.received);
    if (open) core.write(Buffer.from(data));
    else if (!data.includes('GET /hung')) {
      open = true;
      core.write(Buffer.from('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'));
    }
  };
  socket.on('data', (part) => {
    reader.feed(part);
    for (let frame = reader.next(); frame; frame = reader.next()) {
      if (frame.kind === 'o') socket.write(frameOf('o', Buffer.from('{"received":0}')));
      else if (frame.kind === 'x') socket.end();
      else {
        const data = core.take(frame);
        if (data) hear(data);
      }
    }
    pump();
  });
}
