# One JSON object a line for each entry of a directory tree; names and link targets as hex, for they are bytes.
import hashlib
import json
import os
import stat
import sys

KINDS = [
    (stat.S_ISREG, "file"), (stat.S_ISDIR, "directory"), (stat.S_ISLNK, "symlink"), (stat.S_ISFIFO, "fifo"),
    (stat.S_ISCHR, "character"), (stat.S_ISBLK, "block"), (stat.S_ISSOCK, "socket"),
]


def entry(path, name, first):
    info = os.lstat(path)
    kind = next(word for test, word in KINDS if test(info.st_mode))
    found = {
        "name": name.hex(), "kind": kind, "mode": stat.S_IMODE(info.st_mode), "uid": info.st_uid, "gid": info.st_gid,
        "mtime": int(info.st_mtime), "attributes": sorted(os.listxattr(path, follow_symlinks=False)),
        "link": os.readlink(path).hex() if kind == "symlink" else "",
    }
    if kind == "file":
        found["size"] = info.st_size
        with open(path, "rb") as content:
            found["sha256"] = hashlib.sha256(content.read()).hexdigest()
        found["group"] = first.setdefault(info.st_ino, name.hex())
    return found


def walk(root):
    first = {}
    names = []
    for folder, folders, files in os.walk(root):
        for each in folders + files:
            names.append(os.path.relpath(os.path.join(folder, each), root))
    for name in sorted(names):
        print(json.dumps(entry(os.path.join(root, name), name, first)))
    print(json.dumps(dict(entry(root, b".", {}), name="2e")))


walk(os.fsencode(sys.argv[1]))
