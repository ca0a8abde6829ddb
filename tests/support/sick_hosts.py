"""How long a push to a healthy repository waits beside hosts that are dead or slow."""
import random
import statistics
import time

from tests.support.cluster import wait_for
from tests.support.scripted_git import Living, ScriptedGit, one_byte_a_second, silent

PERIOD_SECONDS = 2
MAIN = "refs/heads/main"


class Hospital:
    """Healthy repositories on one host, and others that can fall sick: each on a host of its own, or
    all on that of the healthy ones."""

    def __init__(self, world, healthy, sick, same_host=False):
        self._world = world
        first = ScriptedGit(address="127.0.0.10")
        beds = ([first] * sick if same_host else
                [ScriptedGit(address=f"127.0.0.{11 + host}") for host in range(sick)])
        self._servers = {first, *beds}
        objects = world.git.create("objects")
        self.healthy = {f"healthy-{number}": Living(objects) for number in range(healthy)}
        self.patients = {f"patient-{number}": Living(objects) for number in range(sick)}
        for name, script in self.healthy.items():
            self._observe(name, first.add(name, script))
        for server, (name, script) in zip(beds, self.patients.items()):
            self._observe(name, server.add(name, script))
        tips = {script.tip for script in (*self.healthy.values(), *self.patients.values())}
        wait_for("the first look at each", lambda: tips <= world.arrivals.keys(), 120)

    def close(self):
        for server in self._servers:
            server.close()

    def fall_sick(self):
        """Every other patient is silent from now on, the rest send a byte a second."""
        for number, script in enumerate(self.patients.values()):
            script.sick = silent if number % 2 else one_byte_a_second

    def await_conditions(self, seconds=120):
        """Waits until all patients are known to be sick."""
        for name in self.patients:
            self._world.await_condition("Reachable", "False", "DeadlineExceeded", name, seconds)

    def measure(self, pushes, seed=1):
        """Pushes to healthy repositories, some a second; the seconds from each push to its
        CommitTest."""
        dice = random.Random(seed)
        pushed = {}
        for _ in range(pushes):
            commit = dice.choice(list(self.healthy.values())).push()
            pushed[commit] = time.monotonic()
            time.sleep(dice.uniform(0, 0.2))
        wait_for("the CommitTests", lambda: pushed.keys() <= self._world.arrivals.keys(), 120)
        return sorted(self._world.arrivals[commit] - at for commit, at in pushed.items())

    def _observe(self, name, url):
        self._world.observe(url, name, refs=[MAIN], pollPeriodSeconds=PERIOD_SECONDS)


def summary(seconds):
    """Sorted times in a few figures."""
    return {"pushes": len(seconds), "median": round(statistics.median(seconds), 2),
            "p95": round(seconds[int(len(seconds) * 0.95)], 2), "most": round(seconds[-1], 2)}
