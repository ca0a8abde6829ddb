#!/usr/bin/env python3
"""Measures push -> verdict beside the floor of a bare Job, interleaved in one run.

    tests/bench/push_to_verdict.py [--rounds 20] [--quiet-seconds 60]

Needs the product installed in the cluster that $COMMITTEST_CLUSTER names (make demo does it).
A round is one bare Job of the runner image that only ends (from its POST until the container's
`terminated` state is visible on a watch), then one push of a commit with one trivial test (from
the end of the push until the verdict is visible on a watch). The poll is not waited for: the
benchmark asks the observer to look at once, through the annotation committest.dev/poll-now.
Each measurement begins at a random moment of the kubelet's second: it looks at its containers once
a second, and what begins just after such a look would always be seen at the next one.
The first round is thrown away. Prints JSON: times in milliseconds, writes per test from the API
server's audit log, and writes in a quiet minute, leases aside.
"""
import argparse
import json
import pathlib
import random
import statistics
import sys
import tempfile
import time
import uuid

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.cluster import Cluster, Repository, Watch, unittest_file, writes  # noqa: E402
from tests.support.kube_api import Api  # noqa: E402

RUN = "ci"
BARE = "bench"  # the run namespaces are for CommitTests alone
RELIST_SECONDS = 1.0  # the period in which a kubelet looks at its containers


def summary(values):
    """Minimum, median and maximum, in whole milliseconds."""
    return {"min": round(min(values) * 1000), "median": round(statistics.median(values) * 1000),
            "max": round(max(values) * 1000)}


def terminated(pod):
    """Whether the Pod's one container has its terminated state."""
    states = pod.get("status", {}).get("containerStatuses", [])
    return bool(states) and "terminated" in states[0]["state"]


class Bench:
    def __init__(self, cluster, folder):
        self.cluster = cluster
        self.api = Api(cluster)
        self.name = f"bench-{uuid.uuid4().hex[:8]}"
        url = cluster.create_repository(self.name)
        self.repository = Repository(folder, url)
        cluster.apply({"apiVersion": "committest.dev/v1alpha1", "kind": "ObservedRepository",
                       "metadata": {"name": self.name, "namespace": RUN},
                       "spec": {"url": url, "pollPeriodSeconds": 3600}})
        cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {
                "name": BARE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}},
            {"apiVersion": "v1", "kind": "ServiceAccount",
             "metadata": {"name": "committest-runner", "namespace": BARE}})
        self.pods = Watch(cluster, f"/api/v1/namespaces/{RUN}/pods")
        self.bare_pods = Watch(cluster, f"/api/v1/namespaces/{BARE}/pods")
        self.jobs = Watch(cluster, f"/apis/batch/v1/namespaces/{RUN}/jobs")
        self.tests = Watch(cluster,
                           f"/apis/committest.dev/v1alpha1/namespaces/{RUN}/committests")
        self.job_template = None

    def close(self):
        for watch in (self.pods, self.bare_pods, self.jobs, self.tests):
            watch.close()
        self.cluster.kubectl("delete", "observedrepository", self.name, "-n", RUN)
        self.cluster.kubectl("delete", "committests", "-n", RUN, "-l",
                             f"committest.dev/repository={self.name}", "--wait=false")
        self.cluster.kubectl("delete", "namespace", BARE, "--wait=false")

    def bare_job(self, number):
        """Seconds from the POST of a Job to its container's visible end."""
        name = f"{self.name}-{number}"
        pod = json.loads(json.dumps(self.job_template["spec"]["template"]["spec"]))
        pod["containers"][0]["command"] = ["/bin/true"]
        pod["containers"][0].pop("env", None)
        started = time.monotonic()
        self.api.create(f"/apis/batch/v1/namespaces/{BARE}/jobs", {
            "apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": name, "labels": {"bench": self.name}},
            "spec": {"backoffLimit": 0, "template": {
                "metadata": {"labels": {"bench": self.name, "round": str(number)}},
                "spec": pod}}})
        ended = self.bare_pods.wait("the bare Job's end", lambda _, pod_: (
            pod_["metadata"].get("labels", {}).get("job-name") == name and terminated(pod_)))
        return ended[0] - started

    def push(self, number):
        """Seconds from the end of a push to each stage of its CommitTest."""
        commit = self.repository.commit(f"Round {number}", {
            "tests/test_app.py": unittest_file("self.assertEqual(2 + 2, 4)"), "n": str(number)})
        self.repository.push()
        started = time.monotonic()
        self.api.patch(f"/apis/committest.dev/v1alpha1/namespaces/{RUN}"
                       f"/observedrepositories/{self.name}",
                       {"metadata": {"annotations": {"committest.dev/poll-now": str(number)}}})

        def of_commit(_, test):
            return test["spec"]["source"]["commit"] == commit
        created = self.tests.wait("the CommitTest", of_commit)
        uid = created[2]["metadata"]["uid"]
        job = self.jobs.wait("the Job", lambda _, job_: any(
            o["uid"] == uid for o in job_["metadata"].get("ownerReferences", [])))
        self.job_template = job[2]
        ended = self.pods.wait("the Pod's end", lambda _, pod: terminated(pod) and pod[
            "metadata"]["labels"].get("job-name") == job[2]["metadata"]["name"])
        verdict = self.tests.wait("the verdict", lambda kind, test: (
            of_commit(kind, test) and test.get("status", {}).get("result")))
        assert verdict[2]["status"]["result"] == "Passed", verdict[2]["status"]
        return {"commitTest": created[0] - started, "job": job[0] - created[0],
                "terminated": ended[0] - job[0], "verdict": verdict[0] - ended[0],
                "total": verdict[0] - started}


