"""The app in the container: its start and end, its socket, the processes that it is. What is different in each is its kind."""
import http.client
import socket
import struct

APP_LOG_BYTES = 10 << 20
STOP_SECONDS = 10

KINDS = {"lab": Jupyter, "notebook": Jupyter, "rstudio": RStudio, "shiny": Shiny}
# Of one processor, between two looks: an idle one takes a hundredth.
WORKING_SHARE = 0.1


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
        kind = KINDS[parameters["app"]["name"]]
        self._kind = kind(parameters["app"], container.run_directory, container.home)
        self._directory = session_directory
        self._entrypoint = list(parameters.get("entrypoint", []))
        self._log = os.path.join(session_directory, "app.log")
        self._socket = os.path.join(container.run_directory, SOCKET)
        self._say = say
        self._child = None
        self.pid = None
        self.ticks = None
        self.version = None
        self._members = {}
        self._effort = Effort()
        self.streams_are_use = self._kind.STREAMS_ARE_USE

    def start(self):
        self._kind.prepare(self._directory)
        command = self._entrypoint + self._kind.command()
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        environment = self._container.environment()
        for name, value in self._kind.variables().items():
            environment[self._container.variable(name)] = value
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

    def ask(self, path, headers=(), timeout=5):
        """(status, body) of a GET, or None: it does not answer."""
        connection = _SocketConnection(self.connect, timeout)
        try:
            connection.request("GET", path, headers=dict(headers, Host="localhost"))
            response = connection.getresponse()
            return response.status, response.read(4 << 20)
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def is_ready(self):
        ready = self._kind.is_ready(self)
        if ready:
            self.version = self._kind.version(self)
        return ready

    def look(self, use):
        """Is it used? A thread's work: it may take its time to answer."""
        self._kind.look(self, use, CLOCK.now())

    def works(self):
        """Did its processes take as much as a working one does, between the last two count()s?"""
        return self._effort.share >= WORKING_SHARE

    def is_use(self, data):
        """Is a request that begins here use of the session?"""
        return changes_something(data) and not self._kind.BY_ITSELF.match(data)

    def keep_log_small(self):
        """A thread's work. Each second: a program may write a hundred megabytes in it (SECURITY F-47)."""
        while True:
            keep_small(self._log, APP_LOG_BYTES)
            time.sleep(1)

    def last_words(self):
        return " · ".join(last_lines(self._log, 10) + self._kind.last_words())

    def why_ended(self, code, kills_before):
        """The end of the session by its app, which left with `code`; `kills_before`: of memory_kills() at the start."""
        lacking = self._kind.lacking()
        if lacking is not None and self.version is None:
            return Ending("app-failed", lacking)
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
        self._effort.look(members, time.monotonic())
        return figures(list(members.values()))

    def stop(self):
        """In order: the app shuts its kernels down; what is left of it then, or after STOP_SECONDS, is killed."""
        if self.pid is None:
            return
        with contextlib.suppress(OSError):
            self.count()
        with contextlib.suppress(OSError):
            os.kill(self.pid, self._kind.END)
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
