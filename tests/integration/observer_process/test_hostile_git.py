"""One observer, beside a healthy repository, meets every Git server that is sick, lies or attacks.

It must never end, its memory must stay bounded, no child process may be left, the condition must say
in words what is wrong and hold no secret, and the healthy repository's pushes must be seen all the
while.
"""
import functools
import re
import threading
import time

import pytest

from tests.support import git_wire as wire
from tests.support.cluster import wait_for
from tests.support.observer_world import ObserverWorld
from tests.support.process_figures import memory_megabytes
from tests.support.scripted_git import (Living, ScriptedGit, one_byte_a_second, repository,
                                        silent)

CANARY = "canary-7f3a9c"
SECRET_URL = f"https://robot:{CANARY}@git.example.com/a.git?private_token={CANARY}"
LIST_SECONDS, FETCH_SECONDS = 3, 6
MEGABYTES_MAX = 150
# Of all that git holds at once: one fetch has a limit of 512 MiB.
CHILDREN_MEGABYTES_MAX = 600
MAIN = "refs/heads/main"
COMMIT = wire.commit_of()
TIP = wire.object_id(wire.COMMIT, COMMIT)
HEAD = [(TIP, f"HEAD symref-target:{MAIN}"), (TIP, MAIN)]


def whole(exchange, body, **options):
    return exchange.answer(200, body, Set_Cookie=f"session={CANARY}", **options)


def raw(text, then=None):
    """Sends these bytes in place of an answer."""
    def script(exchange):
        exchange.send(text)
        return then(exchange) if then else None
    return script


def status(code, **headers):
    def script(exchange):
        return exchange.answer(code, f"Authorization: Bearer {CANARY}".encode(),
                               Location=SECRET_URL, WWW_Authenticate=f'Bearer realm="{SECRET_URL}"',
                               **headers)
    return script


def page(exchange):
    return whole(exchange, f"<html>Sign in: {SECRET_URL}</html>".encode(), content="text/html")


def says_why(exchange):
    return whole(exchange, wire.pkt("# service=git-upload-pack") + wire.FLUSH +
                 wire.pkt(f"ERR \x1b[31mno access to {SECRET_URL}"))


def truncated(exchange):
    exchange.answer(200, wire.advertisement()[:40], length=1000)


def silent_in_the_middle(exchange):
    exchange.answer(200, wire.advertisement()[:40], length=1000)
    exchange.hang()


def endless_headers(exchange):
    exchange.send(b"HTTP/1.1 200 OK\r\n")
    exchange.flood(b"X-Padding: " + b"x" * 60_000 + b"\r\n")


def endless_body(exchange):
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    exchange.flood(b"10000\r\n" + b"0" * 65536 + b"\r\n")


def endless_chunk(exchange):
    exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffff\r\n")
    exchange.flood(b"0" * 65536)


@functools.cache
def compressed_zeros():
    return wire.zeros(256, wbits=31)


@functools.cache
def million():
    return wire.refs(*((TIP, f"refs/heads/b{number:07}") for number in range(1_000_000)))


def compressed_bomb(exchange):
    return whole(exchange, compressed_zeros(), Content_Encoding="gzip")


def a_million_refs(exchange):
    return whole(exchange,
                 wire.advertisement() if exchange.asks_for == "capabilities" else million())


def a_million_refs_of_the_old_protocol(exchange):
    return whole(exchange, wire.pkt("# service=git-upload-pack") + wire.FLUSH +
                 wire.pkt(f"{TIP} HEAD\0symref=HEAD:{MAIN} agent=git/2") + million())


def lies_to_git(script):
    """Answers the observer's own listing well, and git's requests by this script."""
    healthy = repository(HEAD)

    def choose(exchange):
        return script(exchange) if exchange.is_by_git else healthy(exchange)
    return choose


def pack_of(*entries, **options):
    return repository(HEAD, wire.pack(*entries, **options))


GOOD = wire.pack(wire.entry(wire.COMMIT, COMMIT))
OTHER = wire.entry(wire.COMMIT, wire.commit_of("another"))
ENTRY = wire.entry(wire.COMMIT, COMMIT)

