"""Does this node reach the internet? Asked once, by connections that say nothing and are closed at once; only where the
cluster's entry does not tell."""
import os
import re
import socket

REACH = (("pypi.org", 443), ("github.com", 443))
REACH_SECONDS = 4


def reaches(environ, targets=REACH):
    """True at the first connection; False after five seconds without one. Where the site has a proxy, that is tried."""
    proxy = environ.get("https_proxy") or environ.get("HTTPS_PROXY") or ""
    match = re.match(r"(?:https?://)?(?:[^/@]*@)?([A-Za-z0-9.-]+):([0-9]{1,5})(?:/|$)", proxy)
    if match:
        targets = ((match.group(1), int(match.group(2))),)
    found = threading.Event()

    def look(target):
        with contextlib.suppress(OSError):
            socket.create_connection(target, REACH_SECONDS).close()
            found.set()

    # a name server that is not reached holds its caller for long: the threads are left behind
    threads = [threading.Thread(target=look, args=(target,), daemon=True) for target in targets]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + REACH_SECONDS + 1
    while time.monotonic() < deadline and not found.is_set() and any(thread.is_alive() for thread in threads):
        found.wait(0.1)
    return found.is_set()


class Internet(object):
    """`there`: True, False, or None while nobody knows."""

    def __init__(self, there, say):
        self.there = there
        self._say = say

    def look(self, environ):
        """In a thread of its own, where the entry did not tell."""
        if self.there is None:
            threading.Thread(target=self._look, args=(dict(environ),), daemon=True).start()

    def _look(self, environ):
        self.there = reaches(environ)
        if not self.there:
            self._say("no way to the internet from %s" % os.uname().nodename)
