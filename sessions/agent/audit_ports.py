"""`hpcbinder audit` on the job's node: the ports that listen under the user's id, and what each answers to somebody without a secret."""
import os
import selectors
import socket
import time

KNOCK_SECONDS = 2
MOST_KNOCKS = 200


def open_ports(uid, agent_port, job_id):
    """(what, result, seen) of each."""
    owners = _owners(job_id)
    doors = list(_listening(uid))
    heard = _knock(doors)
    for door in doors:
        place, port, inode = door
        command, ours = owners.get(inode, ("a process that cannot be seen", False))
        what = "port %d of %s (%s)" % (port, place, command)
        if port == agent_port:
            what, ours = "port %d: the agent's, in the clear from its own node" % port, True
        yield (what,) + _heard(heard[door], ours)


def _heard(said, ours):
    """(result, seen); a port of another program of the user's is told, and is not this session's fault."""
    other = "" if ours else "; not of this session"
    if said is None:
        return "not tried", "it could not be asked%s" % other
    if said.startswith(b"HTTP/1."):
        status = said[9:12].decode("latin-1")
        seen = "HTTP %s without a secret%s" % (status, other)
        return ("open" if ours else "note", seen) if status.startswith("2") else ("closed", seen)
    if said.startswith(b"\xff"):
        # ipykernel binds one for the output of forked children, whatever its transport is (ipykernel/iostream.py)
        return "note", "ZeroMQ: a kernel's inner pipe takes, tells nothing, and asks for its own key%s" % other
    if said:
        return "note", "answers %d bytes, not HTTP%s" % (len(said), other)
    return "closed", "no answer without a secret%s" % other


def _listening(uid):
    for table in ("tcp", "tcp6"):
        try:
            with open("/proc/net/" + table) as stream:
                rows = stream.read().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            fields = row.split()
            if fields[3] == "0A" and int(fields[7]) == uid:
                place, _, port = fields[1].rpartition(":")
                yield _address(place), int(port, 16), fields[9]


def _address(place):
    """The kernel's words of 32 bits are in the order of this machine, which is little-endian wherever Apptainer runs."""
    raw = bytes.fromhex(place)
    raw = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw)


def _owners(job_id):
    """inode of a socket → (name of its process, of this job?)"""
    marks = [("\0%s=%s\0" % (name, job_id)).encode() for name in ("SLURM_JOB_ID", "PBS_JOBID")]
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            handles = os.listdir("/proc/%s/fd" % pid)
            with open("/proc/%s/environ" % pid, "rb") as stream:
                environment = b"\0" + stream.read(1 << 20)
                ours = any(mark in environment for mark in marks)
            with open("/proc/%s/comm" % pid) as stream:
                name = stream.read().strip()
        except OSError:
            continue
        for handle in handles:
            try:
                target = os.readlink("/proc/%s/fd/%s" % (pid, handle))
            except OSError:
                continue
            if target.startswith("socket:["):
                found[target[8:-1]] = (name, ours)
    return found


def _knock(doors):
    """What each answers to a request without a secret, b"" where it stays silent, None where it could not be asked; all at
    once, for there may be many."""
    heard = dict.fromkeys(doors)
    selector, until = selectors.DefaultSelector(), time.monotonic() + KNOCK_SECONDS
    for door in doors[:MOST_KNOCKS]:
        address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(door[0], door[0])
        try:
            sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
        except OSError:
            continue
        sock.setblocking(False)
        sock.connect_ex((address, door[1]))
        selector.register(sock, selectors.EVENT_WRITE, door)
    while selector.get_map() and time.monotonic() < until:
        for key, event in selector.select(0.2):
            try:
                if event & selectors.EVENT_WRITE:
                    key.fileobj.sendall(b"GET / HTTP/1.0\r\n\r\n")
                    heard[key.data] = b""
                    selector.modify(key.fileobj, selectors.EVENT_READ, key.data)
                    continue
                heard[key.data] = key.fileobj.recv(256)
            except OSError:
                pass
            selector.unregister(key.fileobj)
            key.fileobj.close()
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    selector.close()
    return heard
