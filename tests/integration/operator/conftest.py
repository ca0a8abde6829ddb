"""The real operator against a real API server, with a fault proxy between them and a scripted
kubelet behind it. $COMMITTEST_CLUSTER names an API-only cluster of dev/cluster."""
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))

from tests.support.cluster import Cluster, wait_for  # noqa: E402
from tests.support.faults import Freeze  # noqa: E402
from tests.support.kube_api import Api, condition  # noqa: E402
from tests.support.operator_world import World, install_crds  # noqa: E402
from tests.support.scripted_kubelet import HELD  # noqa: E402


@pytest.fixture(scope="session")
def cluster():
    found = Cluster()
    install_crds(found)
    return found


@pytest.fixture(scope="session")
def api(cluster):
    return Api(cluster)


@pytest.fixture
def make_world(cluster, api, tmp_path, request):
    """Makes worlds that end with the test; shows the operators' logs if it failed."""
    worlds = []

    def make():
        folder = tmp_path / f"world{len(worlds)}"
        folder.mkdir()
        worlds.append(World(cluster, api, folder))
        return worlds[-1]
    yield make
    failed = getattr(request.node, "failed", False)
    for world in worlds:
        world.close()
        for log in world.folder.glob("*.log") if failed else ():
            print(f"--- {log.name}, its end:\n{log.read_text(errors='replace')[-6000:]}")


@pytest.fixture
def world(make_world):
    return make_world()


@pytest.fixture(scope="session")
def silence(cluster, api, tmp_path_factory):
    """A world whose watches are silent since a time; its one test's end came after that."""
    world = World(cluster, api, tmp_path_factory.mktemp("silence"))
    world.start()
    test = world.create(HELD)
    world.await_held(test)
    world.await_running(test)
    world.proxy.add(Freeze())
    since = time.monotonic()
    world.finish(test)
    job = world.api.items(world.jobs_path)[0]["metadata"]["name"]
    wait_for("the Job's end", lambda: condition(world.api.get(f"{world.jobs_path}/{job}"),
                                                "Complete")["status"] == "True")
    yield world, test, since
    world.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.failed = outcome.get_result().failed
