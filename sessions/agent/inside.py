"""Writing and reading below one directory when what is in it, and what comes in a tar, was made by others: each part of a
path is opened by itself and never followed where it is a link. The container's code may rename things meanwhile.
"""
import contextlib
import os
import shutil
import stat
import tarfile
import uuid

_DIR_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Refused(Exception):
    """One line for people: why a path or a tar member is not accepted."""


class TooMuch(Exception):
    """A limit was reached; what was written before stays."""


def parts_of(path):
    """`a/./b/` → ['a', 'b']; no absolute paths, no `..`."""
    if path.startswith("/") or "\0" in path:
        raise Refused("%r is no path inside the directory" % path)
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise Refused("%r leads out of the directory" % path)
    return parts


class Inside(object):
    def __init__(self, root):
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._root)

    @contextlib.contextmanager
    def directory(self, parts, make=False):
        fd = os.dup(self._root)
        try:
            for n, part in enumerate(parts):
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(part, 0o700, dir_fd=fd)
                try:
                    step = os.open(part, _DIR_FLAGS, dir_fd=fd)
                except NotADirectoryError:
                    raise Refused("%s is a link or a file, not a directory" % "/".join(parts[: n + 1]))
                os.close(fd)
                fd = step
            yield fd
        finally:
            os.close(fd)

    def open(self, parts):
        """A regular file for reading."""
        with self.directory(parts[:-1]) as fd:
            try:
                found = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
            except OSError as error:
                raise Refused("%s: %s" % ("/".join(parts), "a symbolic link" if error.errno == 40 else error.strerror))
        if not stat.S_ISREG(os.fstat(found).st_mode):
            os.close(found)
            raise Refused("%s is no regular file" % "/".join(parts))
        return os.fdopen(found, "rb")

    def is_directory(self, parts):
        if not parts:
            return True
        with self.directory(parts[:-1]) as fd:
            return stat.S_ISDIR(os.stat(parts[-1], dir_fd=fd, follow_symlinks=False).st_mode)

    def put(self, parts, stream, mode):
        """Whole or not at all."""
        if not parts:
            raise Refused("the directory itself cannot become a file")
        temporary = ".hb-%s" % uuid.uuid4().hex
        with self.directory(parts[:-1], make=True) as fd:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                with os.fdopen(os.open(temporary, flags, 0o600, dir_fd=fd), "wb") as out:
                    shutil.copyfileobj(stream, out, 1 << 20)
                    os.fchmod(out.fileno(), mode & 0o777)
                os.rename(temporary, parts[-1], src_dir_fd=fd, dst_dir_fd=fd)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(temporary, dir_fd=fd)
                raise

    def link(self, parts, target):
        with self.directory(parts[:-1], make=True) as fd:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(parts[-1], dir_fd=fd)
            os.symlink(target, parts[-1], dir_fd=fd)

    def set_mode(self, parts, mode):
        with self.directory(parts) as fd:
            os.fchmod(fd, mode & 0o777 | 0o700)

    def unpack(self, stream, below=(), most_bytes=None, most_files=None):
        """A tar stream. Devices and pipes are left out; set-id bits are dropped. Raises TooMuch at a limit."""
        total = count = 0
        below = list(below)
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for member in archive:
                parts = below + parts_of(member.name)
                total += member.size
                count += 1
                if (most_bytes is not None and total > most_bytes) or (most_files is not None and count > most_files):
                    raise TooMuch()
                if parts == below:
                    continue  # the directory itself: its mode is ours
                if member.isdir():
                    with self.directory(parts, make=True):
                        pass
                    self.set_mode(parts, member.mode)
                elif member.issym():
                    self.link(parts, member.linkname)
                elif member.isreg():
                    self.put(parts, archive.extractfile(member), member.mode)
                elif member.islnk():
                    with self.open(below + parts_of(member.linkname)) as source:
                        self.put(parts, source, os.fstat(source.fileno()).st_mode)

    def pack(self, parts, out):
        """A directory as a tar stream on `out`, names relative to it; sockets, pipes and devices are left out."""
        with tarfile.open(fileobj=out, mode="w|", format=tarfile.PAX_FORMAT) as archive:
            with self.directory(parts) as fd:
                self._pack(archive, fd, "")

    def _pack(self, archive, fd, prefix):
        for name in sorted(os.listdir(fd)):
            try:
                info = os.stat(name, dir_fd=fd, follow_symlinks=False)
                entry = tarfile.TarInfo(prefix + name)
                entry.mode, entry.mtime = stat.S_IMODE(info.st_mode), int(info.st_mtime)
                if stat.S_ISLNK(info.st_mode):
                    entry.type, entry.linkname = tarfile.SYMTYPE, os.readlink(name, dir_fd=fd)
                    archive.addfile(entry)
                elif stat.S_ISDIR(info.st_mode):
                    inner = os.open(name, _DIR_FLAGS, dir_fd=fd)
                    try:
                        entry.type = tarfile.DIRTYPE
                        archive.addfile(entry)
                        self._pack(archive, inner, prefix + name + "/")
                    finally:
                        os.close(inner)
                elif stat.S_ISREG(info.st_mode):
                    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
                    with os.fdopen(os.open(name, flags, dir_fd=fd), "rb") as source:
                        entry.size = os.fstat(source.fileno()).st_size
                        archive.addfile(entry, source)
            except (FileNotFoundError, PermissionError, NotADirectoryError):
                continue  # gone or closed meanwhile; a file that shrinks while it is read ends the copy with an error
