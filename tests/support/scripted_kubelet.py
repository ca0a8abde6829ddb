"""A Job controller, a scheduler, a kubelet and a garbage collector that follow a script.

They run against an API server that has none of these, and move Jobs and Pods through the statuses
that the real ones report, in their order. Nothing is executed: how a run ends stands in a `Script`.
"""
import dataclasses
import datetime
import heapq
import http.client
import itertools
import json
import threading
import time

from tests.support.kube_api import ApiError, Follower, owner_uid

RETRY_SECONDS = 0.2
NODE = "node0"
SUMMARY = {"framework": "Unittest", "errored": 0, "skipped": 0, "durationMilliseconds": 7,
           "checkoutMilliseconds": 3, "failuresOmitted": 0, "runnerVersion": "0.1.0"}


@dataclasses.dataclass
class Script:
    """How the run of one commit goes. The defaults are those of a run that passes."""
    exit_code: int = 0
    reason: str = "TestsPassed"
    total: int = 3
    failed: int = 0
    step_seconds: float = 0.02   # between two steps of a start or an end
    run_seconds: float = 0.1     # None: until `ScriptedKubelet.finish`
    commit: str = ""             # what the summary says was checked out, if not what was asked for

    @property
    def result(self):
        """The verdict that is right."""
        return {0: "Passed", 10: "Failed"}.get(self.exit_code, "Error")

    def summary(self, commit):
        failures = [{"name": "test_a.A.test_two", "file": "tests/test_a.py", "message": "1 != 2"}]
        return json.dumps({
            **SUMMARY, "commit": self.commit or commit, "total": self.total, "failed": self.failed,
            "passed": self.total - self.failed, "reason": self.reason,
            "message": f"{self.failed} of {self.total} tests failed",
            "failures": failures[:self.failed]})


FAILING = Script(exit_code=10, reason="TestsFailed", failed=1)
HELD = Script(run_seconds=None)


class ScriptedKubelet:
    """Serves one namespace until it is closed."""

    def __init__(self, cluster, api, namespace, scripts):
        self.starts = []           # (CommitTest UID, attempt, Pod UID): the ledger of containers
        self.jobs = {}             # (CommitTest UID, attempt) -> UIDs of its Jobs
        self.problems = []         # what this program itself could not do
        self.paused = False        # while True no new Pod is made
        self._api = api
        self._namespace = namespace
        self._scripts = scripts    # by commit
        self._pods = {}            # Job UID -> name of its Pod
        self._held = {}            # commit -> step that waits for `finish`
        self._steps = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        core, batch = f"/api/v1/namespaces/{namespace}", f"/apis/batch/v1/namespaces/{namespace}"
        self._pods_path, self._jobs_path = f"{core}/pods", f"{batch}/jobs"
        tests_path = f"/apis/committest.dev/v1alpha1/namespaces/{namespace}/committests"
        self._followers = [Follower(cluster, tests_path, self._on_commit_test),
                           Follower(cluster, self._jobs_path, self._on_job),
                           Follower(cluster, self._pods_path, self._on_pod)]

    def close(self):
        for follower in self._followers:
            follower.close()
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(5)

    def finish(self, commit):
        """Ends a run whose script holds it."""
        self._soon(0, self._held.pop(commit))

    def is_held(self, commit):
        return commit in self._held

    def resume(self):
        """Makes the Pods that `paused` held back."""
        self.paused = False
        for job in self._api.items(self._jobs_path):
            self._on_job(False, job)

    # What others did.

    def _on_commit_test(self, deleted, test):
        if deleted:
            self._soon(0, lambda: self._collect(self._jobs_path, test["metadata"]["uid"]))

    def _on_job(self, deleted, job):
        meta = job["metadata"]
        if deleted:
            self._soon(0, lambda: self._collect(self._pods_path, meta["uid"]))
            return
        key = (owner_uid(job), meta["annotations"]["committest.dev/attempt"])
        self.jobs.setdefault(key, set()).add(meta["uid"])
        if meta["uid"] not in self._pods and not self.paused and not meta.get("deletionTimestamp"):
            self._pods[meta["uid"]] = f"{meta['name'][:57]}-{meta['uid'][:5]}"
            self._soon(0, lambda: _Run(self, job, self._pods[meta["uid"]]).create())

    def _on_pod(self, deleted, pod):
        """The kubelet's part of a deletion."""
        meta = pod["metadata"]
        if not deleted and meta.get("deletionTimestamp"):
            self._soon(0.05, lambda: self._api.delete(f"{self._pods_path}/{meta['name']}", 0))

    def _collect(self, path, uid):
        """The garbage collector: what is owned by this UID goes."""
        for item in self._api.items(path):
            if owner_uid(item) == uid:
                self._api.delete(f"{path}/{item['metadata']['name']}", 0)

    # Steps on one thread.

    def _soon(self, seconds, step):
        with self._changed:
            heapq.heappush(self._steps, (time.monotonic() + seconds, next(self._order), step))
            self._changed.notify()

    def _next_step(self):
        with self._changed:
            while not self._closed:
                wait = self._steps[0][0] - time.monotonic() if self._steps else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._steps)[2]
                self._changed.wait(wait)
        return None

    def _run(self):
        while step := self._next_step():
            try:
                step()
            except ApiError as error:
                # Gone, or its namespace is: nobody's any more. All else may pass.
                if error.status in (409, 429) or error.status >= 500:
                    self._soon(RETRY_SECONDS, step)
                elif error.status not in (403, 404):
                    self.problems.append(str(error))
            except (OSError, http.client.HTTPException):
                self._soon(RETRY_SECONDS, step)


