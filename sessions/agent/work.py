"""The work directory (DESIGN 4): made once, then every commit is merged into it; what the user wrote is never lost.

`.hpcbinder/manifest.json` holds the states that we put there last: the base of the next three-way merge.
`.hpcbinder/pending.json` is written before the first change and holds what a merge that did not end may have left.
`.hpcbinder/in-use.json` names the live session; its modification time is the heartbeat.
"""
import errno
import os
import uuid


def prepare_work(work, extract_image_repo, say):
    """Makes the session's work directory hold the commit; answers a report for people and for refresh/release_work.

    `work`: {directory, content (None: the image alone), git?, id, short, fresh, imageHasContent, session, jobId?, ended?}.
    `ended`: sessions that are known to be over; their marker in a directory holds nobody off.
    `extract_image_repo(directory)` fills an empty directory with the image's /srv/repo.
    Raises WorkError. Killed at any point, the next call completes what was begun.
    """
    work = dict(work, directory=os.path.realpath(os.path.expanduser(work["directory"])))
    report = {"created": False, "updated": [], "kept": [], "conflicts": [], "deleted": [], "notes": []}
    report["session"] = work["session"]
    try:
        _work_prepare(work, extract_image_repo, say, report)
    except RecursionError:
        raise WorkError("directories are nested too deeply in the image's repository or in %s" % work["directory"])
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise WorkError("the work directory %s: %s" % (work["directory"], error), "E-DISK-FULL" if full else "E-WORK")
    return report


def refresh_work(report):
    """The heartbeat, at least every few minutes. False: another session has taken the directory over."""
    try:
        with WorkTree(report["directory"]) as tree:
            return _work_beat(tree, report["session"])
    except (OSError, WorkError):
        return False


def release_work(report):
    """The directory is free again; nothing else changes."""
    try:
        with WorkTree(report["directory"]) as tree:
            if (tree.read_record("in-use.json") or {}).get("session") == report["session"]:
                tree.forget("in-use.json")
    except (OSError, WorkError):
        pass


def _work_prepare(work, extract_image_repo, say, report):
    made = None
    parent, name = os.path.split(work["directory"])
    os.makedirs(parent, 0o700, exist_ok=True)
    _work_sweep(parent, name, work["session"])
    for _ in range(WORK_MAX_COPIES):
        directory, tree = _work_claim(work, report)
        if tree is None:
            if made is None:
                say("making the work directory %s" % directory)
                made = _work_make(work, parent, name, extract_image_repo, report)
            try:
                os.rename(made, directory)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    continue
                raise
            report["created"] = True
        else:
            with tree:
                try:
                    _work_update(tree, work, extract_image_repo, say, report)
                except BaseException:
                    tree.forget("in-use.json")
                    raise
            if made is not None:
                _work_drop(made)
        report["directory"] = directory
        return
    raise WorkError("%d sessions already use %s" % (WORK_MAX_COPIES, work["directory"]))


def _work_make(work, parent, name, extract_image_repo, report):
    """A complete directory beside the final one. Its name begins with a dot: no work directory's does."""
    made = os.path.join(parent, ".%s.hpcbinder-%s" % (name, uuid.uuid4().hex[:8]))
    os.mkdir(made, 0o700)
    with WorkTree(made) as tree:
        tree.write_record("in-use.json", _work_marker(work))
        _work_merge_into(tree, {}, work, extract_image_repo, report)
    for list_name in ("updated", "kept", "deleted"):
        report[list_name] = []
    return made


def _work_update(tree, work, extract_image_repo, say, report):
    manifest = tree.read_record("manifest.json")
    if manifest is None:
        report["notes"].append("%s had no record of hpcbinder's: all files in it count as yours" % tree.root)
    base = work_checked((manifest or {}).get("entries"), str)
    pending = tree.read_record("pending.json")
    if manifest is not None and manifest.get("id") == work["id"] and pending is None and base is not None:
        return
    say("bringing %s to %s" % (tree.root, work["short"]))
    _work_merge_into(tree, base or {}, work, extract_image_repo, report)
