"""The API server refuses for a while: how often the operator tries again."""
import time

import pytest

from tests.support.cluster import wait_for
from tests.support.faults import Answer
from tests.support.scripted_kubelet import FAILING

LAUNCH = {"verb": "POST", "path": "/jobs$"}


def gaps(records):
    times = [record.at for record in records]
    return [later - earlier for earlier, later in zip(times, times[1:])]


@pytest.mark.parametrize("status", (429, 503))
def test_retry_after_of_a_launch_is_kept(world, status):
    world.start()
    world.settle()
    since = time.monotonic()
    refusal = world.proxy.add(Answer(status, retry_after=2, times=2, **LAUNCH))
    world.await_verdict(world.create(FAILING))
    assert len(refusal.hits) == 2
    tries = gaps(world.proxy.requests(since=since, **LAUNCH))
    assert len(tries) == 2 and all(2 <= gap < 4 for gap in tries), tries


def test_retry_after_of_a_watch_is_kept(world):
    world.start()
    world.settle()
    since = time.monotonic()
    world.proxy.add(Answer(429, retry_after=3, verb="WATCH", path="/pods$", times=1))
    world.proxy.cut_connections()
    world.await_verdict(world.create(FAILING))
    first, second = world.proxy.requests("WATCH", "/pods$", since)[:2]
    assert 3 <= second.at - first.at < 5


@pytest.mark.parametrize("status", (429, 500, 503, 504))
def test_refusals_without_retry_after_are_tried_again_ever_more_slowly(world, status):
    world.start()
    world.settle()
    since = time.monotonic()
    world.proxy.add(Answer(status, times=5, **LAUNCH))
    world.proxy.add(Answer(status, times=2, verb="PATCH", path="/status$"))
    world.await_verdict(world.create(FAILING))
    tries = gaps(world.proxy.requests(since=since, **LAUNCH))
    assert len(tries) == 5
    assert tries[-1] > 4 * tries[0], f"a back-off grows: {tries}"
    assert sum(tries) < 5, f"and begins short: {tries}"


def test_lists_and_watches_refused_at_the_start(world):
    world.proxy.add(Answer(503, verb="GET|WATCH", times=5))
    test = world.create(FAILING)
    world.start()
    world.await_verdict(test)


def test_conflict_of_a_creation_does_not_count_as_existing(world):
    """As a quota that is updated by others answers."""
    world.start()
    world.settle()
    conflict = world.proxy.add(Answer(409, "Conflict", "the quota has been modified", times=3,
                                      **LAUNCH))
    verdict = world.await_verdict(world.create())
    assert len(conflict.hits) == 3
    assert len(verdict["status"]["attempts"]) == 1


def test_one_refused_commit_does_not_hold_others_up(world):
    world.start()
    world.settle()
    refused = world.proxy.add(Answer(429, retry_after=4, times=1, **LAUNCH))
    waiting = world.create()
    wait_for("the refusal", lambda: refused.hits)
    began = time.monotonic()
    world.await_verdict(world.create(FAILING))
    assert time.monotonic() - began < 3
    world.await_verdict(waiting)
