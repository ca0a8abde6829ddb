"""What the run namespaces refuse, by Pod Security and by the chart's admission policy."""
import concurrent.futures
import copy
import json

import pytest

from conftest import RUN, SYSTEM
from tests.support.cluster import unittest_file, wait_for

OPERATOR = f"system:serviceaccount:{SYSTEM}:committest-operator"
JOB_CONTROLLER = "system:serviceaccount:kube-system:job-controller"
STRANGER = f"system:serviceaccount:{RUN}:stranger"

# Where things are in a Job.
POD = "spec.template.spec"
CONTAINER = f"{POD}.containers.0"
REMOVED = object()

HOST_PATH = [{"name": "workspace", "hostPath": {"path": "/"}}, {"name": "tmp", "emptyDir": {}}]
SECRET = [{"name": "workspace", "secret": {"secretName": "x"}}, {"name": "tmp", "emptyDir": {}}]
CLAIM = [{"name": n, "persistentVolumeClaim": {"claimName": "x"}} for n in ("workspace", "tmp")]
MEMORY = [{"name": n, "emptyDir": {"medium": "Memory", "sizeLimit": "1Gi"}}
          for n in ("workspace", "tmp")]
UNBOUNDED = [{"name": n, "emptyDir": {}} for n in ("workspace", "tmp")]
FROM_SECRET = [{"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}]
RESTRICTED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
              "capabilities": {"drop": ["ALL"]}}
IN_SHARDS = {"spec.completionMode": "Indexed", "spec.parallelism": 16, "spec.completions": 16,
             "spec.backoffLimit": REMOVED, "spec.podFailurePolicy": REMOVED,
             "spec.backoffLimitPerIndex": 0}
PROBE = {"exec": {"command": ["true"]}}

# One change of the operator's own Job each, and a word of the answer. Even the operator is refused.
REFUSED_JOBS = {
    "the node's network": ({f"{POD}.hostNetwork": True}, "hostNetwork"),
    "the node's processes": ({f"{POD}.hostPID": True}, "hostPID"),
    "the node's IPC": ({f"{POD}.hostIPC": True}, "hostIPC"),
    "user IDs of the node": ({f"{POD}.hostUsers": True}, "hostUsers"),
    "a node of its choice": ({f"{POD}.nodeName": "node0"}, "nodeName"),
    "processes shared": ({f"{POD}.shareProcessNamespace": True}, "shareProcessNamespace"),
    "names of its own": ({f"{POD}.hostAliases": [{"ip": "192.0.2.1"}]}, "hostAliases"),
    "a name server of its own": ({f"{POD}.dnsConfig": {"nameservers": ["192.0.2.1"]}}, "dnsConfig"),
    "an init container": ({f"{POD}.initContainers": [{"name": "i", "image": "x"}]},
                          "init container checkout"),
    "a checkout of another image": ({f"{POD}.initContainers": [
        {"name": "checkout", "image": "x", "args": ["checkout"]}]}, "init container checkout"),
    "a folder of its own": ({f"{CONTAINER}.workingDir": "/etc"}, "workingDir"),
    "a Secret that is not allowed": ({f"{POD}.volumes.2": {
        "name": "credentials", "secret": {"secretName": "not-allowed"}}}, "emptyDirs"),
    "a second container": ({f"{POD}.containers.1": {"name": "b", "image": "x"}}, "one container"),
    "a container of another name": ({f"{CONTAINER}.name": "other",
                                     "spec.podFailurePolicy": REMOVED}, "named runner"),
    "the node's files": ({f"{POD}.volumes": HOST_PATH}, "emptyDirs"),
    "a Secret": ({f"{POD}.volumes": SECRET}, "emptyDirs"),
    "memory as disk": ({f"{POD}.volumes": MEMORY}, "emptyDirs"),
    "a disk without a limit": ({f"{POD}.volumes": UNBOUNDED}, "emptyDirs"),
    "a token": ({f"{POD}.automountServiceAccountToken": True}, "automountServiceAccountToken"),
    "a token by default": ({f"{POD}.automountServiceAccountToken": REMOVED},
                           "automountServiceAccountToken"),
    "addresses of Services": ({f"{POD}.enableServiceLinks": REMOVED}, "enableServiceLinks"),
    "another account": ({f"{POD}.serviceAccountName": "default"}, "serviceAccountName"),
    "no account": ({f"{POD}.serviceAccountName": REMOVED, f"{POD}.serviceAccount": REMOVED},
                   "serviceAccountName"),
    "restarts": ({f"{POD}.restartPolicy": "OnFailure", "spec.podFailurePolicy": REMOVED},
                 "restartPolicy"),
    "root": ({f"{POD}.securityContext.runAsUser": 0}, "runAsUser"),
    "perhaps root": ({f"{POD}.securityContext.runAsNonRoot": REMOVED}, "runAsNonRoot"),
    "another group": ({f"{POD}.securityContext.supplementalGroups": [0]}, "securityContext"),
    "all system calls": ({f"{POD}.securityContext.seccompProfile.type": "Unconfined"},
                         "seccompProfile"),
    "kernel settings": ({f"{POD}.securityContext.sysctls": [
        {"name": "kernel.shm_rmid_forced", "value": "1"}]}, "securityContext"),
    "privilege": ({f"{CONTAINER}.securityContext": {"privileged": True}}, "readOnlyRootFilesystem"),
    "escalation": ({f"{CONTAINER}.securityContext.allowPrivilegeEscalation": True},
                   "allowPrivilegeEscalation"),
    "a capability": ({f"{CONTAINER}.securityContext.capabilities.add": ["NET_BIND_SERVICE"]},
                     "capabilities"),
    "capabilities by default": ({f"{CONTAINER}.securityContext.capabilities": REMOVED},
                                "capabilities"),
    "a root that can be written": ({f"{CONTAINER}.securityContext.readOnlyRootFilesystem": False},
                                   "readOnlyRootFilesystem"),
    "root in the container": ({f"{CONTAINER}.securityContext.runAsUser": 0}, "securityContext"),
    "a command": ({f"{CONTAINER}.command": ["sh"]}, "its image's program"),
    "arguments": ({f"{CONTAINER}.args": ["-c"]}, "its image's program"),
    "a hook": ({f"{CONTAINER}.lifecycle": {"preStop": PROBE}}, "lifecycle"),
    "a probe": ({f"{CONTAINER}.livenessProbe": PROBE}, "livenessProbe"),
    "a port of the node": ({f"{CONTAINER}.ports": [{"containerPort": 1, "hostPort": 1}]}, "ports"),
    "a terminal": ({f"{CONTAINER}.stdin": True}, "stdin"),
    "a whole Secret as variables": ({f"{CONTAINER}.envFrom": [{"secretRef": {"name": "x"}}]},
                                    "envFrom"),
    "a Secret as a variable": ({f"{CONTAINER}.env": FROM_SECRET}, "valueFrom"),
    "a part of a volume": ({f"{CONTAINER}.volumeMounts.0.subPath": "x"}, "volumeMounts"),
    "a volume that stays": ({f"{POD}.volumes": CLAIM}, "emptyDirs"),
    "more memory than asked for": ({f"{CONTAINER}.resources.requests.memory": "1Mi"}, "equal"),
    "memory without a limit": ({f"{CONTAINER}.resources.limits.memory": REMOVED}, "limits"),
    "CPU without a limit": ({f"{CONTAINER}.resources.limits.cpu": REMOVED}, "limits"),
    "disk without a limit": ({f"{CONTAINER}.resources.limits.ephemeral-storage": REMOVED},
                             "limits"),
    "no limits": ({f"{CONTAINER}.resources": REMOVED}, "limits"),
    "no deadline": ({"spec.activeDeadlineSeconds": REMOVED}, "activeDeadlineSeconds"),
    "retries": ({"spec.backoffLimit": 3}, "backoffLimit"),
    "two at once": ({"spec.parallelism": 2}, "parallelism"),
    "two in all": ({"spec.completions": 2}, "completions"),
    "a hundred shards": ({**IN_SHARDS, "spec.parallelism": 100, "spec.completions": 100}, "2 to 16"),
    "shards one after the other": ({**IN_SHARDS, "spec.parallelism": 1}, "2 to 16"),
    "shards that are repeated": ({**IN_SHARDS, "spec.backoffLimitPerIndex": 1},
                                 "backoffLimitPerIndex"),
    "a Secret as a shard's number": ({f"{CONTAINER}.env": [
        {**FROM_SECRET[0], "name": "JOB_COMPLETION_INDEX"}]}, "valueFrom"),
    "its own removal": ({"spec.ttlSecondsAfterFinished": 0}, "ttlSecondsAfterFinished"),
    "no owner": ({"metadata.ownerReferences": REMOVED}, "belongs to a CommitTest"),
    "another owner": ({"metadata.ownerReferences.0.kind": "ObservedRepository"},
                      "belongs to a CommitTest"),
    "an owner that does not control": ({"metadata.ownerReferences.0.controller": False},
                                       "belongs to a CommitTest"),
}

# What a CommitTest, a RuntimeClass or a platform's own admission may put into a Pod.
TAKEN_JOBS = {
    "as it is": {},
    "suspended": {"spec.suspend": True},
    "in shards": IN_SHARDS,
    "placed": {f"{POD}.nodeSelector": {"a": "b"}, f"{POD}.tolerations": [{"operator": "Exists"}],
               f"{POD}.affinity": {"nodeAffinity": {}}, f"{POD}.priorityClassName": "low",
               f"{POD}.runtimeClassName": "gvisor", f"{POD}.schedulerName": "other"},
    "with a namespace of user IDs": {f"{POD}.hostUsers": False},
    "with pull secrets": {f"{POD}.imagePullSecrets": [{"name": "x"}]},
    "with the most variables": {f"{CONTAINER}.env": [
        {"name": f"V{i}", "value": "x" * 4096} for i in range(65)]},
}


def changed(template, changes):
    """A copy of an object with the values at some paths set or REMOVED."""
    result = copy.deepcopy(template)
    for path, value in changes.items():
        *parents, last = path.split(".")
        place = result
        for name in parents:
            place = place[int(name)] if isinstance(place, list) else place.setdefault(name, {})
        if isinstance(place, list):
            place[int(last):int(last) + 1] = [value]
        elif value is REMOVED:
            place.pop(last, None)
        else:
            place[last] = value
    return result


def pod_of(job):
    """The Pod that the Job controller makes of a Job."""
    owner = {"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"],
             "uid": "00000000-0000-0000-0000-000000000000", "controller": True}
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": job["metadata"]["name"], "namespace": RUN,
                         "ownerReferences": [owner]},
            "spec": job["spec"]["template"]["spec"]}


