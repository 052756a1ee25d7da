"""What the FAKE PBS says: JSON as OpenPBS 23.06 prints it, and each of its ways to say no. Held to the recordings of a real one
(test/fixtures/pbs) by test/faults/pbs.test.ts."""
import json
import time

VERSION = "23.06.06-FAKE"
SERVER = "login"


class No(Exception):
    """A refusal: the exit code is the number of PBS's error modulo 256."""

    def __init__(self, code, said):
        super().__init__(said)
        self.code = code
        self.said = said


def unknown_job(job_id):
    return No(153, "Unknown Job Id %s" % job_id)


UNKNOWN_QUEUE = No(170, "Unknown queue")
NOT_ENABLED = No(173, "Queue is not enabled")
OVER_LIMITS = No(188, "Job violates queue and/or server resource limits")
BAD_GROUP = No(197, "Bad GID for job execution")
IS_OVER = "Job has finished"
NO_HISTORY = "PBS is not configured to maintain job history"


def printed(value, depth=1):
    """As cJSON prints: tabs, a tab behind the colon, lists on one line."""
    if isinstance(value, dict):
        inside = ",\n".join(
            "%s%s:\t%s" % ("\t" * depth, json.dumps(key), printed(each, depth + 1)) for key, each in value.items()
        )
        return "{\n%s\n%s}" % (inside, "\t" * (depth - 1)) if value else "{\n%s}" % ("\t" * (depth - 1))
    if isinstance(value, list):
        return "[%s]" % ", ".join(printed(each) for each in value)
    return json.dumps(value, ensure_ascii=False)


def answer(field, rows, server=SERVER):
    whole = {"timestamp": int(time.time()), "pbs_version": VERSION, "pbs_server": server}
    if rows is not None:
        whole[field] = rows
    return printed(whole) + "\n"


def date(seconds):
    return time.strftime("%a %b %e %H:%M:%S %Y", time.gmtime(seconds))


def clock(seconds):
    return "%02d:%02d:%02d" % (seconds // 3600, seconds % 3600 // 60, seconds % 60)


def seconds(text):
    total = 0
    for part in text.split(":"):
        if not part.isdigit():
            raise No(166, "Illegal attribute or resource value Resource_List.walltime")
        total = total * 60 + int(part)
    return total


def escaped(text):
    for raw, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&apos;")):
        text = text.replace(raw, name)
    return text
