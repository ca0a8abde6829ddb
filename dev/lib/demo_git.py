"""The sample repository that the demo pushes to the Git server in the cluster."""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import time

from install import GIT_NAMESPACE
from steps import StepFailed, Steps, capture, succeeds
from target import Target

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# What is right in the sample, and what the failing commit makes of it.
_RIGHT, _WRONG = "self._items.pop()", "self._items.pop(0)"


class SampleRepository:
    """A clone of the sample repository, made from dev/sample when the server's is empty. While it
    is entered, the Git server can be reached from this machine."""

    def __init__(self, steps: Steps, target: Target, folder: pathlib.Path) -> None:
        self.folder = folder
        self._steps = steps
        self._target = target
        self._forward: subprocess.Popen | None = None

    def __enter__(self) -> SampleRepository:
        url = self._reach()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        self._retry(["git", "clone", "--quiet", url, str(self.folder)])
        self._git("symbolic-ref", "HEAD", "refs/heads/main")
        self._git("config", "user.name", "Demo")
        self._git("config", "user.email", "demo@example.com")
        self._git("config", "push.default", "current")
        return self

    def __exit__(self, *_) -> None:
        if self._forward:
            self._forward.terminate()
            self._forward.wait()

    def push_note(self) -> str:
        """What one must know to push by hand."""
        if not self._forward:
            return ""
        return (f"\n      # with {self._target.hint()} -n {GIT_NAMESPACE} port-forward "
                f"service/git-server {self._port()}:80 in another terminal")

    def push_good(self) -> str:
        shutil.copytree(ROOT / "dev/sample", self.folder, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("__pycache__"))
        self._count_round()
        return self._commit("Count this round in the README")

    def push_failing(self) -> str:
        self._replace(_RIGHT, _WRONG)
        return self._commit("Make pop take the oldest item")

    def push_fixed(self) -> str:
        self._replace(_WRONG, _RIGHT)
        return self._commit("Make pop take the newest item again")

    def _count_round(self) -> None:
        """Makes the commit differ from those of earlier runs of the demo."""
        readme = self.folder / "README.md"
        rounds = self._git("rev-list", "--count", "--all").strip()
        readme.write_text(f"{readme.read_text()}\nCommits before this one: {rounds}\n")

    def _replace(self, old: str, new: str) -> None:
        path = self.folder / "stack.py"
        path.write_text(path.read_text().replace(old, new))

    def _commit(self, subject: str) -> str:
        self._git("add", "--all")
        self._git("commit", "--quiet", "--message", subject)
        self._git("push", "--quiet", "origin", "HEAD:refs/heads/main")
        commit = self._git("rev-parse", "HEAD").strip()
        self._steps.say(f"pushed {commit[:8]}: {subject}")
        return commit

    def _git(self, *arguments: str) -> str:
        return capture(["git", "-C", str(self.folder), *arguments],
                       env={**os.environ, "GIT_TERMINAL_PROMPT": "0"})

    def _reach(self) -> str:
        """The URL of the repository as this machine sees it."""
        if self._target.routes_services:
            address = capture(self._target.kubectl + [
                "--namespace", GIT_NAMESPACE, "get", "service", "git-server",
                "-o", "jsonpath={.spec.clusterIP}"])
            return f"http://{address}/sample.git"
        self._forward = subprocess.Popen(
            self._target.kubectl + ["--namespace", GIT_NAMESPACE, "port-forward",
                                    "service/git-server", ":80", "--address", "127.0.0.1"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        line = self._forward.stdout.readline()
        match = re.search(r"127\.0\.0\.1:(\d+)", line)
        if not match:
            raise StepFailed(f"kubectl port-forward to the Git server said: {line.strip()!r}")
        return f"http://127.0.0.1:{match[1]}/sample.git"

    def _port(self) -> str:
        return re.search(r":(\d+)/", self._git("remote", "get-url", "origin"))[1]

    def _retry(self, command: list[str]) -> None:
        """A Service answers a moment after its Pod is ready."""
        deadline = time.monotonic() + 15
        while not succeeds(command):
            if time.monotonic() > deadline:
                capture(command)
                return
            time.sleep(0.3)
