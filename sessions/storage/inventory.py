"""What lies on a cluster: `python -I -c <this>`, {"store", "state", "live"} on stdin, JSON lines out. Changes nothing.

A thing is {"kind", "name", "bytes", "usedAt", "own"}; the last line is {"end": …}. `name` is relative to the store or to
STATE/sessions. Only what hpcbinder makes is told of: a name that is not ours is not looked at.
"""
import json
import os
import re
import stat
import sys
import time

EVERY_SECONDS = 0.5
# Counting many small files on a network disk takes long; the rest then has no size.
SIZE_SECONDS = 20
FRESH_SECONDS = 24 * 3600
KEY = r"[0-9a-f]{32}"
SESSION = re.compile(r"^hb-[a-z0-9]{10}$")
FILES = (
    ("aside", re.compile("^%s[.]sif[.](damaged|old)-[0-9]{1,12}$" % KEY)),
    ("partial", re.compile("^%s[.](sif[.](partial|building)|seal[.]new|json[.](gc|partial-[0-9a-f]{8}))$" % KEY)),
    ("modes", re.compile("^build-modes[a-z.]*$")),
    ("lock", re.compile("^%s[.]lock([.][0-9a-f-]+)?$" % KEY)),
)
CONTENT = re.compile(r"^(git|tree)-[0-9a-f]{40,64}([.]git)?[.]tar[.]gz(|[.]partial|[.]partial-[0-9a-f]{8})$")
BUILD_ROOM = re.compile(r"^(hpcbinder-)?build[.][A-Za-z0-9]{6,12}$")


class Told(object):
    def __init__(self):
        self.count, self.at, self.until = 0, time.time(), time.time() + SIZE_SECONDS

    def thing(self, kind, name, info, used=None, **more):
        self.count += 1
        fields = {"kind": kind, "name": name, "usedAt": int(info.st_mtime if used is None else used)}
        fields["own"] = info.st_uid == os.getuid()
        if "bytes" not in more:
            fields["bytes"] = info.st_size
        fields.update(more)
        if fields["bytes"] is None:
            del fields["bytes"]
        sys.stdout.write(json.dumps(fields) + "\n")
        self.alive()

    def alive(self):
        """A line now and then while nothing is found: silence is taken for death."""
        if time.time() - self.at > EVERY_SECONDS:
            self.at = time.time()
            sys.stdout.write('{"found": %d}\n' % self.count)
            sys.stdout.flush()

    def size(self, path):
        total = 0
        for top, dirs, files in os.walk(path):
            self.alive()
            if time.time() > self.until:
                return None
            for name in files:
                try:
                    total += os.lstat(os.path.join(top, name)).st_blocks * 512
                except OSError:
                    pass
        return total


def names(path):
    try:
        return sorted(os.listdir(path))
    except OSError:
        return []


def look(path):
    try:
        return os.lstat(path)
    except OSError:
        return None


def text(path, most):
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            return stream.read(most).decode("utf-8", "replace")
    except OSError:
        return None


def store(path, told):
    for name in names(path):
        here = os.path.join(path, name)
        info = look(here)
        if info is None or stat.S_ISLNK(info.st_mode):
            continue
        if re.match("^%s[.]sif$" % KEY, name):
            key = name[:32]
            receipt = look(os.path.join(path, key + ".json"))
            if receipt is None:
                told.thing("orphan", name, info)
            else:
                used = max(receipt.st_mtime, info.st_mtime, info.st_atime)
                told.thing("image", key, info, used, receipt=text(os.path.join(path, key + ".json"), 65536))
        elif re.match("^%s[.](json|seal)$" % KEY, name):
            if look(os.path.join(path, name[:32] + ".sif")) is None:
                told.thing("orphan", name, info)
        else:
            for kind, pattern in FILES:
                if pattern.match(name):
                    owner = look(os.path.join(here, "owner"))
                    told.thing(kind, name, info, owner.st_mtime if owner else None)
    folders = (("contents", "content", CONTENT), ("builds", "build", re.compile("^%s([.]failed)?$" % KEY)), ("tmp", "room", BUILD_ROOM))
    for folder, kind, pattern in folders:
        for name in names(os.path.join(path, folder)):
            here = os.path.join(path, folder, name)
            info = look(here)
            if info is None or stat.S_ISLNK(info.st_mode) or not pattern.match(name):
                continue
            whole = told.size(here) if stat.S_ISDIR(info.st_mode) else info.st_size
            job = (text(os.path.join(here, "tag"), 64) or "").strip() if kind == "build" else ""
            told.thing(kind, folder + "/" + name, info, bytes=whole, **({"job": job} if job else {}))


def sessions(path, live, told):
    """Those of living sessions, and of those that may just be starting, are read: they name what they use."""
    uses = []
    for name in names(path):
        here = os.path.join(path, name)
        info = look(here)
        told.alive()
        if info is None or not stat.S_ISDIR(info.st_mode) or not SESSION.match(name):
            continue
        end = look(os.path.join(here, "end.json"))
        quiet = max(info.st_mtime, end.st_mtime if end else 0)
        told.thing("session", name, info, quiet, bytes=told.size(here), over=end is not None)
        if name in live or (end is None and time.time() - quiet < FRESH_SECONDS):
            uses.append(used(name, here))
    return uses


def used(name, directory):
    found = {"session": name, "paths": []}
    try:
        record = json.loads(text(os.path.join(directory, "session.json"), 1 << 20) or "{}")
        job = json.loads(text(os.path.join(directory, "job.json"), 1 << 20) or "{}")
        work = job.get("work", {})
        paths = [record.get("sif"), work.get("content"), work.get("git")]
        found["paths"] = [path for path in paths if isinstance(path, str)]
        found["work"] = record.get("workDirectory")
        found["over"] = record.get("phase") == "ended"
    except (ValueError, AttributeError):
        pass
    return found


def main():
    asked = json.load(sys.stdin)
    told = Told()
    store(asked["store"], told)
    uses = sessions(os.path.join(asked["state"], "sessions"), set(asked["live"]), told)
    shelf = look(os.path.realpath(asked["store"]))
    end = {"uses": uses, "now": int(time.time()), "things": told.count}
    if shelf is not None:
        end["store"] = {"mode": "%o" % stat.S_IMODE(shelf.st_mode), "own": shelf.st_uid == os.getuid()}
    sys.stdout.write(json.dumps({"end": end}) + "\n")


main()
