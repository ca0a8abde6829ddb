"""Whom the observer believes to be a Git server: an installation's own authorities (--ca-file)."""
import re
import types

import pytest

from tests.support import git_wire as wire
from tests.support.certificates import Authority
from tests.support.cluster import wait_for
from tests.support.git_host import GitHost
from tests.support.observer_world import ObserverWorld
from tests.support.scripted_git import ScriptedGit, repository

LIST_SECONDS = 3
COMMIT = wire.commit_of()
TIP = wire.object_id(wire.COMMIT, COMMIT)
SCRIPT = repository([(TIP, "HEAD symref-target:refs/heads/main"), (TIP, "refs/heads/main")],
                    wire.pack(wire.entry(wire.COMMIT, COMMIT)))


class TlsHost(GitHost):
    """A real Git server at an https URL."""

    def __init__(self, folder, authority):
        super().__init__(folder, "--tls", str(authority.server_pem()))
        self.url = self.url.replace("http:", "https:")


@pytest.fixture(scope="module")
def trusting(cluster, api, tmp_path_factory):
    """An observer with a --ca-file that holds one of two authorities."""
    folder = tmp_path_factory.mktemp("trusting")
    known, unknown = Authority(folder, "known"), Authority(folder, "unknown")
    trusted = folder / "trusted.pem"
    trusted.write_text(known.file.read_text())
    world = ObserverWorld(cluster, api, folder)
    world.start(f"--list-timeout={LIST_SECONDS}", f"--ca-file={trusted}")
    yield types.SimpleNamespace(world=world, known=known, unknown=unknown, file=trusted,
                                folder=folder)
    world.close()


def test_a_private_authority_vouches_for_lists_and_fetches(trusting):
    host = TlsHost(trusting.folder / "known", trusting.known)
    hosted = host.create("app")
    tip, = hosted.push()
    trusting.world.observe(hosted.url, "known")
    trusting.world.await_branches("known", main=tip)
    # A list that finds something new, and a fetch of it.
    trusting.world.await_branches("known", main=hosted.push()[-1])
    host.close()
    trusting.world.assert_sound()


@pytest.mark.parametrize("name", ["wrong name", "expired", "unknown authority"])
def test_a_certificate_that_does_not_hold(trusting, name):
    context = {"wrong name": lambda: trusting.known.server("DNS:git.example.com"),
               "expired": lambda: trusting.known.server(days=-1),
               "unknown authority": trusting.unknown.server}[name]()
    server = ScriptedGit(context)
    repository_name = name.replace(" ", "-")
    trusting.world.observe(server.add(repository_name, SCRIPT), repository_name)
    found = trusting.world.await_condition("Reachable", "False", "Unavailable", repository_name)
    print(f"{name}: {found['message']}")
    assert re.search("(?i)certificate", found["message"]), found
    assert trusting.world.condition("Ready", repository_name)["reason"] == "Unreachable"
    assert server.requests == [], "a request was sent before the certificate was known to hold"
    server.close()
    trusting.world.assert_sound()


def test_without_a_file_the_authorities_of_the_system_count(make_world, tmp_path):
    authority = Authority(tmp_path, "system")
    world = make_world()
    world.start(environment={"SSL_CERT_FILE": str(authority.file)})
    server = ScriptedGit(authority.server())
    world.observe(server.add("good", SCRIPT), "good")
    wait_for("a listing", lambda: server.requests_of("good"))
    server.close()
    world.assert_sound()


def test_an_authority_is_added_without_a_restart(trusting):
    host = TlsHost(trusting.folder / "unknown", trusting.unknown)
    hosted = host.create("app")
    tip, = hosted.push()
    trusting.world.observe(hosted.url, "late")
    trusting.world.await_condition("Reachable", "False", "Unavailable", "late")
    trusting.file.write_text(trusting.known.file.read_text() + trusting.unknown.file.read_text())
    trusting.world.await_branches("late", main=tip)
    host.close()
    trusting.world.assert_sound()
