"""A complete Git host: what people do there arrives as CommitTests, each commit once."""
import base64
import json
import os
import signal
import types

import pytest

from conftest import RUN, condition
from tests.support.cluster import processes_of, run, unittest_file, wait_for
from tests.support.storm import Storm, is_sound, scale_observers

PASSING = {"tests/test_app.py": unittest_file("pass")}


@pytest.fixture
def two_observers(system):
    scale_observers(system.cluster, 2)
    yield
    scale_observers(system.cluster, 1)


def commits_of(system, repository):
    """The commits that have CommitTests, by the ref that they were found at. None has two."""
    sources = [test["spec"]["source"] for test in system.tests_of(repository)]
    assert len({source["commit"] for source in sources}) == len(sources), sources
    return {source["commit"]: source["ref"] for source in sources}


def seen_refs(system, repository):
    """The refs and commits that the observer has written down."""
    found = system.cluster.get("observedrepository", repository.name, RUN)
    return {ref["name"]: ref["lastSeenCommit"] for ref in found.get("status", {}).get("refs", [])}


def wait_until_seen(system, repository):
    """Waits until the observer has seen what Gitea has now; what it will test then exists."""
    refs = {name: commit for name, commit in repository.remote_refs().items()
            if name.startswith(("refs/heads/", "refs/tags/"))}
    wait_for("the observer to have seen all refs",
             lambda: seen_refs(system, repository) == refs, 30)


def await_reachable(system, repository, status, reason):
    def reached():
        reachable = condition(system.cluster.get("observedrepository", repository.name, RUN),
                              "Reachable")
        return (reachable["status"], reachable["reason"]) == (status, reason)
    wait_for(f"Reachable to say {reason}", reached, 80)


def test_pushes_to_gitea_get_their_verdicts(system, gitea):
    repository = gitea.repository()
    good = repository.commit("Good", PASSING)
    repository.push()
    passed = system.verdict(repository, good)
    assert passed["status"]["result"] == "Passed", passed["status"]
    assert passed["spec"]["source"]["url"] == repository.url
    assert passed["spec"]["source"]["ref"] == "refs/heads/main"
    bad = repository.commit("Bad", {"tests/test_app.py": unittest_file("self.fail('no')")})
    repository.push()
    failed = system.verdict(repository, bad)
    assert failed["status"]["result"] == "Failed", failed["status"]
    assert condition(failed, "Succeeded")["reason"] == "TestsFailed"


def test_branches_tags_and_rewritten_history(system, gitea):
    repository = gitea.repository({"refs": ["refs/heads/*", "refs/tags/*"]})
    first = repository.commit("First", PASSING)
    repository.push()
    wait_until_seen(system, repository)
    topic = repository.commit("Topic", {"n": "topic"})
    repository.git("tag", "light")
    repository.git("tag", "-a", "annotated", "-m", "A release")
    repository.push_refs("HEAD:refs/heads/topic", "refs/tags/light", "refs/tags/annotated")
    wait_until_seen(system, repository)
    assert set(commits_of(system, repository)) == {first, topic}

    repository.git("reset", "-q", "--hard", first)
    rewritten = repository.commit("Another first", {"n": "rewritten"})
    repository.git("commit", "-q", "--amend", "-m", "Rewritten")
    amended = repository.git("rev-parse", "HEAD")
    repository.push_refs(f"{rewritten}:refs/heads/main")
    wait_until_seen(system, repository)
    repository.push_refs("+HEAD:refs/heads/main")
    wait_until_seen(system, repository)
    assert set(commits_of(system, repository)) == {first, topic, rewritten, amended}

    repository.delete_branch("topic")
    wait_until_seen(system, repository)
    repository.push_refs(f"{topic}:refs/heads/topic", f"{amended}:refs/heads/copy")
    wait_until_seen(system, repository)
    assert set(commits_of(system, repository)) == {first, topic, rewritten, amended}
    assert system.verdict(repository, topic)["status"]["result"] == "Passed"


