"""The real observer and git behind a proxy. The names of the Git servers are known to the proxy alone."""
import base64
import itertools

import pytest

from tests.support.certificates import Authority
from tests.support.cluster import wait_for
from tests.support.component_process import ObserverProcess
from tests.support.exposure import CommandLines, everything_shown
from tests.support.forward_proxy import ForwardProxy
from tests.support.git_host import AppHost, GitHost
from tests.support.ssh_host import SshHost

NAME = "git.proxied.invalid"
USER, PASSWORD = "canary-user", "canary p@ss:word/4711"
POLL_NOW = "committest.dev/poll-now"


def encoded(user, password):
    return base64.b64encode(f"{user}:{password}".encode()).decode()


# In each form in which they are given or sent.
PROXY_SECRETS = (PASSWORD, "canary%20p%40ss%3Aword%2F4711", encoded(USER, PASSWORD))
GIVEN_TO_PROXY = f"Basic {encoded(USER, PASSWORD)}"


@pytest.fixture
def proxy():
    made = ForwardProxy({NAME: "127.0.0.1"}, USER, PASSWORD)
    yield made
    made.stop()


@pytest.fixture
def behind(make_world):
    """Starts an observer that has proxies for everything, in a world of its own."""
    worlds = []

    def start(url, no_proxy="", **options):
        worlds.append(make_world())
        worlds[-1].start(environment={"HTTPS_PROXY": url, "HTTP_PROXY": url, "NO_PROXY": no_proxy},
                         **options)
        return worlds[-1]
    yield start
    for world in worlds:
        world.assert_sound()


def by_name(host):
    """Has its repositories called by the name that only the proxy knows."""
    host.url = host.url.replace("127.0.0.1", NAME)
    return host


def look_until(world, kind, reason):
    """Asks for looks at once until the condition says so."""
    numbers = itertools.count()

    def told():
        world.api.patch(f"{world.repositories_path}/app", {
            "metadata": {"annotations": {POLL_NOW: f"{reason}-{next(numbers)}"}}})
        return world.condition(kind)["reason"] == reason
    wait_for(f"{kind} {reason}", told, 30, 0.5)


def assert_hidden(text):
    assert [secret for secret in PROXY_SECRETS if secret in text] == []


def test_http_is_listed_and_fetched_through_the_proxy(behind, proxy):
    # No private address is allowed, but the proxy resolves the name.
    world = behind(proxy.url, private=())
    repository = by_name(world.git).create("app")
    world.observe(repository.url)
    repository.push()
    for _ in range(2):
        world.await_branches(main=repository.push()[-1])
    assert {asked.is_by_git for asked in proxy.asked} == {True, False}
    assert {asked.method for asked in proxy.asked} == {"GET", "POST"}
    # Everything that went by the proxy, the API server's traffic not among it.
    assert {host for host, _ in proxy.servers} == {NAME}
    assert all(GIVEN_TO_PROXY == asked.headers["proxy-authorization"] for asked in proxy.asked)


def test_https_with_a_private_authority_and_credentials(behind, proxy, tmp_path):
    world = behind(proxy.url, private=())
    authority = Authority(tmp_path, "git")
    accepted = tmp_path / "accepted"
    accepted.write_text("Basic " + encoded("bot", "canary-git") + "\n")
    git = by_name(GitHost(tmp_path / "git", "--tls", str(authority.server_pem(f"DNS:{NAME}")),
                          "--authorization-file", str(accepted)))
    git.url = git.url.replace("http:", "https:")
    commands = CommandLines()
    commands.start()
    try:
        repository = git.create("app")
        world.set_secret("deploy", "kubernetes.io/basic-auth", username="bot",
                         password="canary-git", **{"ca.crt": authority.file.read_text()})
        world.observe(repository.url, credentialsSecretName="deploy")
        for _ in range(2):
            world.await_branches(main=repository.push()[-1])
        shown = everything_shown(world) + commands.stop()
    finally:
        commands.stop()
        git.close()
    assert {asked.method for asked in proxy.asked} == {"CONNECT"}
    assert {asked.is_by_git for asked in proxy.asked} == {True, False}
    assert {host for host, _ in proxy.servers} == {NAME}
    for asked in proxy.asked:
        assert asked.headers["proxy-authorization"] == GIVEN_TO_PROXY
        assert "authorization" not in asked.headers and "canary-git" not in str(asked)
    assert "remote-https" in shown, "git was not seen"
    assert proxy.name in shown, "the log does not name the proxy"
    assert_hidden(shown)