def create(system, thing, user=None):
    """Whether the API server would take an object from a user (None: an admin), and its answer."""
    arguments = ["create", "--dry-run=server", "-f", "-"] + ([f"--as={user}"] if user else [])
    return system.cluster.attempt(*arguments, stdin=json.dumps(thing))


def create_all(system, things, user):
    """create() of each, some at once."""
    with concurrent.futures.ThreadPoolExecutor(max_workers=4) as pool:
        return dict(zip(things, pool.map(lambda thing: create(system, thing, user),
                                         things.values())))


@pytest.fixture(scope="module")
def passed(system):
    """A CommitTest that has passed."""
    repository = system.repository()
    commit = repository.commit("One", {"tests/test_app.py": unittest_file("pass")})
    repository.push()
    return system.verdict(repository, commit)


@pytest.fixture(scope="module")
def job(system, passed):
    """A Job as the operator made it, ready to be created once more."""
    made, = system.jobs_of(passed)
    made = {"apiVersion": "batch/v1", "kind": "Job", "spec": made["spec"], "metadata": {
        key: made["metadata"][key] for key in ("name", "namespace", "labels", "annotations",
                                               "ownerReferences")}}
    made["metadata"]["name"] = "another"
    for name in ("selector", "template.metadata"):
        made = changed(made, {f"spec.{name}": REMOVED})
    return made


