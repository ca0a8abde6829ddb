"""Whose turn it is, and why something does not run: said in the object, within seconds."""
import time

import pytest

from conftest import RUN, condition
from tests.support.cluster import Watch, unittest_file, wait_for

SLOW = unittest_file("import time; time.sleep(4)")
QUICK = unittest_file("pass")
TOLD_WITHIN = 5.0  # seconds after the cause


def commit_tests(cluster):
    return Watch(cluster, f"/apis/committest.dev/v1alpha1/namespaces/{RUN}/committests")


def told(watch, name, kind, reason, seconds=60):
    """The condition of CommitTest `name` once it has the reason."""
    event = watch.wait(f"{name} {kind} {reason}", lambda _, test: (
        test["metadata"]["name"] == name and condition(test, kind)["reason"] == reason), seconds)
    return event[0], event[2]


def by_hand(system, repository, commit, number, **spec):
    """A CommitTest made by hand for a repository; its name."""
    name = f"{repository.name}-hand-{number}"
    system.cluster.apply({
        "apiVersion": "committest.dev/v1alpha1", "kind": "CommitTest",
        "metadata": {"name": name, "namespace": RUN,
                     "labels": {"committest.dev/repository": repository.name}},
        "spec": {"repositoryName": repository.name, **spec,
                 "source": {"url": repository.url, "commit": commit, "ref": "refs/heads/main"}}})
    return name


def ended(system, name, seconds=90):
    def result():
        test = system.cluster.get("committest", name, RUN)
        return test if test.get("status", {}).get("result") else None
    return wait_for(f"the end of {name}", result, seconds, 0.3)


def patch(system, name, spec):
    system.cluster.kubectl("patch", "committest", name, "-n", RUN, "--type=merge", "-p",
                           f'{{"spec":{spec}}}')


def most_at_once(watch, names):
    """How many of the Pods' CommitTests ran at the same time at most, as the API showed it."""
    running, most = set(), 0
    for _, kind, pod in watch.events:
        states = pod.get("status", {}).get("containerStatuses", [])
        runs = kind != "DELETED" and states and "running" in states[0]["state"]
        label = pod["metadata"].get("labels", {}).get("committest.dev/committest")
        if label in names:
            (running.add if runs else running.discard)(pod["metadata"]["name"])
        most = max(most, len(running))
    return most


def test_a_repository_runs_no_more_than_its_limit_and_the_others_say_their_position(system):
    repository = system.repository({"concurrency": {"max": 1}, "initialCommits": 1})
    watch, pods = commit_tests(system.cluster), Watch(system.cluster,
                                                      f"/api/v1/namespaces/{RUN}/pods")
    commits = [repository.commit("0", {"tests/test_app.py": SLOW})]
    repository.push()
    system.running(repository, commits[0])
    for number in (1, 2):
        commits.append(repository.commit(str(number), {"n": str(number)}))
    repository.push()
    names = [wait_for("the CommitTest", lambda c=c: system.test_of(repository, c))["metadata"]["name"]
             for c in commits]
    for name, position in ((names[1], 1), (names[2], 2)):
        _, test = told(watch, name, "Admitted", "Queued")
        assert condition(test, "Admitted")["message"].startswith(
            f"position {position} in the queue of repository {repository.name}, of which at most 1")
        assert test["status"]["display"]["reason"] == "Queued"
    for commit in commits:
        assert system.verdict(repository, commit)["status"]["result"] == "Passed"
    starts = [system.test_of(repository, c)["status"]["startTime"] for c in commits]
    assert starts == sorted(starts), starts
    watch.close()
    pods.close()
    assert most_at_once(pods, names) == 1


def test_a_newer_commit_supersedes_the_older_ones_of_its_ref(system):
    repository = system.repository({"concurrency": {"max": 1, "policy": "CancelOlder"}})
    first = repository.commit("first", {"tests/test_app.py": unittest_file(
        "import time; time.sleep(600)")})
    repository.push()
    running = system.running(repository, first)
    second = repository.commit("second", {"tests/test_app.py": unittest_file(
        "import time; time.sleep(600)")})
    repository.push()
    wait_for("the second CommitTest", lambda: system.test_of(repository, second))
    third = repository.commit("third", {"tests/test_app.py": QUICK})
    repository.push()
    assert system.verdict(repository, third)["status"]["result"] == "Passed"
    for commit in (first, second):
        test = system.verdict(repository, commit, 20)
        assert test["status"]["result"] == "Cancelled", test["status"]
        assert condition(test, "Completed")["reason"] == "Superseded"
        assert condition(test, "Succeeded")["reason"] == "Superseded"
    wait_for("the superseded Pod to be gone", lambda: not system.pods_of(running))


