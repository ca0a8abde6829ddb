"""Secrets that must not come out anywhere, and objects made to break whoever reads them."""
import base64
import json
import re
import types
import uuid

import pytest

from conftest import RUN, SYSTEM, condition
from tests.support.cluster import ROOT, run, unittest_file, wait_for
from tests.support.hostile_git import HostileGitServer

JSON_WEB_TOKEN = re.compile(r"eyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\.")
COMPONENTS = ("operator", "observer")
HUGE = 2**63 - 1


@pytest.fixture
def canary():
    return f"canary{uuid.uuid4().hex}"


@pytest.fixture
def hostile_server(system, canary):
    server = HostileGitServer(system.cluster.state["hostAddress"], canary)
    yield server
    server.close()


@pytest.fixture
def debug_logs(system):
    """Both programs log all that they ever log."""
    def log_at(level):
        run("dev/helm", "upgrade", "committest", str(ROOT / "helm/committest"), "-n", SYSTEM,
            "--reset-then-reuse-values", "--wait", "--timeout", "120s",
            "--set", f"logLevel={level}")
    log_at("debug")
    yield
    log_at("info")


def commit_test(name, **spec):
    source = {"url": "https://git.invalid/a.git", "commit": "a" * 40, **spec.pop("source", {})}
    return {"apiVersion": "committest.dev/v1alpha1", "kind": "CommitTest",
            "metadata": {"name": name, "namespace": RUN}, "spec": {"source": source, **spec}}


def finished(system, name, seconds=90):
    def result():
        test = system.cluster.get("committest", name, RUN)
        return test if test and test.get("status", {}).get("result") else None
    return wait_for(f"a result of {name[:40]}", result, seconds, 0.3)


def what_is_shown(system):
    """All that the product says, by where it says it."""
    kubectl = system.cluster.kubectl
    shown = {f"{kind} in {namespace}": kubectl("get", kind, "-n", namespace, "-o", "json")
             for kind in ("events", "events.events.k8s.io") for namespace in (RUN, SYSTEM)}
    for kind in ("committests", "observedrepositories", "jobs", "pods"):
        shown[f"status of {kind}"] = json.dumps(
            [o.get("status") for o in system.cluster.list(kind, RUN)])
    for component in COMPONENTS:
        shown[f"{component}'s log"] = kubectl(
            "logs", "-n", SYSTEM, "-l", f"app.kubernetes.io/component={component}", "--tail=-1")
        for page in ("metrics", "readyz?verbose"):
            shown[f"{component}'s {page}"] = kubectl(
                "get", "--raw", f"/api/v1/namespaces/{SYSTEM}/services/committest-{component}:http"
                f"/proxy/{page}")
    return shown


def refuses_secrets_in_urls(cluster, canary):
    """The API server takes no URL that holds a secret, and does not repeat it."""
    for url, expected in ((f"https://robot:{canary}@git.example.com/a.git",
                           "must not hold a user name or password"),
                          (f"https://git.example.com/a.git?private_token={canary}",
                           "must not hold a query")):
        test = commit_test("x", source={"url": url})
        repository = {**test, "kind": "ObservedRepository", "spec": {"url": url}}
        for thing in (test, repository):
            worked, answer = cluster.attempt("create", "-f", "-", stdin=json.dumps(thing))
            assert not worked and expected in answer, answer


def observe_hostile(system, server, canary):
    """Repositories whose server tells secrets."""
    urls = {kind: f"{server.url}/{kind}.git" for kind in ("redirect", "refuse", "error", "fetch")}
    names = {}
    for kind, url in urls.items():
        names[kind] = f"{kind}-{canary[6:12]}"
        system.observe(types.SimpleNamespace(name=names[kind], url=url))
    return names


