"""`hb-stream/1`: WebSockets that outlive their connection (docs/adr/0004). The app's side stays open while the client is away;
whoever comes back with the stream's number goes on where it was cut. Of itself it is no use of the session (DESIGN 7); what the
browser says on it is, where the app tells nobody of its use.
"""
STREAM_NAME = re.compile(r"^[0-9a-f]{32}$")
# All streams together; beyond it each has its FAIR share.
HELD = 64 << 20
FAIR = 256 << 10
MOST_STREAMS = 256
AWAY_SECONDS = 30 * 60
# At the cap a new stream takes the place of one whose client has been away for so long.
GIVE_WAY_SECONDS = 60
SETTLE_SECONDS = 1.0
GREETING_SECONDS = 10
# Shorter ones are not worth a line in the log.
ABSENCE_SECONDS = 10


class Streams(object):
    def __init__(self, loop, app, use, say):
        self._loop = loop
        self._app = app
        self._use = use
        self._say = say
        self._carried = {}
        self._settled = time.monotonic()
        loop.later(SETTLE_SECONDS, self._settle)

    def welcome(self, tls):
        """An authenticated connection; its first frame says which stream it carries."""
        _Greeting(self._loop, tls, self._greet)

    def _greet(self, tls, hello, rest):
        name = hello.get("stream")
        if not isinstance(name, str) or not STREAM_NAME.match(name) or not isinstance(hello.get("received"), int):
            raise StreamFault("no stream is named")
        stream = self._carried.get(name)
        if stream is None and hello.get("known"):
            return refuse_stream(tls, "unknown", "this agent does not know the stream")
        if stream is None:
            if len(self._carried) >= MOST_STREAMS and not self._make_room():
                words = "the session has %d WebSockets open, the most that it carries" % MOST_STREAMS
                return refuse_stream(tls, "full", words)
            stream = self._carried[name] = CarriedStream(self, self._loop, name)
            reach_app(self._loop, self._app, stream.reached)
        stream.attach(tls, hello["received"], rest)

    def _make_room(self):
        away = [stream for stream in self._carried.values() if stream.away() > GIVE_WAY_SECONDS]
        if away:
            max(away, key=CarriedStream.away).close()
        return bool(away)

    def forget(self, name):
        del self._carried[name]

    def heard(self, data):
        """From a browser, for the app."""
        if self._app.streams_are_use and says_something(data):
            self._use.touch(CLOCK.now())

    def may_hold(self, kept):
        return kept < FAIR or sum(stream.core.kept() for stream in self._carried.values()) < HELD

    def came_back(self, seconds, size):
        if seconds >= ABSENCE_SECONDS:
            self._say("a stream went on after %d s with %d bytes" % (seconds, size))

    def _settle(self):
        # This process itself may have been stopped: the clients were not away for that.
        now = time.monotonic()
        gap, self._settled = now - self._settled - SETTLE_SECONDS, now
        for stream in list(self._carried.values()):
            if gap > ABSENCE_SECONDS:
                stream.excuse(gap)
            if stream.away() > AWAY_SECONDS:
                self._say("a stream was given up: its client has been away for %d s" % AWAY_SECONDS)
                stream.close()
            else:
                stream.core.settle()
                stream.pump()
        self._loop.later(SETTLE_SECONDS, self._settle)


class _Greeting(object):
    """A connection until it has said which stream it carries."""

    def __init__(self, loop, tls, greet):
        self._loop = loop
        self._tls = tls
        self._greet = greet
        self._buffer = bytearray()
        loop.later(GREETING_SECONDS, lambda: self._tls is not None and self._close())
        self._read()

    def _close(self):
        tls, self._tls = self._tls, None
        self._loop.forget(tls)
        tls.close()

    def _read(self, _mask=0):
        if self._tls is None:
            return
        try:
            data = self._tls.recv(FRAME)
            self._buffer += data
            taken = take_frame(self._buffer)
            if taken is not None:
                if taken[0] != b"o":
                    raise StreamFault("no greeting")
                hello = json.loads(taken[1].decode("utf-8"))
                tls, self._tls = self._tls, None
                self._loop.forget(tls)
                return self._greet(tls, hello if isinstance(hello, dict) else {}, self._buffer)
            if not data:
                return self._close()
            self._loop.soon(self._read)
        except _WAITS:
            self._loop.watch(self._tls, selectors.EVENT_READ, self._read)
        except (OSError, ValueError, RecursionError, FrameError, StreamFault):
            if self._tls is not None:
                self._close()
            else:
                tls.close()
