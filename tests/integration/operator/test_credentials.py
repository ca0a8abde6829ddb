"""Credentials and rights that change under a running operator, which has the chart's rights."""
import time

import pytest
import yaml

from tests.support.certificates import Authority
from tests.support.cluster import run, wait_for
from tests.support.scripted_kubelet import FAILING

ACCOUNT = "committest-operator"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/"


class Account:
    """The operator's ServiceAccount as the chart makes it, with rights in a world's namespace."""

    def __init__(self, world):
        self._world = world
        home = f"{world.namespace}-system"
        self._core = f"/api/v1/namespaces/{home}"
        world.api.create("/api/v1/namespaces", {"metadata": {"name": home}})
        rendered = run("dev/helm", "template", "committest", "helm/committest", "-n", home,
                       "--kube-version", "1.34.0", "--set", f"runNamespaces={{{world.namespace}}}",
                       "--show-only", "templates/operator-rbac.yaml")
        world.cluster.kubectl("apply", "-f", "-", stdin=rendered)
        self.bindings = f"{RBAC}{world.namespace}/rolebindings"
        self.bound = next(item for item in yaml.safe_load_all(rendered)
                          if item["kind"] == "RoleBinding" and item["metadata"]["name"] == ACCOUNT)

    def token(self, secret=None):
        """A new token; with a Secret's name, one that ends with the Secret."""
        spec = {"expirationSeconds": 3600}
        if secret:
            made = self._world.api.create(f"{self._core}/secrets", {"metadata": {"name": secret}})
            spec["boundObjectRef"] = {"apiVersion": "v1", "kind": "Secret", "name": secret,
                                      "uid": made["metadata"]["uid"]}
        path = f"{self._core}/serviceaccounts/{ACCOUNT}/token"
        return self._world.api.create(path, {"spec": spec})["status"]["token"]

    def accepts(self, token):
        """Whether the server takes the token; it remembers one for some seconds."""
        review = self._world.api.create("/apis/authentication.k8s.io/v1/tokenreviews",
                                        {"spec": {"token": token}})
        return review["status"].get("authenticated", False)

    def revoke(self, secret):
        self._world.api.delete(f"{self._core}/secrets/{secret}")


@pytest.fixture
def account(world):
    return Account(world)


def test_token_is_rotated_and_the_old_one_refused(world, account, tmp_path):
    proxy = world.add_proxy(as_admin=False)
    file = tmp_path / "token"
    old = account.token(secret="first")
    file.write_text(old)
    operator = world.start(proxy=proxy, user={"tokenFile": str(file)})
    world.settle()
    # Half of a rotation: the old token is refused, and the file is just being written.
    file.write_text("")
    account.revoke("first")
    wait_for("the server to refuse the old token", lambda: not account.accepts(old), 30, 0.5)
    refused = time.monotonic()
    proxy.cut_connections()
    test = world.create(FAILING)
    wait_for("the operator's old token to be refused",
             lambda: len([r for r in proxy.records if r.status == 401]) >= 3, 30)
    file.write_text(account.token() + "\n")
    world.await_verdict(test, 45)
    assert operator.exit_code is None
    tries = [r for r in proxy.records if r.status == 401 and r.at >= refused]
    assert len(tries) < 10 + 10 * (time.monotonic() - refused), "no hot loop"


def test_authority_is_replaced_while_running(world, tmp_path):
    first, second = Authority(tmp_path, "first"), Authority(tmp_path, "second")
    proxy = world.add_proxy(tls=first.server())
    bundle = tmp_path / "bundle.crt"
    bundle.write_text(first.file.read_text())
    operator = world.start(proxy=proxy, authority=bundle)
    world.settle()
    bundle.write_text(first.file.read_text() + second.file.read_text())
    proxy.restart(second.server())
    world.await_verdict(world.create(FAILING))
    bundle.write_text(second.file.read_text())
    proxy.cut_connections()
    world.settle()
    assert operator.exit_code is None
    # What vouches for nobody is not believed: else the tests above would prove nothing.
    proxy.restart(first.server())
    served = len(proxy.records)
    test = world.create()
    wait_for("a refused connection", lambda: operator.says("certificate verify failed"), 20)
    assert len(proxy.records) == served
    bundle.write_text(first.file.read_text())
    world.await_verdict(test, 45)


def test_rights_are_withdrawn_and_given_back(world, account, tmp_path):
    proxy = world.add_proxy(as_admin=False)
    operator = world.start(proxy=proxy, user={"token": account.token()})
    world.settle()
    world.api.delete(f"{account.bindings}/{ACCOUNT}")
    began = time.monotonic()
    proxy.cut_connections()
    test = world.create(FAILING)
    wait_for("a refusal of each watch", lambda: {
        r.path for r in proxy.requests("WATCH", since=began) if r.status == 403} >= {
            world.tests_path, world.jobs_path}, 20)
    wait_for("three refusals of one", lambda: len(
        proxy.requests("WATCH", "/jobs$", began)) >= 3, 20)
    assert len(proxy.records) < 3000 and operator.exit_code is None
    tries = len([r for r in proxy.records if r.at > began])
    assert tries < 15 * (1 + time.monotonic() - began), "a withdrawn right makes no hot loop"
    world.api.create(account.bindings, account.bound)
    world.await_verdict(test, 45)


def test_chart_gives_no_right_beyond_the_run_namespace(world, make_world, account):
    """The check that the operators above had no more than the chart's rights."""
    other = make_world()
    token = account.token()
    proxy = world.add_proxy(as_admin=False)
    operator = world.start(proxy=proxy, namespaces=[other.namespace], user={"token": token})
    wait_for("a refusal", lambda: any(
        r.status == 403 and other.namespace in r.path for r in proxy.records), 20)
    assert all(r.status != 403 for r in proxy.records if world.namespace in r.path)
    assert operator.exit_code is None
