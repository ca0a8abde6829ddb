#!/usr/bin/env python3
"""Runs six real projects' own suites by hand and by committest-runner, and compares them.

    tests/bench/real_projects.py [--runner build/release/bin/committest-runner] [PROJECT ...]

Three Python projects (source distributions of PyPI), one of Go (the module proxy), one with CMake
(a Debian source package), one of Rust (crates.io), each fetched through its registry's own client.
Every suite is run in the same environment: first by hand to warm caches up, then by hand, then by
the runner, which gets the project as a commit of a Git repository served over HTTP on loopback and
discovers the rest. Needs pip, go, apt-get on Debian, cmake, cargo and git, and a way to the
registries. One of idna's modules needs hypothesis: where that is not installed, both call the suite
failed. Prints JSON: verdicts, counts and milliseconds; exits with 1 if verdicts or counts differ.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.support.git_host import GitHost  # noqa: E402


def call(*command, **options):
    """The output of a command that has to succeed."""
    return subprocess.run(command, check=True, text=True, capture_output=True, **options).stdout


def source_lists():
    """Sources of the packages that this machine's apt takes from its own mirrors."""
    lines = call("apt-get", "indextargets", "--format", "deb-src $(REPO_URI) $(RELEASE) $(COMPONENT)",
                 "Created-By: Packages").splitlines()
    return "\n".join(sorted(set(lines))) + "\n"


def unpack(archive, folder):
    """The one folder that an archive holds, as `folder`."""
    unpacked = folder.parent / "unpacked"
    unpacked.mkdir()
    call("tar", "--extract", "--file", str(archive), "--directory", str(unpacked))
    (inner,) = unpacked.iterdir()
    inner.rename(folder)


def from_pypi(requirement):
    def fetch(folder):
        call(sys.executable, "-m", "pip", "download", "--quiet", "--no-binary", ":all:", "--no-deps",
             "--dest", str(folder.parent), requirement)
        (archive,) = folder.parent.glob("*.tar.gz")
        unpack(archive, folder)
    return fetch


def from_go(module):
    def fetch(folder):
        found = json.loads(call("go", "mod", "download", "-json", module, cwd=folder.parent))
        shutil.copytree(found["Dir"], folder)
        call("chmod", "-R", "u+w", str(folder))
    return fetch


def from_debian(package):
    def fetch(folder):
        sources = folder.parent / "sources.list"
        sources.write_text(source_lists())
        lists = folder.parent / "lists"
        (lists / "partial").mkdir(parents=True)
        options = ["-o", f"Dir::Etc::sourcelist={sources}", "-o", "Dir::Etc::sourceparts=/dev/null",
                   "-o", f"Dir::State::lists={lists}"]
        call("apt-get", *options, "update")
        call("apt-get", *options, "source", "--download-only", package, cwd=folder.parent)
        (archive,) = folder.parent.glob("*.orig.tar.gz")
        unpack(archive, folder)
    return fetch


def from_crates(crate, version):
    def fetch(folder):
        package = folder.parent / "package"
        call("cargo", "init", "--quiet", "--vcs", "none", "--name", "fetch", str(package))
        call("cargo", "add", "--quiet", f"{crate}@={version}", cwd=package)
        call("cargo", "vendor", "--quiet", "vendored", cwd=package)
        shutil.copytree(package / "vendored" / crate, folder)
        (folder / ".cargo-checksum.json").unlink()
    return fetch


def number(pattern, text):
    return sum(int(found) for found in re.findall(pattern, text))


def counts(passed, failed=0, errored=0, skipped=0):
    return {"total": passed + failed + errored + skipped, "passed": passed, "failed": failed,
            "errored": errored, "skipped": skipped}


def unittest_counts(text):
    last = text.strip().splitlines()[-1]
    bad = {"failed": number(r"[^ ]failures=(\d+)", last) + number(r"unexpected successes=(\d+)", last),
           "errored": number(r"errors=(\d+)", last), "skipped": number(r"skipped=(\d+)", last)}
    return counts(number(r"Ran (\d+) test", text) - sum(bad.values()), **bad)


def pytest_counts(text):
    last = text.strip().splitlines()[-1]
    return counts(number(r"(\d+) passed", last) + number(r"(\d+) xfailed", last),
                  number(r"(\d+) failed", last), number(r"(\d+) errors?", last),
                  number(r"(\d+) skipped", last))


def go_counts(text):
    return counts(*(len(re.findall(rf"^ *--- {end}: ", text, re.MULTILINE))
                    for end in ("PASS", "FAIL")), skipped=len(
                        re.findall(r"^ *--- SKIP: ", text, re.MULTILINE)))


def ctest_counts(text):
    failed = number(r"(\d+) tests failed out of", text)
    return counts(number(r"out of (\d+)", text) - failed, failed)


def cargo_counts(text):
    return counts(number(r"test result: .* (\d+) passed;", text),
                  number(r"; (\d+) failed;", text), skipped=number(r"; (\d+) ignored;", text))


