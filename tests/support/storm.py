"""Many commits in many repositories of a real Gitea while observer and operator are killed: every
commit must get exactly one CommitTest and one right verdict."""
import collections
import contextlib
import http.server
import itertools
import os
import pathlib
import random
import signal
import sys
import threading
import time

from tests.support.cluster import processes_of, unittest_file, wait_for, writes
from tests.support.kube_api import Api, Follower

RUN = "ci"
SYSTEM = "committest-system"
PUSHERS = 4
MOST_COMMITS_OF_A_PUSH = 8
SEED = {"README": "Its commits follow.\n"}
# Several run beside each other on a small node.
RESOURCES = {"cpu": "100m", "memory": "128Mi"}


class Ledger:
    """Counts, outside the cluster, how often the tests of each commit ran: they report here."""

    def __init__(self, address):
        self.runs = collections.Counter()  # by the commit's number
        lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(handler):
                with lock:
                    self.runs[int(handler.path[1:])] += 1
                handler.send_response(204)
                handler.end_headers()

            def log_message(handler, *_):
                pass

        self._server = http.server.ThreadingHTTPServer((address, 0), Handler)
        self.url = f"http://{address}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()


class Killer:
    """Strikes in every period until it is closed. `kills` counts by component."""

    def __init__(self, period_seconds, phase):
        self.kills = collections.Counter()
        self._period = period_seconds
        self._phase = phase
        self._stopped = threading.Event()
        self._problem = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._stopped.set()
        self._thread.join()
        if self._problem:
            raise self._problem

    def _run(self):
        try:
            while not self._stopped.wait(self._period * self._phase.uniform(0.7, 1.3)):
                self._strike()
        except (AssertionError, OSError) as problem:
            self._problem = problem

    def _strike(self):
        raise NotImplementedError


class PodKiller(Killer):
    """Kills processes of observer and operator with -9, one of each in every period. A Pod whose
    container was killed once is replaced the second time, as the kubelet would wait longer and
    longer. An operator is killed only once it has led for a period: until it leads it waits for the
    lease of the one before, 14 s."""

    def __init__(self, cluster, period_seconds, phase, most_operators):
        self._cluster = cluster
        self._most_operators = most_operators
        self._killed_once = set()  # UIDs of Pods
        self._killed_holders = set()
        self._holder = ("", 0.0)   # of the lease, and since when it has been seen there
        super().__init__(period_seconds, phase)

    def close(self):
        """Kills no more, and waits until both work again."""
        super().close()
        for component in ("observer", "operator"):
            self._cluster.kubectl("rollout", "status", f"deployment/committest-{component}",
                                  "-n", SYSTEM, "--timeout=120s")

    def _strike(self):
        self._kill_one("observer", processes_of(self._cluster, "observer"))
        if self.kills["operator"] < self._most_operators:
            self._kill_one("operator", self._leading())

    def _leading(self):
        """The operator that leads and has been seen to for a period, if there is one."""
        lease = self._cluster.get("lease", "committest-operator", SYSTEM)
        holder = lease["spec"].get("holderIdentity") or ""
        if holder != self._holder[0]:
            self._holder = (holder, time.monotonic())
        # A killed one holds its lease until the time has passed.
        if holder in self._killed_holders or time.monotonic() - self._holder[1] < self._period:
            return []
        found = [(pid, pod) for pid, pod in processes_of(self._cluster, "operator")
                 if holder.startswith(f"{pod['metadata']['name']}_")]
        if found:
            self._killed_holders.add(holder)
        return found

    def _kill_one(self, component, processes):
        if not processes:
            return
        pid, pod = self._phase.choice(processes)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills[component] += 1
        uid = pod["metadata"]["uid"]
        restarts = pod.get("status", {}).get("containerStatuses", [{}])[0].get("restartCount", 0)
        if restarts or uid in self._killed_once:
            self._cluster.kubectl("delete", "pod", pod["metadata"]["name"], "-n", SYSTEM,
                                  "--force", "--grace-period=0", "--ignore-not-found",
                                  "--wait=false")
        self._killed_once.add(uid)


