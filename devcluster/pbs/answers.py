"""Each command of the FAKE PBS: words in, {code, stdout, stderr} out. In the order and the words of a real one."""
import getopt
import time

from job import row
from words import IS_OVER, NO_HISTORY, SERVER, VERSION, No, answer as in_json, clock, unknown_job, seconds


def answer(server, asked):
    name, argv = asked["argv"][0], asked["argv"][1:]
    if argv == ["--version"]:
        return said("pbs_version = %s\n" % VERSION)
    other = asked["server"] or SERVER
    ids = [word for word in argv if word[:1].isdigit() and "." in word]
    if ids and name == "qstat":
        other = ids[0].partition(".")[2]
    if other != SERVER:
        lost = "Connection refused\n%s: cannot connect to server %s (errno=15010)\n" % (name, other)
        if name == "qstat":
            return said(in_json("Jobs", None, other), 255, lost)
        return said("", 162, lost)
    try:
        return COMMANDS[name](server, argv, asked)
    except No as no:
        return said("", no.code, "%s: %s\n" % (name, no.said))


def said(stdout, code=0, stderr=""):
    return {"code": code, "stdout": stdout, "stderr": stderr}


def qsub(server, argv, asked):
    return said(server.submit(argv, asked) + "\n")


def qstat(server, argv, asked):
    options, ids = getopt.getopt(argv, "BEQF:fx")
    flags = dict(options)
    if flags.get("-F") != "json" or "-f" not in flags:
        raise No(2, "FAKE: it speaks JSON only: -f -F json")
    if "-Q" in flags:
        return said(in_json("Queue", {name: queue_row(server, name) for name in server.queues}))
    if "-B" in flags:
        return said(in_json("Server", {SERVER: server_row(server)}))
    past = "-x" in flags
    if past and not server.history:
        return said(in_json("Jobs", None), 0, "qstat: %s%s\n" % (NO_HISTORY, "".join(" " + each for each in ids[:1])))
    if not ids:
        rows = {job["id"]: row(job) for job in server.jobs.values() if past or job["state"] != "F"}
        return said(in_json("Jobs", rows or None))
    found, code, lost = {}, 0, ""
    for each in ids:
        try:
            found[each] = row(looked_up(server, each, past))
        except No as no:
            code = no.code
            over = " Job has finished, use -x or -H to obtain historical job information"
            line = "qstat: %s\n" % (each + over if no.code == 35 else no.said)
            lost = line if "-E" in flags else lost + line
    if "-E" in flags:
        return said(in_json("Jobs", found), 0) if found else said(in_json("Jobs", None), code, lost)
    # of several asked for one by one a real qstat prints the first alone
    return said(in_json("Jobs", dict(list(found.items())[:1]) or None), code, lost)


def looked_up(server, job_id, past=False):
    job = server.jobs.get(job_id)
    if job is None or (job["state"] == "F" and not server.history):
        raise unknown_job(job_id)
    if job["state"] == "F" and not past:
        raise No(35, "%s %s" % (IS_OVER, job_id))
    return job


def qselect(server, argv, asked):
    options, _ = getopt.getopt(argv, "N:u:x")
    flags = dict(options)
    past = "-x" in flags
    if past and not server.history:
        return said("", 0, "qselect: %s\n" % NO_HISTORY)
    rows = [job for job in server.jobs.values() if past or job["state"] != "F"]
    for flag, field in (("-u", "user"), ("-N", "name")):
        rows = [job for job in rows if flag not in flags or job[field] == flags[flag]]
    return said("".join(job["id"] + "\n" for job in rows))


def qdel(server, argv, asked):
    for each in argv:
        job = allowed(looked_up(server, each), each, asked)
        job["deleted"] = "%s@%s" % (asked["user"], SERVER)
        if job["state"] in "QH":
            server.end(job, " and terminated", None, 91)
        elif job["state"] == "R":
            job.update(state="E", substate=50, modified=time.time())
            server.tell(job, "kill")
    server.schedule()
    return said("")


def allowed(job, job_id, asked):
    if asked["user"] in (job["user"], "root"):
        return job
    raise No(159, "Unauthorized Request  %s" % job_id)


