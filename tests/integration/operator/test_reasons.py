"""Each reason of a CommitTest that API server, Job controller and kubelet can bring about. In most
tests no attempt is repeated, so that the reason of the lost one is the verdict's."""
import hashlib

import pytest

from tests.support.cluster import wait_for
from tests.support.kube_api import condition, owner_uid
from tests.support.scripted_kubelet import HELD, NODE, Script, now

ONCE = {"infrastructureLimit": 0}
# The kubelet makes the Pod and then leaves it to the test.
LEFT_ALONE = Script(step_seconds=600)


def ended(world, test, result, reason, seconds=30):
    """The CommitTest once it has its result, which is this one for this reason."""
    found = wait_for("a result", lambda: (item := world.get(test)).get("status", {}).get("result")
                     and item, seconds, 0.05)
    assert found["status"]["result"] == result, found["status"]
    verdict = condition(found, "Succeeded")
    assert (verdict["status"], verdict["reason"]) == ("True" if result == "Passed" else "False",
                                                      reason), found["status"]
    assert found["status"]["display"]["reason"] == reason
    world.assert_sound()
    return found


def not_admitted(world, test, reason):
    return wait_for(f"Admitted to say {reason}", lambda: (
        told := condition(world.get(test), "Admitted"))["reason"] == reason and told, 20, 0.05)


def job_path(world, test, attempt=1):
    meta = world.get(test)["metadata"]
    digest = hashlib.sha256(meta["uid"].encode()).hexdigest()[:8]
    return f"{world.jobs_path}/{meta['name']}-{digest}-{attempt}"


def job_of(world, test):
    return wait_for("the Job", lambda: world.api.get(job_path(world, test)), 20, 0.05)


def pod_path(world, test):
    """The path of the CommitTest's Pod, once it is there."""
    pods = f"/api/v1/namespaces/{world.namespace}/pods"
    uid = job_of(world, test)["metadata"]["uid"]
    pod = wait_for("the Pod", lambda: next(
        (p for p in world.api.items(pods) if owner_uid(p) == uid), None), 20, 0.05)
    return f"{pods}/{pod['metadata']['name']}"


def runner(state):
    return [{"name": "runner", "image": "runner", "imageID": "", "ready": False, "restartCount": 0,
             "state": state, "lastState": {}}]


def place_and_stick(world, test, waiting):
    """The Pod gets a node, where its container waits for this reason."""
    path = pod_path(world, test)
    world.api.create(f"{path}/binding", {
        "apiVersion": "v1", "kind": "Binding", "metadata": {"name": path.rsplit("/", 1)[1]},
        "target": {"apiVersion": "v1", "kind": "Node", "name": NODE}})
    world.api.patch(f"{path}/status", {"status": {
        "phase": "Pending", "startTime": now(), "containerStatuses": runner({"waiting": waiting}),
        "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": now()}]}})


def test_conditions_of_a_run_from_its_start_to_its_end(world):
    world.start()
    test = world.create(HELD)
    found = world.await_running(test)
    assert [(c["type"], c["status"], c["reason"]) for c in found["status"]["conditions"]] == [
        ("Admitted", "True", "Admitted"), ("Started", "True", "TestsRunning"),
        ("Completed", "False", "Pending"), ("Succeeded", "Unknown", "Pending")]
    world.await_held(test)
    world.finish(test)
    found = ended(world, test, "Passed", "TestsPassed")
    assert condition(found, "Completed")["reason"] == "Finished"
    stored = condition(found, "ResultsRecorded")
    assert (stored["status"], stored["reason"]) == ("False", "NotConfigured")


@pytest.mark.parametrize("script,result,reason", (
    (Script(exit_code=10, reason="TestsFailed", failed=1), "Failed", "TestsFailed"),
    (Script(exit_code=10, reason="TimedOut", failed=1), "Failed", "TimedOut"),
    (Script(exit_code=10, reason="OutOfMemory", failed=1), "Failed", "OutOfMemory"),
    (Script(exit_code=20, reason="CheckoutFailed", total=0), "Error", "CheckoutFailed"),
    (Script(exit_code=21, reason="CommitGone", total=0), "Error", "CommitGone"),
    (Script(exit_code=30, reason="NoTestsFound", total=0), "Error", "NoTestsFound"),
    (Script(exit_code=40, reason="ReportInvalid", total=0), "Error", "ReportInvalid"),
    (Script(exit_code=40, reason="SetupFailed", total=0), "Error", "SetupFailed"),
    (Script(commit="0" * 40), "Error", "ReportInvalid"),
    (Script(exit_code=50, reason="Terminated", total=0), "Error", "ResultLost"),
    (Script(exit_code=50, reason="InternalError", total=0), "Error", "ResultLost"),
    (Script(exit_code=60, reason="ConfigurationError", total=0), "Error", "ConfigurationError"),
    (Script(exit_code=137), "Error", "ResultLost")))
