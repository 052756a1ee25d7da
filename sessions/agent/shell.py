"""`shell`: a program in the container, beside the app and with the same view: in a pseudo-terminal, or with pipes."""
import fcntl
import pty
import select
import termios

_LOGIN = 'if command -v bash >/dev/null 2>&1; then exec bash -l; else exec sh -l; fi'
TERM_NAME = re.compile(r"^[A-Za-z0-9._+-]{1,64}$")


def _resize(fd, size):
    rows, cols = size.get("rows"), size.get("cols")
    if isinstance(rows, int) and isinstance(cols, int) and 0 < rows < 2000 and 0 < cols < 2000:
        with contextlib.suppress(OSError):
            fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))


def _program(request):
    """The words of the client's command, which no shell reads; a login shell without one. None: they are no command."""
    argv = request.get("argv") or ["/bin/sh", "-c", _LOGIN]
    fits = isinstance(argv, list) and all(isinstance(word, str) and "\0" not in word for word in argv)
    return argv if fits and argv[0] else None


def serve_shell(frames, request, session):
    container = session.container
    program = _program(request)
    if program is None:
        return frames.answer({"error": "argv is no list of words"})
    environment = container.environment()
    words = container.argv(program, quiet=True)
    if request.get("terminal") is False:
        return serve_pipes(frames, words, environment, session)
    term = str(request.get("term") or "xterm")
    environment[container.variable("TERM")] = term if TERM_NAME.match(term) else "xterm"
    ours, theirs = pty.openpty()
    try:
        _resize(ours, request)
        child = subprocess.Popen(
            words, env=environment, stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=_own_terminal
        )
    except OSError as error:
        os.close(ours)
        return frames.answer({"error": "the container does not start: %s" % error.strerror})
    finally:
        os.close(theirs)
    session.shells.add(child)
    try:
        with session.use.shell(CLOCK.now):
            frames.answer({"ok": True})
            _relay(frames, ours, child)
    finally:
        os.close(ours)
        _end(child)
        session.shells.discard(child)


def _own_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _relay(frames, fd, child):
    sock = frames.sock
    sock.settimeout(0)
    pending = bytearray()
    poll = select.poll()
    while True:
        # While the program does not read, the client is not read either.
        poll.register(sock, select.POLLIN if len(pending) < FRAME else 0)
        poll.register(fd, select.POLLIN | (select.POLLOUT if pending else 0))
        ready = dict(poll.poll(5000))
        if ready.get(sock.fileno()):
            alive = frames.feed()
            for kind, data in iter(frames.take, None):
                if kind == b"d":
                    pending += data
                elif kind == b"r":
                    _resize(fd, json.loads(data.decode("utf-8")))
            if not alive:
                return
        if ready.get(fd, 0) & select.POLLOUT:
            del pending[: os.write(fd, bytes(pending[:4096]))]
        if ready.get(fd, 0) & ~select.POLLOUT:
            try:
                data = os.read(fd, 65536)
            except OSError:
                data = b""  # EIO: the program and all that had its terminal are gone
            sock.settimeout(FRAME_SECONDS)
            if not data:
                return frames.end({"code": _status(child)})
            frames.send(b"d", data)
            sock.settimeout(0)


def _status(child):
    try:
        code = child.wait(timeout=10)
    except subprocess.TimeoutExpired:
        return 1
    return code if code >= 0 else 128 - code


def _end(child):
    """As a terminal that is closed: HUP first."""
    for number, seconds in ((signal.SIGHUP, 2), (signal.SIGKILL, 5)):
        if child.poll() is not None:
            return
        with contextlib.suppress(OSError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=seconds)
