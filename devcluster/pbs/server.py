#!/usr/bin/env python3
"""The server of the FAKE PBS, on the login node: takes the words of qsub and its kin over a Unix socket from whoever calls, by
the kernel's word on who that is; gives jobs to the first node with room; tells moms through files on the shared disk."""
import json
import os
import pwd
import socket
import struct
import threading
import time
import traceback

import answers
from job import needs, parsed, place_words
from words import NOT_ENABLED, OVER_LIMITS, SERVER, UNKNOWN_QUEUE, No

SPOOL = "/scratch/.fakepbs"
SOCKET = "/run/fakepbs.sock"
# As the real one that the recordings are of was set up.
QUEUES = {
    "workq": {"enabled": True, "max": {}},
    "gpu": {"enabled": True, "max": {"ncpus": 4, "walltime": 7200}},
    "closed": {"enabled": False, "max": {}},
}
NODES = {"c1": {"ncpus": 8}, "c2": {"ncpus": 8, "ngpus": 2}}
DEFAULT_QUEUE = "workq"
SILENT_SECONDS = 15


class Server:
    def __init__(self):
        self.lock = threading.RLock()
        self.jobs, self.last, self.history, self.began = {}, 0, True, time.time()
        with open("/proc/meminfo") as stream:
            memory = int(stream.readline().split()[1])
        self.nodes = {name: dict(has, mem=memory) for name, has in NODES.items()}
        self.queues, self.default_queue = QUEUES, DEFAULT_QUEUE
        self._load()

    # Its memory -----------------------------------------------------------------------------------------------------

    def _load(self):
        os.makedirs(SPOOL, mode=0o700, exist_ok=True)
        for name in self.nodes:
            os.makedirs(os.path.join(SPOOL, name), mode=0o700, exist_ok=True)
        try:
            with open(os.path.join(SPOOL, "server.json")) as stream:
                kept = json.load(stream)
            self.jobs, self.last, self.history = kept["jobs"], kept["last"], kept["history"]
        except FileNotFoundError:
            pass

    def save(self):
        write(os.path.join(SPOOL, "server.json"), {"jobs": self.jobs, "last": self.last, "history": self.history})

    # Jobs -----------------------------------------------------------------------------------------------------------

    def submit(self, argv, who):
        job = parsed(argv, who["user"], who["cwd"], who["environ"], who["stdin"])
        job["queue"] = job["queue"] or self.default_queue
        queue = self.queues.get(job["queue"])
        if queue is None:
            raise UNKNOWN_QUEUE
        if not queue["enabled"]:
            raise NOT_ENABLED
        if any(job["resources"].get(name, 0) > most for name, most in queue["max"].items()):
            raise OVER_LIMITS
        now = time.time()
        self.last += 1
        job.update(id="%d.%s" % (self.last, SERVER), state="Q", substate=10, hold="n", comment="", depends=[])
        job.update(created=now, modified=now, home=pwd.getpwnam(job["user"]).pw_dir)
        self._wait_for_others(job)
        self.jobs[job["id"]] = job
        self.schedule()
        return job["id"]

    def _wait_for_others(self, job):
        for word in job["depend"].split(",") if job["depend"] else []:
            kind, *ids = word.split(":")
            for other in ids:
                if other not in self.jobs:
                    raise No(206, "Invalid Job Dependency")
                job["depends"].append((kind, other))
                if self.jobs[other]["state"] != "F":
                    self.jobs[other]["depends"].append((kind.replace("after", "before"), job["id"]))
                    job.update(state="H", substate=22, hold="s")

    def schedule(self):
        for job in self.jobs.values():
            if job["state"] == "H" and all(
                not kind.startswith("after") or self.jobs[other]["state"] == "F" for kind, other in job["depends"]
            ):
                job.update(state="Q", substate=10, hold="n", depends=[])
            if job["state"] == "Q":
                self._place(job)
        self.save()

    def free(self, name):
        held = [job for job in self.jobs.values() if job.get("node") == name and job["state"] in "RE"]
        return {what: most - sum(needs(job).get(what, 0) for job in held) for what, most in self.nodes[name].items()}

    def _place(self, job):
        wanted = needs(job)
        for what, amount in wanted.items():
            if all(node.get(what, 0) < amount for node in self.nodes.values()):
                total = sum(node.get(what, 0) for node in self.nodes.values())
                job["comment"] = "Can Never Run: Insufficient amount of resource: %s (R: %s A: %s T: %s)" % (
                    (what,) + tuple("%d%s" % (each, "kb" if what == "mem" else "") for each in (amount, total, total))
                )
                return
        for name in self.nodes:
            free = self.free(name)
            if self.alive(name) and all(free.get(what, 0) >= amount for what, amount in wanted.items()):
                return self._start(job, name)
        job["comment"] = "Not Running: Not enough free nodes available"

    def _start(self, job, name):
        now = time.time()
        held = [other for other in self.jobs.values() if other.get("node") == name and other["state"] in "RE"]
        job.update(node=name, slot=sum(other["resources"]["ncpus"] for other in held) and len(held), started=now)
        job.update(state="R", substate=42, modified=now)
        when = time.strftime("%a %b %d at %H:%M", time.gmtime(now))
        job["comment"] = "Job run at %s on %s" % (when, place_words(job, name))
        self.tell(job, "start", job)

    def tell(self, job, what, content=None):
        write(os.path.join(SPOOL, job["node"], "%s.%s" % (job["id"], what)), content)

    def end(self, job, how, status=None, substate=None):
        now = time.time()
        job.update(state="F", ended=now, modified=now, status=status, comment=job["comment"] + how if job["comment"] else "")
        job["substate"] = substate or (92 if status == 0 else 93)
        if not job.get("started"):
            job["depends"] = []

    # What moms say --------------------------------------------------------------------------------------------------

    def alive(self, name):
        try:
            return time.time() - os.stat(os.path.join(SPOOL, name, "alive")).st_mtime < SILENT_SECONDS
        except FileNotFoundError:
            return False

    def hear(self):
        for name in self.nodes:
            folder = os.path.join(SPOOL, name)
            for file in sorted(os.listdir(folder)):
                if file == "restarted":
                    self._lost(name, os.path.join(folder, file))
                job = self.jobs.get(os.path.splitext(file)[0])
                if job is None or not file.endswith((".began", ".ended")):
                    continue
                with open(os.path.join(folder, file)) as stream:
                    said = json.load(stream)
                os.unlink(os.path.join(folder, file))
                if file.endswith(".began"):
                    job["session"] = said["session"]
                elif job["state"] != "F":
                    self._over(job, said)

    def _lost(self, name, path):
        with open(path) as stream:
            since = json.load(stream)
        os.unlink(path)
        for job in self.jobs.values():
            if job.get("node") == name and job["state"] in "RE" and job["started"] < since:
                self.end(job, " and failed", -4)

    def _over(self, job, said):
        status = said["status"]
        if said["walltime"]:
            self.end(job, " and exceeded resource walltime", -29)
        elif job.get("deleted"):
            self.end(job, " and terminated by %s" % job["deleted"], status, 91)
        else:
            self.end(job, " and finished" if status == 0 else " and failed", status)
        if said["short"]:
            job.pop("session", None)

    def turn(self):
        while True:
            with self.lock:
                try:
                    self.hear()
                    self.schedule()
                except Exception:
                    traceback.print_exc()
            time.sleep(0.3)


def write(path, content):
    with open(path + ".part", "w") as stream:
        json.dump(content, stream)
    os.rename(path + ".part", path)


def main():
    server = Server()
    threading.Thread(target=server.turn, daemon=True).start()
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(SOCKET)
    os.chmod(SOCKET, 0o666)
    listener.listen(64)
    while True:
        peer, _ = listener.accept()
        threading.Thread(target=serve, args=(server, peer), daemon=True).start()


def serve(server, peer):
    with peer:
        _, uid, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        asked = json.load(peer.makefile("r"))
        asked["user"] = pwd.getpwuid(uid).pw_name
        try:
            with server.lock:
                said = answers.answer(server, asked)
        except Exception as error:
            traceback.print_exc()
            said = {"code": 1, "stdout": "", "stderr": "FAKE PBS: %r\n" % error}
        peer.sendall(json.dumps(said).encode())


if __name__ == "__main__":
    main()