def test_ends_of_a_runner(world, script, result, reason):
    world.start()
    ended(world, world.create(script, retry=ONCE), result, reason)


def test_lost_attempts_are_repeated_and_then_given_up(world):
    world.start()
    test = world.create(Script(exit_code=137), retry={"infrastructureLimit": 1})
    world.await_reason(test, "Retrying")
    found = ended(world, test, "Error", "InfrastructureRetriesExhausted")
    assert [a["reason"] for a in found["status"]["attempts"]] == ["ResultLost", "ResultLost"]


def test_nothing_makes_the_pod_and_a_container_is_made_slowly(make_world):
    """Ordinary steps, which are told of after a minute: both in the same one."""
    no_pod, slow = make_world(), make_world()
    for world in (no_pod, slow):
        world.start()
    no_pod.kubelet.paused = True
    waits = no_pod.create(retry=ONCE, execution={"scheduleTimeoutSeconds": 66})
    creating = slow.create(LEFT_ALONE, retry=ONCE, execution={"startTimeoutSeconds": 66})
    place_and_stick(slow, creating, {"reason": "ContainerCreating"})
    no_pod.await_reason(waits, "WaitingForPod", 66)
    slow.await_reason(creating, "ContainerCreating", 66)
    for world, test in ((no_pod, waits), (slow, creating)):
        ended(world, test, "Error", "StartTimeout")


def test_no_node_fits(world):
    world.start()
    test = world.create(LEFT_ALONE, retry=ONCE, execution={"scheduleTimeoutSeconds": 4})
    world.api.patch(f"{pod_path(world, test)}/status", {"status": {"conditions": [{
        "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
        "message": "0/1 nodes are available", "lastTransitionTime": now()}]}})
    world.await_reason(test, "Unschedulable")
    ended(world, test, "Error", "Unschedulable")


@pytest.mark.parametrize("waiting,while_it_lasts,at_the_end", (
    ("ErrImagePull", "ImagePull", "ImagePullFailed"),
    ("CreateContainerConfigError", "ContainerConfig", "ConfigurationError")))
def test_the_container_cannot_be_made(world, waiting, while_it_lasts, at_the_end):
    world.start()
    test = world.create(LEFT_ALONE, retry=ONCE, execution={"startTimeoutSeconds": 4})
    place_and_stick(world, test, {"reason": waiting, "message": "in the kubelet's words"})
    world.await_reason(test, while_it_lasts)
    assert "in the kubelet's words" in condition(world.get(test), "Started")["message"]
    ended(world, test, "Error", at_the_end)


def running(world):
    """A CommitTest whose run is under way and stays so."""
    world.start()
    test = world.create(HELD, retry=ONCE)
    world.await_running(test)
    return test


def test_the_job_is_deleted(world):
    test = running(world)
    world.api.delete(job_path(world, test))
    ended(world, test, "Error", "JobDeleted")


def test_the_pod_vanishes(world):
    test = running(world)
    world.api.delete(pod_path(world, test), 0)
    ended(world, test, "Error", "PodLost")


def test_the_pod_is_evicted(world):
    test = running(world)
    path = pod_path(world, test)
    world.api.patch(f"{path}/status", {"status": {
        "phase": "Failed", "conditions": [{
            "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
            "message": "Eviction API: evicting", "lastTransitionTime": now()}],
        "containerStatuses": runner({"terminated": {
            "exitCode": 143, "reason": "Error", "startedAt": now(), "finishedAt": now()}})}})
    ended(world, test, "Error", "Disrupted")


