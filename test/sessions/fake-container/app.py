"""A fake Jupyter: the three answers of its API that the agent asks for, an echo, a download. Behaviour from app.json."""
import contextlib
import http.server
import json
import os
import signal
import socketserver
import subprocess
import sys
import time

run, here = sys.argv[1:3]
path = os.path.join(run, "app.sock")
token = [line.split('"')[1] if '"' in line else line.split("'")[1]
         for line in open(os.path.join(run, "jupyter_config.py")) if ".token = " in line][0]
base = [line.split("'")[1] for line in open(os.path.join(run, "jupyter_config.py")) if ".base_url = " in line][0]
how = json.load(open(os.path.join(here, "app.json")))


def now():
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    started = "2020-01-01T00:00:00.000000Z"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "socket"

    def upgraded(self):
        """No frames of WebSocket: bytes, which is what they are to all that lies between."""
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "websocket")
        self.end_headers()
        self.close_connection = True
        kind, _, how_many = self.path[len("/ws/"):].partition("/")
        if kind == "echo":
            for block in iter(lambda: self.rfile.read1(65536), b""):
                self.wfile.write(block)
        elif kind == "count":
            for n in range(int(how_many)):
                self.wfile.write(b"%d\n" % n)
                time.sleep(0.002)
        elif kind == "flood":
            for n in range(int(how_many) >> 20):
                self.wfile.write(bytes([n % 251]) * (1 << 20))
        # Then it reads to the end: the other side closes.
        with contextlib.suppress(OSError):
            while self.rfile.read1(65536):
                pass
        with open(os.path.join(here, "ws-ended"), "a") as ended:
            ended.write(self.path + "\n")

    def do_GET(self):
        if self.headers.get("Upgrade"):
            return self.upgraded()
        if self.path.startswith("/bytes/"):
            size = int(self.path.rsplit("/", 1)[1])
            self.send_response(200)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            block = b"x" * (1 << 20)
            while size > 0:
                self.wfile.write(block[:size])
                size -= len(block)
            return
        if self.headers.get("Authorization") != "token " + token:
            return self.answer(403, {})
        kernels = how.get("kernels", [])
        path = "/" + self.path[len(base) :] if self.path.startswith(base) else None
        known = {"/api/status": {"started": self.started}, "/api": {"version": "0.fake"},
                 "/api/kernels": [dict(k, last_activity=k.get("last_activity", self.started)) for k in kernels],
                 "/api/terminals": []}
        self.answer(200 if path in known else 404, known.get(path, {}))

    def do_PUT(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(200, {"bytes": len(body)})

    def answer(self, status, value):
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


print("the app starts", flush=True)
if "fails" in how:
    print(how["fails"], flush=True)
    sys.exit(1)
time.sleep(how.get("delay", 0))
if how.get("child"):
    child = subprocess.Popen(["sleep", "300"], start_new_session=True)
    open(os.path.join(here, "child.pid"), "w").write(str(child.pid))
if how.get("stubborn"):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
else:
    signal.signal(signal.SIGTERM, lambda *_: (open(os.path.join(here, "ended-in-order"), "w"), os._exit(0)))
Server(path, Handler).serve_forever()
