"""Which directory a session gets: one live session each, told by `.hpcbinder/in-use.json`, whose mtime is the heartbeat."""
import json
import os
import socket
import time
import uuid

WORK_STALE_SECONDS = 15 * 60
WORK_MAX_COPIES = 99


def _work_claim(work, report):
    """(directory, its tree with our marker in it), or (directory, None) where there is nothing yet."""
    first = work["directory"]
    if work.get("exact"):
        return first, _work_exact(work)
    for n in range(1, WORK_MAX_COPIES + 1):
        directory = first if n == 1 else "%s-%d" % (first, n)
        if not os.path.lexists(directory):
            return directory, None
        if os.path.islink(directory) or not os.path.isdir(directory):
            raise WorkError("%s is in the way: it is no directory" % directory)
        if n > 1 and not os.path.lexists(os.path.join(directory, WORK_OWN, "manifest.json")):
            continue
        tree = WorkTree(directory)
        manifest = tree.read_record("manifest.json")
        if manifest is not None and manifest.get("schema", 1) != 1:
            tree.close()
            raise WorkError("%s was written by a newer hpcbinder" % directory)
        theirs = manifest is not None and manifest.get("of") != os.path.basename(first)
        user = None if theirs else _work_mark(tree, work)
        if theirs or user is not None:
            tree.close()
            if user is not None:
                report["notes"].append("%s is in use by session %s" % (directory, user))
            continue
        if work.get("fresh") and (manifest or {}).get("session") != work["session"]:
            with tree:
                report["notes"].append("the former directory is now %s" % _work_aside(directory))
                tree.forget("in-use.json")
            return directory, None
        return directory, tree
    raise WorkError("%d sessions already use %s" % (WORK_MAX_COPIES, first))


def _work_exact(work):
    """Of a session that goes on from another: its directory, which may be a second one of its repository."""
    directory = work["directory"]
    if os.path.islink(directory) or not os.path.lexists(os.path.join(directory, WORK_OWN, "manifest.json")):
        raise WorkError("%s is no longer there: launch the repository anew, without --continue" % directory)
    tree = WorkTree(directory)
    manifest = tree.read_record("manifest.json") or {}
    user = None if manifest.get("schema", 1) != 1 else _work_mark(tree, work)
    if manifest.get("schema", 1) == 1 and user is None:
        work["of"] = manifest.get("of")
        return tree
    tree.close()
    if user is None:
        raise WorkError("%s was written by a newer hpcbinder" % directory)
    raise WorkError("%s is in use by session %s by now" % (directory, user))


def _work_aside(directory):
    stamp = directory + time.strftime(".%Y%m%d-%H%M%S")
    aside = stamp
    for n in range(2, 100):
        if not os.path.lexists(aside):
            break
        aside = "%s-%d" % (stamp, n)
    os.rename(directory, aside)
    return aside


def _work_mark(tree, work):
    """None: the directory is ours. Otherwise the live session that has it."""
    text = json.dumps(_work_marker(work)).encode("ascii")
    for _ in range(5):
        try:
            fd = os.open("in-use.json", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=tree.own)
            with open(fd, "wb") as out:
                out.write(text)
            return None
        except FileExistsError:
            pass
        try:
            seen = os.stat("in-use.json", dir_fd=tree.own, follow_symlinks=False)
        except FileNotFoundError:
            continue
        session = (tree.read_record("in-use.json") or {}).get("session")
        over = [work["session"]] + (work.get("ended") or [])
        if session not in over and _work_now(tree) - seen.st_mtime < WORK_STALE_SECONDS:
            return str(session)
        # renamed first: of two that saw the same stale marker only one gets it, and it is looked at again
        old = "tmp-" + uuid.uuid4().hex
        try:
            os.rename("in-use.json", old, src_dir_fd=tree.own, dst_dir_fd=tree.own)
        except FileNotFoundError:
            continue
        moved = os.stat(old, dir_fd=tree.own, follow_symlinks=False)
        if (moved.st_ino, moved.st_mtime) != (seen.st_ino, seen.st_mtime):
            os.rename(old, "in-use.json", src_dir_fd=tree.own, dst_dir_fd=tree.own)
            continue
        tree.forget(old)
    return "unknown"


def _work_marker(work):
    return {
        "session": work["session"],
        "jobId": work.get("jobId"),
        "host": socket.gethostname(),
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }


def _work_now(tree):
    """The file server's clock, for the node's may differ."""
    name = "tmp-" + uuid.uuid4().hex
    fd = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=tree.own)
    try:
        os.write(fd, b"\n")
        return os.fstat(fd).st_mtime
    finally:
        os.close(fd)
        tree.forget(name)


def _work_beat(tree, session):
    marker = tree.read_record("in-use.json")
    if marker is None:
        tree.write_record("in-use.json", _work_marker({"session": session}))
        return True
    if marker.get("session") != session:
        return False
    os.utime("in-use.json", dir_fd=tree.own, follow_symlinks=False)
    return True


def _work_sweep(parent, name, session):
    """Removes what a killed preparation left beside the directory: ours, never anybody's work."""
    for entry in os.listdir(parent):
        made = os.path.join(parent, entry)
        if not entry.startswith(".%s.hpcbinder-" % name) or os.path.islink(made) or not os.path.isdir(made):
            continue
        marker = os.path.join(made, WORK_OWN, "in-use.json")
        try:
            beat = os.stat(marker if os.path.exists(marker) else made).st_mtime
            with WorkTree(made) as tree:
                age = _work_now(tree) - beat
                mine = (tree.read_record("in-use.json") or {}).get("session") == session
            if mine or age > WORK_STALE_SECONDS:
                _work_drop(made)
        except (OSError, WorkError):
            continue


def _work_drop(made):
    parent, name = os.path.split(made)
    fd = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        work_remove_tree(fd, os.fsencode(name))
    finally:
        os.close(fd)
