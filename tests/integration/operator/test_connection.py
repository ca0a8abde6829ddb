"""Trouble between the operator and the API server: lost, late, repeated and cut messages, and
servers that die."""
import threading
import time

import pytest

from tests.support.cluster import run, wait_for
from tests.support.faults import (CutMidLine, Delay, DelayLines, DropBookmarks, DropRequest,
                                  DropResponse, Duplicate, Silence, Trickle)
from tests.support.scripted_kubelet import FAILING, HELD

JOBS = {"verb": "POST", "path": "/jobs$"}
STATUS = {"verb": "PATCH", "path": "/status$"}


def test_passing_and_failing_without_any_fault(world):
    world.start()
    for script in (None, FAILING):
        world.await_verdict(world.create(script))


@pytest.mark.parametrize("write", (JOBS, STATUS), ids=("launch", "status"))
@pytest.mark.parametrize("fault", (DropRequest, DropResponse))
def test_lost_messages_launch_no_second_job(world, fault, write):
    world.start()
    world.settle()
    lost = world.proxy.add(fault(times=2, **write))
    for script in (None, FAILING):
        verdict = world.await_verdict(world.create(script))
        assert len(verdict["status"]["attempts"]) == 1
    assert len(lost.hits) == 2


def test_unanswered_launch_is_given_up_and_looked_into(world):
    world.start()
    world.settle()
    world.proxy.add(Silence(times=1, **JOBS))
    verdict = world.await_verdict(world.create())
    assert len(verdict["status"]["attempts"]) == 1
    first, second = [r.at for r in world.proxy.requests(**JOBS)][-2:]
    assert 5 < second - first < 9, "the deadline of a call is 6 s"


def test_slow_answers_delay_the_verdict_only(world):
    world.start()
    world.settle()
    slow = world.proxy.add(Delay(1.2, verb="GET|POST|PATCH"))
    world.await_verdict(world.create(FAILING))
    assert slow.hits


def test_answers_that_trickle_are_given_up(world):
    """Each byte is in time; the whole is not."""
    slow = world.proxy.add(Trickle(0.5, verb="GET", path="/committests$", times=1))
    test = world.create(FAILING)
    world.start()
    world.await_verdict(test)
    assert slow.hits
    first, second = world.proxy.requests("GET", "/committests$")[:2]
    assert 5 < second.at - first.at < 10, "the deadline of a call is 6 s"


def test_watches_cut_in_the_middle_of_an_event_lose_nothing(world):
    world.start()
    world.settle()
    # Twice each: a watch that is cut again and again waits longer each time, up to half a minute.
    cuts = [world.proxy.add(CutMidLine(path=f"/{kind}$", times=2))
            for kind in ("committests", "jobs", "pods")]
    for script in (None, FAILING):
        world.await_verdict(world.create(script))
    assert [len(cut.hits) for cut in cuts] == [2, 2, 2]


def test_repeated_events_and_missing_bookmarks_change_nothing(world):
    world.start()
    world.settle()
    repeated = world.proxy.add(Duplicate())
    world.proxy.add(DropBookmarks())
    since = time.monotonic()
    for script in (None, FAILING):
        world.await_verdict(world.create(script))
    assert repeated.hits
    assert len(world.proxy.writes(since, "/jobs$")) == 2
    assert len(world.proxy.writes(since, "/status$")) <= 4, "Started and the verdict, each once"


def test_watches_that_lag_behind_own_writes_launch_nothing_twice(world):
    world.start()
    world.settle()
    since = time.monotonic()
    late = world.proxy.add(DelayLines(0.4))
    world.await_verdict(world.create(FAILING))
    assert late.hits
    assert len(world.proxy.writes(since, "/jobs$")) == 1


def test_pods_that_come_later_than_the_end_of_their_job_are_not_given_up(world):
    """A Job that is complete beside a Pod that runs still: only the watch of Pods lags."""
    world.start()
    world.settle()
    world.proxy.add(DelayLines(8, path="/pods$"))
    for test in [world.create(script) for script in (None, FAILING)]:
        assert len(world.await_verdict(test)["status"]["attempts"]) == 1


def test_status_writes_race_with_a_user_who_edits_labels(world):
    world.start()
    tests = [world.create(FAILING if number % 2 else None) for number in range(4)]
    done = threading.Event()

    def edit():
        number = 0
        while not done.is_set():
            number += 1
            for test in tests:
                world.api.patch(f"{world.tests_path}/{test['metadata']['name']}",
                                {"metadata": {"labels": {"edited": str(number)}}})
    editor = threading.Thread(target=edit, daemon=True)
    editor.start()
    try:
        for test in tests:
            world.await_verdict(test)
    finally:
        done.set()
        editor.join(10)
    labels = world.get(tests[0])["metadata"]["labels"]
    assert int(labels["edited"]) > 1, "the status was not written over the labels"


@pytest.fixture
def outage(world):
    """Breaks a component while runs are under way and mends it; all must end well."""
    def happen(component, kill, mend):
        world.start()
        running = world.create(HELD)
        world.await_held(running)
        world.await_running(running)
        # A launch that reaches the server only when it is broken.
        late = world.proxy.add(Delay(1.0, times=1, **JOBS))
        failing = world.create(FAILING)
        wait_for("the launch", lambda: late.hits)
        world.cluster.component(*kill, component)
        began = time.monotonic()
        world.finish(running)
        wait_for("the operator to try again",
                 lambda: any(r.at > began for r in world.proxy.requests(**JOBS)))
        world.cluster.component(*mend, component)
        wait_for("the API server", world.api.answers, 40)
        mended = time.monotonic()
        for test in (running, failing, world.create(FAILING)):
            world.await_verdict(test, 45)
        assert world.operators[0].exit_code is None
        tries = [r for r in world.proxy.records if began < r.at < mended]
        assert len(tries) < 30 + 10 * (mended - began), "no stampede"
    yield happen
    # So that a failure is one failure.
    run("dev/cluster/cluster", "up", "--api-only", "--name", world.cluster.name)


def test_api_server_is_killed_and_comes_back(outage):
    outage("kube-apiserver", ("kill", "--signal", "KILL"), ("restart",))


def test_etcd_is_killed_and_comes_back(outage):
    outage("etcd", ("kill", "--signal", "KILL"), ("restart",))


def test_etcd_hangs_and_goes_on(outage):
    outage("etcd", ("kill", "--signal", "STOP"), ("kill", "--signal", "CONT"))
