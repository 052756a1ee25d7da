"""The job-side agent of hpcbinder: one file of Python's standard library, for Python 3.6 and newer, run on the compute node
outside the container with the session's directory as its working directory (DESIGN 6, 7, 15).

It is joined from parts, in the order that sessions/agent.ts names; each part may use those before it.
"""
import contextlib
import json
import os
import sys
import threading
import time

LOG_BYTES = 1 << 20


class Clock(object):
    """The scheduler's clock in epoch seconds: read once from the node's, then only counted. A node's clock that differs, or is
    set meanwhile, moves no end, no warning and no idleness (SECURITY F-46)."""

    def __init__(self):
        self.start(0)

    def start(self, ahead):
        """`ahead`: so many seconds the node's clock is ahead of the scheduler's."""
        self._zero = time.time() - ahead - time.monotonic()

    def now(self):
        return self._zero + time.monotonic()

    def ahead(self):
        return time.time() - self.now()


CLOCK = Clock()


class Ending(Exception):
    """The session ends: `why` is one of core/session.ts END_REASONS, `detail` one line for people."""

    def __init__(self, why, detail=""):
        super().__init__(why)
        self.why = why
        self.detail = detail


class Log(object):
    """agent.log: lines with times, at most LOG_BYTES however often somebody knocks (SECURITY NET-14)."""

    def __init__(self, path):
        self._lock = threading.Lock()
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        self._left = LOG_BYTES - os.fstat(self._fd).st_size

    def say(self, text):
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        line = ("%s %s\n" % (stamp, text)).encode("utf-8", "backslashreplace")
        with self._lock:
            if self._left < 0:
                return
            self._left -= len(line)
            if self._left < 0:
                line = ("%s the log is full: nothing more is written\n" % stamp).encode()
            with contextlib.suppress(OSError):
                os.write(self._fd, line)


def write_json(path, value):
    """Whole or not at all, and on the disk: another machine reads it (SECURITY F-40)."""
    temporary = "%s.%d.tmp" % (path, os.getpid())
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "w") as out:
        json.dump(value, out, sort_keys=True)
        out.write("\n")
        out.flush()
        os.fsync(out.fileno())
    os.rename(temporary, path)
    with contextlib.suppress(OSError):
        directory = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)


def read_json(path):
    """An object, or None where there is no file or no object in it."""
    try:
        with open(path, "rb") as stream:
            value = json.loads(stream.read().decode("utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def last_lines(path, count):
    """The last lines of a log, without terminal escapes and carriage returns' leftovers."""
    try:
        # Code in the container may have put a pipe there.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - 16384))
            text = stream.read().decode("utf-8", "replace")
    except OSError:
        return []
    lines = ["".join(c if c.isprintable() else " " for c in line).rstrip() for line in text.splitlines()]
    return [line for line in lines if line][-count:]


def keep_small(path, most):
    """A log that others append to: over `most` bytes only its last half is kept. They write on at the new end (O_APPEND)."""
    with contextlib.suppress(OSError):
        if os.stat(path).st_size <= most:
            return
        with open(path, "r+b") as stream:
            size = os.fstat(stream.fileno()).st_size
            stream.seek(size - most // 2)
            tail = stream.read(most // 2)
            stream.seek(0)
            stream.write(b"[the beginning was cut]\n" + tail)
            stream.truncate()


def check_python():
    if sys.version_info < (3, 6):
        sys.exit("hpcbinder's agent needs Python 3.6 or newer; this is %s" % sys.version.split()[0])
