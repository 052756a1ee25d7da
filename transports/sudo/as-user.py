#!/usr/bin/python3 -IS
"""Runs what the campus endpoint asks for as the user whose account sudo took on (docs/security.md; frames: docs/adr/0006). Root's,
as programs.json beside it, which lists what may be run. A frame that it does not know ends it, and all that it started."""
import contextlib, grp, hashlib, json, os, pwd, select, signal, struct, subprocess, sys, time

HEAD = struct.Struct(">cII")
WINDOW, CHUNK, START, CALLS, FRAME_S, CALL_S, REST_S = 1 << 18, 1 << 16, 1 << 19, 32, 30, 6 * 3600, 2
FOREIGN = ("LD_", "PYTHON", "NODE_", "BASH_", "PERL", "RUBY", "GCONV_", "ENV=", "IFS=", "SHELLOPTS=")


def no(why):
    os.write(2, ("as-user: %s\n" % why).encode("utf-8", "replace"))
    sys.exit(77)


def roots_alone(path):
    it = os.lstat(path)
    if it.st_uid != 0 or it.st_mode & 0o022:  # a symbolic link's mode is 0777
        no("%s is not root's alone" % path)
    return path if path == "/" else roots_alone(os.path.dirname(path)) and path


def admitted():
    """What may be run, whose account this is and its variables; or the end."""
    uid, here = os.getuid(), os.path.abspath(__file__)
    len(sys.argv) == 1 or no("takes no argument")
    uid >= 1000 and os.getresuid() == (uid,) * 3 and 0 not in os.getresgid() or no("acts for no uid under 1000")
    by_sudo = os.environ.get("SUDO_UID", "").isdigit() and sys.flags.isolated and sys.flags.no_site
    by_sudo or no("is started by sudo alone")
    for name in filter(lambda name: (name + "=").startswith(FOREIGN), sorted(os.environ)):
        no("%s is set: the sudo rule lacks env_reset" % name)
    with open(roots_alone(os.path.join(os.path.dirname(roots_alone(here)), "programs.json"))) as text:
        allowed = json.load(text)
    me, service = pwd.getpwuid(uid), pwd.getpwnam(allowed["service"]).pw_uid
    os.environ["SUDO_UID"] == str(service) != str(uid) or no("acts for %s alone, and not as it" % allowed["service"])
    member = grp.getgrnam(allowed["group"]).gr_gid in os.getgroups() + [os.getgid()]
    member or no("%s is not in the group %s" % (me.pw_name, allowed["group"]))
    env = dict(HOME=me.pw_dir, USER=me.pw_name, LOGNAME=me.pw_name, SHELL=me.pw_shell, LC_ALL="C")
    return allowed, me, dict(env, PATH="/usr/local/bin:/usr/bin:/bin", **allowed["environment"])


def inside(path, allowed, me):
    own = [me.pw_dir + each[1:] if each[0] == "~" else each.replace("$USER", me.pw_name) for each in allowed["folders"]]
    real = os.path.realpath(path.encode()) + b"/"
    if path[:1] != "/" or not any(real.startswith(os.path.realpath(each.encode()) + b"/") for each in own):
        raise PermissionError("%s is in none of the folders of programs.json" % path)


def words_of(asked, allowed, me):
    """What is executed: a text whose sha256 is listed, by an interpreter of ours; else a command by its own absolute path."""
    argv = asked["argv"]
    if any(value not in allowed["variables"].get(name, ()) for name, value in asked.get("env", {}).items()):
        raise PermissionError("a variable of %s is not in programs.json" % ", ".join(asked["env"]))
    for by, at, start in (("sh", 2, ["/bin/sh", "-c"]), ("python", 3, [sys.executable, "-I", "-c"])):
        rule = allowed["programs"].get(hashlib.sha256("".join(argv[at : at + 1]).encode()).hexdigest())
        if rule is None or rule["by"] != by or argv[1:at] != start[1:]:
            continue
        for place, word in enumerate(argv[at + 1 :], 0 if by == "sh" else 1):  # sh's first word is $0
            if place in rule["inside"]:
                inside(word, allowed, me)
            if place in rule["commands"] and word not in allowed["commands"].values():
                raise PermissionError("%s is no command of programs.json" % word)
        return start + argv[at:]
    if argv[0] not in allowed["commands"]:
        raise FileNotFoundError("%s is not in programs.json" % argv[0][:80])
    for word in argv[1:] if argv[0] in allowed["tools"] else []:
        word.startswith("-") or inside(word, allowed, me)
    return [allowed["commands"][argv[0]]] + argv[1:]


def send(kind, call, data=b""):
    data = HEAD.pack(kind, call, len(data)) + data
    while data:
        data = data[os.write(1, data) :]


