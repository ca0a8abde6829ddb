#!/usr/bin/env python3
"""Measures what finished and waiting CommitTests cost the operator.

    tests/bench/operator_cost.py [--steps 100 1000] [--queued 1000] [--quiet-seconds 60]

Needs an API-only cluster that $COMMITTEST_CLUSTER names (dev/cluster/cluster up --api-only) and a
release build. The operator is the real one; Job controller and kubelet are scripted and end each run
at once, so that nothing but the operator and the API server works. Prints JSON:
  - memory from /proc with 0 finished CommitTests and after each step, their Jobs and Pods still there,
    and again after a restart;
  - CPU, writes and Events per CommitTest, as a proxy between operator and API server counts them;
  - writes in a quiet time after that, leases aside;
  - for a queue of many behind a limit of 20: writes until all say that they wait, and from then on,
    per CommitTest.
"""
import argparse
import json
import pathlib
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.cluster import Cluster, wait_for  # noqa: E402
from tests.support.kube_api import Api, condition  # noqa: E402
from tests.support.operator_world import API_GROUP, World, install_crds  # noqa: E402
from tests.support.process_figures import cpu_seconds, memory_megabytes  # noqa: E402
from tests.support.scripted_kubelet import HELD, Script  # noqa: E402

INSTANT = Script(run_seconds=0, step_seconds=0)
PATIENCE = 1800


def sent(world):
    """What the operators wrote so far: whether each write was an Event."""
    return ["/events" in record.path for record in world.proxy.records
            if record.is_write and "/leases" not in record.path]


def counted(are_events, tests):
    """Writes and Events per CommitTest."""
    return {"writes": round(are_events.count(False) / tests, 2),
            "events": round(are_events.count(True) / tests, 2)}


def latest(world):
    """The last state of each CommitTest, as a watch has shown it."""
    return [states[-1] for states in list(world.history.values())]


def finished(world):
    return sum("result" in status for status in latest(world))


def waiting(world):
    return sum(condition({"status": status}, "Admitted")["reason"] == "Queued"
               for status in latest(world))


def await_finished(world, count):
    wait_for(f"{count} verdicts", lambda: finished(world) >= count, PATIENCE, 1)


def settled_memory(operator):
    time.sleep(5)  # what is still under way takes memory for a moment
    return memory_megabytes(operator.pid)


def measure_finished(world, steps):
    operator = world.start("--max-running=0")
    world.settle()
    figures = {"memory": {"0": settled_memory(operator)}, "perTest": {}}
    done = 1
    for step in steps:
        told, cpu = len(sent(world)), cpu_seconds(operator.pid)
        for _ in range(step - done):
            world.create(INSTANT)
        await_finished(world, step)
        memory = settled_memory(operator)
        made = step - done
        figures["memory"][str(step)] = memory
        figures["perTest"][str(step)] = {
            **counted(sent(world)[told:], made),
            "cpuMilliseconds": round((cpu_seconds(operator.pid) - cpu) * 1000 / made, 2)}
        done = step
    return operator, figures


def measure_queue(world, count):
    world.api.create(f"{API_GROUP}/namespaces/{world.namespace}/observedrepositories", {
        "apiVersion": "committest.dev/v1alpha1", "kind": "ObservedRepository",
        "metadata": {"name": "app"},
        "spec": {"url": "https://git.example/app.git", "concurrency": {"max": 20}}})
    gate = [world.create(HELD, repositoryName="app", priority=1) for _ in range(20)]
    world.start()
    for test in gate:
        world.await_held(test)
    for _ in range(count):
        world.create(INSTANT, repositoryName="app")
    wait_for("all to say that they wait", lambda: waiting(world) == count, PATIENCE, 1)
    told = sent(world)
    launched = len(world.proxy.writes(path="/jobs$"))
    began = time.monotonic()
    for test in gate:
        world.finish(test)
    await_finished(world, count + len(gate))
    seconds = time.monotonic() - began
    world.assert_sound()
    return {"count": count, "untilAllSayThatTheyWait": counted(told, count + len(gate)),
            "fromThenOn": counted(sent(world)[len(told):], count),
            "launches": len(world.proxy.writes(path="/jobs$")) - launched,
            "secondsFromThenOn": round(seconds, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--queued", type=int, default=1000)
    parser.add_argument("--quiet-seconds", type=int, default=60)
    options = parser.parse_args()
    cluster = Cluster()
    install_crds(cluster)
    api = Api(cluster)
    with tempfile.TemporaryDirectory() as folder:
        world = World(cluster, api, pathlib.Path(folder))
        try:
            operator, figures = measure_finished(world, options.steps)
            told = len(sent(world))
            time.sleep(options.quiet_seconds)
            figures["quietSeconds"] = options.quiet_seconds
            figures["quietWrites"] = len(sent(world)) - told
            world.kill(operator)
            again = world.start()
            world.settle()
            figures["memoryAfterARestart"] = settled_memory(again)
        finally:
            world.close()
        world = World(cluster, api, pathlib.Path(folder))
        try:
            figures["queue"] = measure_queue(world, options.queued)
        finally:
            world.close()
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
