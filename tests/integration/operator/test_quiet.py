"""Nothing changes, so nothing is written."""
import time

from tests.support.cluster import wait_for
from tests.support.kube_api import condition
from tests.support.scripted_kubelet import FAILING, HELD, Script

WINDOW_SECONDS = 20


def test_no_write_while_nothing_changes(world):
    replicas = [world.start_replica(name)[1] for name in ("first", "second")]
    for script in (None, FAILING, Script(exit_code=21, reason="CommitGone", total=0)):
        world.await_verdict(world.create(script))
    running = world.create(HELD)
    world.await_held(running)
    world.await_running(running)
    waiting = world.create(suspend=True)
    wait_for("it to say that it waits", lambda: condition(
        world.get(waiting), "Admitted")["reason"] == "Suspended")
    quiet_since = time.monotonic()
    wait_for("some seconds of quiet", lambda: time.monotonic() > quiet_since + WINDOW_SECONDS,
             WINDOW_SECONDS + 5)
    for proxy in replicas:
        assert not proxy.writes(quiet_since), proxy.writes(quiet_since)
        events = proxy.requests("POST", "/events$", quiet_since)
        assert not events, events
        reads = proxy.requests("GET|WATCH", "committest.dev|/jobs|/pods", quiet_since)
        assert len(reads) <= 4, reads
    assert any(proxy.writes(quiet_since, leases=True) for proxy in replicas), "the record works"
    # All of it was still alive.
    world.api.patch(f"{world.tests_path}/{waiting['metadata']['name']}", {"spec": {"suspend": False}})
    world.finish(running)
    for test in (running, waiting):
        world.await_verdict(test)