@pytest.fixture(scope="module")
def stranger(system):
    """An account that RBAC lets create every workload in the run namespace."""
    meta = {"name": "stranger", "namespace": RUN}
    system.cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": meta,
         "rules": [{"apiGroups": ["", "batch", "apps"], "resources": ["*"], "verbs": ["*"]}]},
        {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": meta,
         "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "stranger"},
         "subjects": [{"kind": "ServiceAccount", **meta}]})
    yield STRANGER
    for kind in ("rolebinding", "role", "serviceaccount"):
        system.cluster.kubectl("delete", kind, "stranger", "-n", RUN)


def test_the_run_namespace_refuses_what_reaches_the_node(system):
    container = {"name": "c", "image": "x"}
    for spec in ({"containers": [{**container, "securityContext": {"privileged": True}}]},
                 {"containers": [container], "hostNetwork": True},
                 {"containers": [container],
                  "volumes": [{"name": "v", "hostPath": {"path": "/"}}]}):
        worked, answer = create(system, {"apiVersion": "v1", "kind": "Pod", "spec": spec,
                                         "metadata": {"name": "evil", "namespace": RUN}})
        # Pod Security answers before the policy, whoever asks.
        assert not worked and "violates PodSecurity" in answer, answer


def test_variables_of_tests_are_plain_values(system):
    test = {"apiVersion": "committest.dev/v1alpha1", "kind": "CommitTest",
            "metadata": {"name": "greedy", "namespace": RUN},
            "spec": {"source": {"url": "https://git.example.com/a.git", "commit": "a" * 40},
                     "execution": {"env": FROM_SECRET}}}
    worked, answer = create(system, test)
    assert not worked and 'unknown field "spec.execution.env[0].valueFrom"' in answer, answer
    # A client that does not ask for strictness gets the rest, not the Secret.
    pruned = system.cluster.kubectl("create", "--dry-run=server", "--validate=false", "-o", "json",
                                    "-f", "-", stdin=json.dumps(test))
    assert json.loads(pruned)["spec"]["execution"]["env"] == [{"name": "A", "value": ""}]