# Of a repository that cannot be listed: the script, and what the condition Reachable says.
LISTING = {
    "silent": (silent, "DeadlineExceeded", "did not answer in time"),
    "silent in the middle": (silent_in_the_middle, "DeadlineExceeded", "did not answer in time"),
    "one byte a second": (one_byte_a_second, "DeadlineExceeded", "did not answer in time"),
    "truncated": (truncated, None, "."),
    "hangs up": (raw(b""), "Unavailable", "."),
    "no HTTP": (raw(b"SSH-2.0-OpenSSH_9.2\r\n"), None, "."),
    "chunk of -2": (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-2\r\nxx\r\n"),
                    None, "."),
    "endless chunk": (endless_chunk, None, "."),
    "endless headers": (endless_headers, None, "."),
    "endless body": (endless_body, "ResourceExhausted", "."),
    "compressed bomb": (compressed_bomb, "DataLoss", "does not answer as a Git server"),
    "login page": (page, "DataLoss", "does not answer as a Git server"),
    "empty answer": (lambda exchange: whole(exchange, b""), "DataLoss",
                     "does not answer as a Git server"),
    "its own words": (says_why, "Unavailable", r"the Git server says: no access to https://"),
    "401": (status(401), "Unauthenticated", "credentials"),
    "403": (status(403), "PermissionDenied", "refuses access"),
    "404": (status(404), "NotFound", "no such repository"),
    "429": (status(429, Retry_After="99999999999"), "ResourceExhausted", "asked too often"),
    "500": (status(500), "Unavailable", "HTTP 500"),
    "503": (status(503, Retry_After="-1"), "Unavailable", "HTTP 503"),
    "redirect": (status(302), "Redirected", "not followed"),
    "a million refs": (a_million_refs, "ResourceExhausted", "."),
    "a million old refs": (a_million_refs_of_the_old_protocol, "ResourceExhausted", "."),
    "a name of 100 KB": (repository(b"ffff" + b"x" * 100_000), "DataLoss", "pkt-line"),
    "no object name": (repository([("x" * 40, MAIN)]), "DataLoss", "object name"),
    "a name without end": (repository(b"0032" + TIP.encode()), "DataLoss", "."),
}

# Of one that can be listed, but whose commits cannot be had.
FETCHING = {
    "fetch that is silent": (repository(HEAD, fetch=silent), "DeadlineExceeded", "in time"),
    "fetch of a byte a second": (repository(HEAD, fetch=one_byte_a_second), "DeadlineExceeded",
                                 "in time"),
    "pack without the commit": (pack_of(), None, "git fetch"),
    "pack with another commit": (pack_of(OTHER), None, "git fetch"),
    "truncated pack": (repository(HEAD, GOOD[:-30]), None, "git fetch"),
    "corrupt pack": (repository(HEAD, GOOD[:20] + b"\xff\xff" + GOOD[22:]), None, "git fetch"),
    "pack that claims 4 billion objects": (pack_of(ENTRY, count=2**32 - 1), None, "git fetch"),
    "object that claims 8 EB": (pack_of(wire.entry_head(wire.BLOB, 2**63 - 1) + b"x"), None,
                                "git fetch"),
    "commit that is malformed": (pack_of(wire.entry(wire.COMMIT, b"tree \0\n")), None,
                                 "git fetch"),
    "delta bomb": (pack_of(ENTRY, *wire.delta_bomb()), None, "git fetch"),
    "redirect of the fetch": (lies_to_git(status(302)), None, "git fetch"),
    "compressed bomb for git": (lies_to_git(compressed_bomb), None, "git fetch"),
    "endless answer for git": (lies_to_git(endless_body), None, "git fetch"),
    "endless headers for git": (lies_to_git(endless_headers), None, "git fetch"),
    "its own words to git": (lies_to_git(says_why), "Unavailable", "git fetch"),
}


def memory_if_running(pid):
    try:
        return memory_megabytes(pid)
    except OSError:
        return {}