def test_pull_requests_are_tested_and_so_is_their_merge(system, gitea):
    repository = gitea.repository({"refs": ["refs/heads/main", "refs/pull/*/head"]})
    first = repository.commit("First", PASSING)
    repository.push()
    wait_for("the first commit", lambda: system.test_of(repository, first), 30)
    change = repository.commit("Change", {"n": "1"})
    repository.push_refs("HEAD:refs/heads/topic")
    number = repository.create_pull_request("topic")
    assert system.verdict(repository, change)["status"]["result"] == "Passed"
    assert commits_of(system, repository)[change] == f"refs/pull/{number}/head"
    review = repository.commit("Review", {"n": "2"})
    repository.push_refs("HEAD:refs/heads/topic")
    wait_for("the second commit", lambda: system.test_of(repository, review), 30)
    repository.merge_pull_request(number)
    merged = repository.remote_refs()["refs/heads/main"]
    assert system.verdict(repository, merged)["status"]["result"] == "Passed"
    assert commits_of(system, repository) == {
        first: "refs/heads/main", change: f"refs/pull/{number}/head",
        review: f"refs/pull/{number}/head", merged: "refs/heads/main"}


def test_a_private_repository_says_that_it_is_not_readable(system, gitea):
    repository = gitea.repository(private=True)
    commit = repository.commit("Secret", PASSING)
    repository.push()
    await_reachable(system, repository, "False", "Unauthenticated")
    assert system.test_of(repository, commit) is None


@pytest.fixture
def private_secrets(system, gitea, readable_secrets, tmp_path):
    """A Secret of each kind by which Gitea's private repositories can be read."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "key"))
    gitea.api.add_key(gitea.user, (tmp_path / "key.pub").read_text())
    token = gitea.api.create_token(gitea.user, "read:repository")
    secrets = {
        "gitea-password": basic_auth(gitea.user, gitea.user.password),
        "gitea-token": basic_auth(gitea.user, token),
        "gitea-bearer": {"stringData": {"token": token}},
        "gitea-ssh": {"type": "kubernetes.io/ssh-auth", "stringData": {
            "ssh-privatekey": (tmp_path / "key").read_text(),
            "known_hosts": gitea.api.known_hosts()}}}
    set_secrets(system, secrets)
    return types.SimpleNamespace(secrets=secrets, token=token)


def basic_auth(user, password):
    return {"type": "kubernetes.io/basic-auth",
            "stringData": {"username": user.name, "password": password}}


def set_secrets(system, secrets):
    system.cluster.apply(*({"apiVersion": "v1", "kind": "Secret",
                            "metadata": {"name": name, "namespace": RUN}, **content}
                           for name, content in secrets.items()))


# Looks everywhere a test may look; the needles are written backwards, so that it does not find itself.
HUNT = """import os
import unittest

NEEDLES = [text[::-1].encode() for text in {needles!r}]
FOLDERS = ["/committest", "/credentials", "/dev/shm", "/etc", "/run", "/tmp", "/var", "/workspace"]


def files():
    for folder in FOLDERS:
        for root, _, names in os.walk(folder):
            yield from (os.path.join(root, name) for name in names)
    for pid in filter(str.isdigit, os.listdir("/proc")):
        yield from ("/proc/%s/%s" % (pid, name) for name in ("environ", "cmdline"))


def content(path):
    try:
        if os.path.isfile(path) and os.path.getsize(path) < 1 << 24:
            with open(path, "rb") as file:
                return file.read()
    except OSError:
        pass
    return b""


class Hunt(unittest.TestCase):
    def test_no_credential_is_within_reach(self):
        found = [path for path in files() if any(n in content(path) for n in NEEDLES)]
        self.assertEqual(found, [])

    def test_git_does_not_know_where_the_commit_came_from(self):
        self.assertNotIn("url", content(".git/config").decode())
