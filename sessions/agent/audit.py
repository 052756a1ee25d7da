"""`hpcbinder audit`, on one host: what somebody else with an account here could read or reach of a session. Run by the agent
on its node, and by the client on the login node, each with the user's own id: what only another id could try is judged by
modes and owners. Answers say where and what kind, never a secret itself."""
import grp
import json
import os
import pwd
import stat
import subprocess
import time

# for the files; all of it stays below the client's patience
AUDIT_SECONDS = 8
AUDIT_FILES = 20000
AUDIT_BYTES = 64 << 20
SHARED = ("/tmp", "/var/tmp", "/dev/shm")


class Audit(object):
    """`asked`: secrets {name: text}, directory (the session's), private (further paths), shared (folders where all users leave
    files), commands (argv lists that any user may run about the job), agent {port, jobId} on the node. `found`: a list of
    {what, result, seen}."""

    def __init__(self, asked):
        self._asked = asked
        self._secrets = [(name, text.encode("utf-8")) for name, text in sorted(asked.get("secrets", {}).items()) if len(text) >= 16]
        self._uid = os.getuid()
        self._until = time.monotonic() + AUDIT_SECONDS
        self.found = []

    def run(self):
        self._processes()
        for path in [self._asked["directory"]] + self._asked.get("private", []):
            self._closed(path)
        self._records(self._asked["directory"])
        self._logs(self._asked["directory"])
        self._left_open([self._asked["directory"]] + list(self._asked.get("shared") or SHARED))
        for words in self._asked.get("commands", []):
            self._answer(words)
        if "agent" in self._asked:
            self._ports(self._asked["agent"])
        return self.found

    def _say(self, what, result, seen):
        self.found.append({"what": what, "result": result, "seen": seen})

    def _names(self, data):
        return [name for name, text in self._secrets if text in data]

    # Processes ------------------------------------------------------------------------------------------------------

    def _processes(self):
        looked, hits = 0, []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % pid, "rb") as stream:
                    words = stream.read(1 << 20)
            except OSError:
                continue
            looked += 1
            hits += ["process %s shows the %s" % (pid, name) for name in self._names(words)]
        self._judge("a secret in the arguments of a process", hits, "%d processes" % looked)

    # Files ----------------------------------------------------------------------------------------------------------

    def _closed(self, path):
        """Only its owner gets in, and nobody else can put another in its place."""
        what = "into %s" % path
        try:
            info = os.lstat(path)
        except OSError as error:
            return self._say(what, "not tried", error.strerror)
        wrong = []
        if stat.S_ISLNK(info.st_mode):
            wrong.append("it is a link")
        elif info.st_uid != self._uid:
            wrong.append("it belongs to uid %d" % info.st_uid)
        elif info.st_mode & 0o077:
            wrong.append("mode %04o" % stat.S_IMODE(info.st_mode))
        self._judge(what, wrong, "mode %04o" % stat.S_IMODE(info.st_mode))
        self._judge("another in the place of %s" % path, self._replaceable(path), "no folder above it is writable by others")

    def _replaceable(self, path):
        wrong = []
        at = os.path.dirname(os.path.realpath(path))
        while True:
            with_mode = os.stat(at)
            mode = stat.S_IMODE(with_mode.st_mode)
            if with_mode.st_uid not in (0, self._uid):
                wrong.append("%s belongs to uid %d" % (at, with_mode.st_uid))
            loose = mode & 0o002 or (mode & 0o020 and not self._own_group(with_mode.st_gid))
            if loose and not mode & stat.S_ISVTX:
                wrong.append("%s has mode %04o" % (at, mode))
            if at == "/":
                return wrong
            at = os.path.dirname(at)

    def _own_group(self, gid):
        """root's, or the group that many systems make for one user alone."""
        if gid == 0:
            return True
        try:
            me, group = pwd.getpwuid(self._uid), grp.getgrgid(gid)
        except KeyError:
            return False
        return gid == me.pw_gid and group.gr_name == me.pw_name and not group.gr_mem

    def _records(self, directory):
        wrong, looked = [], 0
        for name in self._listed(directory):
            info = os.lstat(os.path.join(directory, name))
            if stat.S_ISREG(info.st_mode):
                looked += 1
                if info.st_mode & 0o077 or info.st_uid != self._uid:
                    wrong.append("%s has mode %04o, uid %d" % (name, stat.S_IMODE(info.st_mode), info.st_uid))
        self._judge("a record of the session", wrong, "%d files, all 0600 or 0700" % looked)

    def _listed(self, directory):
        try:
            return sorted(os.listdir(directory))
        except OSError:
            return []

    def _logs(self, directory):
        hits, looked = [], 0
        for name in self._listed(directory):
            if name.endswith(".log"):
                looked += 1
                hits += ["%s holds the %s" % (name, found) for found in self._names(self._read(os.path.join(directory, name)))]
        self._judge("a secret in a log", hits, "%d logs" % looked)

    def _read(self, path):
        try:
            with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
                return stream.read(AUDIT_BYTES) if stat.S_ISREG(os.fstat(stream.fileno()).st_mode) else b""
        except OSError:
            return b""

    def _left_open(self, trees):
        """Her own files that others may read: of the session, and where all users leave theirs."""
        hits, looked, whole = [], 0, True
        for path, inside in self._walked(trees):
            if looked >= AUDIT_FILES or time.monotonic() > self._until:
                whole = False
                break
            if inside is not None:
                hits += ["%s is named after the %s" % (path, found) for found in self._names(inside)]
                continue
            info = self._stat(path)
            if info is not None and info.st_uid == self._uid and info.st_mode & 0o044:
                looked += 1
                hits += ["%s holds the %s" % (path, found) for found in self._names(self._read(path))]
        seen = "%d such files of yours%s" % (looked, "" if whole else ", then the time was over")
        self._judge("a secret in a file that others may read", hits, seen)

    def _walked(self, trees):
        """(a folder, the names in it as bytes), (a file, None); no link is followed."""
        for tree in trees:
            for at, folders, names in os.walk(tree):
                yield at, "/".join(folders + names).encode("utf-8", "surrogateescape")
                for name in names:
                    yield os.path.join(at, name), None

    def _stat(self, path):
        try:
            return os.lstat(path)
        except OSError:
            return None

    # What the scheduler tells everybody -----------------------------------------------------------------------------

    def _answer(self, words):
        what = "a secret in the answer to %s" % " ".join(words[:2])
        try:
            done = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            try:
                said = done.communicate(timeout=15)[0]
            except subprocess.TimeoutExpired:
                done.kill()
                done.communicate()
                return self._say(what, "not tried", "no answer within 15 s")
        except OSError as error:
            return self._say(what, "not tried", error.strerror)
        if done.returncode != 0:
            return self._say(what, "not tried", "it failed (exit %d)" % done.returncode)
        self._judge(what, ["the %s" % name for name in self._names(said)], "%d bytes" % len(said))

    def _ports(self, agent):
        for what, result, seen in open_ports(self._uid, agent["port"], agent["jobId"]):
            self._say(what, result, seen)

    def _judge(self, what, wrong, fine):
        self._say(what, "open" if wrong else "closed", "; ".join(wrong[:5]) if wrong else fine)
