"""Shows CommitTests filling up until each commit has its verdict."""

from __future__ import annotations

import json
import sys
import time

from steps import StepFailed, Steps, capture
from target import Target

_DEADLINE_SECONDS = 180
_LOOK_EVERY_SECONDS = 0.5


def watch_verdicts(steps: Steps, target: Target, namespace: str,
                   expected: dict[str, str]) -> dict[str, str]:
    """Prints the table of CommitTests whenever it changes, until each commit has its expected
    result. The names by commit. StepFailed if a result is another one, or does not come in time."""
    get = target.kubectl + ["--namespace", namespace, "get", "committests",
                            "--sort-by", ".metadata.creationTimestamp"]
    steps.say(f"{target.hint()} -n {namespace} get committests")
    table = _Table()
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while True:
        table.show(capture(get, check=False).splitlines())
        found = _by_commit(json.loads(capture(get + ["-o", "json"])))
        results = {commit: found.get(commit, {}).get("status", {}).get("result")
                   for commit in expected}
        if all(results.values()):
            break
        if time.monotonic() > deadline:
            missing = ", ".join(commit[:8] for commit, result in results.items() if not result)
            raise StepFailed(
                f"no verdict for {missing} after {_DEADLINE_SECONDS} s\n"
                f"  {target.hint()} -n {namespace} describe committests,observedrepositories,pods\n"
                f"  {target.hint()} -n committest-system logs deployment/committest-operator\n"
                f"  {target.hint()} -n committest-system logs deployment/committest-observer")
        time.sleep(_LOOK_EVERY_SECONDS)
    table.show(capture(get, check=False).splitlines())
    for commit, result in expected.items():
        if results[commit] != result:
            raise StepFailed(f"{commit[:8]} is {results[commit]}, expected {result}: "
                             f"{target.hint()} -n {namespace} describe committest "
                             f"{found[commit]['metadata']['name']}")
    return {commit: found[commit]["metadata"]["name"] for commit in expected}


def _by_commit(answer: dict) -> dict[str, dict]:
    return {item["spec"]["source"]["commit"]: item for item in answer.get("items", [])}


class _Table:
    """Prints a table again when it has changed in more than the AGE of its rows; on a terminal over
    the one before."""

    def __init__(self) -> None:
        self._shown: list[str] = []
        self._height = 0

    def show(self, lines: list[str]) -> None:
        without_age = [line.rsplit(None, 1)[0].rstrip() for line in lines if line.strip()]
        if not without_age or without_age == self._shown:
            return
        if sys.stdout.isatty() and self._height:
            print(f"\x1b[{self._height}A\x1b[J", end="")
        self._shown, self._height = without_age, len(lines) + 1
        print("\n" + "\n".join(f"    {line}" for line in lines), flush=True)


def describe(steps: Steps, target: Target, namespace: str, name: str) -> None:
    steps.say(f"{target.hint()} -n {namespace} describe committest {name}")
    text = capture(target.kubectl + ["--namespace", namespace, "describe", "committest", name])
    print("\n" + "".join(f"    {line}\n" for line in text.splitlines()), flush=True)
