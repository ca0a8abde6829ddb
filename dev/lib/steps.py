"""Runs commands as steps that people can follow: what, how long, and the last words on failure."""

from __future__ import annotations

import collections
import contextlib
import os
import shlex
import subprocess
import sys
import threading
import time


class StepFailed(Exception):
    """A step did not work; the text says which, why, and what to do."""


# After this long without an end, a step says that it is still at work, and with what.
_HEARTBEAT_SECONDS = 10.0
_LAST_LINES = 30


class Steps:
    """Prints "[elapsed] title" when a step begins, and how long it took when that is long."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def elapsed(self) -> float:
        return time.monotonic() - self._start

    def say(self, text: str) -> None:
        print(f"[{self.elapsed():6.1f}s] {text}", flush=True)

    @contextlib.contextmanager
    def step(self, title: str):
        self.say(title)
        begin = time.monotonic()
        yield
        took = time.monotonic() - begin
        if took >= 1.0:
            self.say(f"  done in {took:.1f} s")

    def run(self, title: str, command: list[str], *, hint: str = "", cwd=None, env=None) -> None:
        """One step that is one command. Its output is shown only when it fails."""
        with self.step(title):
            output, code = self._watch(command, cwd, env)
            if code != 0:
                shown = "\n".join("    " + line for line in output)
                advice = f"\n  {hint}" if hint else ""
                raise StepFailed(
                    f"{title}: exit code {code} of: {shlex.join(command)}\n{shown}{advice}")

    def _watch(self, command, cwd, env) -> tuple[list[str], int]:
        lines: collections.deque[str] = collections.deque(maxlen=_LAST_LINES)
        try:
            child = subprocess.Popen(
                command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True, errors="replace")
        except FileNotFoundError as error:
            raise StepFailed(f"{command[0]} is not installed or not on PATH") from error

        def read() -> None:
            for line in child.stdout:
                lines.append(line.rstrip())

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        while True:
            try:
                code = child.wait(timeout=_HEARTBEAT_SECONDS)
                break
            except subprocess.TimeoutExpired:
                self.say(f"  … {lines[-1][:100] if lines else 'working'}")
            except KeyboardInterrupt:
                child.terminate()
                child.wait()
                raise
        reader.join(timeout=5)
        return list(lines), code


def capture(command: list[str], *, check: bool = True, stdin: str | None = None, env=None) -> str:
    """The command's standard output; StepFailed with its standard error otherwise."""
    try:
        done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=False,
                              env=env, stdin=subprocess.DEVNULL if stdin is None else None)
    except FileNotFoundError as error:
        raise StepFailed(f"{command[0]} is not installed or not on PATH") from error
    if check and done.returncode != 0:
        words = (done.stderr or done.stdout).strip()
        raise StepFailed(f"{shlex.join(command)}: {words or f'exit code {done.returncode}'}")
    return done.stdout


def succeeds(command: list[str], *, timeout: float = 20.0) -> bool:
    """Whether the command exists and exits with 0 in time."""
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=timeout, check=False).returncode == 0
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return False


def main(body) -> None:
    """Runs a program's body; a StepFailed ends it with its text and exit code 1."""
    try:
        body()
    except StepFailed as error:
        print(f"\n{os.path.basename(sys.argv[0])}: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)