def measure(bench, rounds):
    """Interleaved rounds; the first is thrown away (and gives the bare Jobs their template)."""
    bench.push(0)
    floors, stages = [], []
    phase = random.Random(rounds)
    start = 0
    for number in range(1, rounds + 2):
        if number == 2:
            start = bench.cluster.audit_length()
        time.sleep(phase.uniform(0, RELIST_SECONDS))
        floor = bench.bare_job(number)
        time.sleep(phase.uniform(0, RELIST_SECONDS))
        stage = bench.push(number)
        print(f"round {number - 1}: bare Job {floor:.3f} s, push to verdict {stage['total']:.3f} s",
              file=sys.stderr)
        if number > 1:
            floors.append(floor)
            stages.append(stage)
    time.sleep(3)  # the last events may still be under way; they belong to the count
    entries = bench.cluster.audit(start)
    return floors, stages, writes(entries, "operator"), writes(entries, "observer")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--quiet-seconds", type=int, default=60)
    options = parser.parse_args()
    cluster = Cluster()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(cluster, folder)
        try:
            floors, stages, operator, observer = measure(bench, options.rounds)
            start = cluster.audit_length()
            time.sleep(options.quiet_seconds)
            quiet = cluster.audit(start)
        finally:
            bench.close()
    events = [e for e in operator if e["objectRef"]["resource"] == "events"]
    total = summary([stage["total"] for stage in stages])
    floor = summary(floors)
    print(json.dumps({
        "rounds": options.rounds,
        "bareJobTerminatedMilliseconds": floor,
        "pushToVerdictMilliseconds": total,
        "overFloorMilliseconds": total["median"] - floor["median"],
        "stagesMilliseconds": {name: summary([stage[name] for stage in stages])
                               for name in ("commitTest", "job", "terminated", "verdict")},
        "operatorWritesPerTest": (len(operator) - len(events)) / options.rounds,
        "operatorEventsPerTest": len(events) / options.rounds,
        "observerWritesPerTest": len(observer) / options.rounds,
        "quietSeconds": options.quiet_seconds,
        "quietWrites": {"operator": len(writes(quiet, "operator")),
                        "observer": len(writes(quiet, "observer"))},
    }, indent=2))


if __name__ == "__main__":
    main()
