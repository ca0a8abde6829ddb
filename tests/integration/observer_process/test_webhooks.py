"""Webhooks, from a delivery to the CommitTest, and what strangers send instead (rows 50 and 51 of
docs/reliability.md)."""
import base64
import concurrent.futures
import hashlib
import itertools
import threading
import time

import pytest

from tests.support.cluster import wait_for
from tests.support.process_figures import memory_megabytes
from tests.support.webhook_sender import Receiver, signed_headers

SECRET = "hunter2hunter2"
SIGNING_TOKEN = "whsec_" + base64.b64encode(b"0123456789abcdef01234567").decode()
HOUR = 3600


@pytest.fixture
def world(make_world):
    made = make_world()
    made.start("--webhook-address=127.0.0.1:0")
    wait_for("the observer's start", lambda: made.observer.says("webhookPort"), 20, 0.01)
    yield made
    made.assert_sound()


@pytest.fixture
def repository(world):
    made = world.git.create("app")
    made.push()
    return made


@pytest.fixture
def receiver(world, repository):
    """Of a repository that is polled once an hour, so that only deliveries bring something."""
    set_secret(world, SECRET)
    observe(world, repository)
    return Receiver(world.observer, world.namespace)


def set_secret(world, value, name="hook"):
    path = f"/api/v1/namespaces/{world.namespace}/secrets"
    data = {"webhook-secret": base64.b64encode(value.encode()).decode()}
    if world.api.get(f"{path}/{name}"):
        world.api.patch(f"{path}/{name}", {"data": data})
    else:
        world.api.create(path, {"metadata": {"name": name}, "data": data})


def observe(world, repository, provider="GitHub", reason="NoDelivery", **spec):
    world.observe(repository.url, webhook={"provider": provider, "secretName": "hook"},
                  **{"pollPeriodSeconds": HOUR, "pollPeriodWithWebhookSeconds": HOUR, **spec})
    world.await_condition("WebhookHealthy", "False", reason)


def await_tested(world, commit, seconds=20):
    return wait_for(f"the CommitTest of {commit}", lambda: commit in world.tested(), seconds, 0.01)


# What they bring.

@pytest.mark.parametrize("provider, secret", [
    ("GitHub", SECRET), ("Gitea", SECRET), ("Generic", SECRET), ("GitLab", SECRET),
    ("GitLab", SIGNING_TOKEN)])
def test_a_delivery_brings_a_look_at_once(world, repository, provider, secret):
    set_secret(world, secret + "\n")
    observe(world, repository, provider)
    receiver = Receiver(world.observer, world.namespace)
    commit, = repository.push()
    assert receiver.deliver(provider, secret) == 202
    await_tested(world, commit)
    assert world.test_of(commit)["spec"]["trigger"]["type"] == "Webhook"
    world.await_condition("WebhookHealthy", "True", "Delivered")
    status = world.get()["status"]
    assert "lastWebhookTime" in status and "missedWebhookCount" not in status


def test_a_burst_of_deliveries_is_no_burst_of_looks(world, repository, receiver):
    commit, = repository.push()
    before = world.git.requests()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: receiver.deliver("GitHub", SECRET), range(300))) == {202}
    await_tested(world, commit)
    assert world.git.requests() - before < 300


def test_a_repeated_delivery_brings_no_second_look(world, repository, receiver):
    assert receiver.deliver("GitHub", SECRET, delivery="one") == 202
    world.await_condition("WebhookHealthy", "True", "Delivered")
    log = world.observer.log
    taken = log.read_text().count("webhook taken")
    assert receiver.deliver("GitHub", SECRET, delivery="one") == 202
    assert receiver.deliver("GitHub", SECRET, delivery="two") == 202
    assert log.read_text().count("webhook taken") == taken + 1


def test_a_lost_delivery_is_made_up_for_and_counted(world, repository):
    set_secret(world, SECRET)
    observe(world, repository, pollPeriodSeconds=1, pollPeriodWithWebhookSeconds=2)
    receiver = Receiver(world.observer, world.namespace)
    assert receiver.deliver("GitHub", SECRET) == 202
    world.await_condition("WebhookHealthy", "True", "Delivered")
    # A delivery half a minute before a push counts for it.
    time_of_push = time.monotonic() + 31
    wait_for("half a minute", lambda: time.monotonic() > time_of_push, 60, 1)
    commit, = repository.push()
    await_tested(world, commit)
    assert world.test_of(commit)["spec"]["trigger"]["type"] == "Poll"
    world.await_condition("WebhookHealthy", "Unknown", "AwaitingDelivery")
    world.await_condition("WebhookHealthy", "False", "MissedDelivery", seconds=90)
    assert world.get()["status"]["missedWebhookCount"] == 1
    # The state is no process's own.
    world.observer.kill()
    world.start("--webhook-address=127.0.0.1:0")
    wait_for("another start", lambda: world.observer.log.read_text().count("webhookPort") == 2, 20)
    receiver = Receiver(world.observer, world.namespace)
    wait_for("a delivery that is taken",
             lambda: receiver.deliver("GitHub", SECRET) == 202, 20, 0.2)
    world.await_condition("WebhookHealthy", "True", "Delivered")
    assert world.get()["status"]["missedWebhookCount"] == 1


