"""The three-way merge of a commit into a work directory: base (what we put there), mine (what is there), theirs (the commit)."""
import io
import os
import stat
import time

WORK_BEAT_SECONDS = 30


def _work_merge_into(tree, base, work, extract_image_repo, report):
    for entry in os.listdir(tree.own):
        if entry.startswith("tmp-") or entry in ("image", "git"):
            tree.forget(entry)
    beat = _work_beater(tree, work["session"])
    theirs = work_scan(work["content"]) if work.get("content") else {}
    from_image = _work_image(tree, work, extract_image_repo, theirs, report)
    theirs.update(from_image)
    beat()
    pending = _work_journal(tree, base, theirs)
    puts = _work_decide(tree, base, pending, theirs, work["short"], report, beat)
    _work_put(tree, puts, theirs, from_image, work["content"], beat)
    if work.get("git"):
        _work_git(tree, work["git"], work["short"], report, beat)
    manifest = {"schema": 1, "id": work["id"], "short": work["short"], "session": work["session"]}
    manifest["of"] = work.get("of") or os.path.basename(work["directory"])
    manifest["entries"] = theirs
    tree.write_record("manifest.json", manifest)
    tree.forget("pending.json")
    tree.forget("image")


def _work_beater(tree, session):
    last = [time.time()]

    def beat():
        if time.time() - last[0] > WORK_BEAT_SECONDS:
            last[0] = time.time()
            if not _work_beat(tree, session):
                raise WorkError("another session has taken over %s" % tree.root)

    return beat


def _work_image(tree, work, extract_image_repo, theirs, report):
    """{path: state} of what the image's /srv/repo has beside the commit's files, standing in our corner."""
    if not work.get("imageHasContent"):
        return {}
    os.mkdir("image", 0o700, dir_fd=tree.own)
    extract_image_repo(os.path.join(tree.root, WORK_OWN, "image"))
    states = {}
    _work_walk(tree, "", states, report)
    above = set()
    for path in theirs:
        above.update(_work_above(path))
    return {
        path: state
        for path, state in states.items()
        if path not in theirs and path not in above and not any(theirs.get(p, "dir") != "dir" for p in _work_above(path))
    }


def _work_walk(tree, inside, states, report):
    with tree.parent("%s/image/%sx" % (WORK_OWN, inside)) as (fd, _):
        names = sorted(work_text(name) for name in os.listdir(fd))
        for name in names:
            path = inside + name
            if not inside and name.lower() in (".git", WORK_OWN):
                continue
            if len(states) >= WORK_MAX_ENTRIES:
                raise WorkError("the image's repository has more than %d entries" % WORK_MAX_ENTRIES)
            _work_plain_mode(fd, work_bytes(name))
            state = work_state(fd, work_bytes(name))
            if state == "dir":
                before = len(states)
                work_check_path(path)
                _work_walk(tree, path + "/", states, report)
                if len(states) == before:
                    states[path] = state
            elif state.startswith(("file:", "link:")):
                states[work_check_path(path)] = state
            else:
                report["notes"].append("of the image's repository, %s is no file and was left out" % ascii(path))


def _work_plain_mode(fd, name):
    """Readable by its owner, without setuid and its like, whatever the image says."""
    info = os.stat(name, dir_fd=fd, follow_symlinks=False)
    if stat.S_ISDIR(info.st_mode):
        os.chmod(name, info.st_mode & 0o755 | 0o700, dir_fd=fd)
    elif stat.S_ISREG(info.st_mode):
        os.chmod(name, info.st_mode & 0o755 | 0o600, dir_fd=fd)


def _work_journal(tree, base, theirs):
    """{path: states that an unfinished merge, this one included, may leave where the base had another}."""
    former = tree.read_record("pending.json") or {}
    states = dict(work_checked(former.get("states"), list) or {})
    begun = {path: list(known) for path, known in states.items()}
    for path in set(base) | set(theirs):
        if base.get(path) != theirs.get(path):
            known = states.setdefault(path, [])
            between = [None] if "dir" in (base.get(path), theirs.get(path)) else []
            known.extend(state for state in [theirs.get(path)] + between if state not in known)
    tree.write_record("pending.json", {"schema": 1, "states": states})
    return begun


