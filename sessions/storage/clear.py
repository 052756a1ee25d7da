"""Removes what was decided on: `python -I -c <this>`, {"store", "state", "live", "things", "hollow"} on stdin, JSON lines out.

Everything is looked at again first: what was used since it was listed stays, and so does what is not ours. Below the two
roots no link is followed and no other disk is entered. What is told: {"done", "bytes"} on the way, {"kept", "why"} for
each thing that stays, {"end": …} at last. Running it again goes on where it was cut off.
"""
import errno
import json
import os
import stat
import sys
import time
import uuid

EVERY_SECONDS = 0.5
BEAT_SECONDS = 20


class Kept(Exception):
    pass


def told(**fields):
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def folder(path, parent=None):
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | (os.O_NOFOLLOW if parent is not None else 0), dir_fd=parent)


def info_of(name, parent):
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except FileNotFoundError:
        return None


def remove_tree(name, parent, device, alive):
    """Bytes freed. A directory without rights for its owner is opened first: images hold such."""
    info = info_of(name, parent)
    if info is None:
        return 0
    if not stat.S_ISDIR(info.st_mode):
        os.unlink(name, dir_fd=parent)
        return info.st_blocks * 512
    if info.st_dev != device:
        raise Kept("another disk is mounted in it")
    if info.st_mode & 0o700 != 0o700:
        os.chmod(name, 0o700, dir_fd=parent)
    freed, here = 0, folder(name, parent)
    try:
        for child in os.listdir(here):
            freed += remove_tree(child, here, device, alive)
            alive()
    finally:
        os.close(here)
    os.rmdir(name, dir_fd=parent)
    return freed


class Lock(object):
    """That of jobs/lock-scripts.ts: made beside and renamed, so that none is ever without its owner; touched while it is
    held; given back only while it is still ours."""

    def __init__(self, name, parent):
        self.name, self.parent, self.at = name, parent, time.time()
        mark = str(uuid.uuid4())
        self.line = ("removing images (%s, process %d) %s" % (os.uname().nodename, os.getpid(), mark)).encode()
        new = "%s.%s" % (name, mark)
        if info_of(name, parent) is not None:
            raise Kept("another hpcbinder holds it")
        os.mkdir(new, 0o700, dir_fd=parent)
        try:
            owner = os.open(new + "/owner", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=parent)
            os.write(owner, self.line)
            os.close(owner)
            os.rename(new, name, src_dir_fd=parent, dst_dir_fd=parent)
        except OSError as error:
            remove_tree(new, parent, os.fstat(parent).st_dev, lambda: None)
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                raise Kept("another hpcbinder holds it")
            raise

    def ours(self):
        try:
            owner = os.open(self.name + "/owner", os.O_RDONLY | os.O_NOFOLLOW, dir_fd=self.parent)
        except OSError:
            return False
        try:
            return os.read(owner, 1000) == self.line
        finally:
            os.close(owner)

    def beat(self):
        if time.time() - self.at > BEAT_SECONDS and self.ours():
            self.at = time.time()
            os.utime(self.name + "/owner", dir_fd=self.parent)

    def free(self):
        if self.ours():
            gone = "%s.%d" % (self.name, os.getpid())
            os.rename(self.name, gone, src_dir_fd=self.parent, dst_dir_fd=self.parent)
            remove_tree(gone, self.parent, os.fstat(self.parent).st_dev, lambda: None)


class Roots(object):
    """The two directories, opened once: whatever is put in their place later is not touched."""

    def __init__(self, asked):
        self.live = set(asked["live"])
        self.fds = {}
        for root, path in (("store", asked["store"]), ("sessions", os.path.join(asked["state"], "sessions"))):
            try:
                self.fds[root] = folder(path)
            except FileNotFoundError:
                pass
        self.freed, self.done, self.at, self.lock = 0, 0, time.time(), None

    def alive(self):
        if self.lock is not None:
            self.lock.beat()
        if time.time() - self.at > EVERY_SECONDS:
            self.at = time.time()
            told(done=self.done, bytes=self.freed)

    def remove(self, thing):
        kind, name, used = thing["kind"], thing["name"], thing["usedAt"]
        parent = self.fds.get("sessions" if kind == "session" else "store")
        if parent is None:
            return
        inner = None
        try:
            if kind in ("content", "build", "room"):
                place, _, name = name.partition("/")
                inner = parent = folder(place, parent)
            if os.path.basename(name) != name or name in ("", ".", ".."):
                raise Kept("that is no name")
            if kind == "image":
                self.image(name, used, parent)
            else:
                self.other(kind, name, used, parent, thing.get("job", name))
            self.done += 1
        except FileNotFoundError:
            self.done += 1
        except Kept as why:
            told(kept=thing["name"], why=str(why))
        except OSError as error:
            told(kept=thing["name"], why=error.strerror or str(error))
        finally:
            if inner is not None:
                os.close(inner)
        self.alive()

    def mine(self, info):
        if info.st_uid != os.getuid():
            raise Kept("it belongs to another user")

    def other(self, kind, name, used, parent, job):
        info = info_of(name, parent)
        if info is None:
            return
        self.mine(info)
        if job in self.live:
            raise Kept("its job is not over")
        if kind == "partial" and info_of(name[:32] + ".lock", parent) is not None:
            raise Kept("an upload holds it")
        seen = info.st_mtime
        inside = {"session": "end.json", "lock": "owner"}.get(kind)
        if inside is not None:
            here = folder(name, parent)
            try:
                deep = info_of(inside, here)
            finally:
                os.close(here)
            if deep is not None:
                seen = deep.st_mtime if kind == "lock" else max(seen, deep.st_mtime)
        if int(seen) > used:
            raise Kept("it was used meanwhile")
        self.freed += remove_tree(name, parent, os.fstat(parent).st_dev, self.alive)

    def image(self, key, used, parent):
        """Under the store's lock of this key. Without its receipt it is no image: whoever looked before has touched it."""
        lock = self.lock = Lock(key + ".lock", parent)
        try:
            info = info_of(key + ".sif", parent)
            if info is not None:
                self.mine(info)
            receipt, gone = key + ".json", key + ".json.gc"
            if info_of(receipt, parent) is not None:
                os.rename(receipt, gone, src_dir_fd=parent, dst_dir_fd=parent)
                if int(info_of(gone, parent).st_mtime) > used:
                    os.rename(gone, receipt, src_dir_fd=parent, dst_dir_fd=parent)
                    raise Kept("it was used meanwhile")
            for name in (key + ".sif", key + ".seal", gone):
                self.freed += remove_tree(name, parent, os.fstat(parent).st_dev, self.alive)
        finally:
            self.lock = None
            lock.free()


def hollow(path, alive):
    """Removes empty directories, itself last; answers what is left in it. A link is left, and so is what it leads to."""
    left = []
    try:
        if os.path.islink(path):
            return [path]
        for top, dirs, files in os.walk(path, topdown=False):
            alive()
            try:
                os.rmdir(top)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST):
                    left.append(top)
                left += [os.path.join(top, name) for name in files]
                left += [os.path.join(top, name) for name in dirs if os.path.islink(os.path.join(top, name))]
    except OSError as error:
        left.append(error.filename or path)
    return left[:1000]


def main():
    asked = json.load(sys.stdin)
    roots = Roots(asked)
    for thing in asked["things"]:
        roots.remove(thing)
    for fd in roots.fds.values():
        os.close(fd)
    left = sorted(set(name for path in asked["hollow"] for name in hollow(path, roots.alive)))
    told(end={"done": roots.done, "bytes": roots.freed, "left": left})


main()
