"""Runners from outside: each is a command that gets what runner-image/CONTRACT.md promises it, as
PID 1 of a PID namespace of its own and as user 10001. Needs root.

The runners are committest-runner and tests/contract/shell_runner, or the one command in
$COMMITTEST_CONTRACT_RUNNER. Tests that are marked `own` hold committest-runner alone."""
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.cluster import ROOT, Repository, wait_for  # noqa: E402

HERE = ROOT / "tests" / "contract"
RUNNERS = {"committest-runner": [str(ROOT / "build/release/bin/committest-runner")],
           "shell": [str(HERE / "shell_runner")]}
if given := os.environ.get("COMMITTEST_CONTRACT_RUNNER"):
    RUNNERS = {"given": shlex.split(given)}
ENDS_WITHIN_SECONDS = 30
USER = 10001


def pytest_configure(config):
    config.addinivalue_line("markers", "own: a promise of committest-runner, not of every runner")


def pytest_generate_tests(metafunc):
    if "runner" not in metafunc.fixturenames:
        return
    own = metafunc.definition.get_closest_marker("own")
    names = [name for name in RUNNERS if not own or name == "committest-runner"]
    metafunc.parametrize("runner", names, indirect=True)


class End:
    """How a run ended, as the kubelet sees it."""

    def __init__(self, exit_code, output, termination_log):
        self.exit_code = exit_code
        self.output = output
        self.termination_log = termination_log

    @property
    def summary(self):
        return json.loads(self.termination_log)

    def __repr__(self):
        return f"exit code {self.exit_code}, {self.termination_log!r}, {self.output[-2000:]!r}"


class Run:
    """One run of a runner, in a folder of its own."""

    def __init__(self, command, folder, request, environment):
        self._log = folder / "termination-log"
        self._log.touch()
        self._log.chmod(0o666)  # As the kubelet makes it.
        for name in ("dev", "workspace", "tmp"):
            (folder / name).mkdir()
            os.chown(folder / name, USER, USER)
        self.folder = folder
        self._process = subprocess.Popen(  # pylint: disable=consider-using-with
            ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child",
             str(HERE / "in_a_container"), str(folder), *command],
            cwd=folder / "workspace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder / "workspace"),
                 "COMMITTEST_RUN": request, "COMMITTEST_WORKSPACE": str(folder / "workspace"),
                 "TMPDIR": str(folder / "tmp"), "COMMITTEST_GRACE_SECONDS": "1", **environment})

    def pid(self):
        """The runner's own process id, seen from here."""
        path = f"/proc/{self._process.pid}/task/{self._process.pid}/children"
        return int(wait_for("the runner", lambda: pathlib.Path(path).read_text().split(), 10)[0])

    def signal(self, number):
        os.kill(self.pid(), number)

    def end(self):
        """Waits for the end: of the runner, and of whatever could still write its output."""
        try:
            output, _ = self._process.communicate(timeout=ENDS_WITHIN_SECONDS)
        finally:
            self._process.kill()
        return End(self._process.returncode, output, self._log.read_bytes())


class Runner:
    """Starts a runner with requests."""

    def __init__(self, command, folder, host):
        self._command = command
        self._folder = folder
        self._host = host
        self._runs = 0

    def request(self, files, script, **changes):
        """A request for a commit of these files, whose tests are this shell script."""
        repository = self._host.repository()
        commit = repository.commit("Tests", files)
        repository.push()
        return {"url": repository.url, "commit": commit, "ref": "refs/heads/main",
                "tests": {"framework": "Command", "command": ["sh", "-c", script],
                          "reportPaths": ["junit.xml"]},
                "timeoutSeconds": 20, **changes}

    def start(self, request, **environment):
        """Starts a run; `request` is a document, or text in its place."""
        self._runs += 1
        folder = self._folder / str(self._runs)
        folder.mkdir()
        text = request if isinstance(request, str) else json.dumps(request)
        return Run(self._command, folder, text, environment)

    def run(self, script, files=None, **changes):
        return self.start(self.request(files or {"a": ""}, script, **changes)).end()


class Host:
    """A Git server on loopback."""

    def __init__(self, folder):
        self._folder = folder
        self._count = 0
        port_file = folder / "port"
        self._process = subprocess.Popen(  # pylint: disable=consider-using-with
            [sys.executable, str(ROOT / "tests/support/git_server.py"), "--root", str(folder),
             "--port-file", str(port_file)], stdin=subprocess.PIPE)
        self.port = int(wait_for("the Git server", lambda: (
            port_file.exists() and port_file.read_text().split()), 10)[0])

    def repository(self):
        self._count += 1
        name = f"r{self._count}"
        bare = self._folder / f"{name}.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(bare)], check=True)
        repository = Repository(self._folder / f"{name}-tree", str(bare))
        repository.url = f"http://127.0.0.1:{self.port}/{name}.git"
        return repository

    def close(self):
        self._process.stdin.close()
        self._process.wait()


@pytest.fixture(scope="session")
def host(tmp_path_factory):
    served = Host(tmp_path_factory.mktemp("host"))
    yield served
    served.close()


@pytest.fixture
def runner(request, host):
    # Below a folder that user 10001 may pass through, which pytest's own are not.
    folder = pathlib.Path(subprocess.run(["mktemp", "-d"], check=True, capture_output=True,
                                         text=True).stdout.strip())
    folder.chmod(0o755)
    yield Runner(RUNNERS[request.param], folder, host)
    shutil.rmtree(folder)
