"""100 healthy repositories beside hosts, or repositories of their own host, that are dead or send a
byte a second."""
import pytest

from tests.support.sick_hosts import PERIOD_SECONDS, Hospital, summary

HEALTHY, PUSHES = 100, 60
# A push waits for the next look; what is above the period is for a machine that is busy.
SECONDS_MAX = PERIOD_SECONDS + 8


@pytest.mark.parametrize(("sick", "same_host"), [(20, False), (5, True)])
def test_sick_hosts_delay_nobody_else(world, sick, same_host):
    """Prints the times; also of those while all fall sick at the same moment."""
    hospital = Hospital(world, HEALTHY, sick, same_host)
    try:
        before = hospital.measure(PUSHES)
        hospital.fall_sick()
        onset = hospital.measure(PUSHES)
        hospital.await_conditions()
        beside = hospital.measure(PUSHES)
    finally:
        hospital.close()
    for name, times in (("before", before), ("falling sick", onset), ("beside", beside)):
        print(f"{name}: {summary(times)}")
    assert max(before[-1], onset[-1], beside[-1]) < SECONDS_MAX
