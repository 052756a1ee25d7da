"""The one open door (DESIGN 6): TLS with the session's CA, the client's certificate required. Whoever has none gets a closed
connection, and a thousand idle ones shut nobody out (SECURITY NET-14): nothing is spent on a connection before its first
byte, there is a deadline for the handshake, and at the cap the address with the most of them loses its oldest.
"""
import resource
import ssl

HANDSHAKE_SECONDS = 5.0
GUESTS = 256
# Descriptors that stay free for logs, pipes, the API.
RESERVE = 64
REPORT_SECONDS = 60
# The first that the client offers too.
PROTOCOLS = ["hb-stream/1", "hb/1", "http/1.1"]


def raise_file_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 65536 if hard == resource.RLIM_INFINITY else min(hard, 65536)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return wanted
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft


def tls_context(tls, directory):
    """The library reads keys from files only: they lie in the node's 0700 directory for a moment."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    versions = getattr(ssl, "TLSVersion", None)
    if versions is not None:
        setattr(context, "minimum_version", versions.TLSv1_2)
    else:  # Python 3.6
        context.options |= ssl.OP_NO_SSLv2 | ssl.OP_NO_SSLv3 | ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_TICKET | getattr(ssl, "OP_NO_RENEGOTIATION", 0)
    # A server's purpose check refuses certificates that are not for clients, the agent's own among them.
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=tls["ca"])
    context.set_alpn_protocols(PROTOCOLS)
    path = os.path.join(directory, "server.pem")
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "w") as out:
            out.write(tls["cert"].rstrip() + "\n" + tls["key"].rstrip() + "\n")
        context.load_cert_chain(path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(path)
    return context


def listening_socket(ports):
    """On the first of `ports` that can be bound, or on one of the kernel's choice where none is named."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    for port in ports or [0]:
        with contextlib.suppress(OSError):
            sock.bind(("0.0.0.0", port))
            sock.listen(4096)
            sock.setblocking(False)
            return sock
    sock.close()
    raise Ending("failed", "none of the ports that the site allows can be bound on %s" % os.uname().nodename)


class _Guest(object):
    """A connection that has not shown its certificate."""

    def __init__(self, sock, address):
        self.sock = sock
        self.address = address
        self.spoke = False


class Listener(object):
    def __init__(self, loop, sock, context, welcome, say):
        """`welcome(tls_socket, protocol)` takes a connection over; the socket does not block."""
        self._loop = loop
        self._sock = sock
        self._context = context
        self._welcome = welcome
        self._say = say
        self._guests = {}
        self._per_address = {}
        self._refused = 0
        self._limit = raise_file_limit()
        self._cap = max(16, min(GUESTS, (self._limit - RESERVE) // 4))
        loop.watch(sock, selectors.EVENT_READ, self._accept)
        loop.later(REPORT_SECONDS, self._report)

    def close(self):
        self._loop.forget(self._sock)
        self._sock.close()
        for guest in list(self._guests):
            self._drop(guest)

    def _report(self):
        if self._refused:
            self._say("%d connections without the session's key were closed in the last minutes" % self._refused)
            self._refused = 0
        self._loop.later(REPORT_SECONDS, self._report)

    def _accept(self, _mask):
        for _ in range(64):
            try:
                sock, address = self._sock.accept()
            except BlockingIOError:
                return
            except OSError:
                # No descriptor is left, or the peer is gone already.
                self._evict()
                return
            if sock.fileno() >= self._limit - RESERVE:
                sock.close()
                continue
            sock.setblocking(False)
            guest = _Guest(sock, address[0])
            self._guests[guest] = True
            self._per_address[guest.address] = self._per_address.get(guest.address, 0) + 1
            self._loop.watch(sock, selectors.EVENT_READ, lambda _mask, g=guest: self._greet(g))
            self._loop.later(HANDSHAKE_SECONDS, lambda g=guest: g in self._guests and self._drop(g))
            if len(self._guests) > self._cap:
                self._evict()

    def _evict(self):
        """The address with the most; of its connections the oldest that sent nothing, else the oldest."""
        if not self._guests:
            return
        crowd = max(self._per_address, key=self._per_address.get)
        theirs = [guest for guest in self._guests if guest.address == crowd]
        self._drop(next((guest for guest in theirs if not guest.spoke), theirs[0]))

    def _leave(self, guest):
        self._loop.forget(guest.sock)
        del self._guests[guest]
        self._per_address[guest.address] -= 1
        if not self._per_address[guest.address]:
            del self._per_address[guest.address]

    def _drop(self, guest):
        self._leave(guest)
        self._refused += 1
        with contextlib.suppress(OSError):
            guest.sock.close()

    def _greet(self, guest):
        try:
            if not guest.spoke:
                guest.spoke = True
                guest.sock = self._context.wrap_socket(guest.sock, server_side=True, do_handshake_on_connect=False)
            guest.sock.do_handshake()
        except ssl.SSLWantReadError:
            return self._loop.watch(guest.sock, selectors.EVENT_READ, lambda _mask: self._greet(guest))
        except ssl.SSLWantWriteError:
            return self._loop.watch(guest.sock, selectors.EVENT_WRITE, lambda _mask: self._greet(guest))
        except (OSError, ValueError):
            return self._drop(guest)
        protocol = guest.sock.selected_alpn_protocol()
        if protocol not in PROTOCOLS:
            return self._drop(guest)
        self._leave(guest)
        with contextlib.suppress(OSError):
            guest.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            # A tunnel that broke without a word is noticed after two minutes.
            guest.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 20), ("TCP_KEEPCNT", 3)):
                guest.sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        self._welcome(guest.sock, protocol)
