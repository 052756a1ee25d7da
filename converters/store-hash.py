"""Reads images of a store again: `python -I -c <this>`, {"directory", "keys": {key: sha256 or null}} on stdin, JSON lines out.

Each image is opened once and never by a link. Where the hash is the one that was given, what was read is sealed: the
line `sha256 size inode mtime ctime` in KEY.seal, by which the next launch knows that nobody wrote to the file since.
"""
import hashlib
import json
import os
import stat
import sys
import time

BLOCK = 1 << 20
EVERY_SECONDS = 0.5


def say(**fields):
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def identity(info):
    times = ["%d.%09d" % divmod(ns, 10 ** 9) for ns in (info.st_mtime_ns, info.st_ctime_ns)]
    return " ".join([str(info.st_size), str(info.st_ino)] + times)


def read(key, path):
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(fd, "rb", buffering=0) as stream:
        before = os.fstat(fd)
        if not stat.S_ISREG(before.st_mode):
            raise OSError("it is no file")
        found, done, told = hashlib.sha256(), 0, time.time()
        block = stream.read(BLOCK)
        while block:
            found.update(block)
            done += len(block)
            if time.time() - told > EVERY_SECONDS:
                told = time.time()
                say(key=key, done=done, total=before.st_size)
            block = stream.read(BLOCK)
        after = os.fstat(fd)
    if identity(before) != identity(after):
        raise OSError("it was written to while it was read")
    return found.hexdigest(), identity(after)


def seal(directory, key, line):
    path = os.path.join(directory, key + ".seal")
    try:
        mode = 0o600 | (os.stat(os.path.join(directory, key + ".json")).st_mode & 0o044)
        with open(os.open(path + ".new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, mode), "w") as out:
            out.write(line + "\n")
        os.rename(path + ".new", path)
    except OSError:
        # somebody else's store: it is read again at the next launch
        pass


def main():
    asked = json.load(sys.stdin)
    directory = asked["directory"]
    for key, wanted in sorted(asked["keys"].items()):
        try:
            found, line = read(key, os.path.join(directory, key + ".sif"))
        except OSError as error:
            say(key=key, error=error.strerror or str(error))
            continue
        if found == wanted:
            seal(directory, key, found + " " + line)
        say(key=key, sha256=found, identity=line)


main()