class Ward:
    """A world with a healthy repository in it."""

    def __init__(self, world):
        self.world = world
        self.server, self.healthy_host = ScriptedGit(), ScriptedGit(address="127.0.0.2")
        self.children_megabytes = 0
        world.start(f"--list-timeout={LIST_SECONDS}", f"--fetch-timeout={FETCH_SECONDS}")
        self.pid = world.observer.pid
        self.healthy = Living(world.git.create("healthy"))
        world.observe(self.healthy_host.add("healthy", self.healthy), "healthy", refs=[MAIN])
        self.await_push()
        threading.Thread(target=self._watch_children, daemon=True).start()

    def _watch_children(self):
        while self.world.observer.exit_code is None:
            held = sum(figures.get("anonymous", 0) for figures in
                       map(memory_if_running, self.world.children()))
            self.children_megabytes = max(self.children_megabytes, held)
            time.sleep(0.02)

    def admit(self, name, script, server=None, **spec):
        """A repository that answers by this script; its name in the API."""
        name = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        url = (server or self.server).add(name, script)
        self.world.observe(url, name, **{"refs": ["refs/heads/**"], **spec})
        return name

    def discharge(self, name):
        self.world.api.delete(f"{self.world.repositories_path}/{name}")

    def await_push(self):
        """A push to the healthy repository is seen."""
        tip = self.healthy.push()
        self.world.await_refs({MAIN: tip}, "healthy", 30)

    def assert_unharmed(self):
        self.await_push()
        self.world.assert_sound()
        assert self.world.observer.pid == self.pid
        memory = memory_megabytes(self.pid)
        print(f"memory {memory}; of children at most {self.children_megabytes:.0f} MB")
        assert memory["anonymous"] < MEGABYTES_MAX, memory
        assert self.children_megabytes < CHILDREN_MEGABYTES_MAX

    def assert_no_secret(self, text=""):
        for held in (text, self.world.observer.log.read_text(errors="replace"),
                     str(self.world.api.items(self.world.repositories_path))):
            assert CANARY not in held


@pytest.fixture(scope="module")
def ward(cluster, api, tmp_path_factory):
    world = ObserverWorld(cluster, api, tmp_path_factory.mktemp("ward"))
    made = Ward(world)
    # What takes seconds to make would look like silence.
    compressed_zeros(), million()
    yield made
    made.server.close()
    made.healthy_host.close()
    world.close()


def expect_unreachable(ward, name, reason, words):
    def told():
        found = ward.world.condition("Reachable", name)
        return found["status"] == "False" and found
    found = wait_for(f"a condition of {name}", told, 40)
    print(f"{name}: {found['reason']}: {found['message']}")
    assert reason in (None, found["reason"]), found
    assert re.search(words, found["message"]), found
    ready = ward.world.condition("Ready", name)
    assert (ready["status"], ready["reason"]) == ("False", "Unreachable")
    ward.assert_no_secret(found["message"])
    ward.assert_unharmed()
    ward.discharge(name)


@pytest.mark.parametrize("name", LISTING)
def test_a_server_that_cannot_be_listed(ward, name):
    script, reason, words = LISTING[name]
    expect_unreachable(ward, ward.admit(name, script), reason, words)


@pytest.mark.parametrize("name", FETCHING)
def test_a_server_whose_commits_cannot_be_had(ward, name):
    script, reason, words = FETCHING[name]
    expect_unreachable(ward, ward.admit(name, script), reason, words)


