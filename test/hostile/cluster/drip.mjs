// Who opens connections from 127.0.0.1, sends half a request and a byte each second, and opens anew what is closed: `PORT COUNT SECONDS`.
import { connect } from 'node:net';

const [port, count, seconds] = process.argv.slice(2).map(Number);
const open = new Set();
const said = { opened: 0, most: 0, longestMs: 0 };
let over = false;

function one() {
  if (over) return;
  const begun = Date.now();
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.1' });
  socket.on('connect', () => {
    said.opened += 1;
    open.add(socket);
    said.most = Math.max(said.most, open.size);
    socket.write('GET /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\nX-');
  });
  // every other one does not even read that it is refused
  if (said.opened % 2 === 0) socket.resume();
  socket.on('error', () => {});
  socket.on('close', () => {
    if (open.delete(socket)) said.longestMs = Math.max(said.longestMs, Date.now() - begun);
    setTimeout(one, 1_000 + Math.random() * 1_000);
  });
}

// a few at a time: the machine's own queue is not what is tried
for (let made = 0; made < count; made += 100) setTimeout(() => Array.from({ length: 100 }, one), made / 2);
setInterval(() => {
  for (const socket of open) socket.write('a');
}, 1_000);
setTimeout(() => {
  over = true;
  process.stdout.write(JSON.stringify(said), () => process.exit(0));
}, seconds * 1_000);
