"""Fixtures that all tests share; support.py does the work."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

pytest.register_assert_rewrite("support")

from support import Workplace  # noqa: E402 - only what is imported later is rewritten

# What is run in the background by a shell ignores it, and all that it starts
signal.signal(signal.SIGINT, signal.default_int_handler)

# A busy machine is slow at any moment: what is true of an example is not how long it took.
settings.register_profile("assigner", deadline=None)
settings.load_profile("assigner")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that take long are for `make test-slow`; what they try is tried shorter elsewhere."""
    if os.environ.get("ASSIGNER_TEST_SLOW"):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="slow: make test-slow"))


@pytest.fixture
def work(tmp_path: Path) -> Iterator[Workplace]:
    """An empty workplace: no database, no tmux server yet."""
    with Workplace(tmp_path) as workplace:
        yield workplace


@pytest.fixture(params=["bash", "zsh", "dash", "fish"])
def shell(request: pytest.FixtureRequest) -> str:
    """Each shell in its turn."""
    return str(request.param)
