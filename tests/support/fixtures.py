"""Fixtures of the tests that run one of our programs against a real API server."""
import pytest

from tests.support.cluster import Cluster
from tests.support.kube_api import Api
from tests.support.operator_world import install_crds


@pytest.fixture(scope="session")
def cluster():
    found = Cluster()
    install_crds(found)
    return found


@pytest.fixture(scope="session")
def api(cluster):
    return Api(cluster)


def worlds_of(kind, cluster, api, folder, request):
    """Makes worlds that end with the test; shows the programs' logs if it failed."""
    worlds = []

    def make():
        place = folder / f"world{len(worlds)}"
        place.mkdir()
        worlds.append(kind(cluster, api, place))
        return worlds[-1]
    yield make
    failed = getattr(request.node, "failed", False)
    for world in worlds:
        world.close()
        for log in world.folder.glob("*.log") if failed else ():
            print(f"--- {log.name}, its end:\n{log.read_text(errors='replace')[-6000:]}")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if call.when == "call":
        item.failed = outcome.get_result().failed