# Secrets.

def test_a_changed_secret_counts_without_a_restart(world, repository, receiver):
    assert receiver.deliver("GitHub", SECRET) == 202
    set_secret(world, "another")
    # Refused first, which has the Secret read again.
    wait_for("the new secret's turn", lambda: receiver.deliver("GitHub", "another") == 202, 30, 0.5)
    assert receiver.deliver("GitHub", SECRET) == 401


@pytest.mark.parametrize("value, words", [("", "webhook-secret is empty"),
                                          ("\n", "webhook-secret is empty"),
                                          (None, "does not exist")])
def test_a_secret_that_signs_nothing_is_refused(world, repository, value, words):
    if value is not None:
        set_secret(world, value)
    observe(world, repository, reason="SecretUnusable", pollPeriodSeconds=1)
    assert words in world.condition("WebhookHealthy")["message"]
    receiver = Receiver(world.observer, world.namespace)
    assert receiver.deliver("GitHub", "") == 401
    assert receiver.send(b"{}", {}) == 401
    # It is well as soon as the Secret is; errors are not kept for long.
    set_secret(world, SECRET)
    world.await_condition("WebhookHealthy", "False", "NoDelivery", seconds=60)
    assert receiver.deliver("GitHub", SECRET) == 202


# Strangers.

def test_strangers_learn_nothing_and_change_nothing(world, repository, receiver):
    body = b'{"a":1,"a":2,"x":"\xff\xfe","deep":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    right = signed_headers("GitHub", SECRET, body)
    wrong = {**right, "X-Hub-Signature-256": "sha256=" + "0" * 64}
    version = world.get()["metadata"]["resourceVersion"]
    requests = world.git.requests()
    answers = set()
    for headers, path in [(wrong, None), ({}, None), ({"X-Hub-Signature-256": ""}, None),
                          (signed_headers("GitHub", "other", body), None),
                          (signed_headers("GitHub", "", body), None),
                          (signed_headers("GitHub", SECRET, body + b" "), None),
                          (right, f"/webhooks/{world.namespace}/nowhere"),
                          (right, "/webhooks/nowhere/app")]:
        answers.add((receiver.send(body, headers, path), receiver.answer))
    assert answers == {(401, "unauthorized\n")}
    assert receiver.send(body, right, "/") == 404
    assert receiver.send(None, {}, method="GET") == 405
    assert (world.get()["metadata"]["resourceVersion"], world.git.requests()) == (version, requests)
    # Bytes are bytes: what is signed is taken, whatever it says.
    assert receiver.send(body, right) == 202
    log = world.observer.log.read_text()
    assert SECRET not in log and "deep" not in log


def test_signed_times_must_be_ours(world, repository):
    set_secret(world, SIGNING_TOKEN)
    observe(world, repository, "GitLab")
    receiver = Receiver(world.observer, world.namespace)
    for offset, status in ((0, 202), (-290, 202), (290, 202), (-310, 401), (310, 401)):
        assert receiver.deliver("GitLab", SIGNING_TOKEN, now=time.time() + offset) == status, offset
    # Only the signature counts when there is a signing token.
    assert receiver.send(b"{}", {"X-Gitlab-Token": SIGNING_TOKEN}) == 401


class Honest:
    """Delivers from its own address while a test abuses the receiver from others."""

    def __init__(self, receiver):
        self._receiver = receiver
        self.milliseconds = []
        self.failures = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(60)

    def _run(self):
        while not self._stop.wait(0.02):
            begin = time.monotonic()
            try:
                status = self._receiver.deliver("GitHub", SECRET, source="127.1.0.1")
            except OSError as error:
                status = repr(error)
            if status != 202:
                self.failures.append(status)
            self.milliseconds.append((time.monotonic() - begin) * 1000)


def head(path, *lines):
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *lines, "", ""]).encode()


def abuse_slowly(receiver):
    """Connections that send a byte now and then, more than one address may have."""
    connections = []
    for number in range(300):
        try:
            connections.append(receiver.connect(source=f"127.2.0.{number % 4 + 1}"))
            connections[-1].sendall(b"POST /webhooks/")
        except OSError:
            pass
    end = time.monotonic() + 12
    answers = []
    while time.monotonic() < end and connections:
        for connection in list(connections):
            try:
                connection.sendall(b"x")
            except OSError:
                connections.remove(connection)
        time.sleep(0.5)
    for connection in connections:
        connection.close()
    with receiver.connect(source="127.2.0.9") as silent:
        silent.sendall(b"POST /")
        answers.append(silent.recv(100)[:12])
    assert answers == [b"HTTP/1.1 408"]


