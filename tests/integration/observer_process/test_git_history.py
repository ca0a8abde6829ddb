"""Which commits get a CommitTest, whatever happened to the refs: each case of docs/observer.md."""
import time

import pytest

from tests.support.cluster import wait_for
from tests.support.process_figures import cpu_seconds, memory_megabytes

ALL_BRANCHES = ["refs/heads/**"]


@pytest.fixture
def repository(world):
    return world.git.create("app")


@pytest.fixture
def watched(world, repository):
    """A repository with a tested commit on main, all of whose branches are observed."""
    repository.push()
    observe(world, repository)
    return repository


def observe(world, repository, **spec):
    world.observe(repository.url, **{"refs": ALL_BRANCHES, **spec})
    await_seen(world, repository)


def await_seen(world, repository):
    """Waits until each branch of the repository has been seen where it is."""
    lines = repository.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads")
    world.await_refs(dict(line.split() for line in lines.splitlines()))


def tip(repository, branch="main"):
    return repository.git("rev-parse", f"refs/heads/{branch}")


# First sight.

@pytest.mark.parametrize("wanted", [0, 1, 3, 99])
def test_initial_commits(world, repository, wanted):
    commits = repository.push(5)
    observe(world, repository, initialCommits=wanted)
    assert world.tested() == commits[5 - min(wanted, 5):]
    following = repository.push(2)
    await_seen(world, repository)
    assert world.tested() == commits[5 - min(wanted, 5):] + following
    assert "skippedCommits" not in world.refs()["refs/heads/main"]


def test_an_empty_repository_is_waited_for(world, repository):
    world.observe(repository.url, refs=ALL_BRANCHES)
    world.await_condition("Ready", "True", "NoMatchingRefs")
    commits = repository.push(2)
    await_seen(world, repository)
    assert world.tested() == commits[1:]


def test_the_default_is_the_branch_of_head(world, repository):
    main = repository.push()
    repository.push(branch="other")
    world.observe(repository.url)
    world.await_branches(main=main[0])
    repository.git("symbolic-ref", "HEAD", "refs/heads/other")
    world.await_branches(other=tip(repository, "other"))


# More new commits than are tested.

def test_what_is_beyond_the_backfill_is_counted(world, watched):
    first = world.tested()
    world.api.patch(f"{world.repositories_path}/app", {"spec": {"maxBackfill": 3}})
    burst = watched.push(10)
    await_seen(world, watched)
    assert world.tested() == first + burst[7:]
    assert world.refs()["refs/heads/main"]["skippedCommits"] == 7
    burst = watched.push(5)
    await_seen(world, watched)
    assert world.refs()["refs/heads/main"]["skippedCommits"] == 9


def test_ten_thousand_commits_at_once(world, repository):
    """Prints what the look took."""
    repository.push()
    observe(world, repository)
    before = cpu_seconds(world.observer.pid)
    last = repository.long_chain(10_000, tip(repository))
    repository.set(main=last)
    started = time.monotonic()
    await_seen(world, repository)
    seconds, memory = time.monotonic() - started, memory_megabytes(world.observer.pid)
    print(f"10,000 commits: seen after {seconds:.1f} s, "
          f"{cpu_seconds(world.observer.pid) - before:.1f} s of CPU, {memory}")
    newest = repository.git("rev-list", "--max-count=50", last).split()
    assert world.tested()[1:] == newest[::-1]
    assert world.refs()["refs/heads/main"]["skippedCommits"] == 9_950
    assert seconds < 60 and memory["anonymous"] < 100


# Branches that come and go.

def test_a_new_branch_at_a_tested_commit_costs_no_test(world, watched):
    watched.set(copy=tip(watched))
    await_seen(world, watched)
    assert world.tested() == [tip(watched)]
    assert world.refs()["refs/heads/copy"]["lastTestName"] == \
        world.refs()["refs/heads/main"]["lastTestName"]


def test_a_new_branch_at_a_commit_whose_test_was_deleted_costs_no_test(world, watched):
    delete_tests(world)
    watched.set(copy=tip(watched))
    await_seen(world, watched)
    assert world.tested() == []


def test_a_new_branch_with_commits_of_its_own(world, watched):
    watched.push(3, branch="topic", parent=tip(watched))
    await_seen(world, watched)
    assert world.tested() == [tip(watched), tip(watched, "topic")]
    following = watched.push(2, branch="topic")
    await_seen(world, watched)
    assert world.tested()[2:] == following


