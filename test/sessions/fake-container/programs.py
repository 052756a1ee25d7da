"""Fakes of R, Rscript, rserver and rsession: what the start scripts ask of them, and a server on the socket that they name.
Behaviour from app.json, and from files beside it: `silent` (R answers nobody), `burn` (it computes)."""
import http.server
import json
import os
import socketserver
import subprocess
import sys
import threading
import time

name = os.path.basename(sys.argv[0])
here = os.path.dirname(os.path.dirname(os.path.abspath(sys.argv[0])))
how = json.load(open(os.path.join(here, "app.json")))


def there(mark):
    return os.path.exists(os.path.join(here, mark))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def address_string(self):
        return "socket"

    def answer(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Upgrade"):
            self.send_response(101)
            self.send_header("Connection", "Upgrade")
            self.send_header("Upgrade", "websocket")
            self.end_headers()
            self.close_connection = True
            while self.rfile.read1(65536):
                pass
            return
        while there("silent"):
            time.sleep(0.1)
        self.send_response(200 if self.path == "/" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST = answer


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def burn():
    while True:
        if there("burn"):
            sum(range(10000))
        else:
            time.sleep(0.1)


def serve(path):
    threading.Thread(target=burn, daemon=True).start()
    Server(path, Handler).serve_forever()


def write(path, text):
    with open(path, "w") as out:
        out.write(text)


if name == "Rscript":
    run = os.path.dirname(sys.argv[1])
    if "lacks" in how:
        write(os.path.join(run, "lacks"), how["lacks"] + "\n")
        sys.exit(1)
    write(os.path.join(run, "about"), "1.fake\n")
    serve(os.path.join(run, "app.sock"))
if name == "rserver":
    if sys.argv[1:] == ["--help"]:
        print("  --www-port arg\n" if how.get("old") else "  --www-port arg\n  --www-socket arg\n")
    elif sys.argv[1:] == ["--version"]:
        print("2026.07.1+fake")
    else:
        words = dict(word[2:].split("=", 1) for word in sys.argv[1:])
        write(os.path.join(here, "rserver.json"), json.dumps({"words": words, "USER": os.environ.get("USER")}))
        subprocess.call([words["rsession-path"], "-u", "x y"], env={"GIVEN": "by rserver", "LANG": "it's C"})
        serve(words["www-socket"])
if name == "rsession":
    write(os.path.join(here, "rsession.json"), json.dumps({"words": sys.argv[1:], "env": dict(os.environ)}))
