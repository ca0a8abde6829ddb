"""Runs in a test container, for real_projects.py: the same tests by hand and by committest-runner, in
turns. Reads one JSON document from standard input and writes one to standard output.

By hand is a checkout at depth 1 and the suite's own commands. Both begin each round with empty
folders, and with the same variables.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

HAND = pathlib.Path("/workspace/hand")
RUN = pathlib.Path("/workspace/run")
# Where a run's HOME is, for both: tools keep their caches there.
TEMPORARY = pathlib.Path("/tmp/bench")
STAGES = ("checkout", "discovery", "setup", "report")


def milliseconds(start):
    return round((time.monotonic() - start) * 1000, 1)


def call(*command, variables, folder):
    return subprocess.run(command, cwd=folder, env=variables, text=True, check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)


def must(*command, **options):
    ended = call(*command, **options)
    if ended.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}")


def by_hand(request, commands):
    checkout, home = HAND / "checkout", TEMPORARY / "home"
    checkout.mkdir(parents=True)
    home.mkdir(parents=True)
    variables = {**os.environ, "HOME": str(home), "LANG": "C.UTF-8", "CI": "true"}
    figures = {"checkout": 0, "setup": 0, "tests": 0}
    begin = time.monotonic()
    for arguments in (["init", "--quiet"],
                      ["fetch", "--quiet", "--depth", "1", request["url"], request["commit"]],
                      ["checkout", "--quiet", "--detach", "FETCH_HEAD"]):
        must("git", *arguments, variables=variables, folder=checkout)
    figures["checkout"] = milliseconds(begin)
    for command in commands[:-1]:
        start = time.monotonic()
        must(*command, variables=variables, folder=checkout)
        figures["setup"] += milliseconds(start)
    start = time.monotonic()
    ended = call(*commands[-1], variables=variables, folder=checkout)
    figures["tests"] = milliseconds(start)
    figures["all"] = milliseconds(begin)
    return {"passed": ended.returncode == 0, "output": ended.stdout, "milliseconds": figures}


def by_runner(request, runner):
    RUN.mkdir(parents=True)
    TEMPORARY.mkdir(parents=True)
    summary = TEMPORARY / "summary.json"
    variables = {**os.environ, "COMMITTEST_RUN": json.dumps(request), "TMPDIR": str(TEMPORARY),
                 "COMMITTEST_WORKSPACE": str(RUN), "COMMITTEST_TERMINATION_LOG": str(summary)}
    begin = time.monotonic()
    ended = call(runner, variables=variables, folder=RUN)
    whole = milliseconds(begin)
    said = json.loads(summary.read_text())
    figures = {stage: said.get(f"{stage}Milliseconds", 0) for stage in STAGES}
    return {"passed": ended.returncode == 0, "summary": said,
            "output": "" if ended.returncode in (0, 10) else ended.stdout,
            "milliseconds": {**figures, "tests": said["durationMilliseconds"], "all": whole}}


def main():
    asked = json.load(sys.stdin)
    rounds = []
    for _ in range(asked["rounds"] + 1):
        pair = {}
        for name, measure in (("hand", lambda: by_hand(asked["request"], asked["commands"])),
                              ("runner", lambda: by_runner(asked["request"], asked["runner"]))):
            for folder in (HAND, RUN, TEMPORARY):
                # Go makes its module cache read-only.
                if folder.exists():
                    subprocess.run(["chmod", "-R", "u+w", str(folder)], check=False)
                    shutil.rmtree(folder)
            pair[name] = measure()
        rounds.append(pair)
    json.dump(rounds[1:], sys.stdout)


if __name__ == "__main__":
    main()
