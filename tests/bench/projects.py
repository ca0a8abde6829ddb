"""Six real projects: how each is fetched through its registry's own client, how its suite is run by
hand, and how that output is counted."""
import dataclasses
import json
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Callable

from tests.support.cluster import unittest_file


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


def trivial(folder):
    """One test, so that all that a run costs is the run itself."""
    (folder / "tests").mkdir(parents=True)
    (folder / "tests/test_app.py").write_text(unittest_file("self.assertEqual(2 + 2, 4)"))


@dataclasses.dataclass(frozen=True)
class Project:
    """`fetch` lays its files out in a folder that does not exist yet; the last of `commands` is the
    tests, the others come before them; `counts` reads what the tests have printed. `toolchains`:
    it needs more than Python."""

    fetch: Callable[[pathlib.Path], None]
    commands: list[list[str]]
    counts: Callable[[str], dict[str, int]]
    toolchains: bool = False


UNITTEST = ["python3", "-m", "unittest", "discover", "-v", "-s", "tests", "-t", "."]
TRIVIAL = "trivial"
PROJECTS = {
    TRIVIAL: Project(trivial, [["python3", "-m", "unittest", "discover", "-v", "-s", "tests"]],
                     unittest_counts),
    "idna": Project(from_pypi("idna==3.20"), [UNITTEST], unittest_counts),
    "more-itertools": Project(from_pypi("more-itertools==11.2.1"), [UNITTEST], unittest_counts),
    "markupsafe": Project(from_pypi("markupsafe==3.0.4"), [["python3", "-m", "pytest", "tests"]],
                          pytest_counts),
    "uuid": Project(from_go("github.com/google/uuid@v1.6.0"),
                    [["go", "test", "-v", "-count=1", "./..."]], go_counts, toolchains=True),
    "cjson": Project(from_debian("cjson"),
                     [["cmake", "-S", ".", "-B", "../build"], ["cmake", "--build", "../build"],
                      ["ctest", "--test-dir", "../build"]], ctest_counts, toolchains=True),
    "heck": Project(from_crates("heck", "0.5.0"),
                    [["cargo", "test", "--no-run"], ["cargo", "test", "--no-fail-fast"]],
                    cargo_counts, toolchains=True),
}
