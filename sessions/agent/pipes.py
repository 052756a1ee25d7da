"""`shell` without a terminal: input, output and errors of the program stay apart, as for a command in a script."""

LET_GO_SECONDS = 5


def serve_pipes(frames, words, environment, session):
    pipe = subprocess.PIPE
    try:
        child = subprocess.Popen(
            words, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, start_new_session=True
        )
    except OSError as error:
        return frames.answer({"error": "the container does not start: %s" % error.strerror})
    session.shells.add(child)
    try:
        with session.use.shell(CLOCK.now):
            frames.answer({"ok": True})
            _Pipes(frames, child).relay()
    finally:
        for stream in (child.stdin, child.stdout, child.stderr):
            with contextlib.suppress(OSError):
                stream.close()
        _end(child)
        session.shells.discard(child)


class _Pipes(object):
    def __init__(self, frames, child):
        self._frames = frames
        self._child = child
        self._pending = bytearray()
        self._input_over = False
        self._outputs = {child.stdout.fileno(): b"d", child.stderr.fileno(): b"e"}

    def relay(self):
        sock, stdin = self._frames.sock, self._child.stdin
        sock.settimeout(0)
        while self._outputs:
            poll = select.poll()
            # While the program does not read, the client is not read either.
            poll.register(sock, select.POLLIN if len(self._pending) < FRAME else 0)
            if self._pending:
                poll.register(stdin, select.POLLOUT)
            for fd in self._outputs:
                poll.register(fd, select.POLLIN)
            ready = dict(poll.poll(5000))
            if ready.get(sock.fileno()) and not self._take():
                return
            if self._pending and not stdin.closed and ready.get(stdin.fileno()):
                self._give()
            for fd in [fd for fd in self._outputs if ready.get(fd)]:
                self._pass_on(fd)
        sock.settimeout(FRAME_SECONDS)
        self._frames.end({"code": _status(self._child)})
        self._let_go()

    def _let_go(self):
        """Closed with input unread the connection would be reset, and that may overtake the end (RFC 2525, 2.17)."""
        until = time.monotonic() + LET_GO_SECONDS
        with contextlib.suppress(OSError, ValueError):
            self._frames.sock.settimeout(LET_GO_SECONDS)
            while time.monotonic() < until and self._frames.sock.recv(65536):
                pass

    def _take(self):
        """What the client sent. False: it is gone."""
        alive = self._frames.feed()
        for kind, data in iter(self._frames.take, None):
            if kind == b"d" and not self._child.stdin.closed:
                self._pending += data
            elif kind == b"x":
                self._input_over = True
        self._close_input()
        return alive

    def _give(self):
        try:
            # A pipe that is ready takes this much without waiting (PIPE_BUF).
            del self._pending[: os.write(self._child.stdin.fileno(), bytes(self._pending[:4096]))]
        except OSError:
            self._pending.clear()  # EPIPE: the program reads no more
            self._input_over = True
        self._close_input()

    def _close_input(self):
        if self._input_over and not self._pending and not self._child.stdin.closed:
            self._child.stdin.close()

    def _pass_on(self, fd):
        data = os.read(fd, 65536)
        if not data:
            del self._outputs[fd]
            return
        sock = self._frames.sock
        sock.settimeout(FRAME_SECONDS)
        self._frames.send(self._outputs[fd], data)
        sock.settimeout(0)
