"""RStudio Server: rserver on our Unix socket, its R sessions on Unix sockets of its own, its state in this session's home.

Its options are those of server-options.json and session-options.json of rstudio/rstudio. It asks nobody who they are
(auth-none): the socket lies in a 0700 directory, and only the agent's port leads there.
"""
import uuid

_RSTUDIO = RUN + "/rstudio"
_RSERVER = (
    "--server-daemonize=0",
    "--server-set-umask=0",
    "--server-working-dir=" + REPOSITORY,
    "--server-pid-file=" + _RSTUDIO + "/rserver.pid",
    # rserver opens it to everyone, hence the 0700 directory around it
    "--server-data-dir=" + _RSTUDIO + "/data",
    "--secure-cookie-key-file=" + _RSTUDIO + "/secure-cookie-key",
    "--database-config-file=" + _RSTUDIO + "/database.conf",
    "--rsession-config-file=" + _RSTUDIO + "/rsession.conf",
    "--www-socket=" + RUN + "/" + SOCKET,
    "--www-verify-user-agent=0",
    "--auth-none=1",
    "--auth-timeout-minutes=0",
)
# The agent culls, and R may wait for a person as long as it likes; a terminal's own WebSocket server would be a TCP port
# of the node, and so it goes over rserver instead.
_RSESSION = {
    "session-timeout-minutes": "0",
    "session-default-working-dir": REPOSITORY,
    "session-quit-child-processes-on-exit": "1",
    "allow-terminal-websockets": "0",
}
# rserver gives its R sessions few of the image's variables: what it does not set comes from here.
_RSTUDIO_SESSION = """#!/bin/sh
# Written by hpcbinder for this session.
given=$(export -p)
. /run/hb/rstudio/environment
eval "$given"
exec "$HPCBINDER_RSESSION" "$@"
"""
_RSTUDIO_START = """# Written by hpcbinder for this session.
PATH=$PATH:/usr/lib/rstudio-server/bin:/usr/lib/rstudio/bin
own=/run/hb/rstudio
lacks() { printf '%s\\n' "$*" >/run/hb/lacks; exit 1; }
command -v R >/dev/null || lacks 'the image lacks R'
command -v rserver >/dev/null || lacks 'the image lacks RStudio Server: there is no rserver'
case $(rserver --help 2>&1) in
  *--www-socket*) ;;
  *) lacks 'the image lacks RStudio Server 2024.12 or newer: an older one opens a TCP port to every user of the node' ;;
esac
# whom auth-none takes for the user; without it its pages lead to each other for ever
USER=$(id -un) || lacks 'the image lacks a user of this number, and RStudio Server asks for its name'
# state and settings where the agent looks for them, whatever the image says of XDG
export USER "RSTUDIO_DATA_HOME=$HOME/.local/share/rstudio" "RSTUDIO_CONFIG_HOME=$HOME/.config/rstudio"
rserver --version 2>/dev/null | head -n 1 >/run/hb/about
# a file may set an option once: what the image says of others is kept
cat "$own/rsession.ours" >"$own/rsession.conf"
grep -Evf "$own/rsession.keys" /etc/rstudio/rsession.conf 2>/dev/null >>"$own/rsession.conf"
if HPCBINDER_RSESSION=$(command -v rsession) && [ -x "$own/rsession" ]; then
  export HPCBINDER_RSESSION
  export -p >"$own/environment"
  set -- "$@" "--rsession-path=$own/rsession"
fi
# some sites have users below 1000
exec rserver "$@" "--server-user=$USER" "--auth-minimum-user-id=$(id -u)"
"""
# A file is written a second after it was typed in; the default keeps it aside, in a home that ends with the session.
_PREFERENCES = {"auto_save_on_idle": "commit"}
_STATE = ".local/share/rstudio"
MOST_R_SESSIONS = 64


class RStudio(Kind):
    """Its R sessions write down whether they execute."""

    # The page of an idle person waits for news by POST, and keeps its own layout.
    BY_ITSELF = re.compile(
        rb"^POST \S*/(?:events/get_events|log/\w+|rpc/(?:ping|set_client_state|set_workbench_metrics|check_for_external_edit))[ ?]"
    )

    def prepare(self, session_directory):
        own = os.path.join(self.run, "rstudio")
        for path in (own, os.path.join(own, "data"), os.path.join(own, "db")):
            os.mkdir(path, 0o700)
        self.write("start.sh", _RSTUDIO_START)
        self.write("rstudio/secure-cookie-key", str(uuid.uuid4()))
        self.write("rstudio/database.conf", "provider=sqlite\ndirectory=%s/db\n" % _RSTUDIO)
        self.write("rstudio/rsession.ours", "".join("%s=%s\n" % pair for pair in sorted(_RSESSION.items())))
        self.write("rstudio/rsession.keys", "".join("^[[:space:]]*%s[[:space:]]*=\n" % key for key in sorted(_RSESSION)))
        self.write("rstudio/rsession", _RSTUDIO_SESSION)
        os.chmod(os.path.join(own, "rsession"), 0o700)
        self._prefer()

    def _prefer(self):
        """Where the image has no preferences of its own."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with contextlib.suppress(OSError, Refused):
            with Inside(self.home) as inside, inside.directory([".config", "rstudio"], make=True) as settings:
                with os.fdopen(os.open("rstudio-prefs.json", flags, 0o600, dir_fd=settings), "w") as out:
                    json.dump(_PREFERENCES, out)

    def command(self):
        # Whoever leads browsers there takes it off; its cookies are for this path alone.
        base = [] if self.base == "/" else ["--www-root-path=" + self.base]
        return ["/bin/sh", RUN + "/start.sh"] + list(_RSERVER) + base

    def last_words(self):
        return last_lines(os.path.join(self.home, _STATE, "log", "rserver.log"), 10)

    def look(self, app, use, now):
        use.learn_work(app.works() or self._executes(), now)

    def _executes(self):
        """Some R session of it does; nothing is read but its word for that, `1`."""
        active = os.path.join(self.home, _STATE, "sessions", "active")
        try:
            names = sorted(os.listdir(active))[:MOST_R_SESSIONS]
        except OSError:
            return False
        # RStudio spells the folder so.
        places = [os.path.join(active, name, "properites", "executing") for name in names]
        return any(read_little(path, 16).strip() == b"1" for path in places)
