"""The image is the one that was stored (SECURITY SIF-01, SIF-02): looked at before the container starts, and once more after."""
import hashlib
import os
import stat
import time


def check_sif(facts, say):
    """Its identity, for a second look. `facts`: job.json's `container`; of an image that the user named only header and size count."""
    path = facts["sif"]
    with _opened(path) as stream:
        found = os.fstat(stream.fileno())
        head = stream.read(48)
        if "sha256" in facts:
            _check_stored(facts, stream, found, say)
        if head[32:41] != b"SIF_MAGIC":
            raise Ending("failed", "%s is no SIF image" % path)
    ours = {"x86_64": b"02", "aarch64": b"04"}.get(os.uname().machine)
    theirs = head[45:47]
    if ours and theirs in (b"02", b"04") and theirs != ours:
        raise Ending("failed", "the image %s is for another processor than this node's %s" % (path, os.uname().machine))
    return sif_identity(found)


def sif_identity(info):
    """As converters/store-hash.py writes it: size, inode, mtime, ctime."""
    times = ["%d.%09d" % divmod(ns, 10 ** 9) for ns in (info.st_mtime_ns, info.st_ctime_ns)]
    return " ".join([str(info.st_size), str(info.st_ino)] + times)


def sif_swapped(facts, identity, say):
    """Once the app answers: another file may have taken the image's place between our look and the container's. None, or an Ending."""
    try:
        if identity is None or sif_identity(os.stat(facts["sif"])) == identity:
            return None
        check_sif(facts, say)
    except (OSError, Ending) as error:
        detail = error.detail if isinstance(error, Ending) else "the image %s is damaged: %s" % (facts["sif"], error.strerror)
        return Ending("failed", "%s; that happened while the app started" % detail)
    return None


def _opened(path):
    for attempt in range(4):
        try:
            return open(path, "rb")
        except FileNotFoundError:
            # A network disk may show a new file late (SECURITY F-40).
            if attempt == 3:
                raise Ending("failed", "the image %s is not on this node's disks" % path)
            time.sleep(2)
        except OSError as error:
            raise Ending("failed", "the image %s cannot be read: %s" % (path, error.strerror))


def _check_stored(facts, stream, found, say):
    """Sealed, or read again: the seal is of the session's image, or of a newer one of the same environment in its place."""
    path = facts["sif"]
    stem = path[: -len(".sif")]
    for place, info in ((os.path.dirname(path), os.stat(os.path.dirname(path))), (path, found)):
        sticky = stat.S_ISDIR(info.st_mode) and info.st_mode & stat.S_ISVTX
        if info.st_mode & 0o022 and not sticky:
            raise Ending("failed", "the image %s is not trusted: others may write to %s" % (path, place))
    receipt = read_json(stem + ".json") or {}
    sums = {facts["sha256"], receipt.get("sha256")}
    sizes = {facts.get("bytes"), receipt.get("bytes")}
    if found.st_size not in sizes:
        raise Ending("failed", "the image %s is damaged: %d bytes instead of %s" % (path, found.st_size, facts.get("bytes")))
    identity = sif_identity(found)
    for seal in (facts.get("seal", ""), _first_line(stem + ".seal")):
        total, _, sealed = seal.partition(" ")
        if sealed == identity and total in sums:
            return
    say("the image is read again: it does not look as when it was sealed")
    total = hashlib.sha256()
    stream.seek(0)
    for block in iter(lambda: stream.read(1 << 20), b""):
        total.update(block)
    if total.hexdigest() not in sums:
        raise Ending("failed", "the image %s is damaged: its sha256 is %s instead of %s" % (path, total.hexdigest()[:12], facts["sha256"][:12]))


def _first_line(path):
    try:
        with open(path) as stream:
            return stream.readline(300).strip()
    except (OSError, ValueError):
        return ""
