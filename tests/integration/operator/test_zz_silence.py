"""The end of test_0_silence.py."""
import time

# Beyond the time for which the operator asked the server to keep a watch open.
GRACE_SECONDS = 15


def test_silent_watches_are_given_up_in_bounded_time(silence):
    world, test, since = silence
    watches = [r for r in world.proxy.requests("WATCH", world.namespace) if r.at < since]
    bound = max(r.at + int(r.query["timeoutSeconds"]) for r in watches) + GRACE_SECONDS
    assert bound - since < 330
    world.await_verdict(test, bound + 5 - time.monotonic())
    again = world.proxy.requests("WATCH", world.namespace, since)
    assert {r.path for r in again} & {r.path for r in watches}, "a new watch"
