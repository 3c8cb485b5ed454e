"""Kill passes at some system calls, or make the calls fail: all prompts run once.

`make crash-calls` tries every call.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from campaigns.crash import calls, faults
from campaigns.crash.quick import Quick
from campaigns.crash.tracing import can_trace
from harness.workplace import ROOT, Workplace

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not can_trace(), reason="needs strace, on x86-64"),
]


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Quick]:
    with Quick(tmp_path) as workplace:
        yield workplace


@pytest.mark.parametrize(
    ("scene", "most"),
    [
        ("deliver", 4),
        ("deliver to agents", 3),
        ("observe", 2),
        ("deliver a check", 2),
        ("foundation-check", 2),
        ("keepalive", 2),
        ("new database", 3),
    ],
)
def test_killed_at_any_call(quick: Quick, scene: str, most: int) -> None:
    tally = calls.play(scene, quick, most)
    assert tally.is_good, tally
    assert tally.counts["struck"] > 0


@pytest.mark.parametrize(("scene", "most"), [("deliver", 5), ("observe agents", 3)])
def test_any_call_fails(quick: Quick, scene: str, most: int) -> None:
    tally = faults.play(scene, quick, most)
    assert tally.is_good, tally


@pytest.mark.parametrize(("scene", "wrong"), [("naive", "lost"), ("naive, again", "typed_twice")])
def test_naive_delivery_is_found_out(quick: Quick, scene: str, wrong: str) -> None:
    assert calls.play(scene, quick, 12).counts[wrong] > 0


@pytest.mark.parametrize(
    ("call", "error", "why"),
    [
        ("vfork,clone,clone3,fork", "EAGAIN", "Resource temporarily unavailable"),
        ("pipe2", "EMFILE", "Too many open files"),
    ],
)
def test_no_process_can_be_started(work: Workplace, call: str, error: str, why: str) -> None:
    """Nothing is concluded of sessions that cannot be asked for."""
    work.enrolled("one")
    work.tool("send", "true")
    inject = f"inject={call}:error={error}:when=1+"
    done = subprocess.run(
        ["strace", "-f", "-o", "/dev/null", "-e", inject, sys.executable, ROOT / "bin" / "tick"],
        env=work.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "the tmux client cannot be started" in done.stderr
    assert why in done.stderr
    assert work.row("SELECT status FROM sessions") == {"status": "unknown"}
    work.tick()
    assert work.prompt(1)["status"] == "completed"


def test_nothing_can_be_written_not_even_a_message(work: Workplace) -> None:
    work.tool("send", "true")
    done = subprocess.run(
        [
            "strace", "-o", "/dev/null", "-e", "inject=write:error=ENOSPC",
            sys.executable, ROOT / "bin" / "queue",
        ],
        env=work.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")


@pytest.mark.parametrize("inject", ["vfork,clone:error=EAGAIN", "openat:error=EMFILE:when=4+"])
def test_hook_that_can_start_nothing_blocks_no_agent(work: Workplace, inject: str) -> None:
    """Status 2 would have an agent refuse what it was asked."""
    done = subprocess.run(
        [
            "strace", "-f", "-o", "/dev/null", "-e", f"inject={inject}",
            "/bin/sh", ROOT / "bin" / "hook", work.path, "claude", "Stop", "{}",
        ],
        env=work.environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