def test_the_policy_was_understood_by_the_api_server(system):
    policy = system.cluster.get("validatingadmissionpolicy", f"committest.{SYSTEM}", SYSTEM)
    assert policy["status"]["typeChecking"] == {}, policy["status"]
    assert policy["status"]["observedGeneration"] == policy["metadata"]["generation"]


def test_the_operators_own_jobs_are_taken(system, job):
    jobs = {what: changed(job, changes) for what, changes in TAKEN_JOBS.items()}
    for what, (worked, answer) in create_all(system, jobs, OPERATOR).items():
        assert worked, (what, answer)
    # Their Pods meet further admission plugins, which want the RuntimeClass and the like to exist.
    pods = {what: pod_of(jobs[what]) for what in jobs if what != "placed"}
    for what, (worked, answer) in create_all(system, pods, JOB_CONTROLLER).items():
        assert worked, (what, answer)


def test_even_the_operator_launches_nothing_else(system, job):
    jobs = {what: changed(job, changes) for what, (changes, _) in REFUSED_JOBS.items()}
    for what, (worked, answer) in create_all(system, jobs, OPERATOR).items():
        word = REFUSED_JOBS[what][1]
        assert not worked and "denied request" in answer and word in answer, (what, answer)


def test_even_the_job_controller_launches_nothing_else(system, job):
    pods = {what: pod_of(changed(job, changes)) for what, (changes, _) in REFUSED_JOBS.items()
            if any(path.startswith(POD) for path in changes)}
    orphan = pod_of(job)
    del orphan["metadata"]["ownerReferences"]
    pods["no owner"] = orphan
    for what, (worked, answer) in create_all(system, pods, JOB_CONTROLLER).items():
        assert not worked, what
        # Of some, other plugins say it first.
        assert "denied request" in answer or "violates PodSecurity" in answer, (what, answer)