def test_secrets_come_out_nowhere(system, debug_logs, hostile_server, canary):
    cluster = system.cluster
    short = canary[6:12]
    for namespace in (RUN, SYSTEM):
        cluster.apply({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/basic-auth",
                       "metadata": {"name": f"git-{short}", "namespace": namespace},
                       "data": {k: base64.b64encode(canary.encode()).decode()
                                for k in ("username", "password")}})
    names = observe_hostile(system, hostile_server, canary)
    tests = {
        "fetch": {"source": {"url": f"{hostile_server.url}/fetch.git",
                             "commit": HostileGitServer.COMMIT, "ref": "refs/heads/main"}},
        "error": {"source": {"url": f"{hostile_server.url}/error.git"}},
        "env": {"source": {"url": f"{hostile_server.url}/refuse.git"},
                "execution": {"env": [{"name": "PASSWORD", "value": canary}]}}}
    for kind, spec in tests.items():
        cluster.apply(commit_test(f"{kind}-{short}", **spec, retry={"infrastructureLimit": 0}))
    refuses_secrets_in_urls(cluster, canary)

    for kind in tests:
        assert finished(system, f"{kind}-{short}")["status"]["result"] == "Error"
    for kind, name in names.items():
        wait_for(f"{name} to be not ready", lambda n=name: condition(cluster.get(
            "observedrepository", n, RUN), "Ready")["status"] == "False")
    # The words of the server do come through, or there would be nothing to hide.
    assert "/fetch.git/git-upload-pack" in hostile_server.seen
    hidden = "no access to https://***@git.example.com/a.git?private_token=***"
    for kind, name, of in (("committest", f"error-{short}", "Succeeded"),
                           ("observedrepository", names["error"], "Ready")):
        message = condition(cluster.get(kind, name, RUN), of)["message"]
        assert hidden in message, message

    shown = what_is_shown(system)
    for kind in tests:
        shown[f"log of the runner of {kind}"] = cluster.kubectl(
            "logs", "-n", RUN, "-l", f"committest.dev/committest={kind}-{short}", "--tail=-1")
        assert "committest: Error (" in shown[f"log of the runner of {kind}"]
    assert names["fetch"] in shown["observer's log"] and f"env-{short}" in shown["operator's log"]
    for where, text in shown.items():
        at = text.find(canary)
        assert at < 0, (where, text[max(0, at - 300):at + 100])
        assert not JSON_WEB_TOKEN.search(text), where
    for name in names.values():
        cluster.kubectl("delete", "observedrepository", name, "-n", RUN)
    for namespace in (RUN, SYSTEM):
        cluster.kubectl("delete", "secret", f"git-{short}", "-n", namespace)


def pods_of_the_product(system):
    """Which Pods run, and how often their containers were restarted."""
    return {(pod["metadata"]["name"], status["restartCount"])
            for pod in system.cluster.list("pods", SYSTEM, "app.kubernetes.io/name=committest")
            if "deletionTimestamp" not in pod["metadata"]
            for status in pod["status"]["containerStatuses"]}


def poisoned_specs():
    """CommitTests at every bound that the CRD has, by name."""
    words = "\u202e\x1b[2J\ufffe\U0001f4a3"
    return {
        "n" * 253: {},
        "labels": {"repositoryName": "r" * 253, "source": {"ref": "refs/heads/" + "b" * 239}},
        "words": {"source": {"author": words * 25, "subject": words * 12}},
        "ends": {"execution": {"timeoutSeconds": 86400, "scheduleTimeoutSeconds": 86400,
                               "startTimeoutSeconds": 86400}, "retry": {"infrastructureLimit": 10}},
        "numbers": {"execution": {"resources": {"cpu": "99999999999E", "memory": "1m",
                                                "ephemeral-storage": "9E"}}},
        "long": {"tests": {"framework": "Command", "command": ["c" * 4096] * 64,
                           "reportPaths": ["**/" * 80 + "x"] * 16},
                 "execution": {"env": [{"name": f"V{i}", "value": "$(V1)$" * 682}
                                       for i in range(64)]}},
        "placed": {"execution": {"nodeSelector": {"k" * 63: "v" * 63},
                                 "image": "!" * 512, "runtimeClassName": "a" * 253}},
        "selector": {"execution": {"nodeSelector": {"not a label": "!"}}},
    }


def test_objects_made_to_break_us_stop_nobody_else(system):
    before = pods_of_the_product(system)
    made = []
    for name, spec in poisoned_specs().items():
        thing = commit_test(name, **spec)
        thing["metadata"]["annotations"] = {"committest.dev/ref": "\u202e" * 1000,
                                            "example.com/much": "a" * 200_000}
        thing["metadata"]["finalizers"] = ["example.com/mine"]
        worked, answer = system.cluster.attempt("create", "-f", "-", stdin=json.dumps(thing))
        assert worked, answer
        made.append(name)
    repository = system.repository({"refs": ["refs/heads/" + "*a" * 119, "refs/heads/*"],
                                    "maxBackfill": 1000, "initialCommits": 1000})
    commit = repository.commit("Fine", {"tests/test_app.py": unittest_file("pass")})
    repository.push()
    assert system.verdict(repository, commit)["status"]["result"] == "Passed"
    for name in made:
        wait_for(f"{name[:40]} to be looked at", lambda n=name: system.cluster.get(
            "committest", n, RUN).get("status", {}).get("conditions"), 60)
        system.cluster.kubectl("delete", "committest", name, "-n", RUN, "--wait=false")
        system.cluster.kubectl("patch", "committest", name, "-n", RUN, "--type=merge",
                               "-p", '{"metadata": {"finalizers": null}}')
    assert pods_of_the_product(system) == before


