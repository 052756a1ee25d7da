"""What the node says: whose job this is, when it ends, where short paths are, what the processes use, why one was killed."""
import os
import re
import stat
import tempfile
import time

# sun_path is 108 bytes; what hangs below is at most run/ and a socket's name (CLUSTER.md).
SHORT_PATH = 40
# As long a prolog may take between the job's start and its script's; what is more is a clock that differs. Where it is taken for
# the other, the session ends so much earlier, which loses nothing. MUNGE lets no clock differ by more: its TTL is 300 s.
LONGEST_PROLOG = 300


def clock_ahead(environ, now, age):
    """Seconds that this node's clock, `now`, is ahead of the scheduler's, where they differ: the job's script began `age`
    seconds ago, and the scheduler says when it started the job. What `squeue` says on the node is counted by this clock too."""
    started = _number(environ.get("SLURM_JOB_START_TIME"))
    ahead = now - age - started if started else 0
    return 0 if -5 < ahead < LONGEST_PROLOG else ahead


def age_of(pid):
    """Seconds since that process began, by the clock that only counts (7: CLOCK_BOOTTIME, which Python 3.6 has no name for)."""
    return max(0, time.clock_gettime(7) - (start_ticks(pid) or 0) / os.sysconf("SC_CLK_TCK"))


class Job(object):
    """From the scheduler's environment; `walltime` (seconds) holds where it names no end."""

    def __init__(self, environ, walltime, now):
        job_id = environ.get("SLURM_JOB_ID") or environ.get("PBS_JOBID") or "local-%d" % os.getppid()
        self.id = re.sub(r"[^A-Za-z0-9_.\[\]-]", "_", job_id)
        self.restart = _number(environ.get("SLURM_RESTART_COUNT")) or max(0, (_number(environ.get("PBS_RUN_COUNT")) or 1) - 1)
        started = _number(environ.get("SLURM_JOB_START_TIME"))
        self.started = started if started and started <= now else int(now)
        end = _number(environ.get("SLURM_JOB_END_TIME"))
        self.ends = end if end and end > now else self.started + walltime
        self.cpus = _number(environ.get("SLURM_CPUS_PER_TASK")) or _number(environ.get("NCPUS"))


    def shift(self, seconds):
        self.started += seconds
        self.ends += seconds


def _number(text):
    return int(text) if text and re.match(r"^[0-9]{1,18}$", text) else None


def node_directory(environ):
    """A new directory on the node's disk that only we can open, with a path short enough for sockets."""
    for parent in (environ.get("SLURM_TMPDIR"), environ.get("TMPDIR"), "/tmp", "/var/tmp"):
        if not parent or not os.path.isabs(parent) or re.search(r"[:,\s]", parent):
            continue
        if len(os.path.join(parent, "hb-xxxxxxxx")) > SHORT_PATH:
            continue
        try:
            made = tempfile.mkdtemp(prefix="hb-", dir=parent)
        except OSError:
            continue
        info = os.lstat(made)
        if stat.S_ISDIR(info.st_mode) and info.st_uid == os.getuid() and stat.S_IMODE(info.st_mode) == 0o700:
            return made
    raise Ending("failed", "no directory for sockets can be made in TMPDIR, /tmp or /var/tmp of %s" % os.uname().nodename)


def processes():
    """{pid: (parent, session, cpu ticks, resident pages, start ticks)} of this node, by one pass over /proc."""
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % name, "rb") as stream:
                fields = stream.read().rpartition(b")")[2].split()
        except OSError:
            continue
        ticks = int(fields[11]) + int(fields[12])
        found[int(name)] = (int(fields[1]), int(fields[3]), ticks, int(fields[21]), int(fields[19]))
    return found


def family(root, all_processes):
    """`root` and everything that descends from it."""
    children = {}
    for pid, facts in all_processes.items():
        children.setdefault(facts[0], []).append(pid)
    found, todo = [], [root]
    while todo:
        pid = todo.pop()
        if pid in all_processes:
            found.append(pid)
        todo.extend(children.get(pid, ()))
    return found


def figures(members):
    """What these processes, values of processes(), use now."""
    return {
        "cpuSeconds": round(sum(facts[2] for facts in members) / os.sysconf("SC_CLK_TCK"), 1),
        "memoryBytes": sum(facts[3] for facts in members) * os.sysconf("SC_PAGE_SIZE"),
        "processes": len(members),
    }


def start_ticks(pid):
    """With the pid it names one process for ever: pids are used again. None: there is no such process, or it is dead."""
    try:
        with open("/proc/%d/stat" % pid, "rb") as stream:
            fields = stream.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def memory_kills():
    """How often the kernel killed in our control group, or in those above it that are the job's. None: nobody counts."""
    total = None
    try:
        with open("/proc/self/cgroup") as stream:
            rows = [line.rstrip("\n").split(":", 2) for line in stream]
    except OSError:
        return None
    for _, controllers, path in rows:
        if controllers == "":
            base, name = "/sys/fs/cgroup", "memory.events"
        elif "memory" in controllers.split(","):
            base, name = "/sys/fs/cgroup/memory", "memory.oom_control"
        else:
            continue
        for _ in range(4):
            count = _counted(base + path.rstrip("/") + "/" + name)
            total = count if count is not None and (total is None or count > total) else total
            path = os.path.dirname(path.rstrip("/"))
            if "job" not in path:
                break
    return total


def _counted(path):
    try:
        with open(path) as stream:
            for line in stream:
                word, _, value = line.partition(" ")
                if word == "oom_kill":
                    return int(value)
    except (OSError, ValueError):
        pass
    return None
