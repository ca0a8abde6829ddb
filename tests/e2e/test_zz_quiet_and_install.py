"""Last, because it wants the system quiet, then removes it: a minute without a write, a release's
whole life, and the way without Helm."""
import json
import time

from conftest import RUN, SYSTEM, condition
from tests.support.cluster import ROOT, run, unittest_file, wait_for, writes

SECOND_RUN = "ci-second"
CHART = str(ROOT / "helm/committest")

# What a platform sets, for both components and for all.
PLACED = {
    "podLabels": {"example.com/changed": "yes"}, "podAnnotations": {"example.com/a": "b"},
    "extraEnv": [{"name": "A", "value": "b"},
                 {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
    "serviceAccount": {"annotations": {"example.com/a": "b"}},
    "nodeSelector": {"kubernetes.io/os": "linux"}, "priorityClassName": "system-cluster-critical",
    "tolerations": [{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}],
    "affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 1, "podAffinityTerm": {
            "topologyKey": "kubernetes.io/hostname",
            "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "committest"}}}}]}},
    "topologySpreadConstraints": [{
        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app.kubernetes.io/name": "committest"}}}]}
CHANGED = {
    "runNamespaces": [RUN, SECOND_RUN], "logFormat": "text",
    "operator": {**PLACED, "replicas": 2, "maxRunning": 50}, "observer": PLACED,
    "runner": {"resources": {"cpuLimit": "500m", "memory": "256Mi"}},
    "admissionPolicy": {"imagePrefixes": ["registry.example.com/ci/"]},
    "networkPolicy": {
        "metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
        "runEgress": [{"ports": [{"protocol": "UDP", "port": 53}]}, {"to": [{"ipBlock": {
            "cidr": "10.0.0.0/8"}}]}]}}


def helm(*arguments, stdin=None):
    return run("dev/helm", *arguments, "-n", SYSTEM, stdin=stdin)


def commit_passes(system, repository, subject):
    commit = repository.commit(subject, {"tests/test_app.py": unittest_file("pass")})
    repository.push()
    assert system.verdict(repository, commit)["status"]["result"] == "Passed"


def all_objects(system):
    """Every object of the cluster but Events, as (kind, namespace, name, labels)."""
    kubectl = system.cluster.kubectl
    kinds = [kind for kind in kubectl("api-resources", "--verbs=list", "-o", "name").split()
             if not kind.startswith("events")]
    return [(item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"],
             item["metadata"].get("labels", {}))
            for item in json.loads(kubectl("get", ",".join(kinds), "-A", "-o", "json"))["items"]]


def test_a_quiet_minute_costs_no_write(system):
    wait_for("all verdicts", lambda: all(
        test.get("status", {}).get("result") for test in system.cluster.list("committests", RUN)
        if test["status"].get("display", {}).get("reason") not in ("ImagePull", "Unschedulable")),
        120)
    for test in system.cluster.list("committests", RUN):
        if not test.get("status", {}).get("result"):
            system.cluster.kubectl("delete", "committest", test["metadata"]["name"], "-n", RUN)
    start = system.cluster.audit_length()
    quiet_since = time.monotonic()

    def a_minute_without_writes():
        nonlocal start, quiet_since
        entries = system.cluster.audit(start)
        if writes(entries, "operator") + writes(entries, "observer"):
            start, quiet_since = start + len(entries), time.monotonic()
        return time.monotonic() - quiet_since >= 60
    # Deleting above may still be answered by a write, and the counts of a repository are written a
    # minute later; after that there is none for a minute.
    wait_for("a minute without a write", a_minute_without_writes, 140, every=1)


def test_a_release_is_upgraded_rolled_back_and_removed(system):
    repository = system.repository()
    commit_passes(system, repository, "Installed")
    before = json.loads(helm("history", "committest", "-o", "json"))[-1]["revision"]
    values = helm("get", "values", "committest", "-o", "json")

    helm("upgrade", "committest", CHART, "--reset-then-reuse-values", "--values", "-", "--wait",
         "--timeout", "120s", stdin=json.dumps(CHANGED))
    assert system.cluster.get("poddisruptionbudget", "committest-operator", SYSTEM)
    assert len(system.cluster.list("pods", SYSTEM, "example.com/changed=yes")) == 3
    commit_passes(system, repository, "Upgraded")
    refused = system.repository({"template": {"execution": {"image": "docker.io/library/evil"}}})
    commit = refused.commit("One", {"tests/test_app.py": unittest_file("pass")})
    refused.push()
    wait_for("the image to be refused", lambda: (test := system.test_of(refused, commit)) and (
        why := condition(test, "Started"))["reason"] == "AdmissionDenied" and (
        "docker.io/library/evil is not allowed here" in why["message"]), 60)
    copy = {"name": repository.name, "namespace": SECOND_RUN}
    system.cluster.apply({"apiVersion": "committest.dev/v1alpha1", "kind": "ObservedRepository",
                          "metadata": copy, "spec": {"url": repository.url}})
    wait_for("a verdict in the second namespace", lambda: any(
        test.get("status", {}).get("result") == "Passed"
        for test in system.cluster.list("committests", SECOND_RUN)), 60)

    helm("rollback", "committest", str(before), "--wait", "--timeout", "120s")
    assert not system.cluster.get("poddisruptionbudget", "committest-operator", SYSTEM)
    assert not system.cluster.list("roles", SECOND_RUN)
    assert system.cluster.list("committests", SECOND_RUN), "results stay"
    commit_passes(system, repository, "Rolled back")
    helm("test", "committest")

    results = {test["metadata"]["uid"] for test in system.tests_of(repository)}
    helm("uninstall", "committest", "--wait")
    check_nothing_is_left(system)
    helm("install", "committest", CHART, "--values", "-", "--wait", "--timeout", "120s",
         stdin=values)
    assert {test["metadata"]["uid"] for test in system.tests_of(repository)} == results
    commit_passes(system, repository, "Installed again")
    system.cluster.kubectl("delete", "namespace", SECOND_RUN, "--timeout=60s")


def check_nothing_is_left(system):
    """Of the release, but the run namespaces with the results, the CRDs, and what others made."""
    wait_for("the last Pods to be gone", lambda: not system.cluster.list("pods", SYSTEM), 60)
    objects = all_objects(system)
    labelled = {(kind, namespace, name) for kind, namespace, name, labels in objects
                if labels.get("app.kubernetes.io/instance") == "committest"}
    assert labelled == {("Namespace", "", RUN), ("Namespace", "", SECOND_RUN)}
    whole_cluster = {(kind, name) for kind, namespace, name, _ in objects
                     if not namespace and "committest" in name}
    assert whole_cluster == {
        ("Namespace", SYSTEM), ("CustomResourceDefinition", "committests.committest.dev"),
        ("CustomResourceDefinition", "observedrepositories.committest.dev"),
        # The API server's own, one for each group and version of the CRDs.
        ("APIService", "v1alpha1.committest.dev")}, whole_cluster
    in_system = {(kind, name) for kind, namespace, name, _ in objects if namespace == SYSTEM}
    assert in_system == {
        ("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default"),
        # The operator's, which made it when it first started.
        ("Lease", "committest-operator")}, in_system


def test_install_yaml_alone_installs_the_same(system):
    helm("uninstall", "committest", "--wait", "--ignore-not-found")
    run("dev/images/install", "--manifests")
    repository = system.repository()
    commit = repository.commit("One", {"tests/test_app.py": unittest_file("pass")})
    repository.push()
    assert system.verdict(repository, commit)["status"]["result"] == "Passed"