def test_statuses_and_jobs_edited_by_hand_stop_nobody_else(system):
    before = pods_of_the_product(system)
    repository = system.repository()
    attempt = {"number": HUGE, "jobName": "j" * 63, "jobUID": "u" * 64, "podName": "p" * 253,
               "outcome": "Error", "class": "Infrastructure", "exitCode": -2**31,
               "startTime": "9999-12-31T23:59:59Z", "completionTime": "0001-01-01T00:00:00Z"}
    statuses = [
        {"attempts": [attempt, {"number": 1}]},
        {"startTime": "0001-01-01T00:00:00Z", "queuedTime": "9999-12-31T23:59:59Z"},
        {"summary": {"total": HUGE, "failed": HUGE, "durationMilliseconds": HUGE},
         "observedGeneration": HUGE, "failuresOmitted": HUGE},
        {"conditions": [{"type": f"T{i}", "status": "True", "reason": "R" * 64,
                         "message": "m" * 1024, "lastTransitionTime": "0001-01-01T00:00:00Z"}
                        for i in range(16)]}]
    annotations = [{"committest.dev/attempt": value, "committest.dev/spec-hash": value}
                   for value in ("", "-1", "NaN", "9" * 200, "1 ", "\u202e")]
    tests = []
    for number in range(max(len(statuses), len(annotations))):
        commit = repository.commit(f"Slow {number}", {"tests/test_app.py": unittest_file(
            "import time; time.sleep(3)")})
        repository.push()
        test = system.running(repository, commit)
        tests.append(commit)
        job, = system.jobs_of(test)
        pod, = system.pods_of(test)
        name = test["metadata"]["name"]
        if number < len(statuses):
            system.cluster.kubectl("patch", "committest", name, "-n", RUN, "--type=merge",
                                   "--subresource=status", "-p",
                                   json.dumps({"status": statuses[number]}))
        if number < len(annotations):
            edited = json.dumps({"metadata": {"annotations": annotations[number],
                                              "labels": {"committest.dev/committest": None}}})
            for kind, thing in (("job", job), ("pod", pod)):
                # A status that speaks of other attempts may have had the Job deleted by now.
                system.cluster.kubectl("patch", kind, thing["metadata"]["name"], "-n", RUN,
                                       "--type=merge", "-p", edited, check=False)
    for number, commit in enumerate(tests):
        status = system.verdict(repository, commit)["status"]
        # What a Job's metadata says is no evidence; what a status says is, to who may write it.
        assert status["result"] == "Passed" or number < len(statuses), status
    healthy = system.repository()
    commit = healthy.commit("Fine", {"tests/test_app.py": unittest_file("pass")})
    healthy.push()
    assert system.verdict(healthy, commit)["status"]["result"] == "Passed"
    assert pods_of_the_product(system) == before


def test_bytes_that_are_no_text_stop_nobody_else(system):
    before = pods_of_the_product(system)
    repository = system.repository({"refs": ["refs/heads/*"]})
    first = repository.commit("Bytes", {"tests/test_app.py": (
        "import os, sys, unittest\n"
        "class T(unittest.TestCase):\n"
        "    def test_it(self):\n"
        "        os.write(1, bytes(range(256)) * 4096)\n"
        "        open('/dev/termination-log', 'wb').write(b'\\xff\\x00{' * 1000)\n"
        "        self.fail('\\udcff \\x00 \\u202e ' + 'x' * 100000)\n")})
    repository.push()
    assert system.verdict(repository, first)["status"]["result"] == "Failed"
    # A commit whose author and subject are Latin-1, said to be UTF-8, on a branch named so.
    raw = repository.folder / "raw"
    raw.write_bytes(b"tree " + repository.git("rev-parse", "HEAD^{tree}").encode()
                    + b"\nauthor \xc4\xd6 <\xfc@x> 99999999999999 +9999"
                    + b"\ncommitter \xff\xfe <> 0 -0000\n\n\xe9\xe8\xff subject\n")
    sha = repository.git("hash-object", "-t", "commit", "-w", "--literally", str(raw))
    repository.git("push", "-q", repository.push_url, f"{sha}:refs/heads/odd")
    repository.git("push", "-q", repository.push_url, f"{sha}:refs/heads/\udce9\udcff")
    other = repository.commit("Fine", {"tests/test_app.py": unittest_file("pass")})
    repository.push("fine")
    assert system.verdict(repository, other)["status"]["result"] == "Passed"
    odd = system.verdict(repository, sha)
    assert odd["spec"]["source"]["subject"].endswith("subject"), odd["spec"]["source"]
    assert pods_of_the_product(system) == before
