"""An installation whose observer asks Git hosts through a proxy that wants a password."""
import pytest

from conftest import RUN, SYSTEM, condition
from tests.support.cluster import unittest_file, upgrade, wait_for
from tests.support.forward_proxy import ForwardProxy

SECRET = "egress-proxy"
PASSING = {"tests/test_app.py": unittest_file("pass")}


@pytest.fixture
def proxy(system, gitea):
    """The proxy that the observer uses while a test runs. It alone knows where the Git host is."""
    made = ForwardProxy({gitea.api.host: gitea.api.address}, "observer", "pass word/1",
                        system.cluster.state["hostAddress"])
    system.cluster.apply({"apiVersion": "v1", "kind": "Secret",
                          "metadata": {"name": SECRET, "namespace": SYSTEM},
                          "stringData": {"HTTP_PROXY": made.url}})
    upgrade("--set", f"observer.proxy.secretName={SECRET}")
    yield made
    upgrade("--set", "observer.proxy.secretName=")
    system.cluster.kubectl("delete", "secret", SECRET, "-n", SYSTEM)
    made.stop()


def reachable(system, repository):
    found = system.cluster.get("observedrepository", repository.name, RUN)
    return condition(found, "Reachable")


def test_pushes_are_found_through_a_proxy(system, gitea, proxy):
    repository = gitea.repository()
    first = repository.commit("First", PASSING)
    repository.push()
    assert system.verdict(repository, first)["status"]["result"] == "Passed"
    assert {asked.is_by_git for asked in list(proxy.asked)} == {True, False}, \
        "both the observer's own requests and git's go by the proxy"

    proxy.stop()
    wait_for("Reachable to name the proxy", lambda: (
        reachable(system, repository)["reason"] == "ProxyFailed"
        and proxy.name in reachable(system, repository)["message"]), 60)
    second = repository.commit("Second", {"n": "2"})
    repository.push()
    proxy.start()
    assert system.verdict(repository, second)["status"]["result"] == "Passed"
    assert reachable(system, repository)["status"] == "True"

    logs = system.cluster.kubectl("logs", "deployment/committest-observer", "-n", SYSTEM)
    assert "pass word" not in logs and "pass%20word" not in logs
