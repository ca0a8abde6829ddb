"""Trouble between the operator and the API server."""
from tests.support.fault_proxy import CutMidLine
from tests.support.scripted_kubelet import FAILING, HELD


def test_passing_and_failing_without_any_fault(world):
    world.start()
    for script in (None, FAILING):
        world.await_verdict(world.create(script))


def test_watches_cut_in_the_middle_of_an_event_lose_nothing(world):
    world.start()
    world.settle()
    cut = world.proxy.add(CutMidLine(times=6))
    for script in (None, FAILING):
        world.await_verdict(world.create(script))
    assert len(cut.hits) == 6
