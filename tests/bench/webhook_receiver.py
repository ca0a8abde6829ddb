#!/usr/bin/env python3
"""Measures the observer's receiver of webhooks.

    tests/bench/webhook_receiver.py [--seconds 5] [--connections 8] [--body-bytes 20000]

Needs an API-only cluster that $COMMITTEST_CLUSTER names (dev/cluster/cluster up --api-only) and a
release build. The observer, the API server and Git are real, all on loopback. Prints JSON:
  - genuine deliveries one after the other on a kept connection: milliseconds to their 202, p50 and p99;
  - as many as several connections get through, per second, and the observer's CPU for each;
  - with wrk installed (dev/deps/install bench): 10,000 unsigned requests a second and more, as many as wrk
    gets through, while genuine deliveries come from another address: their times and failures, and
    the observer's memory at most;
  - push to CommitTest, from the delivery's first byte to the CommitTest in a watch, of 10 pushes;
  - the observer's memory before and after.
"""
import argparse
import base64
import http.client
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.cluster import Cluster, wait_for  # noqa: E402
from tests.support.kube_api import Api  # noqa: E402
from tests.support.observer_world import ObserverWorld  # noqa: E402
from tests.support.operator_world import install_crds  # noqa: E402
from tests.support.process_figures import cpu_seconds, memory_megabytes  # noqa: E402
from tests.support.webhook_sender import Receiver, signed_headers  # noqa: E402

SECRET = "a secret of the benchmark"
HOUR = 3600


def quantile(values, share):
    values = sorted(values)
    return round(values[min(len(values) - 1, int(len(values) * share))], 2)


def deliver_for(receiver, body, seconds):
    """Milliseconds of each delivery on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", receiver.port, 30)
    times = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        headers = signed_headers("GitHub", SECRET, body)
        begin = time.monotonic()
        connection.request("POST", receiver.path, body, headers)
        response = connection.getresponse()
        response.read()
        times.append((time.monotonic() - begin) * 1000)
        assert response.status == 202, response.status
    connection.close()
    return times


def throughput(world, receiver, body, options):
    counts = []
    before = cpu_seconds(world.observer.pid)
    threads = [threading.Thread(target=lambda: counts.append(
        len(deliver_for(receiver, body, options.seconds)))) for _ in range(options.connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = cpu_seconds(world.observer.pid) - before
    return {"per second": round(sum(counts) / options.seconds),
            "CPU milliseconds each, looks included": round(1000 * spent / sum(counts), 3)}


def flood(world, receiver, options):
    """What strangers' requests do to the others; None without wrk."""
    if shutil.which("wrk") is None:
        return None
    pid = world.observer.pid
    before, spent = memory_megabytes(pid)["resident"], cpu_seconds(pid)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write('wrk.method = "POST"\nwrk.body = "{}"\n')
        script.flush()
        wrk = subprocess.Popen(
            ["wrk", "-t1", "-c64", f"-d{options.seconds:.0f}s", "-s", script.name,
             f"http://127.0.0.1:{receiver.port}{receiver.path}"],
            stdout=subprocess.PIPE, text=True)
        times, failures, peak = [], 0, 0
        while wrk.poll() is None:
            begin = time.monotonic()
            failures += receiver.deliver("GitHub", SECRET, source="127.1.0.1") != 202
            times.append((time.monotonic() - begin) * 1000)
            peak = max(peak, memory_megabytes(pid)["resident"])
            time.sleep(0.02)
    report = wrk.stdout.read()
    requests = int(re.search(r"(\d+) requests in", report)[1])
    return {"requests per second": float(re.search(r"Requests/sec:\s*([\d.]+)", report)[1]),
            "CPU microseconds each": round(1e6 * (cpu_seconds(pid) - spent) / requests, 1),
            "errors of sockets": "".join(re.findall(r"Socket errors: (.*)", report)),
            "genuine": {"deliveries": len(times), "failed": failures,
                        "p50": quantile(times, 0.5), "p99": quantile(times, 0.99)},
            "memory in MB": {"before": before, "at most": peak}}


def push_to_test(world, receiver, repository):
    """Milliseconds from a delivery to its CommitTest, as a watch shows it."""
    times = []
    for _ in range(10):
        commit, = repository.push()
        begin = time.monotonic()
        assert receiver.deliver("GitHub", SECRET) == 202
        wait_for("the CommitTest", lambda: any(
            test["spec"]["source"]["commit"] == commit for test in list(world.created.values())),
            30, 0.001)
        times.append((time.monotonic() - begin) * 1000)
    return times


def measure(world, options):
    world.start("--webhook-address=127.0.0.1:0")
    wait_for("the start", lambda: world.observer.says("webhookPort"), 30, 0.01)
    data = {"webhook-secret": base64.b64encode(SECRET.encode()).decode()}
    world.api.create(f"/api/v1/namespaces/{world.namespace}/secrets",
                     {"metadata": {"name": "hook"}, "data": data})
    repository = world.git.create("app")
    repository.push()
    world.observe(repository.url, webhook={"provider": "GitHub", "secretName": "hook"},
                  pollPeriodSeconds=HOUR, pollPeriodWithWebhookSeconds=HOUR)
    world.await_condition("WebhookHealthy", "False", "NoDelivery")
    receiver = Receiver(world.observer, world.namespace)
    body = b"x" * options.body_bytes
    memory = memory_megabytes(world.observer.pid)
    pushes = push_to_test(world, receiver, repository)
    alone = deliver_for(receiver, body, options.seconds)
    together = throughput(world, receiver, body, options)
    flooded = flood(world, receiver, options)
    return {"202 in milliseconds": {"deliveries": len(alone), "p50": quantile(alone, 0.5),
                                    "p99": quantile(alone, 0.99)},
            f"{options.connections} connections": together,
            "beside strangers": flooded,
            "delivery to CommitTest in milliseconds": {"p50": quantile(pushes, 0.5),
                                                       "most": round(max(pushes), 1)},
            "memory in MB": {"before": memory, "after": memory_megabytes(world.observer.pid)}}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--body-bytes", type=int, default=20_000)
    options = parser.parse_args()
    cluster = Cluster()
    install_crds(cluster)
    with tempfile.TemporaryDirectory() as folder:
        world = ObserverWorld(cluster, Api(cluster), pathlib.Path(folder))
        try:
            print(json.dumps(measure(world, options), indent=2))
        finally:
            world.close()


if __name__ == "__main__":
    main()
