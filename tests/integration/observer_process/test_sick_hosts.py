"""100 healthy repositories beside 20 hosts that are dead or send a byte a second."""
import pytest

from tests.support.sick_hosts import PERIOD_SECONDS, Hospital, summary

HEALTHY, SICK, PUSHES = 100, 20, 60
# A push waits for the next look; what is above the period is for a machine that is busy.
SECONDS_MAX = PERIOD_SECONDS + 8


@pytest.fixture
def hospital(world):
    made = Hospital(world, HEALTHY, SICK)
    yield made
    made.close()


def test_sick_hosts_delay_nobody_else(hospital):
    """Prints the times; also of those while all fall sick at the same moment."""
    before = hospital.measure(PUSHES)
    hospital.fall_sick()
    onset = hospital.measure(PUSHES)
    hospital.await_conditions()
    beside = hospital.measure(PUSHES)
    for name, times in (("before", before), ("falling sick", onset), ("beside", beside)):
        print(f"{name}: {summary(times)}")
    assert max(before[-1], onset[-1], beside[-1]) < SECONDS_MAX
