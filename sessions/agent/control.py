"""`hb/1`: one verb per connection. The client sends one line of JSON, {"verb": ...}; the agent answers with one line of JSON.
An answer with "error" ends it. After the answers to shell, get and put frames follow, in both directions:

    1 byte kind · 4 bytes length, big endian · that many bytes (at most FRAME)
    d  data
    e  agent → client: what a program without a terminal wrote to its errors
    r  client → agent: the terminal's size, JSON {"rows", "cols"}
    x  the end, JSON: {"code": n} or {"error": words}; without it the stream was cut. Of a shell's client: its input's end

status  {ready, appVersion, idleSince, busyKernels, endsAt, startedAt, figures, internet, saved, product}
stop    {now}: {"stopping": true}: open pages save (not with now), the app ends in order, end.json says why
use     {seconds}: {"idleSince"}: somebody says that it is in use: the idle time begins anew, or is so much shorter
ends    {at}: {"endsAt"}: the scheduler has moved the job's end
notices {"ok": true, "endsAt"}, then frames both ways: notices.py
shell   {rows, cols, term} or {terminal: false}, with {argv: [word, ...]} instead of a login shell: runs in the container
get     {path}: {kind: "file", size, mode} or {kind: "directory"} (a tar stream), relative to the work directory
audit   {secrets: {name: text}}: {found: [{what, result, seen}]}, the look of audit.py at this node
put     {path, kind: "file", mode} or {path, kind: "directory"} (a tar stream)
"""
import io

LINE = 64 << 10
FRAME = 256 << 10
LINE_SECONDS = 10
FRAME_SECONDS = 120
MOST_CONTROLS = 64


class FrameError(Exception):
    pass


class Frames(object):
    """Blocking frames over a TLS socket; one thread reads and writes."""

    def __init__(self, sock, rest=b""):
        self.sock = sock
        self._buffer = bytearray(rest)

    def line(self):
        while b"\n" not in self._buffer:
            if len(self._buffer) > LINE:
                raise FrameError("the request is too long")
            self._more()
        line, _, rest = bytes(self._buffer).partition(b"\n")
        self._buffer = bytearray(rest)
        return line

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise FrameError("the connection ended in the middle")
        self._buffer += data

    def answer(self, value):
        self.sock.sendall(json.dumps(value).encode("ascii") + b"\n")

    def send(self, kind, data):
        self.sock.sendall(frame(kind, data))

    def end(self, value):
        self.send(b"x", json.dumps(value).encode("ascii"))

    def take(self):
        """A whole frame that has arrived, or None."""
        return take_frame(self._buffer)

    def receive(self):
        while True:
            frame = self.take()
            if frame is not None:
                return frame
            self._more()

    def feed(self):
        """What has arrived, without waiting; False at the end. For a socket with time-out 0."""
        while True:
            try:
                self._more()
            except (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError):
                return True
            except (FrameError, OSError):
                return False


class DataReader(io.RawIOBase):
    """The data frames as a file; their end is the frame `x`, whose error is raised."""

    def __init__(self, frames):
        self._frames = frames
        self._data = b""
        self._over = False

    def readable(self):
        return True

    def readinto(self, buffer):
        while not self._data and not self._over:
            kind, data = self._frames.receive()
            if kind == b"d":
                self._data = data
            elif kind == b"x":
                self._over = True
                if json.loads(data.decode("utf-8")).get("error"):
                    raise FrameError("the client gave up")
        size = min(len(buffer), len(self._data))
        buffer[:size] = self._data[:size]
        self._data = self._data[size:]
        return size

    def drain(self):
        while self.read(1 << 20):
            pass


class DataWriter(io.RawIOBase):
    """A file whose bytes leave as data frames."""

    def __init__(self, frames):
        self._frames = frames

    def writable(self):
        return True

    def write(self, data):
        view = memoryview(data)
        for at in range(0, len(view), FRAME):
            self._frames.send(b"d", bytes(view[at : at + FRAME]))
        return len(view)


