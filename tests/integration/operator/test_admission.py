"""The API server refuses Jobs, or changes them, or the namespace goes away."""
import contextlib
import itertools
import time

from tests.support.certificates import Authority
from tests.support.cluster import wait_for
from tests.support.faults import Answer
from tests.support.kube_api import ApiError, condition
from tests.support.mutating_webhook import MutatingWebhook, add
from tests.support.scripted_kubelet import FAILING, HELD

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
JOB_RULES = [{"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"],
              "resources": ["jobs"]}]
# A launch that was refused is tried again after a minute at the latest.
LIFTED_SECONDS = 75


def only_in(world):
    return {"matchLabels": {"kubernetes.io/metadata.name": world.namespace}}


class Refusal:
    """Refuses the Jobs of one world by one means, until it is lifted."""

    def __init__(self, world, reason):
        self.world, self.reason = world, reason
        self.paths = []

    def make(self, path, body):
        self.world.api.create(path, body)
        self.paths.insert(0, f"{path}/{body['metadata']['name']}")

    def lift(self):
        for path in self.paths:
            self.world.api.delete(path)


def policy_that_refuses(world):
    refusal = Refusal(world, "AdmissionDenied")
    name = f"refuse-{world.namespace}"
    refusal.make(f"{ADMISSION}/validatingadmissionpolicies", {
        "metadata": {"name": name}, "spec": {
            "matchConstraints": {"resourceRules": JOB_RULES, "namespaceSelector": only_in(world)},
            "validations": [{"expression": "false", "message": "no Jobs on Sundays"}]}})
    refusal.make(f"{ADMISSION}/validatingadmissionpolicybindings", {
        "metadata": {"name": name}, "spec": {"policyName": name, "validationActions": ["Deny"]}})
    probe = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "probe"}, "spec": {
        "template": {"spec": {"restartPolicy": "Never",
                              "containers": [{"name": "c", "image": "i"}]}}}}

    def refuses():
        try:
            world.api.request("POST", f"{world.jobs_path}?dryRun=All", probe)
        except ApiError:
            return True
        return False
    wait_for("the policy to count", refuses)
    return refusal, "no Jobs on Sundays"


def quota_that_is_used_up(world):
    refusal = Refusal(world, "QuotaExceeded")
    path = f"/api/v1/namespaces/{world.namespace}/resourcequotas"
    hard = {"count/jobs.batch": "0"}
    refusal.make(path, {"metadata": {"name": "none"}, "spec": {"hard": hard}})
    # The quota controller's part.
    world.api.patch(f"{path}/none/status", {"status": {"hard": hard, "used": hard}})
    return refusal, "exceeded quota"


def test_refused_launches_are_told_tried_slowly_and_go_through_when_lifted(make_world):
    waiting = []
    for refuse in (policy_that_refuses, quota_that_is_used_up):
        world = make_world()
        refusal, words = refuse(world)
        world.start()
        test = world.create(FAILING)
        world.await_reason(test, refusal.reason)
        assert words in condition(world.get(test), "Started")["message"]
        waiting.append((world, refusal, test, time.monotonic()))
    for _, refusal, _, _ in waiting:
        refusal.lift()
    for world, _, test, began in waiting:
        verdict = world.await_verdict(test, LIFTED_SECONDS)
        assert len(verdict["status"]["attempts"]) == 1
        launches = world.proxy.requests("POST", "/jobs$")
        assert len(launches) <= 3 + (time.monotonic() - began) / 5, "no hot loop"


@contextlib.contextmanager
def meddling(world, folder, changes):
    """A mutating webhook that makes these changes to every Job of the world."""
    authority = Authority(folder, "webhook")
    webhook = MutatingWebhook(authority.server(), changes)
    path = f"{ADMISSION}/mutatingwebhookconfigurations"
    world.api.create(path, {"metadata": {"name": world.namespace}, "webhooks": [{
        "name": "mesh.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "failurePolicy": "Fail", "rules": JOB_RULES, "namespaceSelector": only_in(world),
        "clientConfig": {"url": webhook.url, "caBundle": authority.encoded()}}]})
    try:
        yield webhook
    finally:
        world.api.delete(f"{path}/{world.namespace}")
        webhook.close()


