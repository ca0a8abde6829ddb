"""Two replicas of the operator, of which one leads."""
import time

import pytest

from tests.support.cluster import wait_for
from tests.support.faults import Delay, DropRequest
from tests.support.scripted_kubelet import FAILING, HELD

# The lease lasts 14 s from its last renewal, and a follower looks at it twice a second.
TAKE_OVER_SECONDS = 15


class Pair:
    """A leader and a follower, each with a proxy of its own."""

    def __init__(self, world):
        self.world = world
        self.leader, self.leader_proxy = world.start_replica("leader")
        world.settle()
        self.follower, self.follower_proxy = world.start_replica("follower")
        wait_for("the follower to look at the lease", lambda: self.follower_proxy.requests(
            "GET", "/leases/"))

    def hand_over(self, end):
        """Seconds from the leader's end to the launch of a CommitTest made right after it."""
        assert not self.follower_proxy.writes(leases=True)
        running = self.world.create(HELD)
        self.world.await_held(running)
        began = time.monotonic()
        end()
        test = self.world.create(FAILING)
        launch = wait_for("the follower's launch", lambda: self.follower_proxy.writes(
            began, "/jobs$"), 30, 0.02)[0]
        self.world.finish(running)
        for each in (test, running):
            self.world.await_verdict(each)
        return launch.at - began


@pytest.fixture
def pair(world):
    return Pair(world)


def test_killed_leader_is_replaced_when_its_lease_ends(pair):
    seconds = pair.hand_over(lambda: pair.world.kill(pair.leader))
    print(f"launched after {seconds:.2f} s")
    assert seconds < TAKE_OVER_SECONDS


def test_terminated_leader_hands_its_lease_over_at_once(pair):
    def end():
        assert pair.leader.stop() == 0
    seconds = pair.hand_over(end)
    print(f"launched after {seconds:.2f} s")
    assert seconds < 2


def test_leader_without_a_connection_ends_before_another_leads(pair):
    """It alone is cut off; the lease ends, and it with it."""
    began = time.monotonic()
    pair.leader_proxy.add(DropRequest())
    pair.leader_proxy.cut_connections()
    test = pair.world.create(FAILING)
    assert pair.leader.wait(15) == 1
    ended = time.monotonic()
    launch = wait_for("the follower's launch", lambda: pair.follower_proxy.writes(
        began, "/jobs$"), 20, 0.02)[0]
    assert launch.at > ended
    pair.world.await_verdict(test)


def test_leader_that_was_stopped_and_wakes_up_late_sends_no_write(pair):
    world = pair.world
    held = world.create(HELD)
    world.await_held(held)
    # It stops in the middle of a renewal and of launches, and sleeps through all that follows.
    renewal = pair.leader_proxy.add(Delay(2.0, verb="PUT", path="/leases/"))
    wait_for("a renewal under way", lambda: renewal.hits, 10, 0.01)
    slow = pair.leader_proxy.add(Delay(1.0, verb="POST", path="/jobs$"))
    tests = [world.create(FAILING if number % 2 else None) for number in range(8)]
    wait_for("launches under way", lambda: len(slow.hits) >= 3, 10, 0.01)
    pair.leader.pause()
    # What is under way fails when it wakes up: all of it would be sent once more.
    pair.leader_proxy.cut_connections()
    tests += [world.create(FAILING if number % 2 else None) for number in range(8)]
    world.finish(held)
    for test in [*tests, held]:
        world.await_verdict(test, 40)
    more = [world.create(HELD) for _ in range(4)]
    for test in more:
        world.await_held(test)
    woken = time.monotonic()
    pair.leader.resume()
    assert pair.leader.wait(10) == 1
    assert not pair.leader_proxy.writes(woken, leases=True)
    assert not pair.leader_proxy.requests("POST", "/events$", woken)
    for test in more:
        world.finish(test)
        world.await_verdict(test)
