"""The operator is killed again and again while commits are tested."""
import os
import random
import time

from tests.support.faults import Delay, DelayAnswer
from tests.support.scripted_kubelet import Script

KILLS = 200
COMMITS = 50
# A whole run takes about as long, so that a kill meets every moment of one.
LIFE_SECONDS_MAX = 0.5


def any_script(dice):
    passing, failing = Script(), Script(exit_code=10, reason="TestsFailed", failed=1)
    gone, lost = Script(exit_code=21, reason="CommitGone", total=0), Script(exit_code=137)
    script = dice.choice([passing, passing, passing, failing, failing, gone, lost])
    script.run_seconds = dice.uniform(0, 0.6)
    script.step_seconds = dice.uniform(0, 0.1)
    return script


def test_two_hundred_kills_lose_nothing_and_run_nothing_twice(world):
    """Replay one that failed with COMMITTEST_SEED."""
    seed = int(os.environ.get("COMMITTEST_SEED") or random.SystemRandom().randrange(10**6))
    print(f"COMMITTEST_SEED={seed}")
    dice = random.Random(seed)
    tests = []
    # So that many kills meet a write that is not applied yet, or not answered yet.
    for delay in (Delay, DelayAnswer):
        world.proxy.add(delay(0.06, verb="POST|PATCH"))
    for number in range(KILLS):
        operator = world.start()
        life = dice.uniform(0, LIFE_SECONDS_MAX)
        began = time.monotonic()
        if number % (KILLS // COMMITS) == 0:
            tests.append(world.create(any_script(dice), retry={"infrastructureLimit": 1}))
        time.sleep(max(0.0, life - (time.monotonic() - began)))
        assert operator.exit_code is None, "it ended by itself"
        world.kill(operator)
    world.start()
    for test in tests:
        verdict = world.await_verdict(test, 60)
        infrastructure = world.script_of(test).exit_code == 137
        assert len(verdict["status"]["attempts"]) == (2 if infrastructure else 1)
        seen = world.history[test["metadata"]["uid"]]
        assert len({state["completionTime"] for state in seen if state.get("result")}) == 1
    in_flight = sum(record.status == 0 for record in world.proxy.writes())
    print(f"{in_flight} of {KILLS} kills met a write under way")
    assert in_flight > KILLS / 20
