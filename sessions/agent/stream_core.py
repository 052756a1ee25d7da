"""A stream that outlives its connections, without any input or output: both ends count bytes. What was sent is kept until the
other end has used it up, and after a cut it is sent again from where the other end stands: nothing is lost, doubled or out
of order. sessions/stream-core.ts is its twin; docs/agent.md has the frames.
"""
import collections

FRAME_HEAD = struct.Struct(">cI")
COUNT = struct.Struct(">Q")
# What a small piece costs beside its bytes: a million of them must not fill the memory either.
PIECE_COST = 128
ACK_EVERY = 64 << 10


class StreamFault(Exception):
    """The other end breaks the protocol."""


def frame(kind, data=b""):
    return FRAME_HEAD.pack(kind, len(data)) + data


def take_frame(buffer):
    """(kind, payload) taken from a bytearray's beginning, or None while it is not whole."""
    if len(buffer) < 5:
        return None
    kind, size = FRAME_HEAD.unpack_from(buffer)
    if size > FRAME:
        raise FrameError("a frame is too long")
    if len(buffer) < 5 + size:
        return None
    data = bytes(buffer[5 : 5 + size])
    del buffer[: 5 + size]
    return kind, data


class Numbered(object):
    def __init__(self, sends, takes):
        """The most bytes that may be under way, unused, to the other end and from it."""
        self._sends = sends
        self._takes = takes
        # Bytes from _base on: those sent on this connection, then the others.
        self._behind = collections.deque()
        self._ahead = collections.deque()
        self._base = self._sent = self._written = self._used_there = 0
        self._over = self._over_told = False
        self.received = 0
        self._used = self._told = 0
        self._owes = False
        self.ended = False

    # Out ------------------------------------------------------------------------------------------------------------

    def room(self):
        """How many bytes more may be written now; not above 0: wait."""
        kept = PIECE_COST * (len(self._behind) + len(self._ahead))
        return self._sends - (self._written - self._used_there) - kept

    def kept(self):
        return self._written - self._base

    def write(self, data):
        if data:
            self._ahead.append(data)
            self._written += len(data)

    def end(self):
        """Nothing more is written."""
        self._over = True

    def resume(self, there):
        """A new connection: the other end has this many bytes of ours; it was told how many we have."""
        if not self._base <= there <= self._written:
            raise StreamFault("%d bytes are there, of %d to %d" % (there, self._base, self._written))
        self._behind.extend(self._ahead)
        self._ahead, self._behind = self._behind, collections.deque()
        self._drop(self._ahead, there)
        self._sent = there
        self._over_told = False
        # The last acknowledgement may be among what was lost.
        self._owes = self._used > 0

    def next(self, most):
        """The next frame to send, its payload of at most that many bytes; None: nothing for now."""
        if self._owes:
            self._owes, self._told = False, self._used
            return frame(b"a", COUNT.pack(self._used))
        if self._ahead:
            piece = self._ahead.popleft()
            if len(piece) > most:
                self._ahead.appendleft(piece[most:])
                piece = piece[:most]
            self._behind.append(piece)
            self._sent += len(piece)
            return frame(b"d", piece)
        if self._over and not self._over_told:
            self._over_told = True
            return frame(b"e")
        return None

    def _drop(self, pieces, upto):
        while pieces and self._base + len(pieces[0]) <= upto:
            self._base += len(pieces.popleft())
        if pieces and self._base < upto:
            pieces[0] = pieces[0][upto - self._base :]
            self._base = upto

    # In -------------------------------------------------------------------------------------------------------------

    def take(self, kind, data):
        """What a frame brings for this end: bytes, b"" for none."""
        if kind == b"d":
            # who has room for a byte sends a piece
            if self.ended or self.received + len(data) - self._told > self._takes + FRAME:
                raise StreamFault("more was sent than there is room for")
            self.received += len(data)
            return data
        if kind == b"a":
            (used,) = COUNT.unpack(data)
            if not self._used_there <= used <= self._sent:
                raise StreamFault("%d bytes are used there, of %d sent" % (used, self._sent))
            self._used_there = used
            self._drop(self._behind, used)
        elif kind == b"p":
            self._owes = True
        elif kind == b"e":
            self.ended = True
        else:
            raise StreamFault("a frame of an unknown kind")
        return b""

    def use(self, count):
        """This end has used up so many more of the bytes that it took."""
        self._used += count
        if self._used - self._told >= min(ACK_EVERY, self._takes // 2):
            self._owes = True

    def settle(self):
        """Now and then: the last few bytes are acknowledged too."""
        if self._used > self._told:
            self._owes = True
