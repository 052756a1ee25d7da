#!/usr/bin/env python3
"""qsub, qstat, qselect, qdel, qalter, pbsnodes and qmgr of the FAKE PBS: their words to its server, its answer to stdout."""
import json
import os
import socket
import sys

name = os.path.basename(sys.argv[0])
argv = sys.argv[1:]
# A script comes on stdin where neither a command nor a file is named; the fake takes a command alone.
asked = {"argv": [name] + argv, "cwd": os.environ.get("PWD") or os.getcwd(), "environ": dict(os.environ), "stdin": ""}
asked["cwd"] = os.getcwd()
asked["server"] = os.environ.get("PBS_SERVER") or os.environ.get("PBS_DEFAULT")
if name == "qsub" and argv and argv[-1] != "--version" and "--" not in argv:
    sys.exit("qsub: FAKE: it takes a command alone: qsub ... -- COMMAND")
try:
    with socket.socket(socket.AF_UNIX) as server:
        server.connect("/run/fakepbs.sock")
        server.sendall(json.dumps(asked).encode())
        server.shutdown(socket.SHUT_WR)
        said = json.load(server.makefile("r"))
except OSError:
    sys.stderr.write("Connection refused\n%s: cannot connect to server login (errno=15010)\n" % name)
    sys.exit(255 if name == "qstat" else 162)
sys.stdout.write(said["stdout"])
sys.stderr.write(said["stderr"])
sys.exit(said["code"])
