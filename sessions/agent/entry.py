"""What the job script starts: the session, where this job gets its lock."""


def main():
    check_python()
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    directory = os.getcwd()
    info = os.stat(directory)
    if info.st_uid != os.getuid() or info.st_mode & 0o077:
        sys.exit("%s must be yours and closed to others (mode 0700)" % directory)
    parameters = read_json("job.json")
    if parameters is None or parameters.get("schema") != 1:
        sys.exit("%s/job.json is not there, or was written by another version of hpcbinder" % directory)
    over = sys.argv[1:] == ["over"]
    again = over or sys.argv[1:] == ["again"]
    ahead = clock_ahead(os.environ, time.time(), age_of(os.getppid()))
    CLOCK.start(ahead)
    session = Session(parameters, directory, CLOCK.now())
    if ahead:
        session.say("the clock of this node is %d s ahead of the scheduler's" % ahead)
    if not take_lock(session.id, session.job, directory, again):
        session.say("job %s leaves: another has the session" % session.job.id)
        return 0
    return session.run(again, over)


if __name__ == "__main__":
    # Threads that wait for the app or a client must not hold the job.
    status = main()
    sys.stdout.flush()
    os._exit(status)
