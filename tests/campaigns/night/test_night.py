"""A short night on goals: deaths, hangs, failures and a restart lose and repeat no task."""

from campaigns.night.campaign import Night
from campaigns.night.morning import ZERO
from harness.workplace import Workplace


def test_a_short_night(work: Workplace) -> None:
    night = Night(work, sessions=3, tasks=12, reboots=1, seed=1)
    night.run(seconds=120)
    count = night.count()
    assert {name: count[name] for name in ZERO} == dict.fromkeys(ZERO, 0), night.faults
    assert not night.faults
    assert count["reboots"] == 1 and count["failures"] and count["hangs"] + count["deaths"]