def test_nobody_else_launches_anything_and_is_told_why(system, job, stranger):
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment",
                  "metadata": {"name": "web", "namespace": RUN},
                  "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
                      "metadata": {"labels": {"a": "b"}}, "spec": pod_of(job)["spec"]}}}
    deployment = changed(deployment, {f"{POD}.restartPolicy": "Always"})
    cron_job = {"apiVersion": "batch/v1", "kind": "CronJob",
                "metadata": {"name": "nightly", "namespace": RUN},
                "spec": {"schedule": "@daily", "jobTemplate": {"spec": job["spec"]}}}
    for thing, words in [(job, f"not by {stranger}"), (pod_of(job), f"not by {stranger}"),
                         (deployment, "put this Deployment into another one"),
                         (cron_job, "put this CronJob into another one")]:
        worked, answer = create(system, thing, stranger)
        assert not worked and "only the tests of CommitTests run" in answer, answer
        assert words in answer, answer
        assert not create(system, thing)[0], "an admin"


def test_nobody_gets_into_a_pod_or_changes_a_job(system, passed, stranger):
    made, = system.jobs_of(passed)
    name = made["metadata"]["name"]
    pod, = system.pods_of(passed)
    worked, answer = system.cluster.attempt(
        "debug", pod["metadata"]["name"], "-n", RUN, "--image=x", "--profile=restricted",
        "--attach=false", f"--as={stranger}")
    assert not worked and "must not have the fields: ephemeralContainers" in answer, answer
    worked, answer = system.cluster.attempt(
        "patch", "job", name, "-n", RUN, "--dry-run=server", f"--as={stranger}",
        "-p", '{"spec": {"ttlSecondsAfterFinished": 1}}')
    assert not worked and "ttlSecondsAfterFinished" in answer, answer
    # Labels, owners and finalizers are not the policy's business.
    system.cluster.kubectl("label", "job", name, "-n", RUN, "--dry-run=server", "a=b")
    system.cluster.kubectl("label", "pod", pod["metadata"]["name"], "-n", RUN, "--dry-run=server",
                           "a=b")


def test_what_was_there_before_the_policy_can_still_end(system, stranger):
    """A finalizer of a Pod that the policy would refuse can be removed."""
    policy = json.loads(system.cluster.kubectl(
        "get", "validatingadmissionpolicybinding", f"committest.{SYSTEM}", "-o", "json"))
    pod = {"apiVersion": "v1", "kind": "Pod",
           "metadata": {"name": "older", "namespace": RUN, "finalizers": ["example.com/wait"]},
           "spec": {"containers": [{"name": "c", "image": "x", "securityContext": RESTRICTED}],
                    "nodeName": "nowhere", "securityContext": {
                        "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}}}
    system.cluster.kubectl("delete", "validatingadmissionpolicybinding", f"committest.{SYSTEM}")
    try:
        wait_for("the policy to be off", lambda: create(system, pod)[0], 30, 0.3)
        system.cluster.kubectl("create", "-f", "-", stdin=json.dumps(pod))
    finally:
        for name in ("creationTimestamp", "resourceVersion", "uid", "generation"):
            policy["metadata"].pop(name, None)
        system.cluster.kubectl("create", "-f", "-", stdin=json.dumps(policy))
    other = changed(pod, {"metadata.name": "newer"})
    wait_for("the policy to be on", lambda: not create(system, other)[0], 30, 0.3)
    system.cluster.kubectl("delete", "pod", "older", "-n", RUN, "--wait=false",
                           "--grace-period=0", "--force")
    system.cluster.kubectl("patch", "pod", "older", "-n", RUN, "--type=merge",
                           "-p", '{"metadata": {"finalizers": null}}')
    wait_for("the Pod to be gone", lambda: not system.cluster.get("pod", "older", RUN), 30)
