#!/usr/bin/env python3
"""Measures what many repositories cost one observer, and whether dead hosts delay the others.

    tests/bench/many_repositories.py [--sizes 1000,5000,10000] [--period 300] [--busy-period 5]
                                     [--hosts 1] [--seconds 60] [--workers 32]
                                     [--only memory|looks|dead]

Needs an API-only cluster that $COMMITTEST_CLUSTER names (dev/cluster/cluster up --api-only) and a
release build. The observer is the real one, the Git server is one that costs nothing
(canned_git_server.cc), under so many addresses as --hosts says. Prints JSON:
  - memory: of an observer with nothing to observe, and with so many repositories, each looked at
    every --period seconds: after the looks that made them Ready, and after a restart. Per repository
    it is what is the process' own beyond that of the empty one;
  - looks: CPU and looks per second with the most of them, each looked at every --busy-period
    seconds or as often as comes out, while nothing changes;
  - dead: for 100 repositories at hosts of their own, seconds until all are Ready and looks per second
    then, alone and beside 20 hosts that take connections and never answer.
"""
import argparse
import json
import pathlib
import socket
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.canned_repositories import (  # noqa: E402
    CannedNamespace, CannedServer, MeasuredObserver)
from tests.support.cluster import Cluster, wait_for  # noqa: E402
from tests.support.operator_world import install_crds  # noqa: E402
from tests.support.process_figures import cpu_seconds, memory_megabytes  # noqa: E402

PATIENCE = 300


def await_looks(observer, count):
    """Waits until so many looks have been made; the seconds that took."""
    began = time.monotonic()
    wait_for(f"{count} looks", lambda: observer.looks("unchanged") >= count, PATIENCE, 0.2)
    return round(time.monotonic() - began, 1)


def steady(observer, seconds):
    """CPU and looks while nothing changes."""
    before, cpu, began = observer.looks("unchanged"), cpu_seconds(observer.pid), time.monotonic()
    time.sleep(seconds)
    wall = time.monotonic() - began
    done, spent = observer.looks("unchanged") - before, cpu_seconds(observer.pid) - cpu
    return {"looksPerSecond": round(done / wall, 1), "cores": round(spent / wall, 3),
            "cpuMicrosecondsPerLook": round(spent / max(done, 1) * 1e6, 1)}


class Many:
    """The figures that need very many repositories."""

    def __init__(self, cluster, folder, options):
        self._folder, self._options = folder, options
        self._server = CannedServer("0.0.0.0")
        self._namespace = CannedNamespace(cluster, f"many-{int(time.time())}")
        self._count = 0

    def close(self):
        self._namespace.close()
        self._server.close()

    def grow(self, count, period):
        """Makes it so many repositories."""
        began = time.monotonic()
        self._namespace.observe_all(
            [(f"app-{i}", f"http://127.0.1.{1 + i % self._options.hosts}:{self._server.port}"
                          f"/team/app-{i}.git")
             for i in range(self._count, count)], pollPeriodSeconds=period)
        self._count = count
        print(f"{count} repositories after {time.monotonic() - began:.0f} s", file=sys.stderr)

    def memory(self):
        empty = self._memory_after(0)
        return {"empty": empty, "full": [self._memory_of(count, empty) for count in self._options.sizes]}

    def looks(self):
        self.grow(self._options.sizes[-1], self._options.busy_period)
        observer = self._start()
        try:
            figures = {"repositories": self._count, "secondsUntilAllLookedAt":
                       await_looks(observer, self._count)}
            return {**figures, **steady(observer, self._options.seconds)}
        finally:
            observer.kill()

    def _memory_of(self, count, empty):
        self.grow(count, self._options.period)
        first, again = self._memory_after(count), self._memory_after(count)
        return {"repositories": count, "afterFirstLooks": first, "afterRestart": again,
                "kilobytesPerRepository": [
                    round((found["anonymous"] - empty["anonymous"]) * 1000 / count, 2)
                    for found in (first, again)]}

    def _memory_after(self, looks):
        observer = self._start()
        try:
            seconds = await_looks(observer, looks)
            # What the last writes bring comes back by the watch.
            time.sleep(3)
            return {"secondsUntilAllLookedAt": seconds, **memory_megabytes(observer.pid)}
        finally:
            observer.kill()

    def _start(self):
        return MeasuredObserver(self._namespace, self._folder,
                                f"--workers={self._options.workers}")


def silent_hosts(count):
    """Sockets that take connections and never answer, each at an address of its own."""
    sockets = []
    for i in range(count):
        listener = socket.socket()
        listener.bind((f"127.0.2.{i + 1}", 0))
        listener.listen(64)
        sockets.append(listener)
    return sockets


def beside_dead(cluster, folder, options, dead):
    server = CannedServer("0.0.0.0")
    silent = silent_hosts(dead)
    namespace = CannedNamespace(cluster, f"hosts-{dead}-{int(time.time())}")
    try:
        namespace.observe_all(
            [(f"dead-{i}", f"http://127.0.2.{i + 1}:{listener.getsockname()[1]}/app")
             for i, listener in enumerate(silent)], pollPeriodSeconds=1)
        namespace.observe_all([(f"app-{i}", f"http://127.0.1.{i + 1}:{server.port}/app")
                               for i in range(100)], pollPeriodSeconds=1)
        began = time.monotonic()
        observer = MeasuredObserver(namespace, folder, f"--workers={options.workers}")
        wait_for("the healthy ones", lambda: len(namespace.ready()) == 100, PATIENCE, 0.1)
        ready = time.monotonic() - began
        figures = steady(observer, 20)
        observer.stop()
        return {"deadHosts": dead, "secondsUntilAllReady": round(ready, 2), **figures}
    finally:
        namespace.close()
        server.close()
        for listener in silent:
            listener.close()


def measure(cluster, folder, options):
    figures = {"workers": options.workers, "hosts": options.hosts}
    if options.only in (None, "dead"):
        figures["dead"] = [beside_dead(cluster, folder, options, dead) for dead in (0, 20)]
    for name in ("memory", "looks"):
        if options.only in (None, name):
            many = Many(cluster, folder, options)
            try:
                figures[name] = getattr(many, name)()
            finally:
                many.close()
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=lambda text: [int(word) for word in text.split(",")],
                        default=[1000, 5000, 10000])
    parser.add_argument("--period", type=int, default=300)
    parser.add_argument("--busy-period", type=int, default=5)
    parser.add_argument("--hosts", type=int, default=1)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--workers", type=int, default=32)
    parser.add_argument("--only", choices=("memory", "looks", "dead"))
    options = parser.parse_args()
    cluster = Cluster()
    install_crds(cluster)
    with tempfile.TemporaryDirectory() as name:
        print(json.dumps(measure(cluster, pathlib.Path(name), options), indent=2))


if __name__ == "__main__":
    main()
