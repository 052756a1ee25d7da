"""How the node is reached, and how fast files get here: `python -I meet.py PORTS`, a JSON list; in the job's directory.

Listens like the agent, gives whoever comes the line that lies in ./nonce, and ends when ./done is seen: key=value lines.
The line is no secret: it shows that it was this node that answered.
"""
import json
import os
import socket
import sys
import threading
import time

MOST_SECONDS = 30


def listening(ports):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for port in ports or [0]:
        try:
            sock.bind(("0.0.0.0", port))
            sock.listen(16)
            return sock
        except OSError:
            pass
    return None


def answer(sock, line):
    while True:
        guest = sock.accept()[0]
        try:
            guest.settimeout(2)
            guest.sendall(line)
        except OSError:
            pass
        finally:
            guest.close()


def put(name, text):
    with open(name + ".new", "w") as out:
        out.write(text)
    os.rename(name + ".new", name)


def seen(name, until):
    while time.time() < until:
        # a directory that is listed is believed anew (NFS)
        if name in os.listdir("."):
            return True
        time.sleep(0.1)
    return False


def main():
    with open("nonce") as stream:
        line = stream.read().strip() + "\n"
    sock = listening(json.loads(sys.argv[1]))
    if sock is None:
        print("port=none")
    else:
        thread = threading.Thread(target=answer, args=(sock, line.encode()))
        thread.daemon = True
        thread.start()
    began = time.time()
    port = sock.getsockname()[1] if sock else 0
    put("ready", json.dumps({"host": os.uname().nodename, "port": port, "at": time.time()}))
    print("shared=%d" % ((time.time() - began) * 1000) if seen("seen", began + MOST_SECONDS) else "shared=never")
    sys.stdout.flush()
    seen("done", began + MOST_SECONDS)


main()
