"""What test Pods can connect to, by the chart's NetworkPolicies and a policy engine."""
import urllib.parse

import pytest

from conftest import RUN, SYSTEM, condition
from tests.support.cluster import run
from tests.support.policy_engine import PolicyEngine

METADATA = "169.254.169.254"

# Every place is tried from inside a test Pod. What answers, even by a refusal, is reached. The first
# place is open without a policy and closed by it; until it is closed, nothing enforces the policy.
PROBE = '''\
import socket, time, unittest

PLACES = {places!r}

def reaches(host, port):
    try:
        socket.create_connection((host, port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except OSError:
        return False
    return True

def found():
    control = next(iter(PLACES.values()))
    deadline = time.monotonic() + {patience}
    while reaches(*control) and time.monotonic() < deadline:
        time.sleep(0.1)
    return {{name: reaches(*place) for name, place in PLACES.items()}}

class Places(unittest.TestCase):
    def test_places(self):
        reached = [name for name, yes in found().items() if yes]
        try:
            socket.getaddrinfo("kubernetes.default.svc", 443)
            reached.append("names")
        except OSError:
            pass
        self.fail("reached: " + " ".join(reached))
'''


def reached(system, places, patience):
    """The places that a test Pod reaches."""
    repository = system.repository()
    commit = repository.commit("Probe", {
        "tests/test_places.py": PROBE.format(places=places, patience=patience)})
    repository.push()
    test = system.verdict(repository, commit)
    assert condition(test, "Succeeded")["reason"] == "TestsFailed", test["status"]
    return set(test["status"]["failures"][0]["message"].partition("reached: ")[2].split())


def places_of(system):
    service = system.cluster.get("service", "kubernetes", "default")
    api = urllib.parse.urlsplit(system.cluster.state["apiServer"])
    git = system.cluster.get("service", "git-server", "git")
    operator, = system.cluster.list("pods", SYSTEM, "app.kubernetes.io/component=operator")
    return {
        "operator": (operator["status"]["podIP"], 8080),
        "api-service": (service["spec"]["clusterIP"], 443),
        "api-server": (api.hostname, api.port),
        "kubelet": (system.cluster.state["nodes"][0]["address"], 10250),
        "metadata": (METADATA, 80),
        "git": (git["spec"]["clusterIP"], 80),
    }


@pytest.fixture
def metadata(system):
    """The clouds' address of a node's metadata leads to the node, where nobody listens."""
    def address(verb):
        run("dev/cluster/cluster", "exec-netns", "--name", system.cluster.name, "--",
            "ip", "address", verb, f"{METADATA}/32", "dev", "lo")
    address("add")
    yield
    address("delete")


def test_test_pods_reach_names_and_git_hosts_and_nothing_else_of_the_cluster(system, metadata):
    places = places_of(system)
    everything = set(places) | {"names"}
    # Without an engine, all of it answers: so that what is closed below was open.
    assert reached(system, places, patience=0) == everything
    engine = PolicyEngine(system.cluster, RUN)
    try:
        assert reached(system, places, patience=15) == {"git", "names"}
    finally:
        engine.close()
