"""The time zone of a process."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from assigner.system import processes, time_zones
from harness.workplace import wait_for

SUMMER = datetime(2026, 7, 1, tzinfo=UTC).replace(tzinfo=None)


@contextmanager
def process(**environment: str) -> Iterator[int]:
    """A process with that environment, once the kernel shows it."""
    with subprocess.Popen(["sleep", "100"], env={"PATH": os.environ["PATH"], **environment}) as run:
        try:
            wait_for(lambda: processes.environment(run.pid))
            yield run.pid
        finally:
            run.kill()


@pytest.mark.parametrize(
    ("value", "hours"),
    [
        ("America/New_York", -4),
        (":Asia/Colombo", 5.5),
        ("/usr/share/zoneinfo/Europe/Berlin", 2),
        ("UTC", 0),
        ("No/Such", None),
        ("../../etc/passwd", None),
    ],
)
def test_a_zone_by_its_name(value: str, hours: float | None) -> None:
    with process(TZ=value) as pid:
        zone = time_zones.of_process(pid)
    offset = None if hours is None else timedelta(hours=hours)
    assert (zone and zone.utcoffset(SUMMER)) == offset


def test_the_zone_of_the_machine_and_of_no_process() -> None:
    with process() as pid:
        zone = time_zones.of_process(pid)
    assert zone is None or zone.utcoffset(SUMMER) is not None
    assert time_zones.of_process(None) is None
    assert time_zones.of_process(2**22 + 1) is None
