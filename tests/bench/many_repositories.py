#!/usr/bin/env python3
"""Measures what many repositories cost one observer, and whether dead hosts delay the others.

    tests/bench/many_repositories.py [--repositories 10000] [--period 5] [--seconds 60] [--workers 32]

Needs an API-only cluster that $COMMITTEST_CLUSTER names (dev/cluster/cluster up --api-only) and a
release build. The observer is the real one, the Git server is one that costs nothing
(canned_git_server.cc). Prints JSON:
  - memory from /proc with no ObservedRepository, after each step, and per repository;
  - CPU of the observer and looks per second while nothing changes;
  - for 100 repositories at hosts of their own: seconds until all are Ready and looks per second then,
    alone and beside 20 hosts that take connections and never answer.
"""
import argparse
import concurrent.futures
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.cluster import Cluster, wait_for  # noqa: E402
from tests.support.component_process import PROGRAMS, ObserverProcess  # noqa: E402
from tests.support.kube_api import Api, condition  # noqa: E402
from tests.support.operator_world import API_GROUP, install_crds  # noqa: E402
from tests.support.process_figures import cpu_seconds, memory_megabytes  # noqa: E402

COMMIT = "1234567890123456789012345678901234567890"
PATIENCE = 900


class CannedServer:
    """The Git server that costs nothing."""

    def __init__(self, address="127.0.0.1"):
        self._child = subprocess.Popen([str(PROGRAMS / "canned-git-server"), address],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self._child.stdout.readline())

    def close(self):
        self._child.stdin.close()
        self._child.wait()


class Namespace:
    """A namespace of its own with ObservedRepositories; gone with `close`."""

    def __init__(self, cluster, name):
        self.cluster, self.name, self.api = cluster, name, Api(cluster)
        cluster.kubectl("create", "namespace", name)
        self.path = f"{API_GROUP}/namespaces/{name}/observedrepositories"

    def observe(self, name, url, period):
        """Creates one whose cursor stands at the server's commit already."""
        self.api.create(self.path, {
            "apiVersion": "committest.dev/v1alpha1", "kind": "ObservedRepository",
            "metadata": {"name": name}, "spec": {"url": url, "pollPeriodSeconds": period}})
        self.api.patch(f"{self.path}/{name}/status", {"status": {"refs": [
            {"name": "refs/heads/main", "lastSeenCommit": COMMIT}]}})

    def observe_all(self, names_and_urls, period):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(self.observe, name, url, period)
                         for name, url in names_and_urls]:
                done.result()

    def ready(self):
        """The names of those that are Ready."""
        return {item["metadata"]["name"] for item in self.api.items(self.path)
                if (condition(item, "Ready") or {}).get("status") == "True"}

    def close(self):
        self.cluster.kubectl("delete", "namespace", self.name, "--wait=false")


def start(namespace, folder, workers):
    """An observer and the address of its metrics."""
    log = folder / f"{time.monotonic_ns()}.log"
    observer = ObserverProcess(namespace.cluster.state["kubeconfig"], [namespace.name], log,
                               folder / f"{namespace.name}.data",
                               (f"--workers={workers}",))
    wait_for("the observer", lambda: observer.says("started"))
    port = int(re.search(r'started.* port="?(\d+)', log.read_text()).group(1))
    return observer, f"http://127.0.0.1:{port}/metrics"


def looks(metrics, outcome):
    text = urllib.request.urlopen(metrics).read().decode()  # noqa: S310 our own address
    found = re.search(rf'committest_observer_polls_total{{outcome="{outcome}"}} (\S+)', text)
    return float(found.group(1))


def steady(observer, metrics, seconds):
    """CPU and looks while nothing changes."""
    before, cpu, began = looks(metrics, "unchanged"), cpu_seconds(observer.pid), time.monotonic()
    time.sleep(seconds)
    wall = time.monotonic() - began
    done, spent = looks(metrics, "unchanged") - before, cpu_seconds(observer.pid) - cpu
    return {"looksPerSecond": round(done / wall, 1), "cores": round(spent / wall, 3),
            "cpuMicrosecondsPerLook": round(spent / max(done, 1) * 1e6, 1)}


def measure_many(cluster, folder, options):
    server = CannedServer()
    namespace = Namespace(cluster, f"many-{int(time.time())}")
    try:
        observer, metrics = start(namespace, folder, options.workers)
        time.sleep(3)
        empty = memory_megabytes(observer.pid)
        observer.stop()
        namespace.observe_all(
            [(f"app-{i}", f"http://127.0.0.1:{server.port}/team/app-{i}.git")
             for i in range(options.repositories)], options.period)
        began = time.monotonic()
        observer, metrics = start(namespace, folder, options.workers)
        wait_for("all to be Ready", lambda: len(namespace.ready()) == options.repositories,
                 PATIENCE, 10)
        ready = round(time.monotonic() - began, 1)
        time.sleep(2 * options.period)
        figures = {"secondsUntilAllReady": ready, "steady": steady(observer, metrics, options.seconds)}
        full = memory_megabytes(observer.pid)
        observer.stop()
        observer, metrics = start(namespace, folder, options.workers)
        time.sleep(4 * options.period)
        again = memory_megabytes(observer.pid)
        observer.stop()
        return {"repositories": options.repositories, "periodSeconds": options.period,
                "workers": options.workers, **figures,
                "memory": {"empty": empty, "full": full, "afterRestart": again},
                "kilobytesPerRepository": round(
                    (full["anonymous"] - empty["anonymous"]) * 1000 / options.repositories, 2)}
    finally:
        namespace.close()
        server.close()


def silent_hosts(count):
    """Sockets that take connections and never answer, each at an address of its own."""
    sockets = []
    for i in range(count):
        listener = socket.socket()
        listener.bind((f"127.0.2.{i + 1}", 0))
        listener.listen(64)
        sockets.append(listener)
    return sockets


def measure_hosts(cluster, folder, options, dead):
    server = CannedServer("0.0.0.0")
    silent = silent_hosts(dead)
    namespace = Namespace(cluster, f"hosts-{dead}-{int(time.time())}")
    try:
        namespace.observe_all(
            [(f"dead-{i}", f"http://127.0.2.{i + 1}:{listener.getsockname()[1]}/app")
             for i, listener in enumerate(silent)], 1)
        namespace.observe_all([(f"app-{i}", f"http://127.0.1.{i + 1}:{server.port}/app")
                               for i in range(100)], 1)
        began = time.monotonic()
        observer, metrics = start(namespace, folder, options.workers)
        wait_for("the healthy ones", lambda: len(namespace.ready()) == 100, PATIENCE, 0.1)
        ready = time.monotonic() - began
        figures = steady(observer, metrics, 20)
        observer.stop()
        return {"deadHosts": dead, "secondsUntilAllReady": round(ready, 2), **figures}
    finally:
        namespace.close()
        server.close()
        for listener in silent:
            listener.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repositories", type=int, default=10000)
    parser.add_argument("--period", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--workers", type=int, default=32)
    options = parser.parse_args()
    cluster = Cluster()
    install_crds(cluster)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        print(json.dumps({
            "hosts": [measure_hosts(cluster, folder, options, dead) for dead in (0, 20)],
            "many": measure_many(cluster, folder, options)}, indent=2))


if __name__ == "__main__":
    main()