def test_a_deleted_branch_comes_back(world, watched):
    topic = watched.push(2, branch="topic", parent=tip(watched))
    await_seen(world, watched)
    watched.set(topic=None)
    await_seen(world, watched)
    watched.set(topic=topic[-1])
    await_seen(world, watched)
    assert world.tested() == [tip(watched), topic[-1]]
    watched.set(topic=None)
    await_seen(world, watched)
    other = watched.push(2, branch="topic", parent=tip(watched))
    await_seen(world, watched)
    assert world.tested()[2:] == other[-1:]


@pytest.mark.parametrize("initial", [1, 10])
def test_a_renamed_branch_is_not_tested_again(world, repository, initial):
    commits = repository.push(3)
    observe(world, repository, initialCommits=initial)
    repository.set(main=None, trunk=commits[-1])
    await_seen(world, repository)
    assert world.tested() == commits[-initial:]
    following = repository.push(2, branch="trunk")
    await_seen(world, repository)
    assert world.tested() == commits[-initial:] + following


def test_a_renamed_branch_brings_no_deleted_test_back(world, repository):
    commits = repository.push(3)
    observe(world, repository, initialCommits=10)
    delete_tests(world)
    repository.set(main=None, trunk=commits[-1])
    await_seen(world, repository)
    assert world.tested() == []


def delete_tests(world):
    for test in world.tests():
        world.api.delete(f"{world.tests_path}/{test['metadata']['name']}")
    wait_for("the CommitTests to go", lambda: not world.tests())


# Rewritten history.

def test_a_force_push_tests_the_commits_since_the_fork(world, watched):
    fork = tip(watched)
    watched.push(2)
    await_seen(world, watched)
    rewritten = watched.push(3, parent=fork)
    await_seen(world, watched)
    assert world.tested()[3:] == rewritten


def test_a_force_push_backwards_and_forwards_again(world, watched):
    start = tip(watched)
    commits = watched.push(2)
    await_seen(world, watched)
    watched.set(main=start)
    await_seen(world, watched)
    watched.set(main=commits[-1])
    await_seen(world, watched)
    assert world.tested() == [start, *commits]


def test_a_rebased_branch_is_tested_anew(world, watched):
    base = tip(watched)
    topic = watched.push(2, branch="topic", parent=base)
    await_seen(world, watched)
    onto = watched.push(2)
    await_seen(world, watched)
    rebased = watched.push(2, branch="topic", parent=onto[-1])
    await_seen(world, watched)
    assert world.tested() == [base, topic[-1], *onto, *rebased]


def test_an_orphan_in_the_place_of_a_branch(world, watched):
    orphans = watched.chain(3)
    watched.set(main=orphans[-1])
    await_seen(world, watched)
    assert world.tested()[1:] == orphans[-1:]


def test_a_new_orphan_branch(world, watched):
    orphans = watched.chain(3)
    watched.set(pages=orphans[-1])
    await_seen(world, watched)
    assert world.tested()[1:] == orphans[-1:]


# Merges.

@pytest.mark.parametrize("history", ["FirstParent", "All"])
def test_a_merge(world, repository, history):
    base = repository.push()[0]
    observe(world, repository, refs=["refs/heads/main"], history=history)
    side = repository.chain(2, base)
    ours = repository.commit(base)
    merge = repository.commit(ours, side[-1])
    repository.set(main=merge)
    world.await_branches(main=merge)
    wanted = {ours, merge} | (set(side) if history == "All" else set())
    assert set(world.tested()[1:]) == wanted
    assert world.tested()[-1] == merge


@pytest.mark.parametrize("history", ["FirstParent", "All"])
def test_an_octopus_merge(world, repository, history):
    base = repository.push()[0]
    observe(world, repository, refs=["refs/heads/main"], history=history)
    sides = [repository.commit(base) for _ in range(5)]
    merge = repository.commit(base, *sides)
    repository.set(main=merge)
    world.await_branches(main=merge)
    assert set(world.tested()[1:]) == {merge} | (set(sides) if history == "All" else set())
    assert world.tested()[-1] == merge


def test_commits_that_several_refs_reach_are_tested_once(world, watched):
    shared = watched.chain(3, tip(watched))
    watched.set(main=shared[-1], one=shared[-1], two=shared[1])
    await_seen(world, watched)
    assert sorted(world.tested()[1:]) == sorted(shared)


