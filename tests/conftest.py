"""Fixtures that all tests share; see harness/workplace.py."""

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

# A command that a shell runs in the background ignores the signal, and so do its children
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine may be slow at any moment, so hypothesis must not judge how long an example takes.
settings.register_profile("assigner", deadline=None)
settings.load_profile("assigner")


SHELLS = ("bash", "zsh", "dash", "fish")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave slow tests to `make test-slow`; quicker tests cover the same ground.

    Also leave to it every test in every shell: here each test runs in bash and one other shell.
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
    """Print why and how many tests were skipped, so that a run ends with what the machine lacks."""
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
    """Each shell in turn."""
    return str(request.param)
