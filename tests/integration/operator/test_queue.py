"""Limits, queue and retention, as the API server sees them."""
import datetime

from tests.support.cluster import wait_for
from tests.support.kube_api import condition
from tests.support.operator_world import API_GROUP
from tests.support.scripted_kubelet import FAILING, HELD, Script

DAY = 86_400


def repository(world, **spec):
    """An ObservedRepository that nobody observes here; its name."""
    world.api.create(f"{API_GROUP}/namespaces/{world.namespace}/observedrepositories", {
        "apiVersion": "committest.dev/v1alpha1", "kind": "ObservedRepository",
        "metadata": {"name": "app"}, "spec": {"url": "https://git.example/app.git", **spec}})
    return "app"


def counts(world):
    found = world.api.get(f"{API_GROUP}/namespaces/{world.namespace}/observedrepositories/app")
    status = found.get("status", {})
    return status.get("running", 0), status.get("queued", 0)


def queued(world, tests):
    return [t for t in tests if condition(world.get(t), "Admitted")["reason"] == "Queued"]


def test_a_restart_admits_nobody_beyond_the_limit(world):
    name = repository(world, concurrency={"max": 2})
    tests = [world.create(HELD, repositoryName=name) for _ in range(5)]
    operator = world.start()
    wait_for("three to wait", lambda: len(queued(world, tests)) == 3)
    assert len(world.api.items(world.jobs_path)) == 2
    for _ in range(3):
        world.kill(operator)
        operator = world.start()
        world.settle()
        assert len(world.api.items(world.jobs_path)) == 3  # the two, and that of `settle`
        world.api.delete(world.tests_path + "/" + newest(world)["metadata"]["name"])
        wait_for("its Job to be gone", lambda: len(world.api.items(world.jobs_path)) == 2)
    for test in sorted(tests, key=lambda t: t["metadata"]["name"]):
        wait_for("its turn", lambda t=test: world.kubelet.is_held(t["spec"]["source"]["commit"]))
        world.finish(test)
        world.await_verdict(test)


def newest(world):
    return max((t for t in world.api.items(world.tests_path)
                if not t["spec"].get("repositoryName")),
               key=lambda t: int(t["metadata"]["resourceVersion"]))


def test_many_that_wait_cost_their_launches_verdicts_and_one_message(world):
    """Nothing else is written, though each end moves everybody's position."""
    name = repository(world, concurrency={"max": 4})
    gate = [world.create(HELD, repositoryName=name, priority=1) for _ in range(4)]
    world.start()
    for test in gate:
        world.await_held(test)
    tests = [world.create(Script(run_seconds=0), repositoryName=name) for _ in range(80)]
    wait_for("all to say that they wait", lambda: len(queued(world, tests)) == 80, 60)
    told = len(world.proxy.writes())
    for test in gate:
        world.finish(test)
    for test in tests:
        world.await_verdict(test, 120)
    done = [w for w in world.proxy.writes()[told:] if "/events" not in w.path
            and "/observedrepositories" not in w.path]
    # The Job, Started, the verdict; the position of one that waits for more than a minute.
    assert len(done) <= 3 * 80 + 2 * 4 + 80, len(done)
    launches = [w for w in done if w.path.endswith("/jobs")]
    assert len(launches) == 80


def test_a_repository_says_how_many_run_and_wait(world):
    name = repository(world, concurrency={"max": 1})
    tests = [world.create(HELD, repositoryName=name) for _ in range(3)]
    operator = world.start()
    wait_for("two to wait", lambda: len(queued(world, tests)) == 2)
    world.kill(operator)
    world.start()  # its first pass is at once
    wait_for("the counts", lambda: counts(world) == (1, 2), 90)


def test_retention_by_age_and_number_keeps_the_newest_of_each_ref(world):
    name = repository(world, retention={"maxCount": 3, "keepLastPerRef": 1})
    ended = {}
    for age_days, result, ref in ((9, "Passed", "main"), (8, "Failed", "main"), (8, "Passed", "old"),
                                  (8, "Error", "main"), (2, "Passed", "main"),
                                  (1, "Error", "main"), (0.5, "Error", "main")):
        finished = past(age_days)
        test = world.create(repositoryName=name, trigger={"type": "Poll", "detectedTime": finished},
                            source={"url": "https://git.example/app.git",
                                    "commit": f"{len(ended):040x}", "ref": f"refs/heads/{ref}"})
        world.api.patch(f"{world.tests_path}/{test['metadata']['name']}/status",
                        {"status": {"result": result, "completionTime": finished}})
        ended[(age_days, result, ref)] = test
    world.start()
    expected = {(8, "Failed", "main"), (8, "Passed", "old"), (2, "Passed", "main"),
                (1, "Error", "main"), (0.5, "Error", "main")}
    wait_for("the old ones to be gone", lambda: {
        which for which, test in ended.items() if world.get(test)} == expected)


def past(days):
    then = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(seconds=days * DAY)
    return then.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_the_job_of_a_finished_one_goes_after_its_time(world):
    """The verdict is moved into the past, as no test can wait for ten minutes."""
    operator = world.start("--finished-job-ttl-seconds=600")
    test = world.await_verdict(world.create(FAILING))
    job = world.api.items(world.jobs_path)[0]["metadata"]["name"]
    world.kill(operator)
    world.api.patch(f"{world.tests_path}/{test['metadata']['name']}/status",
                    {"status": {"completionTime": past(1)}})
    world.start("--finished-job-ttl-seconds=600")
    wait_for("the Job to be gone", lambda: world.api.get(f"{world.jobs_path}/{job}") is None)
    assert world.get(test)["status"]["result"] == "Failed"