def test_a_branch_that_catches_up_with_another(world, watched):
    topic = watched.push(3, branch="topic", parent=tip(watched))
    await_seen(world, watched)
    following = watched.push(2, branch="topic")
    await_seen(world, watched)
    watched.set(main=following[-1])
    await_seen(world, watched)
    # The two that were there when topic was first seen are new to main, and to the tests.
    assert sorted(world.tested()[1:]) == sorted([*topic, *following])


# Refs that are no branches.

def test_tags(world, repository):
    commit, other = repository.push(2)
    tree, blob = (repository.git("rev-parse", f"{commit}^{{tree}}"),
                  repository.git("hash-object", "-w", "--stdin", stdin="x"))
    repository.git("tag", "light", other)
    repository.git("tag", "-m", "x", "annotated", commit)
    repository.git("tag", "-m", "x", "of-a-tag", "annotated")
    repository.git("tag", "-m", "x", "of-a-tree", tree)
    repository.git("tag", "of-a-blob", blob)
    world.observe(repository.url, refs=["refs/tags/*"])
    world.await_refs({f"refs/tags/{name}": target for name, target in {
        "light": other, "annotated": commit, "of-a-tag": commit, "of-a-tree": tree,
        "of-a-blob": blob}.items()})
    assert sorted(world.tested()) == sorted([commit, other])
    assert "lastTestName" not in world.refs()["refs/tags/of-a-tree"]
    repository.set_refs({"refs/tags/light": repository.commit(other)})
    wait_for("the moved tag", lambda: len(world.tested()) == 3)


def test_pull_requests(world, repository):
    main = repository.push()[0]
    heads = [repository.commit(main) for _ in range(3)]
    repository.set_refs({f"refs/pull/{number}/head": head
                         for number, head in enumerate(heads)})
    repository.set_refs({f"refs/pull/{number}/merge": repository.commit(main, head)
                         for number, head in enumerate(heads)})
    world.observe(repository.url, refs=["refs/pull/*/head"])
    world.await_refs({f"refs/pull/{number}/head": head for number, head in enumerate(heads)})
    assert sorted(world.tested()) == sorted(heads)
    following = repository.commit(heads[1])
    repository.set_refs({"refs/pull/1/head": following})
    wait_for("the pull request's next commit", lambda: following in world.tested())
    assert world.test_of(following)["spec"]["source"]["ref"] == "refs/pull/1/head"


# Large and unusual repositories.

def test_a_sha256_repository(world):
    repository = world.git.create("app", "sha256")
    commits = repository.push(3)
    observe(world, repository, history="All", initialCommits=2)
    assert world.tested() == commits[1:]
    side = repository.chain(2, commits[-1])
    merge = repository.commit(commits[-1], side[-1], subject="Merge the side")
    repository.set(main=merge)
    await_seen(world, repository)
    assert world.tested()[2:] == [*side, merge]
    assert world.test_of(merge)["spec"]["source"]["subject"] == "Merge the side"
    rewritten = repository.push(2, parent=commits[0])
    await_seen(world, repository)
    assert world.tested()[5:] == rewritten
    orphan = repository.commit()
    repository.set(main=orphan)
    await_seen(world, repository)
    assert world.tested()[7:] == [orphan]


def test_a_hundred_thousand_refs(world, repository):
    """A few are observed; then far more than can be."""
    commits = repository.push(2)
    repository.git("update-ref", "--stdin", stdin="".join(
        f"create refs/heads/many/{number:06} {commits[0]}\n" for number in range(100_000)))
    repository.git("pack-refs", "--all")
    observed = [f"refs/heads/many/{number:06}" for number in (7, 77_777)]
    world.observe(repository.url, refs=["refs/heads/main", *observed])
    world.await_refs({"refs/heads/main": commits[1], **dict.fromkeys(observed, commits[0])})
    assert sorted(world.tested()) == sorted(commits)
    started = time.monotonic()
    following = repository.push()
    wait_for("the push", lambda: following[0] in world.tested(), 30, 0.02)
    print(f"100,000 refs, three observed: a push is seen after {time.monotonic() - started:.1f} s")
    world.api.patch(f"{world.repositories_path}/app",
                    {"spec": {"refs": ["refs/heads/many/00**", "refs/heads/main"]}})
    wait_for("the limit to be told", lambda: world.condition("Ready")["message"] ==
             "observing 100 refs; 9901 more refs beyond the limit of 100 not observed")
    assert "refs/heads/main" in world.refs(), "a ref that was observed gave way to new ones"
    assert len(world.tested()) == 3
