"""Jupyter in the container: its settings, its start and end, its API. It listens on a Unix socket only (DESIGN 6)."""
import http.client
import shutil
import signal
import socket
import struct

APP_LOG_BYTES = 10 << 20
STOP_SECONDS = 10

# Jupyter's own pings would close the WebSockets of a laptop that has slept for 90 s: streams.py says who is away for too long.
# The kernels' sockets too are files in the 0700 directory: on TCP every user of the node could subscribe to their output.
_SETTINGS = """# Written by hpcbinder for this session; holds its token.
c = get_config()
def _major(name):
    try:
        return __import__(name).version_info[0]
    except Exception:
        return 0
_server = _major("jupyter_server")
_app = c.NotebookApp if %(app)r == "notebook" and 0 < _major("notebook") < 7 or not _server else c.ServerApp
if _server >= 2 and _app is c.ServerApp:
    c.IdentityProvider.token = %(token)r
    _app.root_dir = %(root)r
else:
    _app.token = %(token)r
    _app.notebook_dir = %(root)r
_app.sock = %(sock)r
_app.sock_mode = "0600"
_app.open_browser = False
_app.allow_remote_access = True
_app.allow_root = True
_app.tornado_settings.update({"ws_ping_interval": 0})
c.KernelManager.transport = "ipc"
c.LabApp.check_for_updates_class = "jupyterlab.handlers.announcements.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabServerApp.extra_labextensions_path.append(%(extensions)r)
"""
# JupyterLab finds a prebuilt extension by this file; page.js beside agent.py is its program.
_PAGE = {
    "name": "hpcbinder",
    "version": "1.0.0",
    "description": "Saves before the session ends, and says when that is",
    "jupyterlab": {"_build": {"load": "static/remoteEntry.js", "extension": "./extension"}},
}


class _SocketConnection(http.client.HTTPConnection):
    def __init__(self, connect, timeout):
        super().__init__("localhost", timeout=timeout)
        self._connect = connect

    def connect(self):
        self.sock = self._connect()
        self.sock.settimeout(self.timeout)