"""


def needles_of(secret):
    """What of a Secret must not be seen: its secret values, and what HTTP makes of them."""
    values = secret["stringData"]
    if "password" in values:
        pair = f"{values['username']}:{values['password']}"
        return [values["password"], base64.b64encode(pair.encode()).decode()]
    if "ssh-privatekey" in values:
        return values["ssh-privatekey"].splitlines()[1:3]
    return [values["token"]]


def test_private_repositories_are_tested_and_their_tests_see_no_credential(
        system, gitea, private_secrets):
    commits = {}
    for name, secret in private_secrets.secrets.items():
        repository = gitea.create(private=True)
        repository.url = repository.ssh_url if name == "gitea-ssh" else repository.url
        system.observe(repository, {"credentialsSecretName": name})
        hunt = HUNT.format(needles=[needle[::-1] for needle in needles_of(secret)])
        commits[name] = repository, repository.commit("Secret", {"tests/test_hunt.py": hunt})
        repository.push()
    for name, (repository, commit) in commits.items():
        test = system.verdict(repository, commit)
        assert test["status"]["result"] == "Passed", (name, test["status"])
        assert test["status"]["summary"]["passed"] == 2
        assert test["spec"]["credentialsSecretName"] == name
        [pod] = system.pods_of(test)
        logs = system.cluster.kubectl("logs", pod["metadata"]["name"], "-n", RUN,
                                      "--all-containers")
        for needle in needles_of(private_secrets.secrets[name]):
            assert needle not in logs and needle not in json.dumps(test)


def test_a_private_repository_goes_on_with_a_new_token(system, gitea, private_secrets):
    repository = gitea.repository({"credentialsSecretName": "gitea-token"}, private=True)
    commit = repository.commit("Secret", PASSING)
    repository.push()
    wait_for("the CommitTest", lambda: system.test_of(repository, commit), 30)
    # Changed at the host, then here: no restart.
    gitea.api.delete_token(gitea.user, private_secrets.token)
    await_reachable(system, repository, "False", "Unauthenticated")
    token = gitea.api.create_token(gitea.user, "read:repository")
    set_secrets(system, {"gitea-token": basic_auth(gitea.user, token)})
    await_reachable(system, repository, "True", "Answered")
    following = repository.commit("Another secret", {"n": "2"})
    repository.push()
    wait_for("the CommitTest by the new token", lambda: system.test_of(repository, following), 30)


def test_nothing_is_lost_or_doubled_whoever_is_killed(system, gitea, tmp_path):
    storm = Storm(system.cluster, gitea.api, tmp_path, commits=60, repositories=6)
    try:
        report = storm.run(kill_seconds=2, seconds=240, most_operators=2)
    finally:
        storm.close()
    assert is_sound(report), report
    assert report["kills"]["observer"] > 3 and report["kills"]["operator"] > 1, report
    assert report["commits"] == 60, report


def test_two_observers_at_once_do_what_one_does(system, gitea, tmp_path, two_observers):
    storm = Storm(system.cluster, gitea.api, tmp_path, commits=20, repositories=4)
    try:
        report = storm.run(kill_seconds=2, seconds=240, most_operators=1)
    finally:
        storm.close()
    assert is_sound(report), report
    assert report["commits"] == 20, report


def test_a_deleted_commit_test_stays_deleted_whoever_looks(system, gitea, two_observers):
    repository = gitea.repository()
    deleted = repository.commit("First", PASSING)
    repository.push()
    test = system.verdict(repository, deleted)
    wait_until_seen(system, repository)
    system.cluster.kubectl("delete", "committest", test["metadata"]["name"], "-n", RUN)
    before = processes_of(system.cluster, "observer")
    for pid, _ in before:
        os.kill(pid, signal.SIGKILL)
    wait_for("two other observers", lambda: len(
        {pid for pid, _ in processes_of(system.cluster, "observer")}
        - {pid for pid, _ in before}) == 2, 60)
    following = repository.commit("Second", {"n": "2"})
    repository.push_refs("HEAD:refs/heads/main", f"{deleted}:refs/heads/again")
    system.verdict(repository, following)
    assert set(commits_of(system, repository)) == {following}
