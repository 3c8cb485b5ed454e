"""A write to a row expects a state of it: a writer that comes too late changes nothing."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from assigner import clock
from assigner.config import Settings
from assigner.delivery import give_back
from assigner.queue import attempts, prompts, sessions
from assigner.queue.attempts import Verdict
from assigner.queue.drafts import Draft
from assigner.store import attempt_files, database


@pytest.fixture
def store(tmp_path: Path) -> Iterator[database.Store]:
    settings = Settings(tmp_path, tmp_path / "assigner.db", sockets=(), host="here")
    with closing(database.connect(settings, "test").connection) as connection:
        yield database.Store(connection, settings, "test")


@pytest.fixture
def attempt(store: database.Store) -> database.Row:
    """A claim of the session `one` for prompt 1."""
    now = clock.text(clock.now())
    sessions.add(
        store, "one",
        {
            "provider": "shell", "status": "idle", "status_reason": "at its prompt", "enrolled": 1,
            "socket": "/nowhere", "server_pid": 1, "server_start": 1, "pane_id": "%0",
            "pane_pid": 1, "pane_tty": "/dev/null", "pane_fingerprint": "", "looked_at": now,
            "prompt_endings": "[]", "prompt_learning": "off", "limited_until": None,
            "agent_version": None, "agent_untested": 0,
            "env_vars": "{}", "current_dir": "/", "last_activity": now, "idle_since": now,
        },
    )  # fmt: skip
    prompts.queue(store, [Draft("true")])
    prompt, session = store.one("prompts/get", id=1), store.one("sessions/get", name="one")
    assert prompt and session
    attempts.claim(
        store, prompt, session,
        score=0, context_switch=False, tree="/tree", branch="main", evidence={},
    )  # fmt: skip
    return attempts.live_of(store, 1)


def status(store: database.Store) -> str:
    row = store.one("prompts/get", id=1)
    assert row
    return str(row["status"])


def test_session_that_has_a_prompt_does_not_leave(
    store: database.Store, attempt: database.Row
) -> None:
    session = sessions.find(store, "one")
    assert not sessions.leave(store, session)
    assert sessions.find(store, "one")["enrolled"]
    attempts.finish(store, Verdict(attempt, "cancelled"))
    assert sessions.leave(store, session)
    assert not sessions.find(store, "one")["enrolled"]


def test_attempt_that_is_over_is_not_stopped(store: database.Store, attempt: database.Row) -> None:
    assert attempts.stop(store, attempt, "cancel", "INT", clock.now())
    assert attempts.finish(store, Verdict(attempt, "cancelled"))
    assert not attempts.stop(store, attempt, "cancel", "TERM", clock.now())
    assert not attempts.interrupt(store, attempt)
    assert not attempts.finish(store, Verdict(attempt, "failed"))
    assert status(store) == "cancelled"


def test_verdict_that_knew_less_than_was_reported_changes_nothing(
    store: database.Store, attempt: database.Row
) -> None:
    known = dict(attempt)
    attempts.keep_evidence(store, attempt, {"reports": {"done": {"number": 0}}}, process_group=7)
    assert attempts.live_of(store, 1)["process_group"] == 7
    assert not attempts.finish(store, Verdict(known, "released"))
    assert attempts.finish(store, Verdict(attempt, "unverified", output="?"))
    assert store.rows("tree_leases/list") == []


def test_prompt_that_has_a_session_is_not_cancelled_at_once(
    store: database.Store, attempt: database.Row
) -> None:
    prompts.cancel(store, 1)
    assert status(store) == "assigned"
    prompts.request_cancel(store, 1)
    assert attempts.live_of(store, 1)["cancel_requested_at"]
    prompts.retarget(store, 1, session="two", provider=None)
    row = store.one("prompts/get", id=1)
    assert row and row["target_session"] is None
    attempts.finish(store, Verdict(attempt, "cancelled"))
    prompts.request_cancel(store, 1)
    assert prompts.requeue(store, 1, reset_attempts=True)
    prompts.cancel(store, 1)
    assert status(store) == "cancelled"


def test_shell_whose_line_may_run_is_given_back_only_with_its_token(
    store: database.Store, attempt: database.Row
) -> None:
    attempt_files.make_run(store.settings, attempt["id"], {"go": ""})
    attempt_files.place_run(store.settings, attempt["id"])
    run = store.settings.run / str(attempt["id"])
    attempts.advance(store, attempt["id"], "claimed", "prepared")
    assert give_back.release(store, attempt, "too late")["action"] == "deferred"
    attempts.advance(store, attempt["id"], "prepared", "typing")
    (run / "go").rename(run / "taken")
    live = attempts.live_of(store, 1)
    assert give_back.release(store, live, "its line runs")["action"] == "deferred"
    assert give_back.fail(store, live, "cd", "its line runs")["action"] == "deferred"
    (run / "taken").rename(run / "go")
    assert give_back.release(store, live, "its pane is gone")["action"] == "released"
    assert (status(store), run.exists()) == ("pending", False)
