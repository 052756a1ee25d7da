/**
 * What must hold on every host, whatever the session did: O1, no secret of hers is found by anybody else; O2, nothing of an
 * ended session is left. Each reports what it looked at, so that an oracle that sees nothing fails its test.
 */
import { PassThrough } from 'node:stream';
import { execIn, HOSTS, type Host, type User } from '../../devcluster/index.ts';
import { CLUSTER, on } from './rig.ts';

/** Runs a constant Python program with JSON on its stdin: the oracle's own words must not hold what it looks for. */
export async function python<T>(host: Host, user: User, source: string, input: unknown): Promise<T> {
  const how = { user, name: CLUSTER, stdin: JSON.stringify(input) };
  const { exitCode, stdout, stderr } = await execIn(host, ['python3', '-I', '-c', source], how);
  if (exitCode !== 0) throw new Error(`python on ${host} as ${user}: ${exitCode} ${stderr}`);
  return JSON.parse(stdout) as T;
}

// O1 -----------------------------------------------------------------------------------------------------------------

/** name → a string that only its owner may see */
export type Secrets = Readonly<Record<string, string>>;
export type Hunt = {
  hits: { secret: string; place: string }[];
  looked: { processes: number; files: number; answers: string[] };
};

/** Her own view: the record, what the agent was told, what Jupyter wrote down for its kernels; read from her 0600 files. */
export async function secretsOf(directory: string, node: Host): Promise<Secrets> {
  return python(node, 'alice', SECRETS, { directory });
}

const SECRETS = `
import glob, json, os, re, sys
directory = json.load(sys.stdin)["directory"]
secrets = {}
def take(name, value):
    if isinstance(value, dict):
        for key in value:
            take(name + "." + key, value[key])
    elif isinstance(value, str) and "PRIVATE KEY" in value:
        secrets[name] = value.split("\\n")[2]
    elif isinstance(value, str) and re.search("(token|key)$", name, re.I):
        secrets[name] = value
for name, part in (("session.json", "secrets"), ("job.json", "tls"), ("job.json", "app")):
    path = os.path.join(directory, name)
    assert os.stat(path).st_mode & 0o777 == 0o600, path
    take(name, json.load(open(path))[part])
node = json.load(open(directory + "/lock/app.json"))["node"]
for path in glob.glob(node + "/run/runtime/*.json"):
    read = json.load(open(path))
    take(os.path.basename(path), {key: read[key] for key in read if key in ("key", "token")})
json.dump(secrets, sys.stdout)
`;

/** O1: the places that SECURITY.md names, as `user` sees them from `host`. */
export function hunt(host: Host, user: User, secrets: Secrets, jobId: string): Promise<Hunt> {
  const commands = [
    ['ps', '-eo', 'user,args'],
    ['scontrol', '-dd', 'show', 'job'],
    ['scontrol', 'write', 'batch_script', jobId, '-'],
    ['squeue', '--json'],
    ['sacct', '-a', '-P', '-o', 'ALL', '-j', jobId],
    ['sacct', '-a', '-B', '-j', jobId],
    ['sacct', '-a', '--env-vars', '-j', jobId],
    ...(user === 'root' ? [['mysqldump', '--all-databases']] : []),
  ];
  // Root reads hers anyhow: for root only what the system keeps beside them counts.
  const hers = user === 'root' ? [] : ['/home', '/scratch/alice', '/tmp', '/var/tmp', '/dev/shm'];
  const trees = [...hers, '/var/log', '/var/spool', '/run', '/proc/net'];
  return python(host, user, HUNT, { secrets, commands, trees });
}

const HUNT = `
import json, os, stat, subprocess, sys
p = json.load(sys.stdin)
secrets = [(name, value.encode()) for name, value in p["secrets"].items()]
longest = max(len(value) for _, value in secrets)
hits, processes, files, answers = set(), 0, 0, []
def search(place, data):
    hits.update((name, place) for name, value in secrets if value in data)
def read(path):
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False
    with open(fd, "rb", 0) as stream:
        tail = b""
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                return False
            for chunk in iter(lambda: stream.read(1 << 20), b""):
                search(path, tail + chunk)
                tail = chunk[-longest:]
        except OSError:
            pass
    return True
for pid in filter(str.isdigit, os.listdir("/proc")):
    for leaf in ("cmdline", "environ", "status", "maps"):
        processes += read("/proc/%s/%s" % (pid, leaf)) and leaf == "cmdline"
for words in p["commands"]:
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
    except OSError:
        continue
    search(" ".join(words[:2]), done.stdout)
    if done.returncode == 0 and done.stdout:
        answers.append(" ".join(words[:2]))
for tree in p["trees"]:
    for at, folders, names in os.walk(tree):
        search(at, "/".join(folders + names).encode("utf-8", "surrogateescape"))
        files += sum(read(os.path.join(at, name)) for name in names)
looked = {"processes": processes, "files": files, "answers": answers}
json.dump({"hits": [{"secret": name, "place": place} for name, place in sorted(hits)], "looked": looked}, sys.stdout)
`;

export type Wire = { stop(): Promise<{ hits: string[]; bytes: number }> };

