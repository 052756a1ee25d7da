"""Use and idleness (DESIGN 7): a busy kernel is never idle; an open tab alone is. Everything here is pure but the lock."""
import calendar

# A page that is only open saves its own layout: no use.
_LAYOUT = re.compile(rb"^[A-Z]+ \S*/api/workspaces\b")
_CHANGES = (b"POST ", b"PUT ", b"PATCH ", b"DELETE ")
# The app is ended this long before the walltime, so that it ends in order.
BEFORE_WALLTIME = 25


def changes_something(data):
    """Does a request that begins here change anything? Heads begin with a record; a body that looks like one harms nothing."""
    return data.startswith(_CHANGES) and not _LAYOUT.match(data)


def epoch(text):
    """Jupyter's `2026-01-31T12:00:00.123456Z` as epoch seconds; 0 for anything else."""
    try:
        return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
    except (TypeError, ValueError):
        return 0


class Use(object):
    def __init__(self, now):
        self._lock = threading.Lock()
        self._last = now
        self._shells = 0
        self._told = set()
        self.busy_kernels = 0
        # Until the app has answered, nobody knows what its kernels do.
        self.known = False

    def shift(self, seconds):
        """The clock went on without us: nobody could use anything meanwhile."""
        with self._lock:
            self._last += seconds

    def touch(self, now):
        with self._lock:
            self._last = max(self._last, now)

    @contextlib.contextmanager
    def shell(self, clock):
        with self._lock:
            self._shells += 1
        try:
            yield
        finally:
            with self._lock:
                self._shells -= 1
            self.touch(clock())

    def learn(self, kernels, terminals, now, ahead=0):
        """What GET /api/kernels and /api/terminals answered; None for kernels: no answer. Jupyter's clock is `ahead` of ours."""
        if not isinstance(kernels, list):
            self.known = False
            return
        rows = [row for row in kernels + (terminals if isinstance(terminals, list) else []) if isinstance(row, dict)]
        busy = sum(1 for row in rows if row.get("execution_state") == "busy")
        # Each once: a moment that was told before the node's clock was set is another one after it.
        told = set(str(row.get("last_activity")) for row in rows)
        latest = max([min(epoch(moment) - ahead, now) for moment in told - self._told] or [0])
        self._told = told
        self.touch(now if busy else latest)
        with self._lock:
            self.busy_kernels = busy
            self.known = True

    def idle_since(self, now):
        with self._lock:
            return now if self._shells or self.busy_kernels else self._last


def why_end(now, limits, job, use):
    """(reason, detail) where a limit is reached, or None. Seconds of the scheduler's clock."""
    if now >= job.ends - BEFORE_WALLTIME:
        return "timeout", "the walltime of %d s ended" % (job.ends - job.started)
    oldest = limits.get("maxAgeSeconds")
    if oldest is not None and now >= job.started + oldest:
        return "max-age", "older than %d s" % oldest
    idle = int(now - use.idle_since(now))
    if use.known and idle >= limits["idleSeconds"]:
        return "idle", "not used for %d s" % idle
    return None