def test_names_that_are_more_than_names_are_left_out(ward):
    pack = wire.pack(ENTRY)
    odd = ["refs/heads/a\nb", "refs/heads/../x", "refs/heads/-x", "refs/heads/-", "refs/-/x",
           b"refs/heads/caf\xe9", "refs/heads/a..b", "refs/heads/x.lock", "refs/heads/$(id)",
           "refs/heads/a\x1b[31m", "refs/heads/a\0b", "refs/heads/" + "x" * 65_000, "--upload-pack"]
    name = ward.admit("odd names", repository(
        [*HEAD, HEAD[0], ("0" * 40, MAIN), *((TIP, ref) for ref in odd)], pack))
    ready = ward.world.await_condition("Ready", "True", "Observing", name)
    print(ready["message"])
    assert re.search(r"^observing 1 ref; \d+ refs with unsupported names left out$",
                     ready["message"])
    # Of a name that was sent twice the first counts.
    assert list(ward.world.refs(name)) == [MAIN]
    assert ward.world.refs(name)[MAIN]["lastSeenCommit"] == TIP
    assert ward.world.tested(name) == [TIP]
    ward.assert_unharmed()
    ward.discharge(name)


def test_a_commit_that_is_a_blob(ward):
    blob = b"not a commit"
    named = wire.object_id(wire.BLOB, blob)
    name = ward.admit("blob", repository([(named, MAIN)], wire.pack(wire.entry(wire.BLOB, blob))))
    ward.world.await_refs({MAIN: named}, name)
    assert ward.world.tested(name) == []
    ward.assert_unharmed()
    ward.discharge(name)


def test_a_bomb_that_is_no_object_that_is_wanted(ward):
    """2 GB of zeros beside the commit: read in pieces, so that it is taken or times out."""
    name = ward.admit("inflation bomb", pack_of(ENTRY, wire.inflation_bomb(2048)))
    found = wait_for("an end", lambda: (answer := ward.world.condition("Ready", name))["status"]
                     != "Unknown" and answer, 40)
    print(f"{found['reason']}: {found['message']}")
    ward.assert_unharmed()
    ward.discharge(name)


def test_credentials_go_nowhere_else(ward):
    """A server that redirects, asks again and again, and points elsewhere gets them; no other."""
    elsewhere = ScriptedGit()
    elsewhere.add("stolen", repository(HEAD, GOOD))
    target = f"{elsewhere.url}/stolen.git/info/refs?service=git-upload-pack"
    namespace = ward.world.namespace
    ward.world.api.create(f"/api/v1/namespaces/{namespace}/secrets", {
        "metadata": {"name": "git"}, "type": "kubernetes.io/basic-auth",
        "stringData": {"username": "robot", "password": CANARY}})

    def redirects(code, only_git):
        def script(exchange):
            if "authorization" not in exchange.headers:
                return exchange.answer(401, WWW_Authenticate='Basic realm="git"')
            if only_git and not exchange.is_by_git:
                return repository(HEAD)(exchange)
            return exchange.answer(code, Location=target)
        return script
    names = [ward.admit(f"redirect {code} {only_git}", redirects(code, only_git),
                        credentialsSecretName="git")
             for code in (301, 302, 307, 308) for only_git in (False, True)]
    for name in names:
        wait_for(f"a condition of {name}", lambda name=name: ward.world.condition(
            "Reachable", name)["status"] == "False", 40)
        assert any("authorization" in headers for headers in ward.server.requests_of(name)), name
        ward.discharge(name)
    assert elsewhere.requests == []
    elsewhere.close()
    ward.assert_no_secret()
    ward.assert_unharmed()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "169.254.169.254", "10.0.0.1"])
def test_a_private_address_is_refused(make_world, host):
    """Also when a name resolves to it."""
    world = make_world()
    world.start(private=())
    server = ScriptedGit()
    world.observe(server.add("app", repository(HEAD, GOOD)).replace("127.0.0.1", host))
    print(world.await_condition("Reachable", "False", "AddressRefused")["message"])
    assert server.requests == []
    server.close()
    world.assert_sound()


def test_nothing_is_left_of_all_this(ward):
    """The last one: all are gone, and the observer is as it was at the start."""
    wait_for("the repositories to go", lambda: len(ward.world.api.items(
        ward.world.repositories_path)) == 1)
    wait_for("the children to end", lambda: not ward.world.children(), 20)
    wait_for("the mirrors to go", lambda: len(list(
        (ward.world.folder / "mirrors").glob("*.git"))) == 1, 20)
    ward.assert_unharmed()
