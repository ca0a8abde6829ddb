#!/usr/bin/env python3
"""Measures 100 CommitTests created at once beside 100 bare Jobs, interleaved in one run.

    tests/bench/hundred_at_once.py [--count 100] [--rounds 3]

Needs the product installed in the cluster that $COMMITTEST_CLUSTER names (make demo does it).
A round creates, one after the other and each after the one before has been cleaned away:
  - bare Jobs of the runner image that only end: until the last one is Complete;
  - bare Jobs that are copies of the operator's own, so that they do the same checkout and the same
    test: until the last one is Complete;
  - CommitTests of one commit with one trivial test: until the last one has its verdict.
Prints JSON: times in seconds; the operator's writes and Events per CommitTest from the API server's
audit log; its CPU per CommitTest and its memory from /proc.
"""
import argparse
import concurrent.futures
import copy
import json
import pathlib
import statistics
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.cluster import (Cluster, Repository, Watch, process_of,  # noqa: E402
                                   unittest_file, wait_for, writes)
from tests.support.kube_api import Api  # noqa: E402
from tests.support.process_figures import cpu_seconds, memory_megabytes  # noqa: E402

RUN = "ci"
BARE = "bench"  # the run namespaces are for CommitTests alone
PARALLEL = 8  # beyond about eight requests at once an API server becomes slower, not faster


class Bench:
    def __init__(self, cluster, folder, count):
        self.cluster = cluster
        self.count = count
        self.name = f"bench-{uuid.uuid4().hex[:8]}"
        self.repository = Repository(folder, cluster.create_repository(self.name))
        self.commit = self.repository.commit(
            "One", {"tests/test_app.py": unittest_file("self.assertEqual(2 + 2, 4)")})
        self.repository.push()
        cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {
                "name": BARE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
            {"apiVersion": "v1", "kind": "ServiceAccount",
             "metadata": {"name": "committest-runner", "namespace": BARE}})
        self.api = Api(cluster)
        self.operator = process_of(cluster, "operator")

    def create(self, path, objects):
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            list(pool.map(lambda one: self.api.create(path, one), objects))

    def commit_tests(self, count, label):
        path = f"/apis/committest.dev/v1alpha1/namespaces/{RUN}/committests"
        names = {f"{self.name}-{label}-{i}" for i in range(count)}
        watch = Watch(self.cluster, path)
        started = time.monotonic()
        self.create(path, [{
            "apiVersion": "committest.dev/v1alpha1", "kind": "CommitTest",
            "metadata": {"name": name},
            "spec": {"source": {"url": self.repository.push_url, "commit": self.commit,
                                "ref": "refs/heads/main"}}} for name in sorted(names)])
        results = watch.all_of("every verdict", names, lambda test: test.get("status", {}).get(
            "result"), 600)
        watch.close()
        wrong = {name: result for name, (_, result) in results.items() if result != "Passed"}
        assert not wrong, wrong
        return max(seen for seen, _ in results.values()) - started

    def bare_jobs(self, template, label):
        path = f"/apis/batch/v1/namespaces/{BARE}/jobs"
        names = {f"{self.name}-{label}-{i}" for i in range(self.count)}
        watch = Watch(self.cluster, path)
        started = time.monotonic()
        self.create(path, [{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name},
                            "spec": {"backoffLimit": 0, "template": {"spec": template}}}
                           for name in sorted(names)])
        ended = watch.all_of("every Job's end", names, lambda job: [
            c["type"] for c in job.get("status", {}).get("conditions", [])
            if c["type"] in ("Complete", "Failed")], 600)
        watch.close()
        assert all("Complete" in types for _, types in ended.values()), ended
        return max(seen for seen, _ in ended.values()) - started

    def template(self):
        """The Pod of one of the operator's own Jobs."""
        self.commit_tests(1, "template")
        jobs = self.cluster.list("jobs", RUN, "committest.dev/committest="
                                 f"{self.name}-template-0")
        spec = jobs[0]["spec"]["template"]["spec"]
        return {key: value for key, value in spec.items() if key != "schedulerName"}

    def clean(self):
        self.cluster.kubectl("delete", "committests", "-n", RUN, "--all")
        self.cluster.kubectl("delete", "jobs", "-n", BARE, "--all")
        wait_for("the Pods to be gone", lambda: not self.cluster.list("pods", RUN)
                 and not self.cluster.list("pods", BARE), 300, 1)

    def close(self):
        self.clean()
        self.cluster.kubectl("delete", "namespace", BARE, "--wait=false")


def summary(values):
    return {"min": round(min(values), 1), "median": round(statistics.median(values), 1),
            "max": round(max(values), 1)}


def measure(bench, rounds):
    same_work = bench.template()
    trivial = copy.deepcopy(same_work)
    trivial["containers"][0]["command"] = ["/bin/true"]
    trivial["containers"][0].pop("env", None)
    times = {"bareJobs": [], "bareJobsOfTheSameWork": [], "commitTests": []}
    done, cpu = [], 0.0
    for number in range(1, rounds + 1):
        times["bareJobs"].append(bench.bare_jobs(trivial, f"bare-{number}"))
        bench.clean()
        times["bareJobsOfTheSameWork"].append(bench.bare_jobs(same_work, f"same-{number}"))
        bench.clean()
        start, before = bench.cluster.audit_length(), cpu_seconds(bench.operator)
        times["commitTests"].append(bench.commit_tests(bench.count, f"ct-{number}"))
        time.sleep(3)  # the last Events may still be under way; they belong to the count
        done += writes(bench.cluster.audit(start), "operator")
        cpu += cpu_seconds(bench.operator) - before
        print(f"round {number}: " + ", ".join(f"{name} {values[-1]:.1f} s"
                                              for name, values in times.items()), file=sys.stderr)
        if number < rounds:
            bench.clean()
    return times, done, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cluster = Cluster()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(cluster, folder, options.count)
        try:
            times, done, cpu = measure(bench, options.rounds)
            memory = memory_megabytes(bench.operator)
        finally:
            bench.close()
    events = [entry for entry in done if entry["objectRef"]["resource"] == "events"]
    total = options.count * options.rounds
    medians = {name: statistics.median(values) for name, values in times.items()}
    print(json.dumps({
        "count": options.count, "rounds": options.rounds,
        "seconds": {name: summary(values) for name, values in times.items()},
        "ratioToBareJobs": round(medians["commitTests"] / medians["bareJobs"], 2),
        "ratioToTheSameWork": round(medians["commitTests"] / medians["bareJobsOfTheSameWork"], 2),
        "operatorWritesPerTest": round((len(done) - len(events)) / total, 2),
        "operatorEventsPerTest": round(len(events) / total, 2),
        "operatorCpuMillisecondsPerTest": round(cpu * 1000 / total, 2),
        "operatorMegabytesAtTheEnd": memory,
    }, indent=2))


if __name__ == "__main__":
    main()