def _work_decide(tree, base, pending, theirs, short, report, beat):
    """Removes what went and answers {path of the commit: where it is to be put}."""
    touched = {path for path in set(base) | set(theirs) if base.get(path) != theirs.get(path)} | set(pending)

    def ours(path):
        return [base.get(path)] + pending.get(path, [])

    def untouched(path, state):
        """A mode alone is no edit: the entrypoint makes `start` executable."""
        return _work_content(state) in [_work_content(known) for known in ours(path)]

    for path in sorted(touched.difference(theirs), reverse=True):
        beat()
        state = tree.state(path)
        if state is None:
            continue
        if untouched(path, state):
            if tree.remove(path):
                report["deleted"].append(path)
        else:
            report["kept"].append(path)
    puts = {}
    taken = set(theirs)
    for path in sorted(touched.intersection(theirs)):
        beat()
        state = tree.state(path)
        if state == theirs[path] or (_work_content(state) == _work_content(theirs[path]) and state not in ours(path)):
            continue
        blocker = tree.blocker(path) if state is None else None
        free = untouched(path, state) and blocker is None
        if state == "dir":
            # an empty one holds nothing of anybody's; another has got files of the user's
            state = None if tree.remove(path) else state
            free = state is None and (free or None in ours(path))
        elif free and state is not None and theirs[path] == "dir":
            tree.remove(path)
        if free:
            puts[path] = path
        elif (state is None and None not in ours(path)) or theirs[path] in (base.get(path), "dir"):
            report["kept"].append(path)
        else:
            place, free = _work_beside(tree, path, blocker or path, theirs, short, taken)
            report["conflicts"].append({"path": path, "theirs": place})
            taken.add(place)
            if free:
                puts[path] = place
    report["updated"].extend(path for path in puts if puts[path] == path)
    return puts


def _work_content(state):
    return state.rpartition(":")[2] if state is not None and state.startswith("file:") else state


def _work_beside(tree, path, stem, theirs, short, taken):
    """(a free name or the one that already holds this state, is it still to be put)."""
    for n in range(1, 1000):
        suffix = ".~" + short + ("" if n == 1 else "-%d" % n)
        head, slash, name = stem.rpartition("/")
        while len(work_bytes(name + suffix)) > 255:
            name = name[:-1]
        place = head + slash + name + suffix + path[len(stem):]
        state = tree.state(place)
        if place in taken or (state is None and tree.blocker(place) is not None):
            continue
        if state is None or state == theirs[path]:
            return place, state is None
    raise WorkError("there is no free name beside %s" % ascii(path))


def _work_put(tree, puts, theirs, from_image, content, beat):
    left = dict(puts)
    for path in sorted(left):
        state = theirs[path]
        if state == "dir":
            tree.put_dir(left.pop(path))
        elif state.startswith("link:"):
            tree.put_link(left.pop(path), state[len("link:"):])
        elif path in from_image:
            tree.move_in("image/" + path, left.pop(path))
    if not left:
        return
    for path, member, stream in work_members(content):
        if path in left:
            beat()
            if tree.put_file(left.pop(path), stream, bool(member.mode & 0o100)) != theirs[path]:
                raise WorkError("the content archive %s changed while it was read" % content)
        if not left:
            return


def _work_git(tree, archive, short, report, beat):
    """A `.git` where there is none; one that is there only gains the commit's objects and a name for it."""
    if tree.state(".git") not in (None, "dir"):
        report["notes"].append(".git is no directory and was left alone")
        return
    new = tree.state(".git") is None
    inside = WORK_OWN + "/git" if new else ".git"
    for name, member, stream in work_members(archive, work_check_git):
        beat()
        path = inside + "/" + name
        if not member.isreg():
            raise WorkError("the git archive has an entry that is no file: %s" % ascii(name))
        if tree.blocker(path) is not None:
            report["notes"].append("%s is no directory: the commit's history was left out" % tree.blocker(path))
            return
        if new or (name.startswith(("objects/", "refs/")) and tree.state(path) is None):
            tree.put_file(path, stream, False)
        elif name == "shallow":
            _work_shallow(tree, path, stream.read(WORK_CHUNK))
    if new:
        tree.put_file(inside + "/info/exclude", io.BytesIO(b"/%s/\n" % WORK_OWN.encode()), False)
        tree.move_in("git", ".git")


def _work_shallow(tree, path, added):
    """Where history was cut: the commits of both."""
    try:
        with tree.parent(path) as (fd, name):
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            with open(os.open(name, flags, dir_fd=fd), "rb") as stream:
                there = stream.read(WORK_CHUNK)
    except FileNotFoundError:
        there = b""
    lines = sorted(set(there.split()) | set(added.split()))
    tree.put_file(path, io.BytesIO(b"".join(line + b"\n" for line in lines)), False)