/** Listens to everything on a host's network, as whoever has the switch: which of `strings` went by in the clear? */
export async function tap(host: Host, strings: Secrets): Promise<Wire> {
  const stdin = new PassThrough();
  stdin.write(`${JSON.stringify(strings)}\n`);
  const done = execIn(host, ['python3', '-I', '-c', TAP], { name: CLUSTER, stdin });
  while ((await on(host, 'root', 'grep -q "^[0-9a-f]* 3 .* 0003" /proc/net/packet')).code !== 0);
  return {
    async stop() {
      stdin.end();
      const { exitCode, stdout, stderr } = await done;
      if (exitCode !== 0) throw new Error(`tap on ${host}: ${stderr}`);
      return JSON.parse(stdout);
    },
  };
}

const TAP = `
import json, os, select, socket, sys
strings = {name: value.encode() for name, value in json.loads(os.read(0, 1 << 20)).items()}
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
hits, size, ended = set(), 0, False
while True:
    ready = select.select([wire] + ([] if ended else [0]), [], [], 0.5 if ended else None)[0]
    if ended and not ready:
        break
    if wire in ready:
        data = wire.recv(1 << 18)
        size += len(data)
        hits.update(name for name, value in strings.items() if value in data)
    elif 0 in ready:
        ended = os.read(0, 4096) == b""
json.dump({"hits": sorted(hits), "bytes": size}, sys.stdout)
`;

// O2 -----------------------------------------------------------------------------------------------------------------

export type Left = { processes: string[]; sockets: string[]; paths: string[]; jobs: string[] };
export const NOTHING: Left = { processes: [], sockets: [], paths: [], jobs: [] };
export type Traces = { id: string; jobId: string; node: Host; nodeDirectory: string; pid: number };

/** What to look for later: asked while the session runs. */
export async function tracesOf(
  session: { id: string; jobId: string; node: string },
  directory: string,
): Promise<Traces> {
  const host = HOSTS.find((name) => name === session.node);
  if (!host) throw new Error(`${session.node} is no host of the devcluster`);
  const app = JSON.parse((await on(host, 'alice', `cat ${directory}/lock/app.json`)).stdout) as {
    node: string;
    pid: number;
  };
  return { id: session.id, jobId: session.jobId, node: host, nodeDirectory: app.node, pid: app.pid };
}

/** O2 for one session, on its node and in the queue. */
export async function left(traces: Traces): Promise<Left> {
  const onNode = await python<Omit<Left, 'jobs'>>(traces.node, 'root', LEFT, traces);
  const { stdout } = await on('login', 'root', `squeue -h -u alice -o %A --name=${traces.id}`);
  return { ...onNode, jobs: stdout.split('\n').filter(Boolean) };
}

const LEFT = `
import json, os, sys
p = json.load(sys.stdin)
def text(path):
    try:
        return open(path, "rb").read()
    except OSError:
        return b""
marks = [("\\0SLURM_JOB_ID=%s\\0" % p["jobId"]).encode(), p["nodeDirectory"].encode(), p["id"].encode()]
processes, sockets = [], []
for pid in filter(str.isdigit, os.listdir("/proc")):
    if int(pid) == os.getpid():
        continue
    words = text("/proc/%s/cmdline" % pid)
    seen = b"\\0" + text("/proc/%s/environ" % pid) + words + text("/proc/%s/mountinfo" % pid)
    if any(mark in seen for mark in marks):
        processes.append("%s %s" % (pid, words.replace(b"\\0", b" ").decode("utf-8", "replace")[:200]))
        for fd in os.listdir("/proc/%s/fd" % pid) if os.path.isdir("/proc/%s/fd" % pid) else []:
            try:
                target = os.readlink("/proc/%s/fd/%s" % (pid, fd))
            except OSError:
                continue
            if target.startswith("socket:"):
                sockets.append(target[8:-1])
listening = []
for line in text("/proc/net/tcp").decode().splitlines()[1:] + text("/proc/net/tcp6").decode().splitlines()[1:]:
    fields = line.split()
    if fields[3] == "0A" and fields[9] in sockets:
        address, _, port = fields[1].rpartition(":")
        where = "loopback" if address == "0100007F" else "anywhere"
        listening.append("tcp %s %d" % (where, int(port, 16)))
for line in text("/proc/net/unix").decode("utf-8", "replace").splitlines()[1:]:
    fields = line.split()
    if fields[3] == "00010000" and fields[6] in sockets:
        listening.append("unix " + (fields[7] if len(fields) > 7 else "(unnamed)"))
paths = [path for path in (p["nodeDirectory"],) if os.path.lexists(path)]
json.dump({"processes": processes, "sockets": sorted(set(listening)), "paths": paths}, sys.stdout)
`;

/** Her processes go one after the other; what is still there after `ms` is left for good. */
export async function leftAfter(traces: Traces, ms = 30_000): Promise<Left> {
  const deadline = Date.now() + ms;
  for (;;) {
    const now = await left(traces);
    const none = [now.processes, now.sockets, now.paths, now.jobs].every((list) => list.length === 0);
    if (none || Date.now() > deadline) return now;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}
