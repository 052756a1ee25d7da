"""Runs the agent's work directory parts as they are joined: one JSON request per line in, one answer per line out."""
import json
import os
import signal
import sys

here = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "sessions", "agent")
names = ["work_files.py", "work_archive.py", "work_claim.py", "work_merge.py", "work.py"]
text = ""
for name in names:
    with open(os.path.join(here, name)) as part:
        text += part.read() + "\n"
parts = {}
exec(compile(text, "agent", "exec"), parts)
os.umask(0o077)


def extract_from(image):
    def extract(directory):
        for path, content in (image or {}).items():
            target = os.path.join(directory, path)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            if content is None:
                os.mkfifo(target)
            elif content.startswith("-> "):
                os.symlink(content[3:], target)
            else:
                with open(target, "w") as out:
                    out.write(content)
                os.chmod(target, 0o4755)

    return extract


def die_after(calls, request):
    """SIGKILL to a child of ours at its n-th system call that changes something; was it killed?"""
    child = os.fork()
    if child:
        return os.WIFSIGNALED(os.waitpid(child, 0)[1])
    left = [calls]

    def counted(function):
        def call(*args, **kwargs):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*args, **kwargs)

        return call

    for name in ("rename", "unlink", "rmdir", "mkdir", "symlink", "fsync", "utime"):
        setattr(os, name, counted(getattr(os, name)))
    run(request)
    os._exit(0)


def run(request):
    if request["do"] == "prepare":
        said = []
        return parts["prepare_work"](request["work"], extract_from(request.get("image")), said.append)
    return parts[request["do"] + "_work"](request["report"])


for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = die_after(request["dieAfter"], request) if "dieAfter" in request else run(request)
        print(json.dumps({"ok": answer}), flush=True)
    except parts["WorkError"] as error:
        print(json.dumps({"error": str(error), "code": error.code}), flush=True)
