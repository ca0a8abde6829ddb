"""Kills at the worst moments: nothing lost, nothing twice, nothing wrong."""
import os
import signal

from conftest import RUN, SYSTEM, condition
from tests.support.cluster import (Watch, process_of, processes_with, unittest_file, wait_for,
                                   writes)

SLOW = unittest_file("import time; time.sleep(4)")


def test_a_runner_pod_deleted_mid_run_gets_a_second_attempt(system):
    repository = system.repository()
    commit = repository.commit("Slow", {"tests/test_app.py": SLOW})
    repository.push()
    test = system.running(repository, commit)
    pod = system.pods_of(test)[0]["metadata"]["name"]
    system.cluster.kubectl("delete", "pod", pod, "-n", RUN, "--force", "--grace-period=0")
    test = system.verdict(repository, commit)
    assert test["status"]["result"] == "Passed", test["status"]
    attempts = test["status"]["attempts"]
    assert [a["number"] for a in attempts] == [1, 2], attempts
    assert attempts[0]["class"] == "Infrastructure", attempts
    assert attempts[1]["outcome"] == "Passed", attempts


def test_a_job_deleted_mid_run_gets_a_second_attempt(system):
    repository = system.repository()
    commit = repository.commit("Slow", {"tests/test_app.py": SLOW})
    repository.push()
    test = system.running(repository, commit)
    job = system.jobs_of(test)[0]["metadata"]["name"]
    system.cluster.kubectl("delete", "job", job, "-n", RUN, "--wait=false")
    test = system.verdict(repository, commit)
    assert test["status"]["result"] == "Passed", test["status"]
    assert test["status"]["attempts"][0]["reason"] in ("JobDeleted", "PodLost")


def test_an_operator_killed_mid_run_records_one_verdict(system):
    watch = Watch(system.cluster, f"/apis/committest.dev/v1alpha1/namespaces/{RUN}/committests")
    repository = system.repository()
    commit = repository.commit("Slow", {"tests/test_app.py": SLOW})
    repository.push()
    test = system.running(repository, commit)
    os.kill(system.pid_of("operator"), signal.SIGKILL)
    verdict = system.verdict(repository, commit)
    watch.close()
    assert verdict["status"]["result"] == "Passed", verdict["status"]
    assert len(system.jobs_of(test)) == 1
    results = [event[2]["status"].get("result") for event in watch.events
               if event[2]["metadata"]["uid"] == test["metadata"]["uid"]
               and "status" in event[2]]
    first = results.index("Passed")
    assert set(results[:first]) <= {None} and set(results[first:]) == {"Passed"}, results
    assert len(verdict["status"]["attempts"]) == 1


def test_an_operator_that_is_away_misses_nothing(system):
    repository = system.repository()
    system.cluster.kubectl("scale", "deployment/committest-operator", "-n", SYSTEM, "--replicas=0")
    wait_for("the operator to be gone", lambda: not system.cluster.list(
        "pods", SYSTEM, "app.kubernetes.io/component=operator"))
    commits = []
    for number in range(2):
        commits.append(repository.commit(f"{number}", {
            "tests/test_app.py": unittest_file("pass"), "n": str(number)}))
        repository.push()
        wait_for("the CommitTest", lambda: system.test_of(repository, commits[-1]))
    system.cluster.kubectl("scale", "deployment/committest-operator", "-n", SYSTEM, "--replicas=1")
    for commit in commits:
        assert system.verdict(repository, commit)["status"]["result"] == "Passed"


