"""Files under one directory of the user's, reached by descriptors: no symbolic link on the way is ever followed.

What happens to a path is decided by its state, a short text: "file:644:<sha256>", "file:755:<sha256>",
"link:<target>", "dir", "other" (socket, device), "unreadable", or None where there is nothing.
Paths are relative, "/" between the parts, text with undecodable bytes as surrogates whatever the locale is.
"""
import contextlib
import errno
import hashlib
import json
import os
import stat
import uuid

WORK_OWN = ".hpcbinder"
WORK_MAX_RECORD = 256 << 20
WORK_CHUNK = 1 << 20
_WORK_DIR_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class WorkError(Exception):
    """Ends the preparation; nothing of the user's was changed that the next run does not finish."""

    def __init__(self, message, code="E-WORK"):
        super().__init__(message)
        self.code = code


class WorkBlocked(Exception):
    """Something that is no directory stands where a directory is needed; `args[0]` is its path."""


def work_bytes(text):
    return text.encode("utf-8", "surrogateescape")


def work_text(data):
    return (os.fsencode(data) if isinstance(data, str) else data).decode("utf-8", "surrogateescape")


def work_file_state(stream, executable):
    """The state of a regular file, from its bytes."""
    digest = hashlib.sha256()
    for chunk in iter(lambda: stream.read(WORK_CHUNK), b""):
        digest.update(chunk)
    return work_state_of(digest.hexdigest(), executable)


def work_state_of(sha256, executable):
    return "file:%s:%s" % ("755" if executable else "644", sha256)


class WorkTree(object):
    """One directory and, in it, our own corner `.hpcbinder` (0700): records, temporary files."""

    def __init__(self, root):
        self.root = root
        self.own = None
        self.fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            with contextlib.suppress(FileExistsError):
                os.mkdir(WORK_OWN, 0o700, dir_fd=self.fd)
            self.own = os.open(WORK_OWN, _WORK_DIR_FLAGS, dir_fd=self.fd)
        except OSError as error:
            self.close()
            raise WorkError("%s/%s cannot be used: %s" % (root, WORK_OWN, error.strerror))

    def close(self):
        for fd in (self.fd, self.own):
            if fd is not None:
                os.close(fd)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @contextlib.contextmanager
    def parent(self, path, make=False):
        """(descriptor of the directory that holds it, its name as bytes); FileNotFoundError or WorkBlocked."""
        parts = path.split("/")
        fd = os.dup(self.fd)
        try:
            for n, part in enumerate(parts[:-1]):
                try:
                    step = _work_step(fd, work_bytes(part), make)
                except OSError as error:
                    if error.errno in (errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.EMLINK):
                        raise WorkBlocked("/".join(parts[: n + 1]))
                    raise
                os.close(fd)
                fd = step
            yield fd, work_bytes(parts[-1])
        finally:
            os.close(fd)

    def state(self, path):
        try:
            with self.parent(path) as (fd, name):
                return work_state(fd, name)
        except (FileNotFoundError, WorkBlocked):
            return None

    def blocker(self, path):
        """The first part of the way to it that is there and is no directory, or None."""
        try:
            with self.parent(path):
                return None
        except WorkBlocked as blocked:
            return blocked.args[0]
        except FileNotFoundError:
            return None

    def remove(self, path):
        """A file, a link or an empty directory, then the directories that this leaves empty. False: not empty."""
        with self.parent(path) as (fd, name):
            try:
                if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                    os.rmdir(name, dir_fd=fd)
                else:
                    os.unlink(name, dir_fd=fd)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    return False
                raise
        self._prune(path.rpartition("/")[0])
        return True

    def _prune(self, path):
        with contextlib.suppress(OSError, WorkBlocked):
            while path:
                with self.parent(path) as (fd, name):
                    os.rmdir(name, dir_fd=fd)
                path = path.rpartition("/")[0]

    def put_file(self, path, stream, executable):
        """Whole or not at all: written in our corner, then renamed. Answers the state of what was written."""
        temporary = b"tmp-" + uuid.uuid4().hex.encode()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        digest = hashlib.sha256()
        mode = 0o777 if executable else 0o666
        with open(os.open(temporary, flags, mode, dir_fd=self.own), "wb") as out:
            for chunk in iter(lambda: stream.read(WORK_CHUNK), b""):
                digest.update(chunk)
                out.write(chunk)
        self._into_place(temporary, path)
        return work_state_of(digest.hexdigest(), executable)

    def put_link(self, path, target):
        temporary = b"tmp-" + uuid.uuid4().hex.encode()
        os.symlink(work_bytes(target), temporary, dir_fd=self.own)
        self._into_place(temporary, path)

    def put_dir(self, path):
        with self.parent(path, make=True) as (fd, name):
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o777, dir_fd=fd)

    def move_in(self, source, path):
        """`source`: a path in our own corner."""
        with self.parent(WORK_OWN + "/" + source) as (from_fd, from_name):
            with self.parent(path, make=True) as (fd, name):
                os.rename(from_name, name, src_dir_fd=from_fd, dst_dir_fd=fd)

    def _into_place(self, temporary, path):
        with self.parent(path, make=True) as (fd, name):
            os.rename(temporary, name, src_dir_fd=self.own, dst_dir_fd=fd)

    def read_record(self, name):
        """A JSON object of ours, or None. The repository's code could write here: what is no object counts as absent."""
        try:
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self.own)
        except OSError:
            return None
        with open(fd, "rb") as stream:
            if not stat.S_ISREG(os.fstat(fd).st_mode) or os.fstat(fd).st_size > WORK_MAX_RECORD:
                return None
            try:
                value = json.loads(stream.read().decode("utf-8"))
            except (ValueError, RecursionError):
                return None
        return value if isinstance(value, dict) else None

    def write_record(self, name, value):
        temporary = b"tmp-" + uuid.uuid4().hex.encode()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(temporary, flags, 0o600, dir_fd=self.own), "wb") as out:
            out.write(json.dumps(value, sort_keys=True).encode("ascii"))
            out.flush()
            os.fsync(out.fileno())
        os.rename(temporary, name, src_dir_fd=self.own, dst_dir_fd=self.own)

    def forget(self, name):
        """Removes something of our corner, whatever it is."""
        work_remove_tree(self.own, work_bytes(name))


def _work_step(fd, name, make):
    try:
        return os.open(name, _WORK_DIR_FLAGS, dir_fd=fd)
    except FileNotFoundError:
        if not make:
            raise
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, 0o777, dir_fd=fd)
    return os.open(name, _WORK_DIR_FLAGS, dir_fd=fd)


def work_state(fd, name):
    try:
        info = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if stat.S_ISLNK(info.st_mode):
            return "link:" + work_text(os.readlink(name, dir_fd=fd))
        if stat.S_ISDIR(info.st_mode):
            return "dir"
        if not stat.S_ISREG(info.st_mode):
            return "other"
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        with open(os.open(name, flags, dir_fd=fd), "rb") as stream:
            return work_file_state(stream, bool(info.st_mode & 0o100))
    except FileNotFoundError:
        return None
    except PermissionError:
        return "unreadable"


def work_remove_tree(fd, name):
    """Deletes what is ours to delete; links are removed, never followed."""
    try:
        info = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(info.st_mode):
        os.unlink(name, dir_fd=fd)
        return
    os.chmod(name, 0o700, dir_fd=fd)
    inner = os.open(name, _WORK_DIR_FLAGS, dir_fd=fd)
    try:
        for entry in os.listdir(inner):
            work_remove_tree(inner, os.fsencode(entry))
    finally:
        os.close(inner)
    os.rmdir(name, dir_fd=fd)
