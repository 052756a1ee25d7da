"""The container: what it sees, which variables pass, what is copied out of its image (DESIGN 15)."""
import contextlib
import os
import re
import subprocess
import tempfile

IMAGE_HOME = "/home/jovyan"
REPOSITORY = "/srv/repo"
RUN = "/run/hb"
HOME_BYTES = 50 << 20
HOME_FILES = 2000

# From the job's environment into the container; everything else stays out (SECURITY INJ-08).
PASSED = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "SLURM_JOB_ID", "SLURM_CPUS_PER_TASK", "PBS_JOBID", "NCPUS", "TZ")
NAME = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*$")
# Names by which a value becomes code: of loaders, shells, interpreters, git; the same list is in core/variables.ts.
CODE = re.compile(
    r"^(LD_.*|BASH_.*|ENV|IFS|SHELLOPTS|PATH|PROMPT_COMMAND|PYTHON(STARTUP|PATH|HOME)|PERL5(OPT|LIB)|RUBY(OPT|LIB)"
    r"|NODE_OPTIONS|GIT_SSH.*|R_PROFILE.*|R_ENVIRON.*)$"
)
# What the session itself is made of.
OURS = re.compile(r"^(HOME|JUPYTER_.*|(APPTAINER|SINGULARITY|HPCBINDER).*)$")

_EXPORT = 'cd -- "$1" 2>/dev/null || exit 3; exec tar -cf - .'


class Container(object):
    def __init__(self, parameters, job, session_directory, node):
        facts = parameters["container"]
        self._command = facts["command"]
        self._sif = facts["sif"]
        self._prefix = "SINGULARITYENV_" if facts["flavor"] == "singularity" else "APPTAINERENV_"
        self._gpu = facts.get("gpu", "none")
        self._binds = facts.get("binds", [])
        self._env = facts.get("env", [])
        self._allowed = facts.get("allowed", [])
        self._job = job
        self._node = node
        self.home = os.path.join(session_directory, "home")
        self.run_directory = os.path.join(node, "run")
        self.work_directory = None

    def variable(self, name):
        """The name under which the container command takes a variable for the inside."""
        return self._prefix + name

    def make_directories(self):
        for path in (self.run_directory, os.path.join(self._node, "work"), os.path.join(self._node, "tmp")):
            with contextlib.suppress(FileExistsError):
                os.mkdir(path, 0o700)

    def argv(self, command, quiet=False):
        """`command` in the container; `quiet`: warnings and errors only. The words hold no secret: every user of the node can read them (SECURITY TOK-01)."""
        words = [self._command] + (["--quiet"] if quiet else []) + ["exec", "--containall", "--cleanenv"]
        words += ["--home", "%s:%s" % (_plain(self.home), IMAGE_HOME), "--workdir", os.path.join(self._node, "work")]
        words += ["--bind", "%s:%s" % (_plain(self.work_directory), REPOSITORY)]
        words += ["--bind", "%s:%s" % (self.run_directory, RUN)]
        for bind in self._binds:
            source = bind["from"]
            if not os.path.exists(source):
                raise Ending("failed", "--bind %s: there is no such file or directory on %s" % (source, os.uname().nodename))
            mode = "ro" if bind.get("readOnly") else "rw"
            words += ["--bind", "%s:%s:%s" % (_plain(source), _plain(bind["to"]), mode)]
        return words + self.gpu_options() + ["--pwd", REPOSITORY, self._sif] + list(command)

    def gpu_options(self):
        """Only where the scheduler gave GPUs and the node has their driver: without one --nv warns at each start."""
        given = ("CUDA_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS", "PBS_GPUFILE")
        if self._gpu != "auto" or not any(os.environ.get(name) for name in given):
            return []
        found = []
        if os.path.exists("/dev/nvidiactl"):
            found.append("--nv")
        if os.path.exists("/dev/kfd"):
            found.append("--rocm")
        return found

    def environment(self):
        """For the container command: the job's own without the variables that steer it, and those that pass inside."""
        inside = {name: os.environ[name] for name in PASSED if name in os.environ}
        inside["OMP_NUM_THREADS"] = str(self._job.cpus or 1)
        for name, value in self._env:
            if not NAME.match(name) or OURS.match(name) or CODE.match(name) and name not in self._allowed:
                raise Ending("failed", "the variable %r may not be set in the container" % name)
            inside[name] = value
        steering = re.compile(r"^(APPTAINER|SINGULARITY)")
        outside = {name: value for name, value in os.environ.items() if not steering.match(name)}
        # Where a SIF cannot be mounted it is unpacked: on the node's disk.
        outside[self._prefix.replace("ENV_", "_TMPDIR")] = os.path.join(self._node, "tmp")
        # A value is a value: without this $(...) in it would run inside.
        outside[self._prefix.replace("ENV_", "_NO_EVAL")] = "1"
        outside.update((self._prefix + name, value) for name, value in inside.items())
        return outside

    def copy_out(self, path, destination, most_bytes=None, most_files=None):
        """The image's `path` into an existing directory. False: the image has none. Raises TooMuch, Refused, OSError."""
        words = [self._command, "exec", "--containall", "--cleanenv", "--no-home", "--pwd", "/", self._sif]
        words += ["/bin/sh", "-c", _EXPORT, "sh", path]
        with tempfile.TemporaryFile(dir=self._node) as errors:
            child = subprocess.Popen(
                words, env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
            )
            try:
                with Inside(destination) as inside:
                    try:
                        inside.unpack(child.stdout, most_bytes=most_bytes, most_files=most_files)
                    except tarfile.ReadError:
                        pass  # nothing came, or not all of it: the exit status and its words tell more
            finally:
                child.stdout.close()
                if child.poll() is None:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        child.wait(timeout=5)
                    if child.poll() is None:
                        child.kill()
                child.wait()
            errors.seek(0)
            words = errors.read(65536).decode("utf-8", "replace").strip().splitlines()
        if child.returncode == 3:
            return False
        if child.returncode != 0:
            raise OSError("copying %s out of the image: exit %d: %s" % (path, child.returncode, " · ".join(words[-3:])))
        return True

    def copy_repository(self, destination):
        """For prepare_work: an empty directory is filled with the image's /srv/repo, where it has one."""
        self.copy_out(REPOSITORY, destination)

    def copy_home(self, say):
        """SESSION/home starts as the image user's: postBuild puts kernels and settings there."""
        try:
            os.mkdir(self.home, 0o700)
        except FileExistsError:
            return
        try:
            self.copy_out(IMAGE_HOME, self.home, HOME_BYTES, HOME_FILES)
        except TooMuch:
            say("only a part of %s was copied: it has more than %d MB or %d files" % (IMAGE_HOME, HOME_BYTES >> 20, HOME_FILES))
        except (OSError, Refused, tarfile.TarError) as error:
            say("%s could not be copied, the session starts with a part of it or none: %s" % (IMAGE_HOME, error))


def _plain(path):
    """Colons and commas separate the words of --bind."""
    if re.search(r"[:,\n]", path) or not path.startswith("/"):
        raise Ending("failed", "%r cannot be shown to the container: its name has a colon, a comma or a line end" % path)
    return path
