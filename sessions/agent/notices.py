"""`notices`: who has the session open hears of its end in time, has the open pages save, and says what came of it (DESIGN 7).

Frames `d` of JSON. From the agent: {kind: "warning", "end" or "moved", endsAt, why, id, seconds}. To one with an id the
client answers {id, pages, files, failed: [words]} within so many seconds; {} each minute says that it is there.

The board is the loop's alone: threads reach it by Loop.call.
"""
import collections

# For the pages to save, of the 25 s before the walltime.
SAVE_SECONDS = 8
# A client says something every minute; one that is silent for longer than this is gone.
SILENT_SECONDS = 150
MOST_FAILED = 20
LONGEST_SECONDS = 366 * 86400


class Warnings(object):
    """The moments (seconds before the end) at which a warning is due; each once, and none that has passed at the start."""

    def __init__(self, moments, left):
        self._moments = moments
        self.rearm(left)

    def rearm(self, left):
        """The end has moved."""
        self._given = set(moment for moment in self._moments if left <= moment)

    def due(self, left):
        """Of several that have come since, one warning is enough."""
        come = set(moment for moment in self._moments if left <= moment) - self._given
        self._given |= come
        return bool(come)


class Deadline(object):
    """The walltime's end: what is announced before it, and what follows where the scheduler moves it."""

    def __init__(self, job, moments, board, say, moved):
        self._job = job
        self._board = board
        self._say = say
        self._moved = moved
        self._warnings = Warnings(moments, job.ends - CLOCK.now())

    def look(self, now):
        if self._warnings.due(self._job.ends - now):
            self._board.ask({"kind": "warning", "endsAt": int(self._job.ends)}, lambda: None)

    def move(self, ends, call):
        """To that moment, in epoch seconds, by the loop's `call`. Answers what the client is told."""
        if not isinstance(ends, int) or not CLOCK.now() < ends < CLOCK.now() + LONGEST_SECONDS:
            return {"error": "an end has to be a time to come, in epoch seconds"}
        call(lambda: self._move(ends))
        return {"endsAt": ends}

    def _move(self, ends):
        if ends == int(self._job.ends):
            return
        self._say("the walltime's end moves by %d s" % (ends - self._job.ends))
        self._job.ends = ends
        self._warnings.rearm(ends - CLOCK.now())
        self._moved()
        self._board.tell({"kind": "moved", "endsAt": ends})


class Board(object):
    def __init__(self, loop, say):
        self._loop = loop
        self._say = say
        self._clients = set()
        self._number = 0
        # What came of the last request to save; None: there was none.
        self.saved = None
        self._answers = None

    def join(self, client):
        self._clients.add(client)
        self._say("open in %d places" % len(self._clients))

    def leave(self, client):
        self._clients.discard(client)
        if self._answers is not None and client in self._answers["waiting"]:
            self._answers["silent"] += 1
            self._heard(client)

    def tell(self, notice):
        for client in self._clients:
            client.push(notice)

    def ask(self, notice, done):
        """Has the open pages save; `done()` is called when all have answered, after SAVE_SECONDS at the latest."""
        self._conclude()
        self._number += 1
        number = self._number
        self._answers = {"pages": 0, "files": 0, "failed": [], "silent": 0, "waiting": set(self._clients), "done": done}
        self.tell(dict(notice, id=number, seconds=SAVE_SECONDS))
        if not self._clients:
            return self._conclude()
        self._loop.later(SAVE_SECONDS + 1, lambda: number == self._number and self._conclude())

    def answered(self, client, said):
        answers = self._answers
        if answers is None or said.get("id") != self._number or client not in answers["waiting"]:
            return
        answers["pages"] += _count(said.get("pages"))
        answers["files"] += _count(said.get("files"))
        failed = said.get("failed")
        answers["failed"] += [str(words)[:300] for words in (failed if isinstance(failed, list) else [])]
        self._heard(client)

    def _heard(self, client):
        self._answers["waiting"].discard(client)
        if not self._answers["waiting"]:
            self._conclude()

    def _conclude(self):
        answers, self._answers = self._answers, None
        if answers is None:
            return
        self.saved = {
            "at": int(CLOCK.now()),
            "pages": answers["pages"],
            "files": answers["files"],
            "failed": answers["failed"][:MOST_FAILED],
            "silent": answers["silent"] + len(answers["waiting"]),
        }
        self._say("asked the open pages to save: %s" % json.dumps(self.saved, sort_keys=True))
        answers["done"]()


def write_end(path, end, board):
    """end.json: why, and what the open pages saved where they were asked."""
    record = {"schema": 1, "why": end.why, "detail": end.detail, "at": int(CLOCK.now())}
    if board is not None and board.saved is not None:
        record["saved"] = board.saved
    write_json(path, record)


def _count(value):
    return min(max(value, 0), 10000) if isinstance(value, int) else 0


class NoticeClient(object):
    """What is to be sent to one client, from the loop's thread to the client's own."""

    def __init__(self):
        self._notices = collections.deque(maxlen=100)
        self.read, self._write = os.pipe()
        os.set_blocking(self.read, False)
        os.set_blocking(self._write, False)

    def push(self, notice):
        self._notices.append(notice)
        with contextlib.suppress(OSError):
            os.write(self._write, b"x")

    def take(self):
        with contextlib.suppress(BlockingIOError):
            os.read(self.read, 65536)
        while self._notices:
            yield self._notices.popleft()

    def close(self):
        # A push that comes later finds nobody: the number may be another file's by then.
        read, write, self.read, self._write = self.read, self._write, -1, -1
        os.close(read)
        os.close(write)


def serve_notices(frames, session):
    client = NoticeClient()
    board, call = session.board, session.loop.call
    frames.answer({"ok": True, "endsAt": int(session.job.ends)})
    call(lambda: board.join(client))
    sock = frames.sock
    heard = time.monotonic()
    try:
        while time.monotonic() - heard < SILENT_SECONDS:
            sock.settimeout(0)
            alive = frames.feed()
            for kind, data in iter(frames.take, None):
                heard = time.monotonic()
                if kind == b"x":
                    return
                said = json.loads(data.decode("utf-8"))
                if isinstance(said, dict) and said:
                    call(lambda said=said: board.answered(client, said))
            if not alive:
                return
            sock.settimeout(LINE_SECONDS)
            for notice in client.take():
                frames.send(b"d", json.dumps(notice).encode("ascii"))
            poll = select.poll()
            poll.register(sock, select.POLLIN)
            poll.register(client.read, select.POLLIN)
            poll.poll(5000)
    finally:
        # In the loop's order: after this nothing is pushed.
        call(lambda: (board.leave(client), client.close()))
