"""Use and idleness (DESIGN 7): what works is never idle; an open tab alone is. Everything here is pure but the lock."""
import calendar

_CHANGES = (b"POST ", b"PUT ", b"PATCH ", b"DELETE ")
# The app is ended this long before the walltime, so that it ends in order.
BEFORE_WALLTIME = 25


def changes_something(data):
    """Does a request that begins here change anything? Heads begin with a record; a body that looks like one harms nothing."""
    return data.startswith(_CHANGES)


def says_something(data):
    """Do these bytes of a WebSocket from a browser hold more than what keeps a connection awake? A control frame (RFC 6455,
    5.5) is at most 125 bytes behind 2 of its own and 4 of a mask. The request that opens it says that a page is open, no more."""
    while data[:1] in (b"\x88", b"\x89", b"\x8a") and len(data) > 1:
        data = data[6 + (data[1] & 127) :]
    return bool(data) and not data.startswith(b"GET ")


def epoch(text):
    """Jupyter's `2026-01-31T12:00:00.123456Z` as epoch seconds; 0 for anything else."""
    try:
        return calendar.timegm(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S"))
    except (TypeError, ValueError):
        return 0


class Effort(object):
    """How much of a processor some processes took between two looks; of those that live at the second one."""

    def __init__(self):
        self.share = 0.0
        self._ticks = {}
        self._at = None

    def look(self, members, at):
        """`members`: values of processes() by pid; `at`: monotonic seconds."""
        ticks = {(pid, facts[4]): facts[2] for pid, facts in members.items()}
        if self._at is not None and at > self._at:
            took = sum(count - self._ticks.get(one, 0) for one, count in ticks.items())
            self.share = took / os.sysconf("SC_CLK_TCK") / (at - self._at)
        self._ticks, self._at = ticks, at


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

    def put_off(self, now, seconds=None):
        """The idle time begins anew; with seconds it is so much shorter, and never more than that."""
        if isinstance(seconds, int) and 0 < seconds < 86400:
            with self._lock:
                self._last = min(now, self._last + seconds)
        else:
            self.touch(now)

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

    def learn_work(self, works, now):
        """Of an app without kernels: does it work?"""
        if works:
            self.touch(now)
        with self._lock:
            self.busy_kernels = 1 if works else 0
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
