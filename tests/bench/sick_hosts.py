#!/usr/bin/env python3
"""Measures how long a push to a healthy repository waits for its CommitTest, without and with hosts
beside it that are dead or send a byte a second.

    tests/bench/sick_hosts.py [--healthy 100] [--sick 20] [--pushes 200] [--same-host]

Needs an API-only cluster that $COMMITTEST_CLUSTER names (dev/cluster/cluster up --api-only) and a
release build. All repositories are looked at every 2 s, so that a push waits for up to 2.2 s. Each
sick repository is on a host of its own, or, with --same-host, all are on that of the healthy ones;
all fall sick at the same moment. Prints JSON: seconds before,
from that moment on, and when all of them are known to be sick.
"""
import argparse
import json
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.cluster import Cluster  # noqa: E402
from tests.support.kube_api import Api  # noqa: E402
from tests.support.observer_world import ObserverWorld  # noqa: E402
from tests.support.operator_world import install_crds  # noqa: E402
from tests.support.process_figures import cpu_seconds, memory_megabytes  # noqa: E402
from tests.support.sick_hosts import Hospital, summary  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--healthy", type=int, default=100)
    parser.add_argument("--sick", type=int, default=20)
    parser.add_argument("--pushes", type=int, default=200)
    parser.add_argument("--same-host", action="store_true")
    options = parser.parse_args()
    cluster = Cluster()
    install_crds(cluster)
    with tempfile.TemporaryDirectory() as folder:
        world = ObserverWorld(cluster, Api(cluster), pathlib.Path(folder))
        try:
            world.start()
            hospital = Hospital(world, options.healthy, options.sick, options.same_host)
            figures = {"healthy": options.healthy, "sick": options.sick, "sameHost": options.same_host,
                       "secondsBefore": summary(hospital.measure(options.pushes))}
            hospital.fall_sick()
            figures["secondsWhileTheyFallSick"] = summary(hospital.measure(options.pushes))
            hospital.await_conditions()
            figures["secondsBesideThem"] = summary(hospital.measure(options.pushes))
            figures["memoryMegabytes"] = memory_megabytes(world.observer.pid)
            figures["cpuSeconds"] = cpu_seconds(world.observer.pid)
            world.assert_sound()
            hospital.close()
        finally:
            world.close()
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
