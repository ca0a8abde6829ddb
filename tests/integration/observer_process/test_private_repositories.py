"""Private repositories: the real observer with Secrets of a real API server."""
import base64

import pytest

from tests.support.cluster import run, wait_for
from tests.support.exposure import CommandLines, everything_shown
from tests.support.git_host import AppHost, GitHost
from tests.support.ssh_host import SshHost

CANARY = "canary-4711"
POLL_NOW = "committest.dev/poll-now"


class PrivateHost:
    """A Git server that takes what `accept` was told, and repeats what it refuses."""

    def __init__(self, folder):
        self._accepted = folder / "accepted"
        self.accept()
        self.git = GitHost(folder / "git", "--authorization-file", str(self._accepted))

    def accept(self, *headers):
        self._accepted.write_text("".join(f"{header}\n" for header in headers))


def basic(password, user="bot"):
    return "Basic " + encoded(f"{user}:{password}")


def encoded(text):
    return base64.b64encode(text.encode()).decode()


def set_password(world, password, name="deploy"):
    world.set_secret(name, "kubernetes.io/basic-auth", username="bot", password=password)


def look_now(world, value, name="app"):
    world.api.patch(f"{world.repositories_path}/{name}",
                    {"metadata": {"annotations": {POLL_NOW: value}}})


@pytest.fixture
def host(world, tmp_path):
    made = PrivateHost(tmp_path)
    yield made
    made.git.close()


def test_a_changed_secret_counts_without_a_restart(world, host):
    host.accept(basic("first"))
    repository = host.git.create("app")
    set_password(world, "first")
    world.observe(repository.url, credentialsSecretName="deploy")
    tip = repository.push()[-1]
    world.await_branches(main=tip)
    # The old one is refused from now on; the new one is read although the old one is remembered.
    set_password(world, "second")
    host.accept(basic("second"))
    world.await_branches(main=repository.push()[-1])


def test_what_is_wrong_with_a_secret_is_told_and_mended(world, host):
    host.accept(basic("right"))
    repository = host.git.create("app")
    tip = repository.push()[-1]
    world.observe(repository.url, credentialsSecretName="deploy", pollPeriodSeconds=3600)
    told = world.await_condition("Ready", "False", "CredentialsUnavailable")
    assert "deploy does not exist" in told["message"]
    world.set_secret("deploy", "Opaque", password="right")
    look_now_until(world, "Ready", "CredentialsInvalid")
    set_password(world, "wrong")
    look_now_until(world, "Reachable", "Unauthenticated")
    assert "Secret deploy" in world.condition("Reachable")["message"]
    set_password(world, "right")
    look_now_until(world, "Ready", "Observing")
    world.await_branches(main=tip)


def look_now_until(world, kind, reason):
    """Asks for looks at once, because a Secret may be remembered for a few seconds."""
    values = iter(range(10_000))

    def told():
        look_now(world, f"{reason}-{next(values)}")
        return world.condition(kind)["reason"] == reason
    wait_for(f"{kind} {reason}", told, 45, 1)


def test_poll_now_looks_at_once_in_a_long_period_and_while_backing_off(world, host):
    repository = host.git.create("app")
    repository.push()
    # Refused: the next look is in an hour.
    world.observe(repository.url, pollPeriodSeconds=3600)
    world.await_condition("Reachable", "False", "Unauthenticated")
    host.accept("")
    look_now(world, "1")
    world.await_condition("Ready", "True", "Observing", seconds=5)
    # All is well: the next look is in an hour, too.
    tip = repository.push()[-1]
    asked = host.git.requests()
    look_now(world, "2")
    wait_for("the push", lambda: world.refs().get("refs/heads/main", {}).get("lastSeenCommit") == tip,
             5, 0.05)
    # The same value again is no request, nor is another annotation.
    asked = host.git.requests()
    look_now(world, "2")
    world.api.patch(f"{world.repositories_path}/app", {"metadata": {"annotations": {"a": "b"}}})
    look_now(world, "3")
    wait_for("a look", lambda: host.git.requests() > asked, 5, 0.05)
    assert host.git.requests() == asked + 1


def test_secrets_of_all_kinds_come_out_nowhere(world, host, tmp_path):
    right, wrong, token = f"{CANARY}-right", f"{CANARY}-wrong", f"{CANARY}-token"
    host.accept(basic(right), f"Bearer {token}")
    ssh = SshHost(tmp_path / "ssh")
    apps = AppHost(tmp_path)
    commands = CommandLines()
    commands.start()
    try:
        repository = host.git.create("app")
        of_app = apps.create("app")
        tips = {name: tip for name, tip in (
            ("right", repository.push()[-1]), ("app", of_app.push()[-1]))}
        set_password(world, right, "right")
        set_password(world, wrong, "wrong")
        world.set_secret("token", "Opaque", token=token)
        world.set_secret("ssh", "kubernetes.io/ssh-auth",
                         **{"ssh-privatekey": ssh.key(), "known_hosts": ssh.known_hosts()})
        world.set_secret("app", "Opaque", privateKey=apps.key, **apps.secret())
        run("openssl", "genrsa", "-out", str(tmp_path / "other.pem"), "2048")
        other_key = (tmp_path / "other.pem").read_text()
        world.set_secret("other", "Opaque", privateKey=other_key, **apps.secret())
        urls = {"ssh": ssh.url(repository.folder), "app": of_app.url, "other": of_app.url}
        for name in ("right", "wrong", "token", "ssh", "app", "other"):
            world.observe(urls.get(name, repository.url), name, credentialsSecretName=name)
        for name in ("right", "token", "ssh"):
            world.await_refs({"refs/heads/main": tips["right"]}, name)
        world.await_refs({"refs/heads/main": tips["app"]}, "app")
        for name in ("wrong", "other"):
            world.await_condition("Reachable", "False", "Unauthenticated", name)
        shown = everything_shown(world) + commands.stop()
    finally:
        commands.stop()
        ssh.close()
        apps.close()
    assert "remote-http" in shown and "git-upload-pack" in shown, "the children were not seen"
    secrets = [CANARY, encoded(f"bot:{right}"), encoded(f"bot:{wrong}"), "ghs_canary", "eyJhbGci",
               encoded("x-access-token:ghs_canary0")]
    for key in (ssh.key(), apps.key, other_key):
        secrets += [line for line in key.splitlines() if len(line) > 20 and "KEY" not in line]
    assert [secret for secret in secrets if secret in shown] == []