class App(object):
    def __init__(self, parameters, container, session_directory, say):
        self._container = container
        self._name = parameters["app"]["name"]
        self._token = parameters["app"]["token"]
        self._entrypoint = list(parameters.get("entrypoint", []))
        self._log = os.path.join(session_directory, "app.log")
        self._page = os.path.join(session_directory, "page.js")
        self._socket = os.path.join(container.run_directory, "app.sock")
        self._say = say
        self._child = None
        self.pid = None
        self.ticks = None
        self.version = None
        self._members = {}

    def start(self):
        settings = os.path.join(self._container.run_directory, "jupyter_config.py")
        values = {"app": self._name, "token": self._token, "root": REPOSITORY, "sock": RUN + "/app.sock"}
        text = _SETTINGS % dict(values, extensions=RUN + "/labextensions")
        self._put_page()
        with os.fdopen(os.open(settings, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as out:
            out.write(text)
        runtime = os.path.join(self._container.run_directory, "runtime")
        os.mkdir(runtime, 0o700)
        command = self._entrypoint + ["jupyter", self._name, "--config=%s/jupyter_config.py" % RUN]
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        environment = self._container.environment()
        environment[self._container.variable("JUPYTER_RUNTIME_DIR")] = RUN + "/runtime"
        words = self._container.argv(command)
        with os.fdopen(os.open(self._log, flags, 0o600), "ab") as log:
            try:
                self._child = subprocess.Popen(
                    words, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            except OSError as error:
                raise Ending("failed", "%s cannot be started: %s" % (words[0], error.strerror))
        self.pid = self._child.pid
        self.ticks = start_ticks(self.pid)
        self._say("the app runs as process %d" % self.pid)

    def _put_page(self):
        place = os.path.join(self._container.run_directory, "labextensions", "hpcbinder")
        os.makedirs(os.path.join(place, "static"), 0o700)
        write_json(os.path.join(place, "package.json"), _PAGE)
        shutil.copyfile(self._page, os.path.join(place, "static", "remoteEntry.js"))

    def adopt(self, pid, ticks):
        """After the agent's own death: the same app, with its kernels. False: it is gone too."""
        if start_ticks(pid) != ticks:
            return False
        self.pid, self.ticks = pid, ticks
        return True

    def poll(self):
        """None while it runs; then its exit status, negative for a signal, 'unknown' for an app that we adopted."""
        if self._child is not None:
            return self._child.poll()
        return None if start_ticks(self.pid) == self.ticks else "unknown"

    def connect(self, timeout=5):
        """A connected socket to the app, and to nothing else: code in the container could put a link to another
        service's socket under that name, so the process that listens must be of the app's own session."""
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(timeout)
            sock.connect(self._socket)
            peer = struct.unpack("iII", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
            if os.getsid(peer) != self.pid:
                raise ConnectionRefusedError("another program listens on the app's socket")
        except BaseException:
            sock.close()
            raise
        return sock

    def get(self, path, timeout=5):
        """The API's answer to a GET, or None."""
        connection = _SocketConnection(self.connect, timeout)
        try:
            connection.request("GET", path, headers={"Authorization": "token " + self._token, "Host": "localhost"})
            response = connection.getresponse()
            body = response.read(4 << 20)
            return json.loads(body.decode("utf-8")) if response.status == 200 else None
        except (OSError, ValueError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def is_ready(self):
        answer = self.get("/api/status")
        if answer is None:
            return False
        version = self.get("/api")
        self.version = version.get("version") if isinstance(version, dict) else None
        return True

    def keep_log_small(self):
        """A thread's work. Each second: a program may write a hundred megabytes in it (SECURITY F-47)."""
        while True:
            keep_small(self._log, APP_LOG_BYTES)
            time.sleep(1)

    def last_words(self):
        return " · ".join(last_lines(self._log, 10))

    def why_ended(self, code, kills_before):
        """The end of the session by its app, which left with `code`; `kills_before`: of memory_kills() at the start."""
        if code == 0:
            return Ending("app-ended", "")
        words = self.last_words()
        kills = memory_kills()
        if kills is not None and kills > (kills_before or 0):
            return Ending("out-of-memory", "the node's kernel killed it; %s" % words)
        if code == "unknown":
            return Ending("app-failed", words)
        killed = code in (-9, 137)
        how = "killed (signal 9), often for its memory" if killed else "signal %d" % -code if code < 0 else "exit %d" % code
        return Ending("app-failed", "%s: %s" % (how, words))

    def count(self):
        """{cpuSeconds, memoryBytes, processes} of the app and its kernels; who they are is kept for the end."""
        everything = processes()
        members = {pid: everything[pid] for pid in family(self.pid, everything)}
        if members:
            self._members = {pid: facts[4] for pid, facts in members.items()}
        return figures(list(members.values()))

    def stop(self):
        """In order: the app shuts its kernels down; what is left of it then, or after STOP_SECONDS, is killed."""
        if self.pid is None:
            return
        with contextlib.suppress(OSError):
            self.count()
        with contextlib.suppress(OSError):
            os.kill(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if self.poll() is None:
            self._say("the app did not end within %d s and was killed" % STOP_SECONDS)
        self._sweep()

    def _sweep(self):
        """Nothing of the app outlives it: its session, its family, and those that were of its family when last seen."""
        everything = processes()
        doomed = set(pid for pid, facts in everything.items() if facts[1] == self.pid)
        doomed.update(pid for pid, ticks in self._members.items() if pid in everything and everything[pid][4] == ticks)
        for pid in list(doomed):
            doomed.update(family(pid, everything))
        for pid in doomed - {os.getpid()}:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        if self._child is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._child.wait(timeout=5)
