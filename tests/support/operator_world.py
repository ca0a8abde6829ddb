"""The real operator against a real API server, with a fault proxy between them and a scripted kubelet
behind it: for the integration tests and for benchmarks."""
import itertools
import secrets
import uuid

from tests.support.cluster import ROOT, wait_for
from tests.support.component_process import OperatorProcess, write_kubeconfig
from tests.support.fault_proxy import Proxy
from tests.support.kube_api import Follower, condition
from tests.support.scripted_kubelet import Script, ScriptedKubelet

API_GROUP = "/apis/committest.dev/v1alpha1"
LATCHED = ("result", "completionTime", "summary", "failures", "attempts")


class World:
    """One namespace: its kubelet, a proxy, operators, and the CommitTests with their history."""

    _numbers = itertools.count(1)

    def __init__(self, cluster, api, folder):
        self.cluster, self.api, self.folder = cluster, api, folder
        self.namespace = f"t{next(self._numbers)}-{uuid.uuid4().hex[:5]}"
        self.operators = []
        self.history = {}  # UID of a CommitTest -> its states as they were seen
        self._scripts = {}
        self._proxies = []
        api.create("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        self.tests_path = f"{API_GROUP}/namespaces/{self.namespace}/committests"
        self.jobs_path = f"/apis/batch/v1/namespaces/{self.namespace}/jobs"
        self.kubelet = ScriptedKubelet(cluster, api, self.namespace, self._scripts)
        self._follower = Follower(cluster, self.tests_path, self._remember)
        self.proxy = self.add_proxy()

    def close(self):
        for operator in self.operators:
            operator.kill()
        for proxy in self._proxies:
            proxy.close()
        self._follower.close()
        self.kubelet.close()

    def add_proxy(self, **options):
        proxy = Proxy(self.cluster, **options)
        self._proxies.append(proxy)
        return proxy

    def start(self, *arguments, proxy=None, name="operator", namespaces=(), **login):
        """An operator of this namespace that talks through the proxy."""
        kubeconfig = self.folder / f"{name}.kubeconfig"
        write_kubeconfig(kubeconfig, (proxy or self.proxy).url, **login)
        operator = OperatorProcess(kubeconfig, [self.namespace, *namespaces],
                                   self.folder / f"{name}.log", name, arguments)
        self.operators.append(operator)
        return operator

    def start_replica(self, name):
        """An operator with a proxy of its own that stands for election; returns both."""
        proxy = self.add_proxy()
        return self.start("--leader-elect", f"--lease-namespace={self.namespace}",
                          name=name, proxy=proxy), proxy

    def kill(self, operator):
        operator.kill()
        self.operators.remove(operator)

    def create(self, script=None, **spec):
        """A new CommitTest whose run goes by the script; returns it. Its name says its commit."""
        commit = secrets.token_hex(20)
        self._scripts[commit] = script or Script()
        return self.api.create(self.tests_path, {
            "apiVersion": "committest.dev/v1alpha1", "kind": "CommitTest",
            "metadata": {"name": f"app-{commit[:12]}"},
            "spec": {"source": {"url": "https://git.example/app.git", "commit": commit}, **spec}})

    def expect(self, commit, script):
        """The runs of a commit, of which somebody else makes a CommitTest, go by the script."""
        self._scripts[commit] = script

    def get(self, test):
        return self.api.get(f"{self.tests_path}/{test['metadata']['name']}")

    def script_of(self, test):
        return self._scripts[commit_of(test)]

    def await_verdict(self, test, seconds=30):
        """Waits for the verdict and checks that it is right and that nothing ran twice."""
        def finished():
            found = self.get(test)
            return found if found.get("status", {}).get("result") else None
        found = wait_for(f"a verdict on {test['metadata']['name']}", finished, seconds, 0.05)
        assert found["status"]["result"] == self.script_of(test).result, found["status"]
        self.assert_sound()
        return found

    def await_running(self, test, seconds=30):
        return wait_for("the tests to run", lambda: condition(self.get(test) or test, "Started")
                        ["status"] == "True" and self.get(test), seconds, 0.05)

    def await_reason(self, test, reason, seconds=20):
        """Waits until the condition Started has this reason."""
        return wait_for(f"Started to say {reason}",
                        lambda: condition(self.get(test), "Started")["reason"] == reason,
                        seconds, 0.05)

    def await_held(self, test, seconds=20):
        """Waits until the run of a script that is held is under way."""
        wait_for("the run", lambda: self.kubelet.is_held(commit_of(test)), seconds, 0.02)

    def finish(self, test):
        self.kubelet.finish(commit_of(test))

    def settle(self):
        """A passing test, so that caches are filled and everything works."""
        return self.await_verdict(self.create())

    def assert_sound(self):
        """At most one Job and one container start per attempt; no verdict was changed."""
        assert not self.kubelet.problems
        for attempt, jobs in self.kubelet.jobs.items():
            assert len(jobs) == 1, f"{attempt} has the Jobs {jobs}"
        started = [entry[:2] for entry in self.kubelet.starts]
        assert len(started) == len(set(started)), f"a container started twice: {started}"
        for states in self.history.values():
            verdicts = [state for state in states if state.get("result")]
            for verdict in verdicts[1:]:
                for field in LATCHED:
                    assert verdict.get(field) == verdicts[0].get(field), (field, verdicts)

    def _remember(self, deleted, test):
        if not deleted:
            self.history.setdefault(test["metadata"]["uid"], []).append(test.get("status", {}))


def commit_of(test):
    return test["spec"]["source"]["commit"]


def install_crds(cluster):
    """Makes the API server know our kinds."""
    for file in sorted((ROOT / "manifests/crds").glob("*.yaml")):
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(file))
    cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=30s")