def qalter(server, argv, asked):
    options, ids = getopt.getopt(argv, "l:")
    for each in ids:
        try:
            job = allowed(looked_up(server, each), each, asked)
        except No as no:
            raise No(35, IS_OVER) if no.code == 35 else no
        for _, value in options:
            name, _, amount = value.partition("=")
            if name != "walltime" or job["state"] != "Q" and asked["user"] != "root":
                raise No(159, "Unauthorized Request  %s" % each)
            job["resources"]["walltime"] = seconds(amount)
    server.save()
    return said("")


def qmgr(server, argv, asked):
    if asked["user"] != "root" or argv[:1] != ["-c"] or not argv[1].startswith("set server job_history_enable="):
        raise No(159, "Unauthorized Request")
    server.history = argv[1].endswith("True")
    if not server.history:
        server.jobs = {name: job for name, job in server.jobs.items() if job["state"] != "F"}
    server.save()
    return said("")


def pbsnodes(server, argv, asked):
    return said(in_json("nodes", {name: node_row(server, name) for name in server.nodes}))


def counted(jobs):
    letters = (("Transit", "T"), ("Queued", "Q"), ("Held", "H"), ("Waiting", "W"), ("Running", "R"), ("Exiting", "E"))
    counts = ["%s:%d " % (word, sum(job["state"] == letter for job in jobs)) for word, letter in letters]
    return "".join(counts) + "Begun:0 "


def assigned(jobs):
    running = [job for job in jobs if job["state"] in "RE"]
    total = lambda what: sum(job["resources"].get(what, 0) for job in running)
    return {"mem": "%dmb" % (total("mem") // 1024), "ncpus": total("ncpus"), "nodect": len(running)}


def queue_row(server, name):
    queue = server.queues[name]
    jobs = [job for job in server.jobs.values() if job["queue"] == name]
    live = [job for job in jobs if job["state"] != "F"]
    whole = {"queue_type": "Execution", "total_jobs": len(live), "state_count": counted(live)}
    if queue["max"]:
        whole["resources_max"] = {what: clock(most) if what == "walltime" else most for what, most in queue["max"].items()}
    if jobs:
        whole["resources_assigned"] = assigned(jobs)
    if queue["enabled"]:
        whole.update(enabled="True", started="True")
    return whole


def server_row(server):
    live = [job for job in server.jobs.values() if job["state"] != "F"]
    whole = {"server_state": "Active", "server_host": SERVER, "scheduling": "True", "total_jobs": len(live)}
    whole.update(state_count=counted(live), default_queue=server.default_queue, log_events=511)
    whole.update(mailer="/usr/sbin/sendmail", mail_from="adm", query_other_jobs="True")
    whole.update(resources_default={"ncpus": 1}, default_chunk={"ncpus": 1}, resources_assigned=assigned(live))
    whole.update(scheduler_iteration=20, flatuid="True", resv_enable="True", node_fail_requeue=310, max_array_size=10000)
    whole.update(resend_term_delay=5, pbs_license_min=0, pbs_license_max=2147483647, pbs_license_linger_time=31536000)
    whole["license_count"] = "Avail_Global:1000000 Avail_Local:1000000 Used:0 High_Use:0"
    whole.update(pbs_version=VERSION, eligible_time_enable="False", job_history_enable=str(server.history))
    whole.update(max_concurrent_provision=5, clear_topjob_estimates_enable="False", max_job_sequence_id=9999999)
    return whole


def node_row(server, name):
    has, free = server.nodes[name], server.free(name)
    jobs = [job for job in server.jobs.values() if job.get("node") == name and job["state"] in "RE"]
    whole = {"Mom": name, "ntype": "PBS"}
    whole["state"] = "free" if server.alive(name) and free["ncpus"] > 0 else "job-busy" if server.alive(name) else "down"
    whole["pcpus"] = has["ncpus"]
    if jobs:
        whole["jobs"] = [job["id"] for job in jobs]
    every = dict(has, arch="linux", host=name, mem="%dkb" % has["mem"], vnode=name)
    used = {what: has[what] - free[what] for what in has}
    whole["resources_available"] = dict(sorted(every.items()))
    whole["resources_assigned"] = dict(sorted(dict(used, mem="%dkb" % used["mem"]).items()))
    whole.update(resv_enable="True", sharing="default_shared", license="l")
    whole["last_state_change_time"] = int(server.began)
    used = [job["ended"] for job in server.jobs.values() if job.get("node") == name and job.get("ended")]
    if used:
        whole["last_used_time"] = int(max(used))
    return whole


COMMANDS = {each.__name__: each for each in (qsub, qstat, qselect, qdel, qalter, qmgr, pbsnodes)}