def abuse_with_size(receiver):
    """300 MB: announced, in one go, and in chunks that never end."""
    answers = [receiver.raw(head(receiver.path, f"Content-Length: {300 << 20}"), "127.3.0.1")]
    endless = head(receiver.path, "Transfer-Encoding: chunked")
    answers.append(receiver.raw(endless + (b"100000\r\n" + b"a" * (1 << 20) + b"\r\n") * 300,
                                "127.3.0.2"))
    answers.append(receiver.raw(head(receiver.path, "X-Long: " + "a" * 20_000), "127.3.0.3"))
    # Beside each other, as large as may be: 40 times 5 MB.
    large = head(receiver.path, f"Content-Length: {5 << 20}", "Connection: close") + b"b" * (5 << 20)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        all_large = list(pool.map(lambda n: receiver.raw(large, f"127.3.1.{n % 8 + 1}"), range(40)))
    announced, endless, long_head = (answer[9:12] for answer in answers)
    # Who goes on sending after the answer may find the connection reset before it is read.
    assert (announced, long_head) == (b"413", b"431") and endless in (b"413", b""), answers
    assert {answer[9:12] for answer in all_large} <= {b"401", b"408", b"503"}, all_large


def abuse_with_nonsense(receiver):
    chunked = head(receiver.path, "Transfer-Encoding: chunked")
    nonsense = [chunked + b"-2\r\nxx\r\n", chunked + b"fffffffffffffffff\r\n", b"\x16\x03\x01\r\n\r\n",
                head(receiver.path, "Content-Length: -1"), b"GET\r\n\r\n",
                head(receiver.path, "Content-Length: 1", "Content-Length: 2")]
    sources = (f"127.4.{n // 200}.{n % 200 + 1}" for n in itertools.count())
    for bad in nonsense * 20:
        assert receiver.raw(bad, next(sources))[9:12] == b"400", bad


def flood(receiver, seconds=5):
    """As many requests as can be sent, a hundred at a time, from ever new addresses."""
    hundred = head(receiver.path, "Content-Length: 2") + b"{}"
    sent = 0
    end = time.monotonic() + seconds
    for number in itertools.count():
        if time.monotonic() > end:
            return sent
        source = f"127.5.{number // 250 % 250}.{number % 250 + 1}"
        try:
            with receiver.connect(source) as connection:
                connection.sendall(hundred * 100)
                answers = b""
                while answers.count(b"unauthorized\n") < 100 and (piece := connection.recv(1 << 20)):
                    answers += piece
                sent += answers.count(b"unauthorized\n")
        except OSError:
            pass
    return sent


def test_abuse_takes_neither_memory_nor_the_time_of_others(world, repository, receiver):
    before = memory_megabytes(world.observer.pid)["resident"]
    with Honest(receiver) as honest:
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            slow = pool.submit(abuse_slowly, receiver)
            size = pool.submit(abuse_with_size, receiver)
            nonsense = pool.submit(abuse_with_nonsense, receiver)
            floods = [pool.submit(flood, receiver) for _ in range(2)]
            peak = 0
            while not all(task.done() for task in (slow, size, nonsense, *floods)):
                peak = max(peak, memory_megabytes(world.observer.pid)["resident"])
                time.sleep(0.05)
    times = sorted(honest.milliseconds)
    requests = sum(task.result() for task in floods)
    print(f"honest: {len(times)} deliveries, p50 {times[len(times) // 2]:.1f} ms, "
          f"p99 {times[len(times) * 99 // 100]:.1f} ms, failed {honest.failures}; "
          f"flood: {requests / 5:.0f} requests/s; memory {before} MB, at most {peak} MB")
    for abuse in (slow, size, nonsense):
        abuse.result()
    assert not honest.failures
    assert times[len(times) * 99 // 100] < 2000
    assert requests > 1000
    assert peak - before < 64 + 64
    commit, = repository.push()
    assert receiver.deliver("GitHub", SECRET) == 202
    await_tested(world, commit)


def test_who_is_refused_too_often_has_to_wait(world, repository, receiver):
    wrong = signed_headers("GitHub", "wrong", b"{}")
    statuses = [receiver.send(b"{}", wrong, source="127.6.0.1") for _ in range(200)]
    assert statuses[0] == 401 and statuses[-1] == 429
    assert receiver.deliver("GitHub", SECRET, source="127.6.0.1") == 429
    assert receiver.deliver("GitHub", SECRET, source="127.6.0.2") == 202
    wait_for("its turn", lambda: receiver.deliver("GitHub", SECRET, source="127.6.0.1") == 202, 20)


@pytest.mark.parametrize("addresses", [1, 50])
def test_many_that_wait_are_no_hindrance_to_others(world, repository, receiver, addresses):
    held = [receiver.connect(source=f"127.7.0.{n % addresses + 1}") for n in range(300)]
    assert receiver.deliver("GitHub", SECRET) == 202
    for connection in held:
        connection.close()


def test_a_digest_of_the_standard_library_agrees(world, repository, receiver):
    """The signature as docs/observer.md makes it with openssl."""
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in SECRET.encode().ljust(64, b"\0")) + b"{}")
    outer = hashlib.sha256(bytes(b ^ 0x5c for b in SECRET.encode().ljust(64, b"\0"))
                           + inner.digest())
    assert receiver.send(b"{}", {"X-Hub-Signature-256": "sha256=" + outer.hexdigest()}) == 202
