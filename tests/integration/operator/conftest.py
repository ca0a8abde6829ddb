"""The real operator against a real API server, with a fault proxy between them and a scripted
kubelet behind it. $COMMITTEST_CLUSTER names an API-only cluster of dev/cluster."""
import pathlib
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))

from tests.support.cluster import wait_for  # noqa: E402
from tests.support.faults import Freeze  # noqa: E402
from tests.support.fixtures import (api, cluster, pytest_runtest_makereport,  # noqa: E402, F401
                                    worlds_of)
from tests.support.kube_api import condition  # noqa: E402
from tests.support.operator_world import World  # noqa: E402
from tests.support.scripted_kubelet import HELD  # noqa: E402


@pytest.fixture
def make_world(cluster, api, tmp_path, request):
    yield from worlds_of(World, cluster, api, tmp_path, request)


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
