"""One thread's event loop: sockets with a callback each, timers, calls from other threads."""
import heapq
import itertools
import selectors


class Loop(object):
    def __init__(self, say):
        self._say = say
        self._selector = selectors.DefaultSelector()
        self._timers = []
        self._order = itertools.count()
        self._soon = []
        self._calls = []
        self._lock = threading.Lock()
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, self._woken)
        self.running = True

    @property
    def wake_fd(self):
        """For signal.set_wakeup_fd: a signal must not wait for the next timer."""
        return self._wake_write

    def _woken(self, _mask):
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_read, 65536)
        with self._lock:
            calls, self._calls = self._calls, []
        for call in calls:
            call()

    def call(self, function):
        """From any thread."""
        with self._lock:
            self._calls.append(function)
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"x")

    def soon(self, function):
        self._soon.append(function)

    def later(self, seconds, function):
        heapq.heappush(self._timers, (time.monotonic() + seconds, next(self._order), function))

    def watch(self, sock, events, callback):
        """`events` 0: nothing is waited for. Called again, it changes what is."""
        try:
            key = self._selector.get_key(sock)
        except KeyError:
            if events:
                self._selector.register(sock, events, callback)
            return
        if not events:
            self._selector.unregister(sock)
        elif key.events != events or key.data != callback:
            self._selector.modify(sock, events, callback)

    def forget(self, sock):
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(sock)

    def stop(self):
        self.running = False

    def run(self):
        while self.running:
            wait = 5.0
            if self._timers:
                wait = max(0.0, min(wait, self._timers[0][0] - time.monotonic()))
            events = self._selector.select(0 if self._soon else wait)
            soon, self._soon = self._soon, []
            for function in soon:
                function()
            for key, mask in events:
                # An earlier callback of this round may have closed the socket.
                if self._selector.get_map().get(key.fd) is key:
                    try:
                        key.data(mask)
                    except Exception as error:
                        # One connection's fault is not the session's.
                        self._say("a connection was given up: %s: %s" % (type(error).__name__, error))
                        self.forget(key.fileobj)
            now = time.monotonic()
            while self._timers and self._timers[0][0] <= now:
                heapq.heappop(self._timers)[2]()
