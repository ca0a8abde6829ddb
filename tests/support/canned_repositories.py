"""Very many ObservedRepositories at a Git server that costs nothing, for benchmarks."""
import concurrent.futures
import http.client
import random
import re
import subprocess
import time
import urllib.request

from tests.support.cluster import wait_for
from tests.support.component_process import PROGRAMS, ObserverProcess
from tests.support.kube_api import Api, ApiError, condition
from tests.support.operator_world import API_GROUP

COMMIT = "1234567890123456789012345678901234567890"
_PATIENCE = 300
_AT_ONCE = 12
_PASSING = (429, 500, 503, 504)


class CannedServer:
    """The Git server that costs nothing."""

    def __init__(self, address="127.0.0.1"):
        self._child = subprocess.Popen([str(PROGRAMS / "canned-git-server"), address],
                                       stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self._child.stdout.readline())

    def close(self):
        self._child.stdin.close()
        self._child.wait()


def persist(request):
    """Makes a request that may be repeated until the API server takes it: it refuses some while it
    is busy, and all while it makes itself a cache of a new kind."""
    deadline = time.monotonic() + _PATIENCE
    wait = 0.1
    while True:
        try:
            return request()
        except ApiError as error:
            if error.status not in _PASSING or time.monotonic() > deadline:
                raise
        except (OSError, http.client.HTTPException):
            if time.monotonic() > deadline:
                raise
        time.sleep(wait * random.uniform(0.5, 1.0))
        wait = min(2 * wait, 5)


class CannedNamespace:
    """A namespace of its own with ObservedRepositories whose cursor stands at the server's commit
    already; they are gone with `close`."""

    def __init__(self, cluster, name):
        self.cluster, self.name, self.api = cluster, name, Api(cluster)
        persist(lambda: self.api.create("/api/v1/namespaces", {"metadata": {"name": name}}))
        self.path = f"{API_GROUP}/namespaces/{name}/observedrepositories"

    def observe_all(self, urls, **spec):
        """An ObservedRepository for each (name, URL)."""
        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
            for done in [pool.submit(self._observe, name, {"url": url, **spec})
                         for name, url in urls]:
                done.result()

    def ready(self):
        """The names of those that are Ready."""
        return {item["metadata"]["name"] for item in self.api.items(self.path)
                if condition(item, "Ready")["status"] == "True"}

    def close(self):
        persist(lambda: self.api.delete(self.path))
        self.api.delete(f"/api/v1/namespaces/{self.name}")

    def _observe(self, name, spec):
        persist(lambda: self._create(name, spec))
        persist(lambda: self.api.patch(f"{self.path}/{name}/status", {"status": {"refs": [
            {"name": "refs/heads/main", "lastSeenCommit": COMMIT}]}}))

    def _create(self, name, spec):
        try:
            self.api.create(self.path, {
                "apiVersion": "committest.dev/v1alpha1", "kind": "ObservedRepository",
                "metadata": {"name": name}, "spec": spec})
        except ApiError as error:
            if error.status != 409:  # An earlier attempt came through.
                raise


class MeasuredObserver(ObserverProcess):
    """An observer of one namespace, and what it says of itself."""

    def __init__(self, namespace, folder, *arguments):
        log = folder / f"{time.monotonic_ns()}.log"
        super().__init__(namespace.cluster.state["kubeconfig"], [namespace.name], log,
                         folder / f"{namespace.name}.data", arguments)
        wait_for("the observer", lambda: self.says("started"))
        port = int(re.search(r'started.* port="?(\d+)', log.read_text()).group(1))
        self._metrics = f"http://127.0.0.1:{port}/metrics"

    def looks(self, outcome):
        """How many looks have had this outcome."""
        with urllib.request.urlopen(self._metrics) as page:  # noqa: S310 our own address
            text = page.read().decode()
        found = re.search(rf'committest_observer_polls_total{{outcome="{outcome}"}} (\S+)', text)
        return float(found.group(1))
