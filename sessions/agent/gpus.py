"""What the job's GPUs do, as nvidia-smi tells. On doubt there is no figure and no idleness.

A row is `0, GPU-5f2c…, 37, 1024, 40960`: with nounits per cent and MiB. What is not known stands in brackets: `[N/A]`, of a GPU
with MIG its busy share (NVIDIA tells it for no slice), `[Insufficient Permissions]` its memory, `[Not Supported]` of older ones.
"""
import os
import re
import signal
import subprocess
import threading
import time

GPU_EVERY_SECONDS = 30
GPU_DEADLINE_SECONDS = 20
# What is older is not told any more, and idleness begins anew behind such a hole.
GPU_STALE_SECONDS = 90
GPU_MOST_BYTES = 65536
GPU_FIELDS = "index,uuid,utilization.gpu,memory.used,memory.total"


def parse_gpus(text):
    """Rows of {index, uuid, busy (0..1), usedMb, totalMb}; None for what is not known. ValueError: these are not such rows."""
    rows = []
    for line in text.strip().splitlines():
        fields = [field.strip() for field in line.split(",")]
        if len(fields) != 5 or not re.match(r"^[0-9]{1,4}\Z", fields[0]):
            raise ValueError("nvidia-smi said %r" % line[:200])
        busy, used, total = [int(field) if re.match(r"^[0-9]{1,9}\Z", field) else None for field in fields[2:]]
        busy = busy / 100.0 if busy is not None and busy <= 100 else None
        rows.append({"index": int(fields[0]), "uuid": fields[1], "busy": busy, "usedMb": used, "totalMb": total})
    return rows


def job_gpus(rows, visible):
    """Those that CUDA_VISIBLE_DEVICES names, by number or by the beginning of a UUID; all where it is not set, for then the job
    sees them all. None at all where it names one that is not there, as a slice of MIG: whose figures these are is not known."""
    if visible is None:
        return rows
    found = []
    for word in [word.strip() for word in visible.split(",")]:
        named = [row for row in rows if word == str(row["index"]) or word.startswith("GPU-") and row["uuid"].startswith(word)]
        if len(named) != 1:
            return []
        found += [row for row in named if row not in found]
    return found


class Gpus(object):
    def __init__(self, asked, say):
        """`asked`: this session asked for GPUs."""
        self._asked = asked
        self._say = say
        self._said = False
        # One assignment, so that no lock is needed: when, the figures, since when all are idle.
        self._last = (None, {}, None)

    def start(self):
        if self._asked:
            threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        """A thread of its own: a driver that hangs holds nvidia-smi for ever, kill or no kill. Then only this thread waits."""
        while True:
            try:
                self.learn(job_gpus(parse_gpus(_ask_gpus()), os.environ.get("CUDA_VISIBLE_DEVICES")), CLOCK.now())
            except FileNotFoundError:
                self._say("no figures of GPUs: there is no nvidia-smi in PATH")
                return
            except (OSError, ValueError) as error:
                if not self._said:
                    self._said = True
                    self._say("no figures of GPUs: %s; it is tried again and not said again" % error)
            time.sleep(GPU_EVERY_SECONDS)

    def learn(self, rows, now):
        """`rows` of this job; empty: nothing is known of them."""
        at, _, since = self._last
        if not rows:
            return
        if at is None or now - at > GPU_STALE_SECONDS:
            since = None
        idle = all(row["busy"] is not None and row["busy"] < 0.01 for row in rows)
        known = [row for row in rows if row["busy"] is not None]
        gpus = [{name: row[name] for name in ("index", "busy", "usedMb", "totalMb") if row[name] is not None} for row in known]
        self._last = (now, gpus, (now if since is None else since) if idle else None)

    def figures(self, now):
        """What `status` has of them."""
        at, gpus, since = self._last
        if at is None or now - at > GPU_STALE_SECONDS or not gpus:
            return {}
        return {"gpus": gpus} if since is None else {"gpus": gpus, "gpuIdleSince": int(since)}


def _ask_gpus():
    """Its output. OSError: it failed, or did not answer in time."""
    words = ["nvidia-smi", "--query-gpu=" + GPU_FIELDS, "--format=csv,noheader,nounits"]
    child = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    )
    # Its group: a wrapper's child would hold the pipe open.
    timer = threading.Timer(GPU_DEADLINE_SECONDS, _kill_group, (child.pid,))
    timer.daemon = True
    timer.start()
    try:
        text = child.stdout.read(GPU_MOST_BYTES).decode("utf-8", "replace")
    finally:
        timer.cancel()
        child.stdout.close()
        # After its output there is nothing that it should still do.
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=2)
        if child.poll() is None:
            _kill_group(child.pid)
        child.wait()
    if child.returncode != 0:
        raise OSError("nvidia-smi ended with %d %s" % (child.returncode, text.strip()[:200]))
    return text


def _kill_group(pid):
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
