"""Jupyter: its settings, its API."""
import shutil

# Jupyter's own pings would close the WebSockets of a laptop that has slept for 90 s: streams.py says who is away for too long.
# The kernels' sockets too are files in the 0700 directory: on TCP every user of the node could subscribe to their output.
_SETTINGS = """# Written by hpcbinder for this session; holds its token.
c = get_config()
def _major(name):
    try:
        return __import__(name).version_info[0]
    except Exception:
        return 0
_server = _major("jupyter_server")
_app = c.NotebookApp if %(app)r == "notebook" and 0 < _major("notebook") < 7 or not _server else c.ServerApp
if _server >= 2 and _app is c.ServerApp:
    c.IdentityProvider.token = %(token)r
    _app.root_dir = %(root)r
else:
    _app.token = %(token)r
    _app.notebook_dir = %(root)r
_app.sock = %(sock)r
_app.base_url = %(base)r
_app.sock_mode = "0600"
_app.open_browser = False
_app.allow_remote_access = True
_app.allow_root = True
_app.tornado_settings.update({"ws_ping_interval": 0})
c.KernelManager.transport = "ipc"
c.LabApp.check_for_updates_class = "jupyterlab.handlers.announcements.NeverCheckForUpdate"
c.LabApp.news_url = None
c.LabServerApp.extra_labextensions_path.append(%(extensions)r)
"""
# JupyterLab finds a prebuilt extension by this file; page.js beside agent.py is its program.
_PAGE = {
    "name": "hpcbinder",
    "version": "1.0.0",
    "description": "Saves before the session ends, and says when that is",
    "jupyterlab": {"_build": {"load": "static/remoteEntry.js", "extension": "./extension"}},
}


class Jupyter(Kind):
    """It says itself when its kernels and terminals were used last."""

    # A page that is only open saves its own layout.
    BY_ITSELF = re.compile(rb"^[A-Z]+ \S*/api/workspaces\b")
    STREAMS_ARE_USE = False

    def prepare(self, session_directory):
        values = {"app": self.name, "token": self.token, "root": REPOSITORY, "sock": RUN + "/" + SOCKET}
        values.update(base=self.base, extensions=RUN + "/labextensions")
        self.write("jupyter_config.py", _SETTINGS % values)
        os.mkdir(os.path.join(self.run, "runtime"), 0o700)
        place = os.path.join(self.run, "labextensions", "hpcbinder")
        os.makedirs(os.path.join(place, "static"), 0o700)
        write_json(os.path.join(place, "package.json"), _PAGE)
        page = os.path.join(session_directory, "page.js")
        shutil.copyfile(page, os.path.join(place, "static", "remoteEntry.js"))

    def command(self):
        return ["jupyter", self.name, "--config=%s/jupyter_config.py" % RUN]

    def variables(self):
        return {"JUPYTER_RUNTIME_DIR": RUN + "/runtime"}

    def is_ready(self, app):
        return self._get(app, "/api/status") is not None

    def version(self, app):
        version = self._get(app, "/api")
        return version.get("version") if isinstance(version, dict) else None

    def look(self, app, use, now):
        kernels = self._get(app, "/api/kernels")
        terminals = self._get(app, "/api/terminals") if kernels is not None else None
        use.learn(kernels, terminals, now, CLOCK.ahead())

    def _get(self, app, path):
        """What its API answers to a GET, or None."""
        answer = app.ask(self.base + path[1:], {"Authorization": "token " + self.token})
        try:
            return json.loads(answer[1].decode("utf-8")) if answer is not None and answer[0] == 200 else None
        except ValueError:
            return None
