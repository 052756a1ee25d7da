"""`http/1.1`: bytes between an authenticated connection and the app's socket, with bounded buffers and backpressure."""
BUFFER = 512 << 10
CHUNK = 256 << 10
ROUNDS = 8
APP_TRIES = 100

_WAITS = (ssl.SSLWantReadError, ssl.SSLWantWriteError, BlockingIOError, InterruptedError)


def reach_app(loop, app, then, tries=APP_TRIES):
    """`then(socket)`, which does not block; `then(None)` where the app accepts no connection."""
    try:
        sock = app.connect(0.0)
    except BlockingIOError:
        # The app's backlog is full: a Unix socket says so instead of waiting.
        if tries > 0:
            return loop.later(0.05, lambda: reach_app(loop, app, then, tries - 1))
        sock = None
    except OSError:
        sock = None
    then(sock)


class Splice(object):
    # One thread runs all of them: a chunk is sent or copied before the next is read.
    _chunk = bytearray(CHUNK)

    def __init__(self, loop, tls, app, use):
        self._loop = loop
        self._tls = tls
        self._app = None
        self._is_use = app.is_use
        self._use = use
        self._up = bytearray()
        self._down = bytearray()
        self._tls_over = self._app_over = False
        self._tls_wants = 0
        self._closed = False
        reach_app(loop, app, self._reached)

    def _reached(self, app):
        self._app = app
        if app is None:
            self.close()
        else:
            self._pump()

    def _pump(self, _mask=0):
        if self._closed:
            return
        try:
            busy = True
            for _ in range(ROUNDS):
                busy = self._client_to_app() | self._app_to_client()
                if not busy:
                    break
        except OSError:
            return self.close()
        if (self._tls_over and not self._up) or (self._app_over and not self._down):
            return self.close()
        reads = not self._tls_over and len(self._up) < BUFFER
        wanted = self._tls_wants or (selectors.EVENT_WRITE if self._down else 0)
        self._loop.watch(self._tls, (selectors.EVENT_READ if reads else 0) | wanted, self._pump)
        reads_app = not self._app_over and not self._down
        self._loop.watch(
            self._app,
            (selectors.EVENT_READ if reads_app else 0) | (selectors.EVENT_WRITE if self._up else 0),
            self._pump,
        )
        # What TLS has decrypted already no selector tells of.
        if busy or (reads and self._tls.pending()):
            self._loop.soon(self._pump)

    def _client_to_app(self):
        moved = False
        if not self._tls_over and len(self._up) < BUFFER:
            try:
                size = self._tls.recv_into(self._chunk)
                moved = True
                if size == 0:
                    self._tls_over = True
                elif self._is_use(bytes(self._chunk[: min(size, 512)])):
                    self._use.touch(CLOCK.now())
                self._up += self._chunk[:size]
            except _WAITS:
                pass
            except ssl.SSLEOFError:
                self._tls_over = moved = True
        if self._up:
            try:
                del self._up[: self._app.send(self._up)]
                moved = True
            except _WAITS:
                pass
        return moved

    def _app_to_client(self):
        moved = False
        if not self._down and not self._app_over:
            try:
                size = self._app.recv_into(self._chunk)
            except _WAITS:
                return False
            if size == 0:
                self._app_over = True
                return True
            view = memoryview(self._chunk)[:size]
            sent = self._send_down(view)
            self._down += view[sent:]
            return True
        if self._down:
            sent = self._send_down(self._down)
            del self._down[:sent]
            moved = sent > 0
        return moved

    def _send_down(self, data):
        """Bytes that went out. One record of TLS goes at a time."""
        sent = 0
        self._tls_wants = 0
        view = memoryview(data)
        try:
            while sent < len(view):
                sent += self._tls.send(view[sent:])
        except ssl.SSLWantReadError:
            self._tls_wants = selectors.EVENT_READ
        except _WAITS:
            self._tls_wants = selectors.EVENT_WRITE
        finally:
            view.release()
        return sent

    def close(self):
        if self._closed:
            return
        self._closed = True
        self._loop.forget(self._tls)
        with contextlib.suppress(OSError, ValueError):
            # Says "the end" to the client; its answer is not waited for.
            self._tls.unwrap()
        self._tls.close()
        if self._app is not None:
            self._loop.forget(self._app)
            self._app.close()
