"""Gitea's own, signed webhooks: a push arrives at once, a wrong secret is refused, and a webhook
that does not come is noticed."""
import base64
import http.client
import secrets

import pytest

from conftest import RUN, SYSTEM, condition
from tests.support.cluster import unittest_file, wait_for
from tests.support.gitea import webhook_url

SECRET = "gitea-webhook"
# The long one is such that a test can wait for it, and longer than the half minute for which a
# delivery explains what a poll finds after it.
PERIODS = {"pollPeriodSeconds": 1, "pollPeriodWithWebhookSeconds": 45}


@pytest.fixture(scope="module")
def secret(system, readable_secrets):
    """What both sides know. That of an earlier run stays: the observer knows it for a while."""
    found = system.cluster.get("secret", SECRET, RUN)
    value = base64.b64decode(found["data"]["webhook-secret"]).decode() if found \
        else secrets.token_hex(20)
    system.cluster.apply({"apiVersion": "v1", "kind": "Secret",
                          "metadata": {"name": SECRET, "namespace": RUN},
                          "stringData": {"webhook-secret": value}})
    service = system.cluster.get("service", "committest-webhook", SYSTEM)
    wait_for("the Service to lead to the receiver",
             lambda: answers(service["spec"]["clusterIP"]), 60)
    return value


def answers(address):
    connection = http.client.HTTPConnection(address, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 404
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def observed(system, repository):
    return system.cluster.get("observedrepository", repository.name, RUN)


def webhook_condition(system, repository):
    return condition(observed(system, repository), "WebhookHealthy")


def await_reason(system, repository, reason, seconds=30):
    return wait_for(f"WebhookHealthy to say {reason}", lambda: (
        lambda found: found if found["reason"] == reason else None)(
            webhook_condition(system, repository)), seconds, 0.3)


def push_one(repository, subject):
    commit = repository.commit(subject, {"tests/test_app.py": unittest_file("pass"), "n": subject})
    repository.push()
    return commit


def trigger_of(system, repository, commit, seconds=30):
    """Why the observer looked when it found the commit."""
    test = wait_for(f"the CommitTest of {commit[:8]}",
                    lambda: system.test_of(repository, commit), seconds, 0.2)
    return test["spec"]["trigger"]["type"]


def await_missing(system, repository):
    """Returns when a poll has found a commit whose delivery should have come and did not. The look
    that follows a delivery may find the first push, and that delivery then explains it."""
    for subject in ("Unannounced", "Unannounced again"):
        commit = push_one(repository, subject)
        assert trigger_of(system, repository, commit, 80) == "Poll"
        wait_for("the status to tell of it", lambda: any(
            ref["lastSeenCommit"] == commit
            for ref in observed(system, repository)["status"]["refs"]), 10)
        if webhook_condition(system, repository)["reason"] == "AwaitingDelivery":
            return
    raise AssertionError(f"no delivery awaited: {webhook_condition(system, repository)}")


def healthy_repository(system, gitea, secret):
    """A repository whose webhooks are seen to come; also the number of its webhook."""
    repository = gitea.repository({**PERIODS, "webhook": {"provider": "Gitea",
                                                          "secretName": SECRET}})
    await_reason(system, repository, "NoDelivery")
    hook = repository.create_hook(webhook_url(RUN, repository.name), secret)
    push_one(repository, "First")
    assert await_reason(system, repository, "Delivered")["status"] == "True"
    return repository, hook


def test_a_push_is_found_by_its_webhook(system, gitea, secret):
    repository, hook = healthy_repository(system, gitea, secret)
    # A slow push may meet the second look, which follows each delivery within 10 s.
    for subject in ("Second", "Third", "Fourth"):
        commit = push_one(repository, subject)
        trigger = trigger_of(system, repository, commit, 30)
        if trigger == "Webhook":
            break
    assert trigger == "Webhook"
    assert system.verdict(repository, commit)["status"]["result"] == "Passed"
    delivered = wait_for("Gitea to record the answers", lambda: (
        lambda found: found if len(found) > 1 and all(d.status for d in found) else None)(
            repository.deliveries(hook)), 10)
    assert {delivery.status for delivery in delivered} == {202}, delivered
    assert observed(system, repository)["status"]["lastWebhookTime"]


def test_a_wrong_secret_is_refused_and_missed_webhooks_are_counted(system, gitea, secret):
    repository, hook = healthy_repository(system, gitea, secret)
    repository.delete_hook(hook)
    hook = repository.create_hook(webhook_url(RUN, repository.name), "not the secret")
    push_one(repository, "Refused")
    refused = wait_for("Gitea to record the answer", lambda: [
        d for d in repository.deliveries(hook) if d.status], 10)
    assert [(d.status, d.succeeded) for d in refused] == [(401, False)], refused
    await_missing(system, repository)
    await_reason(system, repository, "MissedDelivery", 110)
    assert observed(system, repository)["status"]["missedWebhookCount"] == 1
    # The short period is back.
    assert trigger_of(system, repository, push_one(repository, "Polled"), 10) == "Poll"

    repository.delete_hook(hook)
    repository.create_hook(webhook_url(RUN, repository.name), secret)
    push_one(repository, "Repaired")
    assert await_reason(system, repository, "Delivered")["status"] == "True"
