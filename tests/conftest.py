"""Fixtures that all tests share; harness/workplace.py does the work."""

import os
import signal
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("harness.workplace")

from harness.workplace import Workplace  # noqa: E402 - only what is imported later is rewritten

# What is run in the background by a shell ignores it, and all that it starts
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is slow at any moment: what is true of an example is not how long it took.
settings.register_profile("assigner", deadline=None)
settings.load_profile("assigner")


SHELLS = ("bash", "zsh", "dash", "fish")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Tests that take long are for `make test-slow`; what they try is tried shorter elsewhere.

    So is every test in every shell: else each is run in bash and one of the others.
    """
    if os.environ.get("ASSIGNER_TEST_SLOW"):
        return
    left_out = [item for item in items if item.get_closest_marker("slow") or _is_spared(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def _is_spared(item: pytest.Item) -> bool:
    assert isinstance(item, pytest.Function)
    if not hasattr(item, "callspec") or "shell" not in item._fixtureinfo.name2fixturedefs:
        return False
    others = SHELLS[1:]
    kept = others[zlib.crc32(item.originalname.encode()) % len(others)]
    return item.callspec.params["shell"] not in (SHELLS[0], kept)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Why tests were skipped, and how many: what this machine lacks is read at the end of a run."""
    skipped = terminalreporter.stats.get("skipped", [])
    reasons = Counter(str(report.longrepr[2]).removeprefix("Skipped: ") for report in skipped)
    for reason, number in sorted(reasons.items()):
        terminalreporter.write_line(f"skipped {number}: {reason}")


@pytest.fixture
def work(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Workplace]:
    """An empty workplace: no database, no tmux server yet."""
    real = request.node.get_closest_marker("real") is not None
    with Workplace(tmp_path, real=real) as workplace:
        yield workplace


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    """Each shell in its turn."""
    return str(request.param)