def test_the_job_reaches_its_own_deadline(world):
    world.kubelet.paused = True
    world.start()
    test = world.create(retry=ONCE)
    job_of(world, test)
    world.api.patch(f"{job_path(world, test)}/status", {"status": {
        "startTime": now(), "conditions": [{
            "type": kind, "status": "True", "reason": "DeadlineExceeded",
            "message": "Job was active longer than specified deadline",
            "lastProbeTime": now(), "lastTransitionTime": now()}
            for kind in ("FailureTarget", "Failed")]}})
    ended(world, test, "Error", "DeadlineExceeded")


def test_another_job_has_the_name(world):
    world.kubelet.paused = True
    test = world.create(suspend=True)
    name = job_path(world, test).rsplit("/", 1)[1]
    world.api.create(world.jobs_path, {
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {
            "name": name, "annotations": {"committest.dev/attempt": "1"}},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [
            {"name": "runner", "image": "impostor"}]}}}})
    world.start()
    not_admitted(world, test, "Suspended")
    world.api.patch(f"{world.tests_path}/{test['metadata']['name']}", {"spec": {"suspend": False}})
    found = ended(world, test, "Error", "NameConflict")
    assert not found["status"].get("attempts")
    assert world.api.get(f"{world.jobs_path}/{name}"), "it is neither adopted nor deleted"


def test_the_cluster_is_full(world):
    world.start("--max-running=1")
    first = world.create(HELD)
    world.await_held(first)
    second = world.create()
    told = not_admitted(world, second, "Queued")
    assert told["message"].startswith("position 1 in the queue"), told
    assert not world.api.get(job_path(world, second))
    world.finish(first)
    ended(world, second, "Passed", "TestsPassed")


def test_the_repository_is_being_deleted(world):
    path = world.tests_path.replace("committests", "observedrepositories")
    world.api.create(path, {
        "apiVersion": "committest.dev/v1alpha1", "kind": "ObservedRepository",
        "metadata": {"name": "app", "finalizers": ["example.com/hold"]},
        "spec": {"url": "https://git.example/app.git"}})
    world.api.delete(f"{path}/app")
    world.start()
    test = world.create(repositoryName="app")
    assert "is being deleted" in not_admitted(world, test, "RepositoryNotReady")["message"]
    world.api.patch(f"{path}/app", {"metadata": {"finalizers": None}})
    ended(world, test, "Passed", "TestsPassed")


def test_a_newer_commit_of_the_ref(world):
    path = world.tests_path.replace("committests", "observedrepositories")
    world.api.create(path, {
        "apiVersion": "committest.dev/v1alpha1", "kind": "ObservedRepository",
        "metadata": {"name": "app"}, "spec": {"url": "https://git.example/app.git",
                                              "concurrency": {"policy": "CancelOlder"}}})
    world.start()
    older, newer = ({"type": "Poll", "detectedTime": f"2026-01-01T00:00:0{n}Z"} for n in (1, 2))
    first = world.create(HELD, repositoryName="app", trigger=older)
    world.await_running(first)
    second = world.create(repositoryName="app", trigger=newer)
    found = ended(world, first, "Cancelled", "Superseded")
    assert second["metadata"]["name"] in condition(found, "Completed")["message"]
    ended(world, second, "Passed", "TestsPassed")


def test_somebody_cancels(world):
    test = running(world)
    world.api.patch(f"{world.tests_path}/{test['metadata']['name']}",
                    {"spec": {"cancelRequested": True}})
    found = ended(world, test, "Cancelled", "Cancelled")
    assert condition(found, "Completed")["reason"] == "Cancelled"
    wait_for("the Job to be gone", lambda: not world.api.get(job_path(world, test)))


@pytest.mark.parametrize("reason, result", [
    ("SkipRequested", "Skipped"), ("PathsUnaffected", "Skipped"), ("ConfigurationError", "Error")])
def test_what_is_not_run(world, reason, result):
    world.start()
    test = world.create(notRun={"reason": reason, "message": "so it says"})
    found = ended(world, test, result, reason)
    completed = condition(found, "Completed")
    assert completed["reason"] == ("Finished" if result == "Error" else reason)
    assert condition(found, "Succeeded")["message"] == "so it says"
    assert "attempts" not in found["status"]
    assert not world.api.get(job_path(world, test)), "a Job was made"
