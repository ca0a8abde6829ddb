"""Last, because it wants the system quiet, then removes it: a minute without a write, and the way
without Helm."""
import time

from conftest import RUN, SYSTEM
from tests.support.cluster import run, unittest_file, wait_for, writes


def test_a_quiet_minute_costs_no_write(system):
    wait_for("all verdicts", lambda: all(
        test.get("status", {}).get("result") for test in system.cluster.list("committests", RUN)
        if test["status"].get("display", {}).get("reason") not in ("ImagePull", "Unschedulable")),
        120)
    for test in system.cluster.list("committests", RUN):
        if not test.get("status", {}).get("result"):
            system.cluster.kubectl("delete", "committest", test["metadata"]["name"], "-n", RUN)
    start = system.cluster.audit_length()
    quiet_since = time.monotonic()

    def a_minute_without_writes():
        nonlocal start, quiet_since
        entries = system.cluster.audit(start)
        if writes(entries, "operator") + writes(entries, "observer"):
            start, quiet_since = start + len(entries), time.monotonic()
        return time.monotonic() - quiet_since >= 60
    # Deleting above may still be answered by a write; after that there is none for a minute.
    wait_for("a minute without a write", a_minute_without_writes, 75, every=1)


def test_install_yaml_alone_installs_the_same(system):
    run("dev/helm", "uninstall", "committest", "-n", SYSTEM, "--wait")
    run("dev/images/install", "--manifests")
    repository = system.repository()
    commit = repository.commit("One", {"tests/test_app.py": unittest_file("pass")})
    repository.push()
    assert system.verdict(repository, commit)["status"]["result"] == "Passed"