class Storm:
    """Repositories on Gitea, what was pushed to them, and what came of it. Tests run in Pods."""

    namespace = RUN

    def __init__(self, cluster, gitea, folder, commits, repositories, seed=1):
        self.expected = {}  # commit -> the number in its ledger line
        self.pushes = 0
        self._cluster, self._gitea, self._folder = cluster, gitea, pathlib.Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._count = commits
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._tests = {}    # UID of a CommitTest -> its last state
        self._results = {}  # UID -> the results that it ever showed, in order
        self._ever = set()  # UIDs of all that were there at any time
        self._user = gitea.create_user()
        self._api = Api(cluster)
        self._path = f"/apis/committest.dev/v1alpha1/namespaces/{self.namespace}"
        self._open()
        self._repositories = [self._make_repository(number) for number in range(repositories)]
        self._names = {repository.name for repository in self._repositories}
        wait_for("the observer to have seen every first commit", self._all_seen, 120, 0.5)
        self._follower = Follower(cluster, f"{self._path}/committests", self._remember)

    def run(self, kill_seconds, seconds, most_operators=sys.maxsize):
        """Pushes everything, kills all the while, and waits for all verdicts; the report."""
        audit = self._cluster.audit_length()
        started = time.monotonic()
        killer = self._make_killer(kill_seconds, random.Random(self._random.random()),
                                   most_operators)
        try:
            self._push_all()
            pushed = time.monotonic()
            with contextlib.suppress(AssertionError):  # the report says what is missing
                wait_for("all verdicts", self._is_done, seconds, 0.5)
            ended = time.monotonic()
        finally:
            killer.close()
        return {**self.report(), "kills": dict(killer.kills),
                "secondsOfPushing": round(pushed - started),
                "secondsUntilLastVerdict": round(ended - started),
                **self._creations(audit)}

    def report(self):
        """What came of the commits, by the API and by the ledger."""
        by_commit = collections.defaultdict(list)
        for test in self._mine():
            by_commit[test["spec"]["source"]["commit"]].append(test)
        verdicts = {commit: [test.get("status", {}).get("result") for test in tests]
                    for commit, tests in by_commit.items()}
        runs = self._count_runs()
        return {
            "repositories": len(self._repositories), "commits": len(self.expected),
            "pushes": self.pushes, "commitTests": len(self._mine()),
            "commitTestsEver": len(self._ever),
            "missing": sorted(set(self.expected) - set(by_commit)),
            "notAskedFor": sorted(set(by_commit) - set(self.expected)),
            "doubled": sorted(c for c, tests in by_commit.items() if len(tests) > 1),
            "wrong": {commit: results for commit, results in verdicts.items()
                      if results != [right_verdict(self.expected.get(commit, 0))]},
            "changedVerdicts": [results for results in self._results.values()
                                if len(set(results)) > 1],
            "verdicts": dict(collections.Counter(r for rs in verdicts.values() for r in rs)),
            "secondAttempts": sum(len(test.get("status", {}).get("attempts", [])) > 1
                                  for test in self._mine()),
            "ledger": {"ranOnce": runs.count(1), "ranNever": runs.count(0),
                       "ranMoreOften": sum(count > 1 for count in runs)},
        }

    def close(self):
        self._follower.close()
        for repository in self._repositories:
            self._api.delete(f"{self._path}/observedrepositories/{repository.name}")
            self._cluster.kubectl("delete", "committests", "-n", self.namespace, "--wait=false",
                                  "-l", f"committest.dev/repository={repository.name}")
        self._shut()

    # What is another where no Pods run.

    def _open(self):
        """Before anything is observed."""
        self._ledger = Ledger(self._cluster.state["hostAddress"])

    def _shut(self):
        self._ledger.close()

    def _make_killer(self, period_seconds, phase, most_operators):
        return PodKiller(self._cluster, period_seconds, phase, most_operators)

    def _files(self, number):
        """What a commit changes."""
        outcome = "pass" if right_verdict(number) == "Passed" else "self.fail('on purpose')"
        return {"tests/test_app.py": unittest_file(
            f"import urllib.request; urllib.request.urlopen('{self._ledger.url}/{number}'); "
            f"{outcome}")}

    def _note(self, commit, number):
        """Before the commit is pushed."""

    def _count_runs(self):
        """How often the tests of each commit ran, not by the API."""
        return [self._ledger.runs[number] for number in self.expected.values()]

    def _make_repository(self, number):
        name = f"{self._user.name}-{number}"
        repository = self._gitea.create_repository(self._user, name, self._folder / name)
        repository.commit("Begin", SEED)
        repository.push()
        self._api.create(f"{self._path}/observedrepositories", {
            "apiVersion": "committest.dev/v1alpha1", "kind": "ObservedRepository",
            "metadata": {"name": name},
            "spec": {"url": repository.url, "refs": ["refs/heads/*"], "pollPeriodSeconds": 5,
                     # What is here before is of no interest, and all that comes is.
                     "initialCommits": 0, "maxBackfill": 1000,
                     "template": {"execution": {"resources": RESOURCES}}}})
        return repository

    def _all_seen(self):
        found = self._api.items(f"{self._path}/observedrepositories")
        return sum(item["metadata"]["name"] in self._names
                   and bool(item.get("status", {}).get("refs")) for item in found) \
            == len(self._repositories)

    def _push_all(self):
        """Each pusher has repositories of its own; some pushes move a second branch as well."""
        numbers = iter(range(1, self._count + 1))
        problems = []

        def push_some(repositories, choice):
            try:
                while batch := self._take(numbers, choice.randint(1, MOST_COMMITS_OF_A_PUSH)):
                    repository = choice.choice(repositories)
                    for number in batch:
                        commit = repository.commit(f"Number {number}", self._files(number))
                        with self._lock:
                            self.expected[commit] = number
                        self._note(commit, number)
                    also = ["HEAD:refs/heads/next"] if choice.random() < 0.3 else []
                    repository.push_refs("HEAD:refs/heads/main", *also)
                    with self._lock:
                        self.pushes += 1
            except AssertionError as problem:
                problems.append(problem)

        pushers = [threading.Thread(target=push_some, args=(
            self._repositories[first::PUSHERS], random.Random(self._random.random())))
            for first in range(min(PUSHERS, len(self._repositories)))]
        for pusher in pushers:
            pusher.start()
        for pusher in pushers:
            pusher.join()
        if problems:
            raise problems[0]

    def _take(self, numbers, count):
        with self._lock:
            return list(itertools.islice(numbers, count))

    def _remember(self, deleted, test):
        uid = test["metadata"]["uid"]
        with self._lock:
            if deleted:
                self._tests.pop(uid, None)
                return
            self._tests[uid] = test
            if test["spec"].get("repositoryName") in self._names:
                self._ever.add(uid)
            if result := test.get("status", {}).get("result"):
                self._results.setdefault(uid, []).append(result)

    def _mine(self):
        with self._lock:
            return [test for test in self._tests.values()
                    if test["spec"].get("repositoryName") in self._names]

    def _is_done(self):
        return sum(bool(test.get("status", {}).get("result")) for test in self._mine()) \
            >= len(self.expected)

    def _creations(self, audit):
        """How many CommitTests the API server told the observer that it made, and Jobs the operator.
        What it made for one that was killed before the answer counts as 504 in the audit log."""
        entries = [entry for entry in self._cluster.audit(audit)
                   if entry["verb"] == "create" and entry["responseStatus"]["code"] == 201]
        return {f"answeredCreationsOf{kind.title()}": sum(entry["objectRef"]["resource"] == kind
                                              for entry in writes(entries, component))
                for component, kind in (("observer", "committests"), ("operator", "jobs"))}


def right_verdict(number):
    """Every third commit breaks its test."""
    return "Failed" if number % 3 == 0 else "Passed"


def scale_observers(cluster, count):
    """So many observers at once, and waits until they run."""
    cluster.kubectl("scale", "deployment/committest-observer", "-n", SYSTEM, f"--replicas={count}")
    cluster.kubectl("rollout", "status", "deployment/committest-observer", "-n", SYSTEM,
                    "--timeout=120s")
    wait_for(f"{count} observers", lambda: len(processes_of(cluster, "observer")) == count, 60)


def is_sound(report):
    """Whether nothing was lost, doubled or judged wrongly."""
    bad = ("missing", "notAskedFor", "doubled", "wrong", "changedVerdicts")
    return not any(report[key] for key in bad) \
        and report["commitTests"] == report["commitTestsEver"] == report["commits"] \
        and report["ledger"]["ranNever"] == 0
