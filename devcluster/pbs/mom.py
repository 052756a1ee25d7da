#!/usr/bin/env python3
"""The MoM of the FAKE PBS, on each compute node: starts jobs as their user, ends them at their walltime or when it is told to."""
import json
import os
import pwd
import resource
import shutil
import signal
import socket
import time

NODE = socket.gethostname()
FOLDER = os.path.join("/scratch/.fakepbs", NODE)
# As a real one does: the walltime is looked at every ten seconds, and a TERM is followed by a KILL.
KILL_DELAY = 10
running = {}


def start(job):
    user = pwd.getpwnam(job["user"])
    number = job["id"]
    scratch = "/var/tmp/pbs.%s" % number
    os.mkdir(scratch, 0o700)
    os.chown(scratch, user.pw_uid, user.pw_gid)
    spooled = "/var/spool/%s.OU" % number
    pid = os.fork()
    if pid == 0:
        try:
            child(job, user, scratch, spooled)
        finally:
            os._exit(254)
    running[pid] = {"id": number, "job": job, "at": time.time(), "spooled": spooled, "scratch": scratch, "walltime": False}
    write("%s.began" % number, {"session": pid})


def child(job, user, scratch, spooled):
    os.setsid()
    output = os.open(spooled, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchown(output, user.pw_uid, user.pw_gid)
    nothing = os.open("/dev/null", os.O_RDONLY)
    for place, handle in ((0, nothing), (1, output), (2, output)):
        os.dup2(handle, place)
    os.closerange(3, 64)
    for number in range(1, signal.NSIG):
        if number not in (signal.SIGKILL, signal.SIGSTOP) and number < 32:
            signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.initgroups(user.pw_name, user.pw_gid)
    os.setgid(user.pw_gid)
    os.setuid(user.pw_uid)
    os.umask(0o077)
    os.chdir(user.pw_dir)
    cores = str(job["resources"]["ncpus"])
    environ = {"PBS_ENVIRONMENT": "PBS_BATCH", "USER": user.pw_name, "LOGNAME": user.pw_name, "HOME": user.pw_dir}
    environ.update({"PBS_O_" + name: value for name, value in job["environ"].items()})
    environ.update(job["variables"])
    environ.update(PBS_O_WORKDIR=job["cwd"], PBS_O_QUEUE=job["queue"], PBS_O_HOST="login", PBS_QUEUE=job["queue"])
    environ.update(PBS_JOBID=job["id"], PBS_JOBNAME=job["name"], PBS_JOBDIR=user.pw_dir, PBS_NODENUM="0")
    environ.update(TMPDIR=scratch, PATH="/bin:/usr/bin", SHELL=user.pw_shell, ENVIRONMENT="BATCH")
    environ.update(NCPUS=cores, OMP_NUM_THREADS=cores)
    if job["resources"].get("ngpus"):
        environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, range(job["resources"]["ngpus"])))
    os.execvpe(job["argv"][0], job["argv"], environ)


def family(session):
    """Everything of the session and all that descends from it."""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % name, "rb") as stream:
                fields = stream.read().rpartition(b")")[2].split()
        except OSError:
            continue
        parents[int(name)] = (int(fields[1]), int(fields[3]))
    found = {pid for pid, (_, group) in parents.items() if group == session}
    while True:
        more = {pid for pid, (parent, _) in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def end(pid, number):
    for each in family(pid):
        try:
            os.kill(each, number)
        except ProcessLookupError:
            pass


def tick():
    os.utime(os.path.join(FOLDER, "alive"))
    for name in sorted(os.listdir(FOLDER)):
        path = os.path.join(FOLDER, name)
        if name.endswith(".start"):
            with open(path) as stream:
                job = json.load(stream)
            os.unlink(path)
            start(job)
        elif name.endswith(".kill"):
            os.unlink(path)
            for pid, each in running.items():
                if each["id"] == name[: -len(".kill")]:
                    terminate(pid, each)
    now = time.time()
    for pid, each in running.items():
        limit = each["job"]["resources"].get("walltime")
        if limit and now - each["at"] > limit and "termed" not in each:
            each["walltime"] = True
            terminate(pid, each)
        elif "termed" in each and now - each["termed"] > KILL_DELAY:
            end(pid, signal.SIGKILL)


def terminate(pid, each):
    each["termed"] = time.time()
    end(pid, signal.SIGTERM)


def reap():
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        if pid in running:
            over(pid, running.pop(pid), status)


def over(pid, each, status):
    end(pid, signal.SIGKILL)
    shutil.rmtree(each["scratch"], ignore_errors=True)
    code = 256 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    deliver(each)
    took = time.time() - each["at"]
    write("%s.ended" % each["id"], {"status": code, "walltime": each["walltime"], "short": took < 3})


def deliver(each):
    """What the job said itself goes to its output file, as its user."""
    job = each["job"]
    user = pwd.getpwnam(job["user"])
    target = job["output"] or os.path.join(job["cwd"], "%s.o%s" % (job["name"], job["id"].split(".")[0]))
    with open(each["spooled"], "rb") as stream:
        said = stream.read(1 << 20)
    os.unlink(each["spooled"])
    if target == "/dev/null":
        return
    pid = os.fork()
    if pid == 0:
        try:
            os.setgid(user.pw_gid)
            os.setuid(user.pw_uid)
            os.umask(0o077)
            with open(target, "wb") as stream:
                stream.write(said)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


def write(name, content):
    path = os.path.join(FOLDER, name)
    with open(path + ".part", "w") as stream:
        json.dump(content, stream)
    os.rename(path + ".part", path)


def main():
    os.makedirs(FOLDER, mode=0o700, exist_ok=True)
    # what ran before is gone with this host: Exit_status -4, JOB_EXEC_INITABT (job.h)
    write("restarted", time.time())
    with open(os.path.join(FOLDER, "alive"), "w"):
        pass
    while True:
        tick()
        reap()
        time.sleep(0.2)


if __name__ == "__main__":
    main()