def test_webhook_that_adds_a_sidecar_and_labels(world, tmp_path):
    with meddling(world, tmp_path, [
            add("/spec/template/spec/containers/0", {"name": "mesh", "image": "mesh:latest"}),
            add("/spec/template/metadata/labels/mesh", "yes"), add("/metadata/labels/mesh", "yes"),
            add("/metadata/annotations/mesh", "yes")]) as webhook:
        world.start()
        for script in (None, FAILING):
            verdict = world.await_verdict(world.create(script))
            assert len(verdict["status"]["attempts"]) == 1
            assert any(verdict["metadata"]["name"] in name for name in webhook.reviews)
        for job in world.api.items(world.jobs_path):
            containers = job["spec"]["template"]["spec"]["containers"]
            assert [c["name"] for c in containers] == ["mesh", "runner"], "it was changed"


def test_webhook_that_takes_all_labels_away(world, tmp_path):
    """Then no watch shows the operator its Jobs and Pods; names and UIDs must do. It looks again
    every minute, and here sooner, because somebody edits the CommitTests."""
    with meddling(world, tmp_path, [add("/spec/template/metadata/labels", {"team": "mesh"}),
                                    add("/metadata/labels", {"team": "mesh"})]):
        world.start()
        held = world.create(HELD)
        tests = [held] + [world.create(script) for script in (None, FAILING)]
        world.await_held(held)
        # A restart must find its Jobs again.
        world.kill(world.operators[0])
        world.finish(held)
        world.start()
        numbers = itertools.count()

        def finished():
            for test in tests:
                world.api.patch(f"{world.tests_path}/{test['metadata']['name']}",
                                {"metadata": {"annotations": {"edit": str(next(numbers))}}})
            return all(world.get(test).get("status", {}).get("result") for test in tests)
        wait_for("all verdicts", finished, 30, 0.5)
        for test in tests:
            assert len(world.await_verdict(test)["status"]["attempts"]) == 1
        jobs = world.api.items(world.jobs_path)
        assert len(jobs) == 3 and all(job["metadata"]["labels"]["team"] == "mesh" for job in jobs)


def test_webhook_that_does_not_answer_is_waited_for(world):
    path = f"{ADMISSION}/mutatingwebhookconfigurations"
    world.api.create(path, {"metadata": {"name": world.namespace}, "webhooks": [{
        "name": "gone.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "failurePolicy": "Fail", "rules": JOB_RULES, "namespaceSelector": only_in(world),
        "clientConfig": {"url": "https://127.0.0.1:1/"}}]})
    try:
        world.start()
        test = world.create(FAILING)
        wait_for("three launches", lambda: len(world.proxy.requests("POST", "/jobs$")) >= 3, 20)
        assert not world.get(test).get("status", {}).get("result")
    finally:
        world.api.delete(f"{path}/{world.namespace}")
    world.await_verdict(test)


def test_namespace_that_goes_away_holds_no_other_up(world, make_world):
    other = make_world()
    operator = world.start(namespaces=[other.namespace])
    running, waiting = world.create(HELD), world.create()
    world.await_held(running)
    world.await_verdict(waiting)
    # A launch that meets the end of its namespace.
    late = world.proxy.add(Answer(503, verb="POST", path=f"/{world.namespace}/jobs$"))
    unlucky = world.create()
    wait_for("the late launch", lambda: late.hits)
    namespace = f"/api/v1/namespaces/{world.namespace}"
    world.api.delete(namespace)
    wait_for("the namespace to be terminating", lambda: world.api.get(namespace)["status"][
        "phase"] == "Terminating")
    world.proxy.remove(late)
    began = time.monotonic()
    wait_for("the launch to be refused", lambda: any(
        r.status == 403 for r in world.proxy.requests("POST", world.jobs_path, began)))
    other.await_verdict(other.create(FAILING))
    # The namespace controller's part: all objects go, then the namespace.
    for path in (world.tests_path, world.jobs_path):
        world.api.request("DELETE", path)
    wait_for("the tests to go", lambda: not world.api.items(world.tests_path))
    content = world.api.get(namespace)
    content["spec"]["finalizers"] = []
    world.api.request("PUT", f"{namespace}/finalize", content)
    wait_for("the namespace to be gone", lambda: world.api.get(namespace) is None)
    other.await_verdict(other.create())
    assert operator.exit_code is None
    assert unlucky["metadata"]["uid"] not in {uid for uid, _ in world.kubelet.jobs}
    tries = [r for r in world.proxy.writes(began) if world.namespace in r.path]
    assert len(tries) <= 6, "no hot loop"
