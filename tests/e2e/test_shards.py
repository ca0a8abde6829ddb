"""Tests in shards: one Indexed Job, one verdict."""
import json

from conftest import RUN, condition
from tests.support.cluster import unittest_file, wait_for

SHARDS = 3
SPEC = {"template": {"sharding": {"count": SHARDS},
                     "execution": {"resources": {"cpu": "100m", "memory": "128Mi"}}}}
# Modules whose tests take different times.
MODULES = {f"tests/test_{name}.py": unittest_file(f"import time; time.sleep({seconds})")
           for name, seconds in {"a": 1.2, "b": 0.1, "c": 0.1, "d": 0.1, "e": 0.1}.items()}


def request_of(job):
    """What the Job's containers are told."""
    env = job["spec"]["template"]["spec"]["containers"][0]["env"]
    return json.loads(next(v["value"] for v in env if v["name"] == "COMMITTEST_RUN"))


def test_shards_pass_fail_and_are_split_by_what_was_recorded(system):
    repository = system.repository(SPEC)
    good = repository.commit("Five modules", MODULES)
    repository.push()
    passed = system.verdict(repository, good)
    status = passed["status"]
    assert status["result"] == "Passed", status
    assert status["display"]["tests"] == "5/5", status
    assert len(status["attempts"]) == 1 and len(status["timings"]) == 5, status
    job, = system.jobs_of(passed)
    assert job["spec"]["completionMode"] == "Indexed"
    assert job["spec"]["completions"] == job["spec"]["parallelism"] == SHARDS
    assert request_of(job)["sharding"]["timings"] == {}
    assert len(system.pods_of(passed)) == SHARDS

    bad = repository.commit("Break one", {"tests/test_c.py": unittest_file("self.fail('broken')")})
    repository.push()
    failed = system.verdict(repository, bad)
    status = failed["status"]
    assert status["result"] == "Failed", status
    assert condition(failed, "Succeeded")["reason"] == "TestsFailed"
    assert status["summary"]["total"] == 5 and status["summary"]["failed"] == 1, status
    assert "test_c" in status["failures"][0]["name"], status
    job, = system.jobs_of(failed)
    timings = request_of(job)["sharding"]["timings"]
    assert timings == {t["unit"]: t["durationMilliseconds"] for t in passed["status"]["timings"]}
    slow = max(timings, key=timings.get)
    assert timings[slow] > 1000, timings
    # The longest one is alone in its shard.
    pods = {pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"]: pod
            for pod in system.pods_of(failed)}
    counts = sorted(json.loads(pod["status"]["containerStatuses"][0]["state"]["terminated"]
                               ["message"])["total"] for pod in pods.values())
    assert counts == [1, 2, 2], counts


def test_a_lost_shard_repeats_the_attempt(system):
    repository = system.repository(SPEC)
    commit = repository.commit("Slow", {
        f"tests/test_{name}.py": unittest_file("import time; time.sleep(6)") for name in "abc"})
    repository.push()
    test = system.running(repository, commit)

    def all_run():
        pods = system.pods_of(test)
        running = [p for p in pods if "running" in (p["status"].get("containerStatuses") or [{}])[0]
                   .get("state", {})]
        return running if len(running) == SHARDS else None
    pods = wait_for("all shards to run", all_run, 30, 0.1)
    system.cluster.kubectl("delete", "pod", pods[1]["metadata"]["name"], "-n", RUN, "--force",
                           "--grace-period=0")
    verdict = system.verdict(repository, commit)
    attempts = verdict["status"]["attempts"]
    assert verdict["status"]["result"] == "Passed", verdict["status"]
    assert verdict["status"]["display"]["tests"] == "3/3"
    assert [a.get("class") for a in attempts] == ["Infrastructure", None], attempts
    assert attempts[0]["reason"] == "PodLost", attempts
    wait_for("the lost attempt's Pods to be gone", lambda: all(
        owner["uid"] == attempts[1]["jobUID"] for pod in system.pods_of(test)
        for owner in pod["metadata"]["ownerReferences"]), 60)