class _Run:
    """One Job's Pod from its creation to the Job's end."""

    def __init__(self, kubelet, job, pod_name):
        self._kubelet = kubelet
        self._api = kubelet._api
        self._job = job
        self._pod_name = pod_name
        request = next(e["value"] for c in job["spec"]["template"]["spec"]["containers"]
                       for e in c.get("env", []) if e["name"] == "COMMITTEST_RUN")
        self._commit = json.loads(request)["commit"]
        self._script = kubelet._scripts.get(self._commit, Script())
        self._times = {}
        self._pod_uid = ""

    @property
    def _pod_path(self):
        return f"{self._kubelet._pods_path}/{self._pod_name}"

    @property
    def _job_path(self):
        return f"{self._kubelet._jobs_path}/{self._job['metadata']['name']}"

    def _then(self, step, seconds=None):
        self._kubelet._soon(self._script.step_seconds if seconds is None else seconds, step)

    def create(self):
        meta, template = self._job["metadata"], self._job["spec"]["template"]
        labels = {**template["metadata"].get("labels", {}),
                  "batch.kubernetes.io/job-name": meta["name"],
                  "batch.kubernetes.io/controller-uid": meta["uid"]}
        owner = {"apiVersion": "batch/v1", "kind": "Job", "name": meta["name"], "uid": meta["uid"],
                 "controller": True, "blockOwnerDeletion": True}
        pod = {"apiVersion": "v1", "kind": "Pod", "spec": template["spec"], "metadata": {
            "name": self._pod_name, "labels": labels, "ownerReferences": [owner],
            "annotations": template["metadata"].get("annotations", {})}}
        try:
            self._api.create(self._kubelet._pods_path, pod)
        except ApiError as error:
            if error.status != 409:
                raise
        self._then(self._schedule)

    def _schedule(self):
        self._times["started"] = now()
        self._patch_job({"startTime": self._times["started"], "active": 1, "ready": 0})
        try:
            self._api.create(f"{self._pod_path}/binding", {
                "apiVersion": "v1", "kind": "Binding", "metadata": {"name": self._pod_name},
                "target": {"apiVersion": "v1", "kind": "Node", "name": NODE}})
        except ApiError as error:
            if error.status != 409:
                raise
        self._pod_uid = self._api.request("GET", self._pod_path)["metadata"]["uid"]
        self._then(self._make_containers)

    def _make_containers(self):
        self._patch_pod("Pending", {"waiting": {"reason": "ContainerCreating"}}, "PodScheduled")
        self._then(self._start)

    def _start(self):
        self._times["running"] = now()
        self._patch_pod("Running", {"running": {"startedAt": self._times["running"]}},
                        "PodScheduled", "Initialized", "Ready", "ContainersReady")
        owner = self._job["metadata"]["annotations"]["committest.dev/attempt"]
        self._kubelet.starts.append((owner_uid(self._job), owner, self._pod_uid))
        if self._script.run_seconds is None:
            self._kubelet._held[self._commit] = self._terminate
        else:
            self._then(self._terminate, self._script.run_seconds)

    def _terminate(self):
        """The container's end is visible before the Pod's, as with the real kubelet."""
        self._times["ended"] = now()
        self._patch_pod("Running", self._terminated(), "PodScheduled", "Initialized")
        self._then(self._end_pod)

    def _end_pod(self):
        phase = "Succeeded" if self._script.exit_code == 0 else "Failed"
        self._patch_pod(phase, self._terminated(), "PodScheduled", "Initialized")
        self._then(self._end_job)

    def _end_job(self):
        good = self._script.exit_code == 0
        status = {"startTime": self._times["started"], "active": 0, "ready": 0, "terminating": 0,
                  "uncountedTerminatedPods": {}, "succeeded" if good else "failed": 1}
        kinds = ("SuccessCriteriaMet", "Complete") if good else ("FailureTarget", "Failed")
        reason = "CompletionsReached" if good else "PodFailurePolicy"
        status["conditions"] = [{"type": kind, "status": "True", "reason": reason, "message": "",
                                 "lastProbeTime": now(), "lastTransitionTime": now()}
                                for kind in kinds]
        if good:
            status["completionTime"] = now()
        self._patch_job(status)

    def _terminated(self):
        return {"terminated": {
            "exitCode": self._script.exit_code, "startedAt": self._times["running"],
            "finishedAt": self._times["ended"], "message": self._script.summary(self._commit),
            "reason": "Completed" if self._script.exit_code == 0 else "Error"}}

    def _patch_job(self, status):
        job = self._api.request("GET", self._job_path)
        if job["metadata"]["uid"] == self._job["metadata"]["uid"]:
            self._api.patch(f"{self._job_path}/status", {"status": status})

    def _patch_pod(self, phase, runner_state, *true_conditions):
        containers = [self._container(c, runner_state)
                      for c in self._job["spec"]["template"]["spec"]["containers"]]
        conditions = [{"type": kind, "status": "True", "lastTransitionTime": self._times["started"]}
                      for kind in true_conditions]
        self._api.patch(f"{self._pod_path}/status", {
            "metadata": {"uid": self._pod_uid},
            "status": {"phase": phase, "startTime": self._times["started"],
                       "conditions": conditions, "containerStatuses": containers}})

    def _container(self, container, runner_state):
        """A sidecar lives as long as the runner, and ends badly."""
        state = runner_state
        if container["name"] != "runner" and "terminated" in runner_state:
            state = {"terminated": {**runner_state["terminated"], "exitCode": 143,
                                    "reason": "Error", "message": ""}}
        return {"name": container["name"], "image": container["image"], "imageID": "",
                "ready": "running" in state, "restartCount": 0, "state": state, "lastState": {}}


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
