"""The session on the node, from its lock to its end."""
import shutil

TICK_SECONDS = 1.0
# Between two ticks; a node that is only busy stays below.
GAP_SECONDS = 30
POLL_SECONDS = 10
# Other sessions ask whether this one still has the work directory (work_claim.py).
BEAT_SECONDS = 120
EXIT_OK = ("stopped", "idle", "max-age", "timeout", "cancelled", "app-ended")


class Session(object):
    def __init__(self, parameters, directory, now):
        self.parameters = parameters
        self.id = parameters["session"]
        self.directory = directory
        self.job = Job(os.environ, parameters["limits"]["walltimeSeconds"], now)
        self.say = Log(os.path.join(directory, "agent.log")).say
        self.use = Use(now)
        self.shells = set()
        self.node = self.container = self.app = self.work = self.listener = None
        self.loop = self.board = self.deadline = None
        self._ending = self._sif = None
        self._ticked = 0.0
        self._ready = False
        self._figures = {}
        self._gpus = Gpus(parameters["container"].get("gpu") == "auto", self.say)
        self._kills = memory_kills()
        self._internet = Internet(parameters.get("internet"), self.say)

    def _file(self, name):
        return os.path.join(self.directory, name)

    # Its way --------------------------------------------------------------------------------------------------------

    def run(self, again, over):
        """The exit status. Whatever happens, the app is gone and end.json is written when this returns."""
        end = Ending("failed", "the agent has a defect; agent.log tells")
        try:
            self._prepare(again, over)
            self._serve()
            end = self._ending
        except Ending as ending:
            end = ending
        except WorkError as error:
            end = Ending("failed", str(error))
        except Exception as error:
            import traceback

            self.say(traceback.format_exc())
            end = Ending("failed", "%s: %s" % (type(error).__name__, error))
        finally:
            self._finish(end)
        return 0 if end.why in EXIT_OK else 1

    def _prepare(self, again, over):
        signal.signal(signal.SIGTERM, self._told_to_end)
        signal.signal(signal.SIGINT, self._told_to_end)
        former = read_json(self._file("lock/app.json")) if again else None
        if former is not None:
            self.say("the former agent died: looking for the app that it left")
            self.node = former["node"]
            self.container = Container(self.parameters, self.job, self.directory, self.node)
            self.work = former["work"]
            self.container.work_directory = self.work["directory"]
            self.app = App(self.parameters, self.container, self.directory, self.say)
            if not self.app.adopt(former["pid"], former["ticks"]):
                raise Ending("app-failed", "the agent and the app were killed")
            if not over:
                return
        if over:
            raise Ending("app-failed", "the agent was killed twice")
        self._internet.look(os.environ)
        facts = self.parameters["container"]
        self.node = node_directory(os.environ)
        self.container = Container(self.parameters, self.job, self.directory, self.node)
        self.container.make_directories()
        self._sif = check_sif(facts, self.say)
        home = threading.Thread(target=self.container.copy_home, args=(self.say,), daemon=True)
        home.start()
        self.work = prepare_work(self.parameters["work"], self.container.copy_repository, self.say)
        self.container.work_directory = self.work["directory"]
        write_json(self._file("work.json"), dict(self.work, schema=1))
        home.join()
        self.app = App(self.parameters, self.container, self.directory, self.say)
        self.app.start()
        app = {"node": self.node, "pid": self.app.pid, "ticks": self.app.ticks, "work": self.work}
        write_json(self._file("lock/app.json"), app)

    def _serve(self):
        self.loop = Loop(self.say)
        signal.set_wakeup_fd(self.loop.wake_fd)
        sock = listening_socket(self.parameters.get("ports"))
        context = tls_context(self.parameters["tls"], self.node)
        self.listener = Listener(self.loop, sock, context, self._welcome, self.say)
        self.board = Board(self.loop, self.say)
        moments = self.parameters["limits"].get("warnSeconds", [])
        self.deadline = Deadline(self.job, moments, self.board, self.say, self._write_address)
        self._control = Control(self)
        self._streams = Streams(self.loop, self.app, self.use, self.say)
        self._port = sock.getsockname()[1]
        threading.Thread(target=self._watch_app, daemon=True).start()
        threading.Thread(target=self.app.keep_log_small, daemon=True).start()
        self._gpus.start()
        self._ticked = CLOCK.now()
        self._tick()
        self.loop.run()

    def _welcome(self, sock, protocol):
        if protocol == "http/1.1":
            Splice(self.loop, sock, self.app, self.use)
        elif protocol == "hb-stream/1":
            self._streams.welcome(sock)
        else:
            self.loop.forget(sock)
            self._control.welcome(sock)

    def _became_ready(self):
        if self._ending is None:
            self._ready = True
            self.use.touch(CLOCK.now())
            self._write_address()
            self.say("ready: %s, port %d" % (os.uname().nodename, self._port))

    def _write_address(self):
        if self._ready:
            write_address(self._file("address.json"), self.id, self.job, self._port)

    # Watching -------------------------------------------------------------------------------------------------------

    def _watch_app(self):
        """A thread of its own: the app may take its time to answer, the loop may not."""
        while not self.app.is_ready():
            time.sleep(0.1)
        swapped = sif_swapped(self.parameters["container"], self._sif, self.say)
        if swapped is not None:
            self.request_end(swapped, at_once=True)
            return
        self.loop.call(self._became_ready)
        beat = time.monotonic()
        while True:
            with contextlib.suppress(OSError):
                self._figures = self.app.count()
            self.app.look(self.use)
            if time.monotonic() - beat > BEAT_SECONDS:
                beat = time.monotonic()
                if not refresh_work(self.work):
                    self.say("another session has taken over %s" % self.work["directory"])
            time.sleep(min(POLL_SECONDS, max(1, self.parameters["limits"]["idleSeconds"] / 4)))

    def _tick(self):
        self._mind_the_gap(CLOCK.now())
        code = self.app.poll()
        if code is not None:
            self._end(self._why_app_ended(code), at_once=True)
            return
        now = CLOCK.now()
        limit = why_end(now, self.parameters["limits"], self.job, self.use)
        if limit is not None:
            self._end(Ending(*limit))
            return
        if self._ending is None:
            self.deadline.look(now)
        self.loop.later(TICK_SECONDS, self._tick)

    def _mind_the_gap(self, now):
        """The job was suspended, or its node frozen: no idleness and no walltime has passed.
        Should the walltime have passed all the same, the scheduler's own signal comes in time to end in order."""
        gap = now - self._ticked - TICK_SECONDS
        self._ticked = now
        if abs(gap) > GAP_SECONDS:
            self.say("%d s have passed between two looks at the clock" % gap)
            self.use.shift(gap)
            self.job.shift(gap)

    def _why_app_ended(self, code):
        # A signal to the whole job reaches the app before it reaches us.
        time.sleep(0.3)
        return self._ending or self.app.why_ended(code, self._kills)

    # The end --------------------------------------------------------------------------------------------------------

    def _told_to_end(self, _number, _frame):
        near = CLOCK.now() >= self.job.ends - 2 * BEFORE_WALLTIME
        ending = Ending("timeout", "the walltime ended") if near else Ending("cancelled", "the job got a signal to end")
        if self.loop is None:
            # Still preparing: nothing there outlives an exception.
            raise ending
        # Not Loop.call: the lock that it takes may be held by what the signal interrupted.
        self.loop.soon(lambda: self._end(ending, signalled=True))

    def request_end(self, ending, at_once):
        self.loop.call(lambda: self._end(ending, at_once))

    def _end(self, ending, at_once=False, signalled=False):
        """The open pages save first, unless it has to be at once."""
        if self._ending is None:
            self._ending = ending
        elif not at_once:
            return
        if at_once or not self._ready:
            self.loop.stop()
            return
        if signalled:
            # What comes next the scheduler may not wait for.
            write_end(self._file("end.json"), ending, self.board)
        self.board.ask({"kind": "end", "why": ending.why, "endsAt": int(CLOCK.now())}, self.loop.stop)

    def _finish(self, end):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.say("the end: %s %s" % (end.why, end.detail))
        # Written first: the scheduler may not leave us the time to do more.
        write_end(self._file("end.json"), end, self.board)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._file("address.json"))
        if self.listener is not None:
            self.listener.close()
        for child in list(self.shells):
            with contextlib.suppress(OSError):
                os.killpg(child.pid, signal.SIGKILL)
        if self.app is not None:
            self.app.stop()
        if self.work is not None:
            release_work(self.work)
        if self.node is not None:
            shutil.rmtree(self.node, ignore_errors=True)

    def audit(self, request):
        asked = {"secrets": request.get("secrets", {}), "shared": request.get("shared"), "directory": self.directory}
        asked["private"] = [self.node, self.container.run_directory]
        asked["agent"] = {"port": self._port, "jobId": self.job.id}
        return Audit(asked).run()

    def status(self):
        now = CLOCK.now()
        return {
            "ready": self._ready,
            "appVersion": self.app.version,
            "idleSince": int(self.use.idle_since(now)),
            "busyKernels": self.use.busy_kernels,
            "startedAt": int(self.job.started),
            "endsAt": int(self.job.ends),
            "now": int(now),
            "figures": dict(self._figures, **self._gpus.figures(now)),
            "internet": self._internet.there,
            "saved": self.board.saved,
            "product": self.parameters.get("product", ""),
        }
