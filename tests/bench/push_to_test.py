#!/usr/bin/env python3
"""Measures push -> CommitTest on a real Gitea, by webhook and by poll, interleaved in one run.

    tests/bench/push_to_test.py [--rounds 20] [--poll-seconds 5]

Needs the product (dev/images/install) and Gitea (dev/gitea/install) in the cluster that
$COMMITTEST_CLUSTER names; the observer's rights are changed so that it may read the Secret "bench".
Two repositories are observed: one is polled every --poll-seconds, of the
other Gitea tells by a signed webhook, and it is polled every five minutes. A round pushes one
commit to each, at a random moment of the poll period, and waits until both tests have ended, so that
nothing else runs. Measured from the end of `git push` until the CommitTest is seen on one watch, by one
monotonic clock; a webhook may come before the push has ended, which is then a negative time.
The first round is thrown away. Prints JSON: times in milliseconds.
"""
import argparse
import json
import pathlib
import random
import secrets
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.cluster import Cluster, Watch, allow_secrets, unittest_file  # noqa: E402
from tests.support.gitea import Gitea, webhook_url  # noqa: E402

RUN = "ci"
SECRET = "bench"
KINDS = ("webhook", "poll")


class Bench:
    def __init__(self, cluster, folder, poll_seconds):
        self.cluster = cluster
        gitea = Gitea.of_cluster(cluster)
        user = gitea.create_user()
        self.repositories = {
            kind: gitea.create_repository(user, f"{user.name}-{kind}", f"{folder}/{kind}")
            for kind in KINDS}
        self.tests = Watch(cluster, f"/apis/committest.dev/v1alpha1/namespaces/{RUN}/committests")
        polled, told = self.repositories["poll"], self.repositories["webhook"]
        secret = secrets.token_hex(20)
        cluster.apply(
            {"apiVersion": "v1", "kind": "Secret", "stringData": {"webhook-secret": secret},
             "metadata": {"name": SECRET, "namespace": RUN}},
            observed(polled, {"pollPeriodSeconds": poll_seconds}),
            observed(told, {"pollPeriodSeconds": poll_seconds, "pollPeriodWithWebhookSeconds": 300,
                            "webhook": {"provider": "Gitea", "secretName": SECRET}}))
        told.create_hook(webhook_url(RUN, told.name), secret)

    def close(self):
        self.tests.close()
        for repository in self.repositories.values():
            self.cluster.kubectl("delete", "observedrepository", repository.name, "-n", RUN)
            self.cluster.kubectl("delete", "committests", "-n", RUN, "--wait=false", "-l",
                                 f"committest.dev/repository={repository.name}")
        self.cluster.kubectl("delete", "secret", SECRET, "-n", RUN)

    def push(self, kind, number):
        """Seconds from the end of a push to its CommitTest; also who found it."""
        repository = self.repositories[kind]
        commit = repository.commit(f"Round {number}", {
            "tests/test_app.py": unittest_file("pass"), "n": str(number)})
        repository.push()
        ended = time.monotonic()

        def is_of_commit(_, test):
            return test["spec"]["source"]["commit"] == commit
        created = self.tests.wait("the CommitTest", is_of_commit, 400)
        self.tests.wait("the verdict", lambda event, test: (
            is_of_commit(event, test) and test.get("status", {}).get("result")), 120)
        return created[0] - ended, created[2]["spec"]["trigger"]["type"]


def observed(repository, spec):
    return {"apiVersion": "committest.dev/v1alpha1", "kind": "ObservedRepository",
            "metadata": {"name": repository.name, "namespace": RUN},
            "spec": {"url": repository.url, **spec}}


def measure(bench, rounds, poll_seconds):
    times = {kind: [] for kind in KINDS}
    triggers = {kind: [] for kind in KINDS}
    phase = random.Random(rounds)
    for number in range(rounds + 1):
        for kind in KINDS:
            time.sleep(phase.uniform(0, poll_seconds))
            seconds, trigger = bench.push(kind, number)
            print(f"round {number}: {kind} {seconds * 1000:.0f} ms ({trigger})", file=sys.stderr)
            if number > 0:
                times[kind].append(seconds)
                triggers[kind].append(trigger)
    return times, triggers


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--poll-seconds", type=int, default=5)
    options = parser.parse_args()
    cluster = Cluster()
    allow_secrets(SECRET)
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(cluster, folder, options.poll_seconds)
        try:
            times, triggers = measure(bench, options.rounds, options.poll_seconds)
        finally:
            bench.close()
            allow_secrets()
    print(json.dumps({
        "rounds": options.rounds, "pollSeconds": options.poll_seconds,
        "pushToCommitTestMilliseconds": {kind: {
            "min": round(min(values) * 1000), "median": round(statistics.median(values) * 1000),
            "max": round(max(values) * 1000)} for kind, values in times.items()},
        "triggers": {kind: {name: found.count(name) for name in sorted(set(found))}
                     for kind, found in triggers.items()},
    }, indent=2))


if __name__ == "__main__":
    main()
