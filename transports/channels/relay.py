"""Tunnels over one command, for a login node whose sshd forwards nothing: channels of the SSH connection protocol (RFC 4254
section 5) on stdin and stdout, framed as OpenSSH's master does in proxy mode, each a TCP connection made from here.
Python 3.6, standard library. Nothing is written to disk; it ends with its stdin."""
import os, queue, socket, struct, sys, threading

OPEN, OPENED, FAILED, ADJUST, DATA, EOF, CLOSE, REQUEST, NO = 90, 91, 92, 93, 94, 96, 97, 98, 100
WINDOW, PACKET, LONGEST, MOST, CONNECT_S = 1 << 20, 32768, 1 << 20, 128, 20
# A message that means nothing (SSH_MSG_IGNORE) and ends in a newline: srun passes on what a step says line by line.
FLUSH = b"\0\0\0\3\0\2\n"
out_lock = threading.Lock()
channels = {}


def u32(*values):
    return struct.pack(">%dI" % len(values), *values)


def text(data):
    return u32(len(data)) + data


def send(kind, *body):
    message = b"\0" + bytes([kind]) + b"".join(body)
    with out_lock:
        try:
            sys.stdout.buffer.write(text(message) + FLUSH)
            sys.stdout.buffer.flush()
        except OSError:
            os._exit(0)


class Channel:
    def __init__(self, number, window, packet):
        self.number, self.window, self.packet = number, window, min(packet, PACKET)
        self.room = threading.Condition()
        self.todo = queue.Queue()
        self.socket = None
        self.ended = set()
        self.closed = False

    def run(self, host, port):
        try:
            self.socket = socket.create_connection((host, port), CONNECT_S)
            self.socket.settimeout(None)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            channels.pop(self.number, None)
            return send(FAILED, u32(self.number, 2), text(str(error).encode("utf-8", "replace")), text(b""))
        send(OPENED, u32(self.number, self.number, WINDOW, PACKET))
        threading.Thread(target=self.write, daemon=True).start()
        self.read()

    def read(self):
        while not self.closed:
            with self.room:
                while self.window == 0 and not self.closed:
                    self.room.wait()
                most = min(self.window, self.packet)
            try:
                data = self.socket.recv(most)
            except OSError:
                data = b""
            if self.closed:
                return
            if not data:
                send(EOF, u32(self.number))
                return self.end("out")
            with self.room:
                self.window -= len(data)
            send(DATA, u32(self.number), text(data))

    def write(self):
        while True:
            data = self.todo.get()
            try:
                if data is None:
                    self.socket.shutdown(socket.SHUT_WR)
                    return self.end("in")
                self.socket.sendall(data)
            except OSError:
                # the rest is taken and dropped: that the peer is gone is seen by who reads
                data = data or b""
            if self.closed:
                return
            send(ADJUST, u32(self.number, len(data)))

    def end(self, side):
        with self.room:
            self.ended.add(side)
            over = len(self.ended) == 2 and not self.closed
        if over:
            self.close()

    def close(self):
        with self.room:
            if self.closed:
                return
            self.closed = True
            self.room.notify_all()
        send(CLOSE, u32(self.number))
        self.todo.put(b"")
        if self.socket is not None:
            try:
                self.socket.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.socket.close()


def number_at(data, at):
    return struct.unpack_from(">I", data, at)[0]


def string_at(data, at):
    length = number_at(data, at)
    return data[at + 4 : at + 4 + length], at + 4 + length


def opened(body):
    kind, at = string_at(body, 0)
    number, window, packet = struct.unpack_from(">III", body, at)
    if kind != b"direct-tcpip" or len(channels) >= MOST:
        return send(FAILED, u32(number, 3 if len(channels) < MOST else 4), text(b"not here"), text(b""))
    host, at = string_at(body, at + 12)
    channels[number] = Channel(number, window, packet)
    where = (host.decode("ascii", "replace"), number_at(body, at))
    threading.Thread(target=channels[number].run, args=where, daemon=True).start()


def heard(kind, body):
    if kind == OPEN:
        return opened(body)
    number = number_at(body, 0)
    channel = channels.get(number)
    if channel is None:
        return
    if kind == DATA:
        channel.todo.put(string_at(body, 4)[0])
    elif kind == EOF:
        channel.todo.put(None)
    elif kind == ADJUST:
        with channel.room:
            channel.window += number_at(body, 4)
            channel.room.notify_all()
    elif kind == REQUEST:
        if body[string_at(body, 4)[1]]:
            send(NO, u32(number))
    elif kind == CLOSE:
        channel.close()
        channels.pop(number, None)


def exactly(size):
    data = sys.stdin.buffer.read(size)
    if len(data) < size:
        os._exit(0)
    return data


while True:
    size = number_at(exactly(4), 0)
    if not 2 <= size <= LONGEST:
        os._exit(1)
    message = exactly(size)
    heard(message[1], message[2:])
