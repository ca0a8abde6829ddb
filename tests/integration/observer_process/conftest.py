"""The real observer between a real API server and Git servers, real ones and hostile ones.
$COMMITTEST_CLUSTER names an API-only cluster of dev/cluster."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3]))

from tests.support.fixtures import (api, cluster, pytest_runtest_makereport,  # noqa: E402, F401
                                    worlds_of)
from tests.support.observer_world import ObserverWorld  # noqa: E402


@pytest.fixture
def make_world(cluster, api, tmp_path, request):
    yield from worlds_of(ObserverWorld, cluster, api, tmp_path, request)


@pytest.fixture
def world(make_world):
    """A world whose observer runs, and still runs at the end; nothing was tested twice."""
    made = make_world()
    made.start()
    yield made
    made.assert_sound()
