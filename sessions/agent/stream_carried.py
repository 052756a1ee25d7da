"""One numbered stream: the app's socket, and a connection to the client where there is one."""
# Under way, unused at the other end: then the app is not read any more, and so does not lose anything either.
TO_CLIENT = 8 << 20
TO_AGENT = 1 << 20
LEAVE_SECONDS = 10


def refuse_stream(tls, why, words):
    with contextlib.suppress(OSError, ValueError):
        tls.send(frame(b"x", json.dumps({"why": why, "error": words}).encode("ascii")))
        tls.unwrap()
    tls.close()


class CarriedStream(object):
    # One thread runs all of them: a piece is copied before the next is read.
    _piece = bytearray(FRAME)

    def __init__(self, streams, loop, name):
        self._streams = streams
        self._loop = loop
        self._name = name
        self.core = Numbered(TO_CLIENT, TO_AGENT)
        self._app = self._tls = None
        self._app_over = self._app_deaf = self._left = self._closed = False
        self._in = bytearray()
        # Frames on their way to the client, and bytes on their way to the app.
        self._out = bytearray()
        self._up = bytearray()
        self._tls_wants = 0
        self._heard = time.monotonic()

    def away(self):
        """Seconds since its client was heard."""
        return time.monotonic() - self._heard

    def excuse(self, seconds):
        self._heard += seconds

    def reached(self, app):
        if self._closed:
            if app is not None:
                app.close()
        elif app is None:
            self._hang_up("the app does not accept the connection")
        else:
            self._app = app
            self.pump()

    def attach(self, tls, there, rest):
        """A new connection takes the place of the former, which may be one that nobody has seen die."""
        self._detach()
        try:
            self.core.resume(there)
        except StreamFault as fault:
            refuse_stream(tls, "unknown", str(fault))
            return self.close()
        self._streams.came_back(self.away(), self.core.kept())
        self._heard = time.monotonic()
        self._tls = tls
        self._in = bytearray(rest)
        self._out = bytearray(frame(b"o", json.dumps({"received": self.core.received}).encode("ascii")))
        self._tls_wants = 0
        self.pump()

    def _detach(self):
        tls, self._tls = self._tls, None
        if tls is not None:
            self._loop.forget(tls)
            with contextlib.suppress(OSError, ValueError):
                tls.unwrap()
            tls.close()

    def pump(self, _mask=0):
        if self._closed:
            return
        busy = True
        for _ in range(ROUNDS):
            busy = self._with_client(self._from_client) | self._to_app() | self._from_app()
            busy |= self._with_client(self._to_client)
            if self._closed or not busy:
                break
        if self._closed:
            return
        if self._left and not self._up:
            return self.close()
        if self._tls is not None:
            self._loop.watch(self._tls, selectors.EVENT_READ | self._tls_wants, self.pump)
        if self._app is not None:
            reads = selectors.EVENT_READ if self._reads_app() else 0
            self._loop.watch(self._app, reads | (selectors.EVENT_WRITE if self._up else 0), self.pump)
        # What TLS has decrypted already no selector tells of.
        if busy or (self._tls is not None and self._tls.pending()):
            self._loop.soon(self.pump)

    def _with_client(self, move):
        if self._tls is None:
            return False
        try:
            return move()
        except _WAITS:
            return False
        except (OSError, ValueError, FrameError, StreamFault, struct.error):
            self._detach()
            return False

    def _from_client(self):
        # First what came with the greeting.
        while not self._in or not self._take():
            size = self._tls.recv_into(self._piece)
            if size == 0:
                raise OSError("the end")
            self._heard = time.monotonic()
            self._in += self._piece[:size]
        return True

    def _take(self):
        """A whole frame that has arrived."""
        taken = take_frame(self._in)
        if taken is None:
            return False
        if taken[0] == b"x":
            # It wants no more: what it sent before still goes to the app.
            self._left = True
            self._app_over = True
            self._detach()
            self._loop.later(LEAVE_SECONDS, self.close)
        else:
            data = self.core.take(*taken)
            self._streams.heard(data)
            self._up += data
        return True

    def _to_client(self):
        while len(self._out) < FRAME:
            piece = self.core.next(FRAME)
            if piece is None:
                break
            self._out += piece
        if not self._out:
            self._tls_wants = 0
            return False
        try:
            del self._out[: self._tls.send(self._out)]
        except ssl.SSLWantReadError:
            self._tls_wants = 0
            raise
        except _WAITS:
            self._tls_wants = selectors.EVENT_WRITE
            raise
        self._tls_wants = 0
        return True

    def _to_app(self):
        if self._app is None:
            return False
        if self._up:
            try:
                size = len(self._up) if self._app_deaf else self._app.send(self._up)
            except _WAITS:
                return False
            except OSError:
                # It reads no more, but what it wrote before is still to come.
                self._app_deaf = True
                return True
            del self._up[:size]
            self.core.use(size)
            return True
        if self.core.ended and not self._app_deaf:
            self._app_deaf = True
            with contextlib.suppress(OSError):
                self._app.shutdown(socket.SHUT_WR)
        return False

    def _reads_app(self):
        return not self._app_over and self.core.room() > 0 and self._streams.may_hold(self.core.kept())

    def _from_app(self):
        if self._app is None or not self._reads_app():
            return False
        try:
            size = self._app.recv_into(self._piece)
        except _WAITS:
            return False
        except OSError:
            size = 0
        if size:
            self.core.write(bytes(self._piece[:size]))
        else:
            self._app_over = True
            self.core.end()
        return True

    def _hang_up(self, words):
        if self._tls is not None:
            tls, self._tls = self._tls, None
            self._loop.forget(tls)
            refuse_stream(tls, "app", words)
        self.close()

    def close(self):
        if self._closed:
            return
        self._closed = True
        self._streams.forget(self._name)
        self._detach()
        if self._app is not None:
            self._loop.forget(self._app)
            self._app.close()