class Call:
    def __init__(self, number, asked, allowed, me, env):
        words = [word.encode() for word in words_of(asked, allowed, me)]  # whatever the locale
        pipe, cwd, env = subprocess.PIPE, asked.get("cwd", me.pw_dir).encode(), dict(env, **asked.get("env", {}))
        it = subprocess.Popen(words, 0, None, pipe, pipe, pipe, os.setpgrp, cwd=cwd, env=env)
        self.number, self.process, self.input, self.pending, self.closing = number, it, it.stdin, b"", False
        self.output, self.room = {b"o": it.stdout, b"e": it.stderr}, {b"o": WINDOW, b"e": WINDOW}
        self.until, self.over = time.monotonic() + CALL_S, False
        os.set_blocking(it.stdin.fileno(), False)

    def write(self):
        try:
            done = os.write(self.input.fileno(), self.pending) if self.pending else 0
        except BrokenPipeError:
            done, self.closing = len(self.pending), True
        self.pending = self.pending[done:]
        send(b"c", self.number, struct.pack(">I", done))
        if self.closing and not self.pending:
            self.input = self.input.close()

    def read(self, kind):
        data = os.read(self.output[kind].fileno(), min(CHUNK, self.room[kind]))
        self.room[kind] -= len(data)
        send(kind, self.number, data)
        data or self.output.pop(kind).close()

    def done(self):
        """True once all is told. Not reaped before, so that its group's number is nobody else's."""
        ended = None if self.over else os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended:
            send(b"x", self.number, json.dumps([ended.si_code == os.CLD_EXITED, ended.si_status]).encode())
            self.over, self.until = True, time.monotonic() + REST_S
        told = self.over and not self.output
        if told or time.monotonic() > self.until:
            os.killpg(self.process.pid, signal.SIGKILL)
        if told:
            self.process.wait(), self.input and self.input.close()
        return told


def heard(kind, number, data, calls, how):
    call = calls.get(number)
    if kind == b"s" and call is None:
        try:
            if len(calls) >= CALLS:
                raise PermissionError("more than %d calls at once" % CALLS)
            calls[number] = Call(number, json.loads(data.decode()), *how)
        except OSError as error:
            send(b"e", number, ("as-user: %s\n" % error).encode("utf-8", "replace")[:CHUNK])
            send(b"x", number, json.dumps([True, 126 if isinstance(error, PermissionError) else 127]).encode())
            send(b"o", number), send(b"e", number)
    elif kind not in (b"i", b"k", b"c"):
        no("a frame that it does not know")
    elif call and kind == b"i" and call.input:
        len(call.pending) + len(data) <= WINDOW or no("more input than there was room for")
        call.pending, call.closing = call.pending + data, call.closing or not data
    elif call and kind == b"k" and data in (b"TERM", b"INT", b"HUP", b"KILL"):
        os.killpg(call.process.pid, getattr(signal, "SIG" + data.decode()))
    elif call and kind == b"c":
        call.room[data[:1]] += struct.unpack(">I", data[1:])[0]


def serve(*how):
    calls, held, since = {}, b"", 0
    send(b"h", 0, json.dumps({"user": how[1].pw_name, "uid": how[1].pw_uid, "home": how[1].pw_dir}).encode())
    while True:
        outs = {out.fileno(): (c, kind) for c in calls.values() for kind, out in c.output.items() if c.room[kind] > 0}
        ins = {call.input.fileno(): call for call in calls.values() if call.input and (call.pending or call.closing)}
        wait = 0.002 if any(not call.output for call in calls.values()) else 1 if calls or held else None  # about to end
        readable, writable, _ = select.select([0, *outs], ins, [], wait)
        if 0 in readable:
            data = os.read(0, CHUNK)
            if not data:
                return
            held, since = held + data, since if held else time.monotonic()
        while len(held) >= HEAD.size:
            kind, number, length = HEAD.unpack_from(held)
            length <= (START if kind == b"s" else CHUNK) or no("a frame of %d bytes" % length)
            if len(held) < HEAD.size + length:
                break
            frame, held, since = held[HEAD.size : HEAD.size + length], held[HEAD.size + length :], time.monotonic()
            heard(kind, number, frame, calls, how)
        if held and time.monotonic() - since > FRAME_S:
            no("half a frame for %d s" % FRAME_S)
        for call, kind in (outs[each] for each in readable if each in outs):
            call.read(kind)
        for each in writable:
            ins[each].write()
        calls = {number: call for number, call in calls.items() if not call.done()}


def sweep(session, name):
    found = False
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        with contextlib.suppress(OSError):  # it has ended, or is another's
            if os.getsid(pid) == session and pid != os.getpid():
                found = os.kill(pid, name) is None
    return found


def main(admit):
    try:
        how = admit()
    except (OSError, LookupError, ValueError) as error:
        no("cannot begin: %s" % error)
    os.umask(0o077), os.chdir("/")
    worker = os.fork()
    if worker == 0:
        try:
            os.setsid(), serve(*how)
        except Exception as error:
            no("a broken frame or line (%s)" % type(error).__name__)
        finally:
            sweep(os.getpid(), signal.SIGTERM) and time.sleep(1), sweep(os.getpid(), signal.SIGKILL)
        sys.exit(0)
    os.close(0), os.close(1)  # stays to end what the worker leaves behind where it is killed
    ended = os.waitpid(worker, 0)[1]
    sweep(worker, signal.SIGKILL)
    sys.exit(ended >> 8 or (75 if ended else 0))


if __name__ == "__main__":
    main(admitted)
