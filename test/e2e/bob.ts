/** What a neighbour can try on a shared cluster, as Python programs that run under his own uid on its hosts. */
import { PassThrough } from 'node:stream';
import { execIn, type Host, type User } from '../../devcluster/index.ts';
import { python } from './oracles.ts';
import { CLUSTER, on } from './rig.ts';

export type Door = { host: string; port: number };
export type Key = { cert: string; key: string };

/** https://rfc.zeromq.org/spec/23/: signature, version 3.0, mechanism NULL */
export const ZMTP_GREETING = `\xff${'\0'.repeat(8)}\x7f\x03\0NULL${'\0'.repeat(48)}`;

/** Connects, says `say`, and gives what came back: over TLS with that protocol and certificate, or in the clear. */
export function knock(
  from: Host,
  user: User,
  door: Door,
  how: { say: string; alpn?: string; key?: Key },
): Promise<{ answer: string; error: string }> {
  return python(from, user, KNOCK, { ...door, ...how });
}

const KNOCK = `
import json, os, socket, ssl, sys, tempfile
p = json.load(sys.stdin)
answer, error = b"", ""
try:
    sock = socket.create_connection((p["host"], p["port"]), 10)
    sock.settimeout(3)
    if "alpn" in p:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols([p["alpn"]])
        if "key" in p:
            with tempfile.NamedTemporaryFile("w") as pem:
                pem.write(p["key"]["cert"].rstrip() + "\\n" + p["key"]["key"].rstrip() + "\\n")
                pem.flush()
                context.load_cert_chain(pem.name)
        sock = context.wrap_socket(sock)
    sock.sendall(p["say"].encode("latin-1"))
    while len(answer) < 4096:
        data = sock.recv(4096)
        if not data:
            break
        answer += data
except OSError as fault:
    error = "%s: %s" % (type(fault).__name__, fault)
json.dump({"answer": answer.decode("latin-1"), "error": error}, sys.stdout)
`;

export type Deed<T> = { end(): Promise<T> };

/** Starts a program that makes the file \`mark\` once it is at it, and ends when its stdin does. */
async function begin<T>(host: Host, source: string, input: object): Promise<Deed<T>> {
  const mark = `/tmp/bob-${Math.random().toString(36).slice(2)}`;
  const stdin = new PassThrough();
  stdin.write(`${JSON.stringify({ ...input, mark })}\n`);
  const done = execIn(host, ['python3', '-I', '-c', COMMON + source], { user: 'bob', name: CLUSTER, stdin });
  const early = done.then(({ stderr }) => `ended early: ${stderr}`);
  for (;;) {
    if ((await on(host, 'bob', `rm ${mark}`)).code === 0) break;
    const waited = await Promise.race([early, new Promise((resolve) => setTimeout(resolve, 100))]);
    if (typeof waited === 'string') throw new Error(waited);
  }
  return {
    async end() {
      stdin.end();
      const { exitCode, stdout, stderr } = await done;
      if (exitCode !== 0) throw new Error(`bob on ${host}: ${stderr}`);
      return JSON.parse(stdout) as T;
    },
  };
}

const COMMON = `
import json, os, select, socket, ssl, sys, tempfile, time
p = json.loads(os.read(0, 1 << 20))
def begun():
    open(p["mark"], "w").close()
def told_to_end():
    return bool(select.select([0], [], [], 0)[0])
`;

/** Opens \`count\` connections and sends nothing; each second those that were closed are opened anew. */
export function crowd(host: Host, door: Door, count: number): Promise<Deed<{ opened: number }>> {
  return begin(host, CROWD, { ...door, count });
}

const CROWD = `
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 65536),) * 2)
address = (socket.gethostbyname(p["host"]), p["port"])
opened = 0
def new():
    global opened
    opened += 1
    sock = socket.socket()
    sock.setblocking(False)
    sock.connect_ex(address)
    return sock
idle = [new() for _ in range(p["count"])]
begun()
while not told_to_end():
    time.sleep(1)
    for i, sock in enumerate(idle):
        try:
            if sock.recv(1):
                continue
        except BlockingIOError:
            continue
        except OSError:
            pass
        sock.close()
        idle[i] = new()
json.dump({"opened": opened}, sys.stdout)
`;

/** Takes a port in the moment in which its owner loses it, plays her agent with a key of his own, writes down all he hears. */
export function squat(
  host: Host,
  port: number,
  key: Key,
): Promise<Deed<{ taken: boolean; guests: number; heard: string; errors: string[] }>> {
  return begin(host, SQUAT, { port, key });
}

const SQUAT = `
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.set_alpn_protocols(["hb/1", "http/1.1"])
with tempfile.NamedTemporaryFile("w") as pem:
    pem.write(p["key"]["cert"].rstrip() + "\\n" + p["key"]["key"].rstrip() + "\\n")
    pem.flush()
    context.load_cert_chain(pem.name)
begun()
door, guests, heard, errors = None, 0, b"", set()
while not told_to_end():
    if door is None:
        trying = socket.socket()
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind(("0.0.0.0", p["port"]))
            trying.listen(128)
            door = trying
        except OSError:
            trying.close()
            time.sleep(0.002)
        continue
    if not select.select([door], [], [], 0.1)[0]:
        continue
    guests += 1
    guest = door.accept()[0]
    guest.settimeout(3)
    try:
        guest = context.wrap_socket(guest, server_side=True)
        heard += guest.recv(65536)
    except OSError as fault:
        errors.add(str(fault))
    guest.close()
json.dump({"taken": door is not None, "guests": guests, "heard": heard.decode("latin-1"), "errors": sorted(errors)}, sys.stdout)
`;
