/**
 * Session records on the cluster: the truth (DESIGN 11). One round trip each, by the cluster's own Python with a constant
 * program and JSON on stdin, so that no user text meets a shell.
 */
import { deflateSync } from 'node:zlib';
import type { ClusterProfile } from '../core/cluster.ts';
import {
  type Answer,
  endedInWords,
  ok,
  type Question,
  refused,
  succeeded,
  textOf,
  unreachable,
} from '../core/command.ts';
import { HpcbinderError } from '../core/errors.ts';
import type { Session } from '../core/session.ts';
import { lastLines } from '../core/text.ts';

export type RemoteFile = { name: string; mode: number; text: string };

/**
 * mkdir without -p for the last part: an existing directory is somebody else's, or another launch's (SECURITY INJ-12). Packed,
 * the files of a session go through the resident shell in one round trip, and in a third of the time on a slow line (F-16).
 */
const CREATE = `
import base64, json, os, shutil, sys, zlib
os.umask(0o077)
parent = sys.argv[1]
p = json.loads(zlib.decompress(base64.b64decode(sys.stdin.read())).decode())
for name in [p["id"]] + [f["name"] for f in p["files"]]:
    if os.path.basename(name) != name or name in ("", ".", ".."):
        sys.exit("%s is no name of a file" % name)
os.makedirs(parent, 0o700, exist_ok=True)
st = os.lstat(parent)
if st.st_uid != os.getuid() or st.st_mode & 0o077:
    sys.exit("%s must be a directory of yours that nobody else can open (mode 0700)" % parent)
d = os.path.join(parent, p["id"])
os.mkdir(d, 0o700)
try:
    for f in p["files"]:
        fd = os.open(os.path.join(d, f["name"]), os.O_WRONLY | os.O_CREAT | os.O_EXCL, f["mode"])
        with os.fdopen(fd, "wb") as out:
            out.write(f["text"].encode())
            out.flush()
            os.fsync(out.fileno())
except BaseException:
    shutil.rmtree(d, ignore_errors=True)
    raise
`;

const SAVE = `
import json, os, sys
os.umask(0o077)
p = json.load(sys.stdin)
def put(name, text):
    path = os.path.join(sys.argv[1], name)
    tmp = "%s.%d" % (path, os.getpid())
    with open(tmp, "w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    os.rename(tmp, path)
if "walltime" in p:
    with open(os.path.join(sys.argv[1], "job.json")) as f:
        job = json.load(f)
    job["limits"]["walltimeSeconds"] = p["walltime"]
    put("job.json", json.dumps(job))
put("session.json", p["text"])
`;

/** Small files of each session, whole: an empty or half one is "not yet" (DESIGN 1, SECURITY F-40: list before believing). */
const LOOK = `
import json, os, sys
p = json.load(sys.stdin)
out = []
names = p["ids"]
if names is None:
    try:
        names = sorted(os.listdir(sys.argv[1]))
    except OSError:
        names = []
for name in names:
    d = os.path.join(sys.argv[1], name)
    try:
        os.listdir(d)
    except OSError:
        continue
    one = {"id": name}
    for key in p["files"]:
        try:
            with open(os.path.join(d, key), "rb") as f:
                one[key] = f.read(262144).decode("utf-8", "replace")
        except OSError:
            pass
    out.append(one)
json.dump(out, sys.stdout)
`;

export function sessionsDirectory(profile: ClusterProfile): string {
  return `${profile.stateDir}/sessions`;
}

/** `directory` is a word, so that who decides what may run can bind it (cli/as-user-list.ts); all else comes by stdin. */
function program<T>(
  profile: ClusterProfile,
  source: string,
  directory: string,
  input: unknown,
  what: string,
  read: (text: string) => T,
  packed = (text: string) => text,
): Question<T> {
  return {
    command: {
      argv: [profile.python, '-I', '-c', source, directory],
      stdin: packed(JSON.stringify(input)),
      timeoutMs: 30_000,
      maxBytes: 64 << 20,
    },
    parse(result): Answer<T> {
      if (succeeded(result)) return ok(read(textOf(result.stdout)));
      // of a traceback only its last line is for people
      const evidence = lastLines(textOf(result.stderr), 1);
      const silent = result.ended.kind === 'timeout' || result.ended.kind === 'lost';
      const full = evidence.some((line) => /No space left|Disk quota exceeded/.test(line));
      const error = new HpcbinderError(full ? 'E-DISK-FULL' : silent ? 'E-SSH-LOST' : 'E-REMOTE', {
        message: `${what} on ${profile.host} failed: ${full ? 'the disk is full, or your quota is used up' : endedInWords(result.ended)}`,
        evidence,
        transient: silent,
        ...(full
          ? {
              hint: `${profile.stateDir} is on a full disk or over its quota; free some room, or set state_dir for this cluster.`,
            }
          : {}),
      });
      return silent ? unreachable(error) : refused(error);
    },
  };
}

/** Makes a directory under one of ours, both 0700, with its files. Fails where it exists. */
export function createDirectory(
  profile: ClusterProfile,
  parent: string,
  id: string,
  files: readonly RemoteFile[],
): Question<void> {
  const pack = (text: string) => deflateSync(text).toString('base64');
  return program(profile, CREATE, parent, { id, files }, `writing to ${parent}`, () => undefined, pack);
}

export function createSession(profile: ClusterProfile, id: string, files: readonly RemoteFile[]): Question<void> {
  return createDirectory(profile, sessionsDirectory(profile), id, files);
}

/** `walltime`: seconds that the agent is to be told instead of those that it was submitted with. */
export function saveSession(profile: ClusterProfile, session: Session, walltime?: number): Question<void> {
  const text = `${JSON.stringify(session)}\n`;
  const input = { text, ...(walltime === undefined ? {} : { walltime }) };
  return program(profile, SAVE, session.directory, input, 'writing the session record', () => undefined);
}

export type Looked = { id: string; files: ReadonlyMap<string, string> };

/** The named files of the named sessions (all of them where `ids` is undefined). */
export function lookAt(
  profile: ClusterProfile,
  ids: readonly string[] | undefined,
  files: readonly string[],
): Question<readonly Looked[]> {
  return program(
    profile,
    LOOK,
    sessionsDirectory(profile),
    { ids: ids ?? null, files },
    'reading the session records',
    (text) =>
      (JSON.parse(text) as Record<string, string>[]).map(({ id, ...rest }) => ({
        id: id ?? '',
        files: new Map(Object.entries(rest)),
      })),
  );
}

const REMOVE = `
import json, os, shutil, sys
p = json.load(sys.stdin)
d = os.path.join(sys.argv[1], p["id"])
try:
    if os.path.basename(d) == p["id"] and p["id"] not in ("", ".", "..") and os.lstat(d).st_uid == os.getuid():
        shutil.rmtree(d)
except FileNotFoundError:
    pass
`;

/** All of this file, for a list of what may be run (cli/as-user-list.ts). */
export const REMOTE_PROGRAMS = [CREATE, SAVE, LOOK, REMOVE];

/** Of a launch that was given up before its job was submitted. */
export function removeSession(profile: ClusterProfile, id: string): Question<void> {
  return program(
    profile,
    REMOVE,
    sessionsDirectory(profile),
    { id },
    'removing the session directory',
    () => undefined,
  );
}
