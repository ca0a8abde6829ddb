"""The API server has forgotten what the operator wants to go on from: 410 in all its forms."""
import time

import pytest

from tests.support.cluster import wait_for
from tests.support.faults import Answer, DropRequest, ErrorEvent
from tests.support.scripted_kubelet import FAILING, HELD

class Gap:
    """A time in which the operator has no watch; runs end, begin and are deleted meanwhile."""

    def __init__(self, world):
        self.world = world
        self.ending, self.deleted = world.create(HELD), world.create(HELD)
        for test in (self.ending, self.deleted):
            world.await_held(test)
            world.await_running(test)
        self._block = world.proxy.add(DropRequest(verb="WATCH"))
        world.proxy.cut_connections()
        world.finish(self.ending)
        world.api.delete(f"{world.tests_path}/{self.deleted['metadata']['name']}")
        wait_for("the deleted test's Job to go",
                 lambda: len(world.api.items(world.jobs_path)) == 1)
        self.created = world.create(FAILING)

    def close(self):
        """Watches are let through again; afterwards all must be as if nothing had been."""
        since = time.monotonic()
        self.world.proxy.remove(self._block)
        for test in (self.ending, self.created):
            self.world.await_verdict(test)
        assert self.world.proxy.requests("GET", "/(committests|jobs|pods)$", since), "a new list"
        assert self.world.get(self.deleted) is None
        time_of_quiet = time.monotonic()
        self.world.settle()
        name = self.deleted["metadata"]["name"]
        assert not self.world.proxy.writes(time_of_quiet, name), "what is deleted stays deleted"


def test_gone_as_http_status(world):
    world.start()
    gap = Gap(world)
    gone = world.proxy.add(Answer(410, "Expired", verb="WATCH", times=3))
    gap.close()
    assert len(gone.hits) == 3


def test_kind_that_is_not_served_for_a_while(world):
    """As while its CRD is replaced: what the caches hold is not taken for deleted."""
    world.start()
    held = world.create(HELD)
    world.await_held(held)
    gone = world.proxy.add(Answer(404, "NotFound", verb="GET|WATCH", path="/committests$"))
    world.proxy.cut_connections()
    wait_for("some refusals", lambda: len(gone.hits) >= 3)
    world.finish(held)
    job = f"{world.jobs_path}/{world.api.items(world.jobs_path)[0]['metadata']['name']}"
    wait_for("the Job's end", lambda: world.api.get(job)["status"].get("completionTime"))
    world.proxy.remove(gone)
    for test in (held, world.create(FAILING)):
        world.await_verdict(test)


def test_gone_because_of_a_real_compaction(world):
    world.start()
    gap = Gap(world)
    world.cluster.component("compact")
    # The new server's memory begins after the compaction.
    world.cluster.component("kill", "--signal", "KILL", "kube-apiserver")
    world.cluster.component("restart", "kube-apiserver")
    wait_for("the API server", world.api.answers, 40)
    gap.close()


@pytest.mark.parametrize("code,reason", ((410, "Expired"), (410, "Gone"), (500, "InternalError")))
def test_error_event_in_place_of_an_event(world, code, reason):
    world.start()
    world.settle()
    error = world.proxy.add(ErrorEvent(code, reason, times=3))
    for script in (None, FAILING):
        world.await_verdict(world.create(script))
    assert len(error.hits) == 3