def test_a_run_goes_on_while_operator_and_api_server_are_away_and_its_summary_waits(system):
    repository = system.repository()
    commit = repository.commit("Slow", {"tests/test_app.py": (
        "import time, unittest\n\n\nclass AppTest(unittest.TestCase):\n"
        "    def test_slow(self):\n        time.sleep(8)\n\n"
        "    def test_good(self):\n        pass\n\n"
        "    def test_bad(self):\n        self.fail('seen by nobody')\n")})
    repository.push()
    test = system.running(repository, commit)
    scale = "scale", "deployment/committest-operator", "-n", SYSTEM
    system.cluster.kubectl(*scale, "--replicas=0")
    wait_for("the operator to be gone", lambda: process_of(system.cluster, "operator") is None)
    assert not system.test_of(repository, commit)["status"].get("result")
    system.cluster.component("kill", "kube-apiserver")
    try:
        assert processes_with(commit), "the tests had ended before the API server was away"
        wait_for("the tests to end", lambda: not processes_with(commit))
    finally:
        system.cluster.component("restart", "kube-apiserver")
        system.cluster.kubectl(*scale, "--replicas=1")
    verdict = system.verdict(repository, commit)
    assert verdict["status"]["result"] == "Failed", verdict["status"]
    assert verdict["status"]["summary"] | {"durationMilliseconds": 0} == {
        "total": 3, "passed": 2, "failed": 1, "errored": 0, "skipped": 0,
        "durationMilliseconds": 0}
    assert "seen by nobody" in verdict["status"]["failures"][0]["message"]
    assert len(verdict["status"]["attempts"]) == 1 and len(system.jobs_of(test)) == 1


def test_an_observer_restarted_loses_nothing_and_doubles_nothing(system):
    repository = system.repository()
    commits = [repository.commit("0", {"tests/test_app.py": unittest_file("pass")})]
    repository.push()
    wait_for("the first CommitTest", lambda: system.test_of(repository, commits[0]))
    for number in range(1, 6):
        commits.append(repository.commit(f"{number}", {"n": str(number)}))
        repository.push()
        if number in (2, 4):
            os.kill(system.pid_of("observer"), signal.SIGKILL)
    for commit in commits:
        assert system.verdict(repository, commit, 120)["status"]["result"] == "Passed"
    assert len(system.tests_of(repository)) == len(commits)


def test_a_deleted_commit_test_takes_its_job_along_and_stays_deleted(system):
    repository = system.repository()
    commit = repository.commit("Slow", {"tests/test_app.py": SLOW})
    repository.push()
    test = system.running(repository, commit)
    system.cluster.kubectl("delete", "committest", test["metadata"]["name"], "-n", RUN)
    wait_for("the Job and the Pod to be gone",
             lambda: not system.jobs_of(test) and not system.pods_of(test))
    next_commit = repository.commit("Next", {"tests/test_app.py": unittest_file("pass")})
    repository.push()
    system.verdict(repository, next_commit)
    assert system.test_of(repository, commit) is None


def test_a_cancelled_commit_test_ends_at_once(system):
    repository = system.repository()
    commit = repository.commit("Slow", {"tests/test_app.py": unittest_file(
        "import time; time.sleep(600)")})
    repository.push()
    test = system.running(repository, commit)
    system.cluster.kubectl("patch", "committest", test["metadata"]["name"], "-n", RUN,
                           "--type=merge", "-p", '{"spec":{"cancelRequested":true}}')
    test = system.verdict(repository, commit, 10)
    assert test["status"]["result"] == "Cancelled"
    assert condition(test, "Completed")["reason"] == "Cancelled"
    wait_for("the Pod to be gone", lambda: not system.pods_of(test))


def test_a_passing_test_costs_three_writes_and_two_events_at_most(system):
    repository = system.repository()
    start = system.cluster.audit_length()
    commit = repository.commit("One", {"tests/test_app.py": unittest_file("pass")})
    repository.push()
    name = system.verdict(repository, commit)["metadata"]["name"]
    wait_for("the verdict's event", lambda: "Passed" in system.cluster.kubectl(
        "get", "events", "-n", RUN, "--field-selector", f"involvedObject.name={name}"), 20)
    done = writes(system.cluster.audit(start), "operator")
    events = [e for e in done if e["objectRef"]["resource"] == "events"]
    others = [e for e in done if e["objectRef"]["resource"] != "events"]
    assert len(others) <= 3, [(e["verb"], e["objectRef"]) for e in others]
    assert len(events) <= 2, len(events)
