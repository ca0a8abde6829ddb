"""The system under test: the chart on the real cluster, and a Git server in it."""
import itertools
import pathlib
import sys
import uuid

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from tests.support.cluster import (Cluster, Repository, allow_secrets, process_of,  # noqa: E402
                                   run, wait_for)
from tests.support.gitea import Gitea  # noqa: E402

SYSTEM = "committest-system"
RUN = "ci"
# The Secrets that the observer may read in the tests with Gitea.
SECRETS = ("gitea-webhook", "gitea-password", "gitea-token", "gitea-bearer", "gitea-ssh")


class System:
    """The installed product and what the tests do with it."""

    def __init__(self, cluster, folder):
        self.cluster = cluster
        self.folder = folder
        # Another run of the tests on the same cluster uses other names.
        self._session = uuid.uuid4().hex[:4]
        self._numbers = itertools.count(1)

    def install(self):
        run("dev/images/install", "--git-server")

    def repository(self, spec=None, name=None):
        """A new repository on the Git server, and an ObservedRepository that polls it."""
        name = name or self.new_name()
        repository = Repository(self.folder / name, self.cluster.create_repository(name))
        repository.name = name
        repository.url = repository.push_url
        self.observe(repository, spec)
        return repository

    def new_name(self):
        """A name of a repository that no other has."""
        return f"app{next(self._numbers)}-{self._session}"

    def observe(self, repository, spec=None):
        self.cluster.apply({
            "apiVersion": "committest.dev/v1alpha1", "kind": "ObservedRepository",
            "metadata": {"name": repository.name, "namespace": RUN},
            "spec": {"url": repository.url, "pollPeriodSeconds": 1, **(spec or {})}})

    def tests_of(self, repository):
        return self.cluster.list("committests", RUN,
                                 f"committest.dev/repository={repository.name}")

    def test_of(self, repository, commit):
        """The CommitTest of a commit, or None; fails if there are two."""
        found = [t for t in self.tests_of(repository) if t["spec"]["source"]["commit"] == commit]
        assert len(found) <= 1, [t["metadata"]["name"] for t in found]
        return found[0] if found else None

    def verdict(self, repository, commit, seconds=90):
        """The CommitTest of a commit once it has a result."""
        def finished():
            test = self.test_of(repository, commit)
            return test if test and test.get("status", {}).get("result") else None
        return wait_for(f"a verdict for {repository.name} {commit[:8]}", finished, seconds, 0.3)

    def running(self, repository, commit, seconds=60):
        """The CommitTest of a commit once its tests run."""
        def started():
            test = self.test_of(repository, commit)
            return test if test and condition(test, "Started")["status"] == "True" else None
        return wait_for(f"{repository.name} {commit[:8]} to run", started, seconds, 0.1)

    def pods_of(self, test):
        return self.cluster.list("pods", RUN,
                                 f"committest.dev/committest={test['metadata']['name']}")

    def jobs_of(self, test):
        return [job for job in self.cluster.list("jobs", RUN)
                if any(owner["uid"] == test["metadata"]["uid"]
                       for owner in job["metadata"].get("ownerReferences", []))]

    def pid_of(self, component):
        """The host's process id of the one Pod of a component, once it runs."""
        return wait_for(f"a process of {component}", lambda: process_of(self.cluster, component),
                        120)


def condition(test, kind):
    """A condition of an object; one that is absent reads as Unknown."""
    for item in test.get("status", {}).get("conditions", []):
        if item["type"] == kind:
            return item
    return {"status": "Unknown", "reason": "", "message": ""}


@pytest.fixture(scope="session")
def cluster():
    return Cluster()


@pytest.fixture(scope="session")
def system(cluster, tmp_path_factory):
    installed = System(cluster, tmp_path_factory.mktemp("repositories"))
    installed.install()
    return installed


class GiteaHost:
    """Gitea in the cluster, with one user whose repositories are observed."""

    def __init__(self, system):
        self._system = system
        self.api = Gitea.of_cluster(system.cluster)
        self.user = self.api.create_user()

    def create(self, **options):
        """A new, empty repository that nobody observes yet."""
        name = self._system.new_name()
        return self.api.create_repository(self.user, name, self._system.folder / name, **options)

    def repository(self, spec=None, **options):
        """A new, empty repository and an ObservedRepository that polls it."""
        repository = self.create(**options)
        self._system.observe(repository, spec)
        return repository


@pytest.fixture(scope="session")
def gitea(system):
    run("dev/gitea/install")
    return GiteaHost(system)


@pytest.fixture(scope="module")
def readable_secrets(system):
    """The observer may read SECRETS, which need not exist, and takes webhooks; afterwards neither."""
    allow_secrets(*SECRETS)
    yield
    allow_secrets()
