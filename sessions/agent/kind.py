"""What an app is beside a process: its files, its words, whether it answers, whether it is used. Here what is common."""
import signal

# In the run directory; the app listens there and nowhere else (DESIGN 6).
SOCKET = "app.sock"


class Kind(object):
    # A request of this form changes something and yet is no use: the page of an idle person sends it by itself.
    BY_ITSELF = re.compile(rb"$.")
    # What the browser says over a WebSocket is use: nobody else tells of it.
    STREAMS_ARE_USE = True
    # Ends it in order.
    END = signal.SIGTERM

    def __init__(self, app, run_directory, home):
        self.name = app["name"]
        self.token = app["token"]
        # The path under which browsers have it; begins and ends with a slash.
        self.base = app.get("base", "/")
        self.run = run_directory
        self.home = home

    def prepare(self, session_directory):
        """Its files in the run directory, which is new and empty."""

    def command(self):
        """What runs in the container."""
        raise NotImplementedError

    def variables(self):
        return {}

    def is_ready(self, app):
        """Does it answer? Any answer will do: what is wrong with it is shown to the person."""
        return app.ask("/") is not None

    def version(self, app):
        """Its start writes that down, where it can."""
        return self._written("about")

    def lacking(self):
        """One line, where its start found that image or repository have not what it takes."""
        return self._written("lacks")

    def last_words(self):
        """Of a log of its own, for when it said nothing on its output."""
        return []

    def look(self, app, use, now):
        """Tells `use` what is known of it."""
        raise NotImplementedError

    def write(self, name, text):
        """A file of ours in the run directory, 0600."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(os.path.join(self.run, name), flags, 0o600), "w") as out:
            out.write(text)

    def _written(self, name):
        text = read_little(os.path.join(self.run, name)).decode("utf-8", "replace")
        return text.splitlines()[0][:300] if text.strip() else None


def read_little(path, size=4096):
    """The first bytes of a file that code in the container may have put there: no link, no pipe. Empty: there is none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return b""
    try:
        return os.read(fd, size)
    except OSError:
        return b""
    finally:
        os.close(fd)
