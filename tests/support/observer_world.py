"""The real observer between a real API server and Git servers: for the integration tests and for
benchmarks."""
import collections
import itertools
import pathlib
import time
import uuid

from tests.support.cluster import wait_for
from tests.support.component_process import ObserverProcess, write_kubeconfig
from tests.support.fault_proxy import Proxy
from tests.support.git_host import GitHost
from tests.support.kube_api import Follower, condition

API_GROUP = "/apis/committest.dev/v1alpha1"


class ObserverWorld:
    """One namespace with its observer, a Git host, and every CommitTest that was ever created."""

    _numbers = itertools.count(1)

    def __init__(self, cluster, api, folder):
        self.cluster, self.api, self.folder = cluster, api, folder
        self.namespace = f"o{next(self._numbers)}-{uuid.uuid4().hex[:5]}"
        self.observer = None
        self.created = {}  # UID -> CommitTest, also of those that are deleted
        self.arrivals = {}  # commit -> when its CommitTest was seen first (monotonic clock)
        self._proxy = Proxy(cluster)
        self._git = None
        api.create("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        self.repositories_path = f"{API_GROUP}/namespaces/{self.namespace}/observedrepositories"
        self.tests_path = f"{API_GROUP}/namespaces/{self.namespace}/committests"
        self._follower = Follower(cluster, self.tests_path, self._remember)

    def close(self):
        if self.observer:
            self.observer.kill()
        for repository in self.api.items(self.repositories_path):
            self.api.delete(f"{self.repositories_path}/{repository['metadata']['name']}")
        self._follower.close()
        self._proxy.close()
        if self._git:
            self._git.close()

    @property
    def git(self):
        """A real Git server."""
        self._git = self._git or GitHost(self.folder / "git")
        return self._git

    def start(self, *arguments, **options):
        """An observer of this namespace."""
        kubeconfig = self.folder / "observer.kubeconfig"
        write_kubeconfig(kubeconfig, self._proxy.url)
        self.observer = ObserverProcess(kubeconfig, [self.namespace], self.folder / "observer.log",
                                        self.folder / "mirrors", arguments, **options)
        return self.observer

    def observe(self, url, name="app", **spec):
        """A new ObservedRepository that is looked at every second."""
        return self.api.create(self.repositories_path, {
            "apiVersion": "committest.dev/v1alpha1", "kind": "ObservedRepository",
            "metadata": {"name": name}, "spec": {"url": url, "pollPeriodSeconds": 1, **spec}})

    def set_secret(self, name, kind, **values):
        """Creates or replaces a Secret."""
        path = f"/api/v1/namespaces/{self.namespace}/secrets"
        self.api.delete(f"{path}/{name}")
        self.api.create(path, {"metadata": {"name": name}, "type": kind, "stringData": values})

    def get(self, name="app"):
        return self.api.get(f"{self.repositories_path}/{name}")

    def refs(self, name="app"):
        """What the status says of each ref, by its name."""
        return {ref["name"]: ref for ref in self.get(name).get("status", {}).get("refs", [])}

    def condition(self, kind, name="app"):
        return condition(self.get(name), kind)

    def await_refs(self, refs, name="app", seconds=30):
        """Waits until exactly these refs have been seen, at these commits."""
        def seen():
            return {ref: entry["lastSeenCommit"] for ref, entry in self.refs(name).items()} == refs
        try:
            wait_for(f"the refs of {name}", seen, seconds, 0.05)
        except AssertionError:
            raise AssertionError(f"not within {seconds} s: {refs}\n{self.get(name)['status']}")

    def await_branches(self, name="app", **branches):
        self.await_refs({f"refs/heads/{branch}": tip for branch, tip in branches.items()}, name)

    def await_condition(self, kind, status, reason, name="app", seconds=30):
        """Waits for a condition with this status and reason; returns it."""
        def told():
            found = self.condition(kind, name)
            return (found["status"], found["reason"]) == (status, reason) and found
        try:
            return wait_for(f"{kind} of {name}", told, seconds, 0.05)
        except AssertionError:
            raise AssertionError(f"not within {seconds} s: {kind} {status}/{reason} of {name}; "
                                 f"it is {self.condition(kind, name)}")

    def tests(self, name="app"):
        return [test for test in self.api.items(self.tests_path)
                if test["spec"]["repositoryName"] == name]

    def tested(self, name="app"):
        """The commits with a CommitTest, in the order in which they were found."""
        tests = sorted(self.tests(name), key=lambda test: test["spec"]["trigger"]["detectedTime"])
        return [test["spec"]["source"]["commit"] for test in tests]

    def test_of(self, commit, name="app"):
        return next(test for test in self.tests(name)
                    if test["spec"]["source"]["commit"] == commit)

    def assert_sound(self):
        """The observer never ended, and no commit got two CommitTests at any time."""
        assert self.observer.exit_code is None, f"it ended with {self.observer.exit_code}"
        counts = collections.Counter(
            (test["spec"]["repositoryName"], test["spec"]["source"]["commit"])
            for test in self.created.values())
        twice = [key for key, count in counts.items() if count > 1]
        assert not twice, f"tested twice: {twice}"

    def children(self):
        """The processes that the observer has started, and theirs."""
        found, parents = [], {self.observer.pid}
        while parents:
            parents = {pid for pid, parent in _parents() if parent in parents}
            found += parents
        return found

    def _remember(self, deleted, test):
        if not deleted:
            self.created[test["metadata"]["uid"]] = test
            self.arrivals.setdefault(test["spec"]["source"]["commit"], time.monotonic())


def _parents():
    """(process, its parent) of all processes."""
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        yield int(folder.name), int(fields[1])
