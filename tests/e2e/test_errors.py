"""Reasons of a CommitTest that need a real kubelet or Git, each as itself."""
import json

from conftest import RUN, condition
from tests.support.cluster import Watch, unittest_file, wait_for

ONCE = {"infrastructureLimit": 0}
TELL_THE_RUNNER_TO_END = {"framework": "Command", "command": [
    "python3", "-c", "import os, signal, time; os.kill(1, signal.SIGTERM); time.sleep(60)"]}
# No signal of its own PID namespace kills PID 1, but a limit on CPU time that the tests put on it does.
KILL_THE_RUNNER = {"framework": "Command", "command": ["python3", "-c", (
    "import os, resource\nresource.prlimit(1, resource.RLIMIT_CPU, (1, 1))\n"
    "while True: os.write(1, b'x' * 65536)")]}
FILL_THE_DISK = {"framework": "Command", "command": ["python3", "-c", (
    "import time\nopen('/tmp/fill', 'wb').write(bytes(64 << 20))\ntime.sleep(600)")]}


class Lab:
    """CommitTests of one commit, made by hand and of no repository, so that all run at once."""

    def __init__(self, system):
        self.system = system
        self.repository = system.repository({"suspend": True})
        self.commit = self.repository.commit("Slow", {"tests/test_app.py": unittest_file(
            "import time; time.sleep(600)")})
        self.repository.push()

    def create(self, name, url="", **spec):
        name = f"{self.repository.name}-{name}"
        self.system.cluster.apply({
            "apiVersion": "committest.dev/v1alpha1", "kind": "CommitTest",
            "metadata": {"name": name, "namespace": RUN},
            "spec": {"source": {"url": url or self.repository.url, "commit": self.commit}, **spec}})
        return name

    def ended(self, name, reason, seconds=90):
        """The CommitTest once it has its result: an Error for this reason."""
        def result():
            test = self.system.cluster.get("committest", name, RUN)
            return test if test.get("status", {}).get("result") else None
        test = wait_for(f"the end of {name}", result, seconds, 0.3)
        assert test["status"]["result"] == "Error", test["status"]
        assert condition(test, "Succeeded")["reason"] == reason, test["status"]
        assert condition(test, "Completed")["reason"] == "Finished"
        assert condition(test, "ResultsRecorded")["reason"] == "NotConfigured"
        return test


def test_errors_say_whose_they_are(system):
    lab = Lab(system)
    watch = Watch(system.cluster, f"/apis/committest.dev/v1alpha1/namespaces/{RUN}/committests")
    unreachable = lab.create("unreachable", url="http://127.0.0.1:1/none.git", retry=ONCE)
    no_report = lab.create("no-report", tests={"framework": "Command", "command": ["true"]})
    no_program = lab.create("no-program", tests={"framework": "Command", "command": ["none"]})
    # The kubelet refuses the name at once, so that it need not be waited for a registry; but the other
    # container checks out before, beside four Pods that start.
    no_image = lab.create("no-image", execution={"image": "No:Image", "startTimeoutSeconds": 30})
    told_to_end = lab.create("told", tests=TELL_THE_RUNNER_TO_END, retry={"infrastructureLimit": 1})
    lab.ended(unreachable, "CheckoutFailed")
    lab.ended(no_report, "ReportInvalid")
    lab.ended(no_program, "ConfigurationError")
    lab.ended(no_image, "ImagePullFailed")
    watch.wait("a second attempt", lambda _, test: (
        test["metadata"]["name"] == told_to_end
        and condition(test, "Started")["reason"] == "Retrying"), 60)
    watch.close()
    attempts = lab.ended(told_to_end, "InfrastructureRetriesExhausted")["status"]["attempts"]
    assert [(a["reason"], a["exitCode"]) for a in attempts] == [("ResultLost", 50)] * 2, attempts


def test_a_runner_that_is_killed_and_a_disk_that_is_full_are_no_verdict(system):
    lab = Lab(system)
    killed = lab.create("killed", tests=KILL_THE_RUNNER, retry=ONCE)
    full = lab.create("full", tests=FILL_THE_DISK, retry=ONCE,
                      execution={"resources": {"ephemeral-storage": "16Mi"}})
    attempt, = lab.ended(killed, "ResultLost")["status"]["attempts"]
    assert attempt["exitCode"] == 137, attempt
    evicted = condition(lab.ended(full, "Disrupted"), "Succeeded")
    assert "16Mi" in evicted["message"], evicted


def test_an_eviction_is_not_the_tests_fault(system):
    lab = Lab(system)
    name = lab.create("evicted", retry=ONCE)
    test = wait_for("the tests to run", lambda: (
        found := system.cluster.get("committest", name, RUN)) and condition(
            found, "Started")["reason"] == "TestsRunning" and found, 60)
    pod, = system.pods_of(test)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction",
                "metadata": {"name": pod["metadata"]["name"], "namespace": RUN}}
    worked, answer = system.cluster.attempt(
        "create", "--raw", f"/api/v1/namespaces/{RUN}/pods/{pod['metadata']['name']}/eviction",
        "-f", "-", stdin=json.dumps(eviction))
    assert worked, answer
    test = lab.ended(name, "Disrupted")
    assert "EvictionByEvictionAPI" in condition(test, "Succeeded")["message"]
