"""One agent per session: a job that ran twice, or two jobs of one launch, meet at `lock/` (DESIGN 2)."""


def take_lock(session, job, directory, again):
    """True: this process is the session's agent. `again`: job.sh starts it once more after it was killed."""
    path = os.path.join(directory, "lock")
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        held = read_json(os.path.join(path, "owner.json")) or {}
        same = held.get("job") == job.id
        if same and again and held.get("restart") == job.restart:
            job.started = held.get("started", job.started)
            job.ends = held.get("ends", job.ends)
            return True
        if not (same and held.get("restart", 0) < job.restart):
            return False
        _forget_former_run(directory)
    owner = {"job": job.id, "restart": job.restart, "started": job.started, "ends": job.ends}
    write_json(os.path.join(path, "owner.json"), owner)
    with open(os.path.join(directory, "starts.log"), "a") as log:
        log.write("%s %s %d\n" % (session, job.id, job.restart))
    return True


def _forget_former_run(directory):
    """Requeued under its number (SECURITY F-24): what the former run left does not count."""
    for name in ("address.json", "end.json", "lock/app.json"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(directory, name))
    shutil.rmtree(os.path.join(directory, "home"), ignore_errors=True)


def write_address(path, session, job, port):
    """address.json: where the session is reached, and until when."""
    address = {"schema": 1, "session": session, "jobId": job.id, "restart": job.restart, "port": port}
    address.update(host=os.uname().nodename, startedAt=int(job.started), endsAt=int(job.ends))
    write_json(path, address)