def test_priority_overtakes_and_suspend_waits(system):
    repository = system.repository({"concurrency": {"max": 1}})
    commit = repository.commit("first", {"tests/test_app.py": SLOW})
    repository.push()
    system.running(repository, commit)
    watch = commit_tests(system.cluster)
    waits = by_hand(system, repository, commit, 1, suspend=True)
    plain = by_hand(system, repository, commit, 2)
    urgent = by_hand(system, repository, commit, 3, priority=10)
    told(watch, waits, "Admitted", "Suspended")
    for name in (plain, urgent):
        assert ended(system, name)["status"]["result"] == "Passed"
    start = {name: ended(system, name)["status"]["startTime"] for name in (plain, urgent)}
    assert start[urgent] < start[plain], start
    assert "result" not in system.cluster.get("committest", waits, RUN)["status"]
    patch(system, waits, '{"suspend":false}')
    assert ended(system, waits)["status"]["result"] == "Passed"
    watch.close()


def test_a_suspended_one_can_be_cancelled(system):
    repository = system.repository()
    commit = repository.commit("first", {"tests/test_app.py": QUICK})
    repository.push()
    system.verdict(repository, commit)
    name = by_hand(system, repository, commit, 1, suspend=True)
    patch(system, name, '{"cancelRequested":true}')
    test = ended(system, name, 10)
    assert test["status"]["result"] == "Cancelled"
    assert not system.jobs_of(test)


@pytest.fixture
def quota(system):
    """Sets a ResourceQuota of the run namespace, and takes it away at the end."""
    def set_to(hard):
        system.cluster.apply({"apiVersion": "v1", "kind": "ResourceQuota",
                              "metadata": {"name": "tight", "namespace": RUN},
                              "spec": {"hard": hard}})
        wait_for("the quota to be counted", lambda: system.cluster.get(
            "resourcequota", "tight", RUN).get("status", {}).get("hard") == hard)

    def lift():
        system.cluster.kubectl("delete", "resourcequota", "tight", "-n", RUN,
                               "--ignore-not-found")
    set_to.lift = lift
    yield set_to
    lift()


@pytest.mark.parametrize("hard", [{"count/jobs.batch": "0"}, {"pods": "0"}],
                         ids=["refuses-the-Job", "refuses-the-Pod-inside-the-Job-controller"])
def test_a_quota_is_named_within_seconds_and_forgotten_when_it_is_lifted(system, quota, hard):
    repository = system.repository()
    commit = repository.commit("first", {"tests/test_app.py": QUICK})
    repository.push()
    system.verdict(repository, commit)
    watch = commit_tests(system.cluster)
    quota(hard)
    started = time.monotonic()
    name = by_hand(system, repository, commit, 1)
    seen, test = told(watch, name, "Started", "QuotaExceeded")
    assert seen - started <= TOLD_WITHIN
    assert "exceeded quota: tight" in condition(test, "Started")["message"]
    assert test["status"]["display"]["reason"] == "QuotaExceeded"
    quota.lift()
    test = ended(system, name, 120)
    assert test["status"]["result"] == "Passed"
    assert condition(test, "Started")["reason"] == "TestsRunning"
    assert len(test["status"]["attempts"]) == 1
    watch.close()


def test_what_no_node_can_hold_is_said_in_the_schedulers_words(system):
    repository = system.repository()
    commit = repository.commit("first", {"tests/test_app.py": QUICK})
    repository.push()
    system.verdict(repository, commit)
    watch = commit_tests(system.cluster)
    started = time.monotonic()
    name = by_hand(system, repository, commit, 1, execution={"resources": {"cpu": "999"},
                                                             "scheduleTimeoutSeconds": 8})
    seen, test = told(watch, name, "Started", "Unschedulable")
    assert seen - started <= TOLD_WITHIN
    assert "Insufficient cpu" in condition(test, "Started")["message"]
    test = ended(system, name, 30)
    assert test["status"]["result"] == "Error"
    assert condition(test, "Succeeded")["reason"] == "Unschedulable"
    watch.close()
