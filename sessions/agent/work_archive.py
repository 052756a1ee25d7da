"""Reads a content archive as data: every member is checked, nothing is ever extracted by the library."""
import gzip
import re
import tarfile
import zlib

WORK_MAX_ENTRIES = 500000
WORK_MAX_BYTES = 200 << 30
WORK_MAX_PATH = 4000
WORK_MAX_DEPTH = 100
# a single read of more than this is an extended header that claims to be huge
_WORK_MAX_READ = 4 << 20
_WORK_GIT_MEMBER = re.compile(
    r"(HEAD|config|shallow|index|objects/[0-9a-f]{2}/[0-9a-f]{38,62}"
    r"|objects/pack/pack-[0-9a-f]{40,64}\.(pack|idx|rev)|refs/hpcbinder/[0-9a-f]{7})"
)


class _WorkBytes(object):
    """The unpacked stream, forwards only, with a limit on its length and on each read (TAR-07).

    tarfile steps one byte back before each header; a gzip stream would begin again from its start.
    """

    def __init__(self, stream):
        self.stream = stream
        self.at = 0
        self.last = b""
        self.back = b""

    def read(self, size=-1):
        if size < 0 or size > _WORK_MAX_READ:
            raise WorkError("the content archive has a header that is too large")
        data, self.back = (self.back, b"") if size > 0 else (b"", self.back)
        data += self.stream.read(size - len(data))
        self.at += len(data)
        self.last = data[-1:] or self.last
        if self.at > WORK_MAX_BYTES + WORK_MAX_ENTRIES * 2048:
            raise WorkError("the content is larger than %d bytes unpacked" % WORK_MAX_BYTES)
        return data

    def seek(self, position):
        if position == self.at - 1 and not self.back:
            self.back = self.last
            self.at = position
        while position > self.at:
            if not self.read(min(position - self.at, WORK_CHUNK)):
                break
        if position < self.at:
            raise tarfile.ReadError("it was to be read backwards")

    def tell(self):
        return self.at


def work_check_path(path):
    """The path, if it stays inside whatever directory it is put into and outside our own corners of it."""
    parts = path.split("/")
    if (
        "\0" in path
        or any(part in ("", ".", "..") for part in parts)
        or len(parts) > WORK_MAX_DEPTH
        or len(work_bytes(path)) > WORK_MAX_PATH
        or any(len(work_bytes(part)) > 255 for part in parts)
        or parts[0].lower() in (".git", WORK_OWN)
    ):
        raise WorkError("the content has an entry with a name that is refused: %s" % ascii(path[:200]))
    return path


def work_members(archive, check=work_check_path):
    """Yields (path, tarfile.TarInfo, stream or None) in the order of the archive; refuses what is no file, link or directory."""
    seen = {}
    try:
        with gzip.open(archive, "rb") as plain:
            how = {"mode": "r:", "encoding": "utf-8", "errors": "surrogateescape"}
            with tarfile.open(fileobj=_WorkBytes(plain), **how) as tar:
                for member in iter(tar.next, None):
                    path = check(member.name)
                    if len(seen) >= WORK_MAX_ENTRIES:
                        raise WorkError("the content has more than %d entries" % WORK_MAX_ENTRIES)
                    _work_check_member(member, path, seen)
                    yield path, member, tar.extractfile(member) if member.isreg() else None
                    tar.members = []
    except FileNotFoundError:
        raise WorkError("the content archive is gone: %s (launching again sends it again)" % archive)
    except (tarfile.TarError, EOFError, zlib.error, OverflowError) as error:
        raise WorkError("the content archive %s is damaged: %s" % (archive, error))
    except OSError as error:
        if error.errno is not None:
            raise
        raise WorkError("the content archive %s is damaged: %s" % (archive, error))


def _work_check_member(member, path, seen):
    plain = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE) and not member.issparse()
    if not (plain or member.issym() or member.isdir()):
        raise WorkError("the content has an entry that is no file, link or directory: %s" % ascii(path[:200]))
    if member.issym() and (not 0 < len(work_bytes(member.linkname)) < WORK_MAX_PATH or "\0" in member.linkname):
        raise WorkError("the content has a link without a usable target: %s" % ascii(path[:200]))
    if path in seen:
        raise WorkError("the content has an entry twice: %s" % ascii(path[:200]))
    above = path.rpartition("/")[0]
    while above:
        if seen.get(above, True) is False:
            raise WorkError("the content has an entry below one that is no directory: %s" % ascii(path[:200]))
        above = above.rpartition("/")[0]
    seen[path] = member.isdir()


def work_scan(archive):
    """{path: state} of all that the archive holds; directories only where they are empty."""
    states = {}
    parents = set()
    for path, member, stream in work_members(archive):
        if member.isdir():
            states[path] = "dir"
        elif member.issym():
            states[path] = "link:" + member.linkname
        else:
            states[path] = work_file_state(stream, bool(member.mode & 0o100))
        parents.update(_work_above(path))
    for path in parents:
        if states.get(path, "dir") != "dir":
            raise WorkError("the content has an entry below one that is no directory: %s" % ascii(path[:200]))
        states.pop(path, None)
    return states


def _work_above(path):
    parts = path.split("/")
    return ("/".join(parts[:n]) for n in range(1, len(parts)))


def work_check_git(name):
    """Only what holds objects and names a commit: no hook, no attribute, no place for a program."""
    if not _WORK_GIT_MEMBER.fullmatch(name):
        raise WorkError("the git archive has an entry that is refused: %s" % ascii(name[:200]))
    return name


def work_checked(paths, kind):
    """A record's {path: value}, or None where it is damaged: the repository's code can write to the record."""
    try:
        for path, value in paths.items():
            if not isinstance(value, kind):
                return None
            work_check_path(path)
    except (AttributeError, WorkError):
        return None
    return paths