def test_tokens_of_a_github_app_are_asked_for_through_the_proxy(behind, proxy, tmp_path):
    world = behind(proxy.url, private=())
    git = AppHost(tmp_path, NAME)
    try:
        repository = git.create("app")
        world.set_secret("app", "Opaque", privateKey=git.key, **git.secret())
        world.observe(repository.url, credentialsSecretName="app")
        world.await_branches(main=repository.push()[-1])
    finally:
        git.close()


def test_excepted_servers_and_ssh_go_by_no_proxy(behind, proxy, tmp_path):
    world = behind(proxy.url, no_proxy="10.0.0.0/8,127.0.0.0/8")
    ssh = SshHost(tmp_path / "ssh")
    try:
        repository = world.git.create("app")
        world.set_secret("ssh", "kubernetes.io/ssh-auth",
                         **{"ssh-privatekey": ssh.key(), "known_hosts": ssh.known_hosts()})
        world.observe(repository.url)
        world.observe(ssh.url(repository.folder), "ssh", credentialsSecretName="ssh")
        tip = repository.push()[-1]
        for name in ("app", "ssh"):
            world.await_refs({"refs/heads/main": tip}, name)
    finally:
        ssh.close()
    assert proxy.asked == []


def test_addresses_in_urls_are_judged_though_a_proxy_is_there(behind, proxy):
    world = behind(proxy.url, private=())
    hosts = {"literal": "127.0.0.1", "number": "2130706433", "metadata": "169.254.169.254",
             "localhost": "localhost"}
    for name, host in hosts.items():
        world.observe(f"http://{host}:{proxy.port}/app.git", name)
    for name in hosts:
        world.await_condition("Reachable", "False", "AddressRefused", name)
    assert proxy.asked == []


def test_a_proxy_that_is_away_is_named_and_waited_for(behind, proxy):
    proxy.stop()
    world = behind(proxy.url)
    repository = by_name(world.git).create("app")
    tip = repository.push()[-1]
    world.observe(repository.url)
    told = world.await_condition("Reachable", "False", "ProxyFailed")
    assert f"the proxy {proxy.name}" in told["message"]
    assert_hidden(everything_shown(world))
    proxy.start()
    look_until(world, "Reachable", "Answered")
    world.await_branches(main=tip)


def test_a_proxy_that_refuses_is_named(behind, proxy):
    world = behind(proxy.url.replace(PROXY_SECRETS[1], "canary-wrong"))
    by_name(world.git)
    repository = world.git.create("app")
    repository.push()
    world.observe(repository.url)
    world.observe(repository.url.replace("http:", "https:"), "tls")
    for name in ("app", "tls"):
        told = world.await_condition("Reachable", "False", "ProxyFailed", name)
        assert f"the proxy {proxy.name}: it wants credentials, or others (HTTP 407)" in told["message"]
    assert "canary-wrong" not in everything_shown(world)
    assert encoded(USER, "canary-wrong") not in everything_shown(world)


def test_a_server_that_the_proxy_cannot_reach(behind):
    proxy = ForwardProxy({})
    world = behind(proxy.url)
    world.observe(f"https://{NAME}/app.git", "tls")
    world.observe(f"http://{NAME}/app.git", "plain")
    told = world.await_condition("Reachable", "False", "ProxyFailed", "tls")
    assert f"the proxy {proxy.name}: it does not connect to {NAME}:443 (HTTP 502)" in told["message"]
    # What answers a forwarded request nobody can tell, but the way can be said.
    told = world.await_condition("Reachable", "False", "Unavailable", "plain")
    assert told["message"].endswith(f"(HTTP 502), asked through the proxy {proxy.name}")
    proxy.stop()


@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"])
def test_a_proxy_that_is_none_is_an_error_at_the_start(variable, tmp_path):
    observer = ObserverProcess(tmp_path / "none", ["ci"], tmp_path / "log", tmp_path / "mirrors",
                               environment={variable: "socks5://canary:canary@proxy.example:1080"})
    assert observer.wait(20) == 2
    said = observer.log.read_text()
    assert f"{variable} is 'socks5://***@proxy.example…', expected http://" in said
    assert "canary" not in said