UNITTEST = ["python3", "-m", "unittest", "discover", "-s", "tests", "-t", "."]
PROJECTS = {
    "idna": (from_pypi("idna==3.20"), [UNITTEST], unittest_counts),
    "more-itertools": (from_pypi("more-itertools==11.2.1"), [UNITTEST], unittest_counts),
    "markupsafe": (from_pypi("markupsafe==3.0.4"), [["python3", "-m", "pytest", "tests"]],
                   pytest_counts),
    "uuid": (from_go("github.com/google/uuid@v1.6.0"), [["go", "test", "-v", "-count=1", "./..."]],
             go_counts),
    "cjson": (from_debian("cjson"),
              [["cmake", "-S", ".", "-B", "../build"], ["cmake", "--build", "../build"],
               ["ctest", "--test-dir", "../build"]], ctest_counts),
    "heck": (from_crates("heck", "0.5.0"),
             [["cargo", "test", "--no-run"], ["cargo", "test", "--no-fail-fast"]], cargo_counts),
}


def environment(folder):
    """The same for both; PYTHONPATH is for projects that keep their packages in src."""
    kept = {name: os.environ[name] for name in ("PATH", "RUSTUP_HOME") if name in os.environ}
    kept.setdefault("RUSTUP_HOME", os.path.expanduser("~/.rustup"))
    return {**kept, "PYTHONPATH": "src", "LANG": "C.UTF-8", "CI": "true",
            "PYTHONDONTWRITEBYTECODE": "1", "GOCACHE": str(folder / "go-build")}


def milliseconds(start):
    return round((time.monotonic() - start) * 1000)


def by_hand(url, commit, folder, project):
    """A checkout at depth 1 and the suite's own commands; figures and the last one's output."""
    _, commands, read = project
    shutil.rmtree(folder / "hand", ignore_errors=True)
    checkout = folder / "hand" / "checkout"
    checkout.mkdir(parents=True)
    variables = {**environment(folder), "HOME": str(folder / "hand" / "home")}
    (folder / "hand" / "home").mkdir()
    begin = start = time.monotonic()
    call("git", "init", "--quiet", str(checkout))
    call("git", "-C", str(checkout), "fetch", "--quiet", "--depth", "1", url, commit)
    call("git", "-C", str(checkout), "checkout", "--quiet", "--detach", "FETCH_HEAD")
    figures = {"checkout": milliseconds(start), "before": 0, "tests": 0}
    for command in commands:
        start = time.monotonic()
        ended = subprocess.run(command, cwd=checkout, env=variables, text=True, check=False,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT)
        figures["tests" if command is commands[-1] else "before"] += milliseconds(start)
        if ended.returncode != 0 and command is not commands[-1]:
            raise SystemExit(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}")
    figures["all"] = milliseconds(begin)
    return {"passed": ended.returncode == 0, "counts": read(ended.stdout), "milliseconds": figures}


def by_runner(runner, url, commit, folder):
    """The runner's own figures and the whole process's."""
    shutil.rmtree(folder / "run", ignore_errors=True)
    (folder / "run" / "tmp").mkdir(parents=True)
    summary = folder / "run" / "summary.json"
    request = {"url": url, "commit": commit, "ref": "refs/heads/main", "timeoutSeconds": 1200}
    start = time.monotonic()
    ended = subprocess.run(
        [runner], text=True, check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        env={**environment(folder), "COMMITTEST_RUN": json.dumps(request),
             "COMMITTEST_WORKSPACE": str(folder / "run" / "workspace"),
             "TMPDIR": str(folder / "run" / "tmp"), "COMMITTEST_TERMINATION_LOG": str(summary)})
    whole = milliseconds(start)
    said = json.loads(summary.read_text())
    if ended.returncode not in (0, 10):
        print(ended.stdout, file=sys.stderr)
    return {"passed": ended.returncode == 0, "reason": said["reason"],
            "framework": said["framework"],
            "counts": {name: said[name] for name in counts(0)},
            "milliseconds": {"checkout": said["checkoutMilliseconds"],
                             "tests": said["durationMilliseconds"], "all": whole}}


def compare(name, runner):
    project = PROJECTS[name]
    with tempfile.TemporaryDirectory(prefix="real-project-") as temporary:
        folder = pathlib.Path(temporary)
        (folder / "fetched").mkdir()
        source = folder / "fetched" / "source"
        project[0](source)
        host = GitHost(folder / "host")
        try:
            repository = host.create(name)
            repository.git("--work-tree", str(source), "add", "--all", "--force")
            repository.git("--work-tree", str(source), "commit", "--quiet", "--message", name)
            commit = repository.git("rev-parse", "HEAD")
            by_hand(repository.url, commit, folder, project)
            hand = by_hand(repository.url, commit, folder, project)
            run = by_runner(runner, repository.url, commit, folder)
        finally:
            host.close()
            # Go makes its module cache read-only.
            subprocess.run(["chmod", "-R", "u+w", temporary], check=False)
    same = hand["passed"] == run["passed"] and hand["counts"] == run["counts"]
    return {"same": same, "overheadMilliseconds":
            run["milliseconds"]["all"] - hand["milliseconds"]["all"], "hand": hand, "runner": run}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("projects", nargs="*", metavar="PROJECT", help=", ".join(PROJECTS))
    parser.add_argument("--runner", default=str(ROOT / "build/release/bin/committest-runner"))
    options = parser.parse_args()
    unknown = set(options.projects) - set(PROJECTS)
    if unknown:
        parser.error(f"unknown project {', '.join(unknown)}")
    results = {name: compare(name, options.runner) for name in options.projects or PROJECTS}
    print(json.dumps(results, indent=2))
    return 0 if all(result["same"] for result in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
