"""One job of the FAKE PBS: from qsub's words, as a row of qstat."""
import getopt
import grp
import re
import time

from words import BAD_GROUP, SERVER, No, clock, date, escaped, seconds

KNOWN = ("ncpus", "mem", "ngpus", "host", "vnode")
USAGE = "usage: qsub [-A account_string] [-j oe] [-l resource_list] [-m mail_options]\n\t[-N jobname] [-o path] [-p priority] [-P project] [-q queue] [-r y|n]\n\t[-W otherattributes=value...] [-v variable_list] [script | -- command [arg1 ...]]\n       qsub --version"
# What qsub hands on of its own environment.
PASSED = ("HOME", "LANG", "LOGNAME", "PATH", "MAIL", "SHELL", "TZ")


def kilobytes(text):
    found = re.match(r"^([0-9]+)(b|kb|mb|gb)?$", text)
    if not found:
        raise No(166, "Illegal attribute or resource value Resource_List.mem")
    return int(found.group(1)) * {"kb": 1, "mb": 1024, "gb": 1 << 20}.get(found.group(2) or "", 0)


def parsed(argv, user, cwd, environ, script):
    """The job's attributes in a dict of our own; raises No."""
    try:
        options, rest = getopt.getopt(argv, "A:e:j:l:m:N:o:p:P:q:r:W:v:")
    except getopt.GetoptError as error:
        raise No(2, "invalid option -- '%s'\n%s" % (error.opt, USAGE))
    job = {"user": user, "cwd": cwd, "name": "STDIN", "queue": None, "variables": [], "resources": {}, "priority": 0}
    job.update(join="n", mail="a", rerun="True", account=None, project="_pbs_project_default", depend=None, umask=None)
    job["place"], job["select"], output = "free", None, None
    for name, value in options:
        if name == "-l":
            for pair in value.split(",") if not value.startswith("select=") else [value]:
                resource, _, amount = pair.partition("=")
                request(job, resource, amount)
        elif name == "-W":
            special(job, *value.partition("=")[::2])
        elif name == "-v":
            job["variables"] = [pair.partition("=")[::2] for pair in value.split(",")]
        elif name == "-o":
            output = value
        else:
            field = {"-A": "account", "-j": "join", "-m": "mail", "-N": "name", "-P": "project", "-q": "queue"}.get(name)
            if field:
                job[field] = value
            elif name == "-p":
                job["priority"] = int(value)
            elif name == "-r":
                job["rerun"] = "True" if value == "y" else "False"
    if not re.match(r"^[A-Za-z0-9_+.-]{1,236}$", job["name"]):
        raise No(2, "illegal -N value\n%s" % USAGE)
    job["output"] = output and (output if output.startswith("/") else cwd + "/" + output)
    job["argv"] = rest or None
    job["script"] = script
    job["environ"] = {name: environ[name] for name in PASSED if name in environ}
    # bytes of the words as they were typed, for qstat
    job["submitted"] = " ".join(argv)
    chunk(job)
    return job


def request(job, resource, amount):
    if resource == "select":
        job["select"] = amount
    elif resource == "place":
        if not re.match(r"^(free|pack|scatter|vscatter)?:?(excl|exclhost|shared)?$", amount) or not amount:
            raise No(166, "Illegal attribute or resource value Resource_List.place")
        job["place"] = amount
    elif resource == "walltime":
        job["resources"]["walltime"] = seconds(amount)
    elif resource in KNOWN:
        job["select"] = "1:%s=%s" % (resource, amount)
    else:
        raise No(187, "Unknown resource: %s" % resource)


def special(job, name, value):
    if name == "umask":
        job["umask"] = int(value)
    elif name == "depend":
        job["depend"] = value
    elif name == "group_list":
        try:
            members = grp.getgrnam(value)
        except KeyError:
            raise BAD_GROUP
        if job["user"] not in members.gr_mem and members.gr_name != job["user"]:
            raise BAD_GROUP
    else:
        raise No(2, "illegal -W value\n%s" % USAGE)


def chunk(job):
    job["select"] = job["select"] or "1:ncpus=1"
    words = job["select"].split(":")[1:]
    for word in words:
        name, _, amount = word.partition("=")
        if name not in KNOWN:
            raise No(187, "Unknown resource: %s" % name)
        job["resources"][name] = kilobytes(amount) if name == "mem" else int(amount) if amount.isdigit() else amount
    job["resources"].setdefault("ncpus", 1)