class Control(object):
    """Takes authenticated hb/1 connections, a thread each: only the session's own client gets here."""

    def __init__(self, session):
        self._session = session
        self._slots = threading.BoundedSemaphore(MOST_CONTROLS)

    def welcome(self, sock):
        if not self._slots.acquire(False):
            sock.close()
            return
        threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            sock.settimeout(LINE_SECONDS)
            frames = Frames(sock)
            self._handle(frames)
            with contextlib.suppress(OSError, ValueError):
                sock.settimeout(2)
                sock.unwrap()
        except (FrameError, OSError, ValueError) as error:
            self._session.say("a control connection ended: %s" % error)
        finally:
            sock.close()
            self._slots.release()

    def _handle(self, frames):
        request = json.loads(frames.line().decode("utf-8"))
        verb = request.get("verb") if isinstance(request, dict) else None
        frames.sock.settimeout(FRAME_SECONDS)
        if verb == "status":
            frames.answer(self._session.status())
        elif verb == "use":
            self._session.use.put_off(CLOCK.now(), request.get("seconds"))
            frames.answer({"idleSince": self._session.status()["idleSince"]})
        elif verb == "stop":
            frames.answer({"stopping": True})
            self._session.request_end(Ending("stopped"), request.get("now") is True)
        elif verb == "ends":
            frames.answer(self._session.deadline.move(request.get("at"), self._session.loop.call))
        elif verb == "notices":
            serve_notices(frames, self._session)
        elif verb == "shell":
            serve_shell(frames, request, self._session)
        elif verb == "get":
            serve_get(frames, request, self._session)
        elif verb == "put":
            serve_put(frames, request, self._session)
        elif verb == "audit":
            frames.answer({"found": self._session.audit(request)})
        else:
            frames.answer({"error": "this agent does not know %r" % (verb,)})


def serve_get(frames, request, session):
    path = request.get("path")
    try:
        parts = parts_of(path)
        with Inside(session.container.work_directory) as inside:
            if inside.is_directory(parts):
                frames.answer({"kind": "directory"})
                buffered = io.BufferedWriter(DataWriter(frames), FRAME)
                inside.pack(parts, buffered)
                buffered.flush()
                frames.end({"code": 0})
                return
            with inside.open(parts) as source:
                info = os.fstat(source.fileno())
                frames.answer({"kind": "file", "size": info.st_size, "mode": stat.S_IMODE(info.st_mode)})
                shutil.copyfileobj(source, DataWriter(frames), FRAME)
                frames.end({"code": 0})
    except (Refused, FileNotFoundError, PermissionError, TypeError, AttributeError) as error:
        frames.answer({"error": "%s: %s" % (path, getattr(error, "strerror", None) or error)})


def serve_put(frames, request, session):
    path, kind = request.get("path"), request.get("kind")
    try:
        parts = parts_of(path)
        if kind not in ("file", "directory") or not isinstance(request.get("mode", 0o644), int):
            raise Refused("a put needs kind and mode")
    except (Refused, TypeError, AttributeError) as error:
        return frames.answer({"error": str(error)})
    frames.answer({"ok": True})
    data = DataReader(frames)
    try:
        with Inside(session.container.work_directory) as inside:
            if kind == "directory":
                with inside.directory(parts, make=True):
                    pass
                inside.unpack(io.BufferedReader(data, FRAME), below=parts)
                data.drain()
            else:
                if parts and _is_there_as_directory(inside, parts):
                    parts = parts + parts_of(str(request.get("name") or "upload"))
                inside.put(parts, data, request.get("mode", 0o644))
    except (Refused, tarfile.TarError, OSError) as error:
        with contextlib.suppress(FrameError):
            data.drain()
        return frames.end({"error": getattr(error, "strerror", None) or str(error)})
    session.use.touch(CLOCK.now())
    frames.end({"code": 0})


def _is_there_as_directory(inside, parts):
    with contextlib.suppress(OSError, Refused):
        return inside.is_directory(parts)
    return False
