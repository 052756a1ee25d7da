"""work ls | rm | mv on the cluster: `python -I -c <this> ls|rm|mv BASE [NAME [TARGET]]`, one JSON object on stdout."""
import errno
import json
import os
import shutil
import stat
import sys
import time
import uuid

STALE_SECONDS = 15 * 60
MAX_DEPTH = 5
SIZE_SECONDS = 20
RECORD = os.path.join(".hpcbinder", "manifest.json")
MARKER = os.path.join(".hpcbinder", "in-use.json")


class Refused(Exception):
    pass


def load(path):
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            value = json.loads(stream.read(256 << 20).decode("utf-8"))
        return value if isinstance(value, dict) else {}
    except (OSError, ValueError, RecursionError):
        return None


def live_session(directory):
    marker = os.path.join(directory, MARKER)
    try:
        if time.time() - os.lstat(marker).st_mtime > STALE_SECONDS:
            return None
    except OSError:
        return None
    return str((load(marker) or {}).get("session"))


def find(base, depth=0):
    """Directories with a record of ours, none below another; links are not followed."""
    try:
        names = sorted(os.listdir(base))
    except OSError:
        return
    for name in names:
        path = os.path.join(base, name)
        if name.startswith(".") or os.path.islink(path) or not os.path.isdir(path):
            continue
        if os.path.isfile(os.path.join(path, RECORD)):
            yield path
        elif depth < MAX_DEPTH:
            for found in find(path, depth + 1):
                yield found


def size_of(directory, until):
    """Bytes on disk, or None where counting takes too long."""
    total = 0
    for top, dirs, files in os.walk(directory):
        for name in files:
            try:
                total += os.lstat(os.path.join(top, name)).st_blocks * 512
            except OSError:
                pass
        if time.time() > until:
            return None
    return total


def ls(base):
    until = time.time() + SIZE_SECONDS
    found = []
    for path in find(base):
        record = load(os.path.join(path, RECORD)) or {}
        found.append({
            "directory": path,
            "name": os.path.relpath(path, base),
            "id": str(record.get("id")),
            "usedAt": int(os.stat(os.path.join(path, ".hpcbinder")).st_mtime),
            "session": live_session(path),
            "bytes": size_of(path, until),
        })
    return {"directories": found}


def chosen(base, name):
    path = os.path.realpath(os.path.join(base, os.path.expanduser(name)))
    if not path.startswith(base + os.sep):
        raise Refused("%s does not lie in %s" % (path, base))
    if not os.path.isdir(path):
        raise Refused("there is no work directory %s" % path)
    if load(os.path.join(path, RECORD)) is None:
        raise Refused("%s is no work directory: it has no %s" % (path, RECORD))
    session = live_session(path)
    if session is not None:
        raise Refused("%s is in use by session %s" % (path, session))
    return path


def writable_and_again(function, path, _):
    """Directories that their owner may not write are no reason to keep the rest."""
    os.chmod(os.path.dirname(path), 0o700)
    if stat.S_ISDIR(os.lstat(path).st_mode):
        os.chmod(path, 0o700)
        shutil.rmtree(path)
    else:
        os.unlink(path)


def rm(base, name):
    path = chosen(base, name)
    parent, last = os.path.split(path)
    # first out of sight, so that no launch takes up a directory that is half gone
    gone = os.path.join(parent, ".%s.hpcbinder-rm-%s" % (last, uuid.uuid4().hex[:8]))
    os.rename(path, gone)
    try:
        shutil.rmtree(gone, onerror=writable_and_again)
    except OSError as error:
        raise Refused("%s could not be deleted entirely, the rest is %s: %s" % (path, gone, error))
    prune(parent, base)
    return {"directory": path}


def mv(base, name, target):
    path = chosen(base, name)
    to = os.path.abspath(os.path.join(base, os.path.expanduser(target)))
    if os.path.lexists(to):
        raise Refused("%s exists already" % to)
    if (to + os.sep).startswith(path + os.sep):
        raise Refused("%s cannot be moved into itself" % path)
    os.makedirs(os.path.dirname(to), 0o700, exist_ok=True)
    try:
        os.rename(path, to)
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise Refused("%s lies on another file system: copy it there, then `work rm`" % to)
        raise
    record = load(os.path.join(to, RECORD))
    if record:
        record["of"] = os.path.basename(to)
        temporary = os.path.join(to, ".hpcbinder", "tmp-" + uuid.uuid4().hex)
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            json.dump(record, out)
        os.rename(temporary, os.path.join(to, RECORD))
    prune(os.path.dirname(path), base)
    return {"directory": to, "from": path}


def prune(parent, base):
    while parent.startswith(base + os.sep):
        try:
            os.rmdir(parent)
        except OSError:
            return
        parent = os.path.dirname(parent)


def answer(verb, base, names):
    os.umask(0o077)
    base = os.path.realpath(os.path.expanduser(base))
    try:
        return {"ls": ls, "rm": rm, "mv": mv}[verb](base, *names)
    except (Refused, OSError) as error:
        return {"refused": str(error)}


print(json.dumps(answer(sys.argv[1], sys.argv[2], sys.argv[3:])))