def needs(job):
    """{resource: amount} that a node must have free."""
    return {name: amount for name, amount in job["resources"].items() if name in ("ncpus", "mem", "ngpus")}


def place_words(job, node):
    given = ["%s=%s%s" % (name, amount, "kb" if name == "mem" else "") for name, amount in chosen(job)]
    return "(%s:%s)" % (node, ":".join(given))


def chosen(job):
    order = [word.partition("=")[0] for word in job["select"].split(":")[1:]] or ["ncpus"]
    return [(name, job["resources"][name]) for name in order if name in ("ncpus", "mem", "ngpus")]


def row(job):
    """As qstat -f prints it: the order of the attributes is PBS's."""
    short = job["id"].split(".")[0]
    whole = {"Job_Name": job["name"], "Job_Owner": "%s@%s" % (job["user"], SERVER)}
    started = job.get("started")
    if started:
        used = int((job.get("ended") or time.time()) - started)
        whole["resources_used"] = {"cpupercent": 0, "cput": "00:00:00", "mem": "0kb", "ncpus": job["resources"]["ncpus"]}
        whole["resources_used"].update(vmem="0kb", walltime=clock(used))
    whole.update(job_state=job["state"], queue=job["queue"], server=SERVER)
    if job["account"]:
        whole["Account_Name"] = job["account"]
    whole.update(Checkpoint="u", ctime=date(job["created"]))
    if job["depends"]:
        whole["depend"] = ",".join("%s:%s@%s" % (kind, other, SERVER) for kind, other in job["depends"])
    whole["Error_Path"] = "%s:%s/%s.e%s" % (SERVER, job["cwd"], job["name"], short)
    if job.get("node"):
        cores = job["resources"]["ncpus"]
        whole["exec_host"] = "%s/%d%s" % (job["node"], job["slot"], "*%d" % cores if cores > 1 else "")
        whole["exec_vnode"] = place_words(job, job["node"])
    whole.update(Hold_Types=job["hold"], Join_Path=job["join"], Keep_Files="n", Mail_Points=job["mail"])
    whole["mtime"] = date(job["modified"])
    whole["Output_Path"] = "%s:%s" % (SERVER, job["output"] or "%s/%s.o%s" % (job["cwd"], job["name"], short))
    whole.update(Priority=job["priority"], qtime=date(job["created"]), Rerunable=job["rerun"])
    whole["Resource_List"] = resource_list(job)
    if started:
        whole["stime"] = date(started)
    if job.get("ended") and started:
        whole["obittime"] = date(job["ended"])
    if job.get("session"):
        whole["session_id"] = job["session"]
    if started:
        whole["jobdir"] = job["home"]
    whole.update(substate=job["substate"], Variable_List=variables(job))
    if job["comment"]:
        whole["comment"] = job["comment"]
    if job["hold"] == "n":
        whole["etime"] = date(job["created"])
    if job["umask"] is not None:
        whole["umask"] = job["umask"]
    if started:
        whole["run_count"] = 1
    if job.get("status") is not None:
        whole.update(Stageout_status=1, Exit_status=job["status"])
    whole["Submit_arguments"] = job["submitted"]
    if job["argv"]:
        whole["executable"] = "<jsdl-hpcpa:Executable>%s</jsdl-hpcpa:Executable>" % job["argv"][0]
        words = ["<jsdl-hpcpa:Argument>%s</jsdl-hpcpa:Argument>" % escaped(word) for word in job["argv"][1:]]
        whole["argument_list"] = "".join(words)
    if job.get("ended"):
        whole["history_timestamp"] = int(job["ended"])
    whole.update(project=job["project"], Submit_Host=SERVER)
    return whole


def resource_list(job):
    listed = dict(job["resources"], nodect=1, place=job["place"], select=job["select"])
    if "mem" in listed:
        listed["mem"] = "%dmb" % (listed["mem"] // 1024)
    if "walltime" in listed:
        listed["walltime"] = clock(listed["walltime"])
    return dict(sorted(listed.items()))


def variables(job):
    listed = {"PBS_O_" + name: value for name, value in job["environ"].items()}
    listed.update(PBS_O_INTERACTIVE_AUTH_METHOD="resvport", PBS_O_INTERACTIVE_ENCRYPT_METHOD="")
    listed.update(PBS_O_WORKDIR=job["cwd"], PBS_O_SYSTEM="Linux")
    listed.update(job["variables"])
    listed.update(PBS_O_QUEUE=job["queue"], PBS_O_HOST=SERVER)
    return listed
