"""Retention: delete old rows, a bounded number at a time.

An index over the time of the end finds each kind of row, so that the cost of a pass depends on
what it deletes, not on the size of the database.  A transaction deletes BATCH rows, so that other
processes need not wait long.
"""

from collections.abc import Callable

from assigner import clock
from assigner.db import Row, Store

BATCH = 1000
# The most that one pass deletes: with a pass an hour, more per day than a machine produces
PROMPTS, OUTPUTS, EVENTS, FILES = 10_000, 10_000, 100_000, 10_000


def forget(store: Store, *, apply: bool) -> list[Row]:
    """Find rows older than the settings allow, and with `apply` delete them; findings."""
    settings = store.settings
    kinds: list[tuple[str, Callable[..., int], float, int]] = [
        ("prompts", delete_prompts, settings.keep_prompts_days, PROMPTS),
        ("outputs", delete_outputs, settings.keep_output_days, OUTPUTS),
        ("outputs of checks", delete_check_outputs, settings.keep_output_days, OUTPUTS),
        ("events", delete_events, settings.keep_events_days, EVENTS),
        ("conversations", forget_conversations, settings.keep_prompts_days, PROMPTS),
    ]
    found = []
    for kind, delete, days, limit in kinds:
        if number := delete(store, days_ago(days), limit=limit, apply=apply):
            detail = f"{number} older than {days:g} days"
            found.append({"kind": "old", "subject": kind, "detail": detail, "action": "delete"})
    return found


def days_ago(days: float) -> str:
    """The time `days` ago, as the database stores times."""
    return clock.text(max(0.0, clock.now() - days * 86400.0))


def delete_prompts(store: Store, before: str, *, limit: int, apply: bool = True) -> int:
    """Delete prompts that ended before then, the oldest first, with attempts and events.

    Keeps prompts that may be retried automatically, or that an open prompt waits for.  Returns
    the number of prompts, at most `limit`; without `apply` deletes nothing.
    """
    return _in_batches(
        store, "old_prompts", before, limit, apply, "delete_events_of_prompt", "delete_prompt"
    )


def delete_outputs(store: Store, before: str, *, limit: int, apply: bool = True) -> int:
    """Delete the output of attempts that ended before then, and the response of their prompts."""
    return _in_batches(store, "old_outputs", before, limit, apply, "empty_output", "empty_response")


def delete_check_outputs(store: Store, before: str, *, limit: int, apply: bool = True) -> int:
    """Delete the output of checks that ended before then."""
    return _in_batches(store, "old_checks", before, limit, apply, "empty_check")


def delete_events(store: Store, before: str, *, limit: int, apply: bool = True) -> int:
    """Delete events from before then."""
    return _in_batches(store, "old_events", before, limit, apply, "delete_event")


def forget_conversations(store: Store, before: str, *, limit: int, apply: bool = True) -> int:
    """Delete conversations that no prompt has continued since then."""
    return _in_batches(store, "old_conversations", before, limit, apply, "forget_conversation")


def _in_batches(
    store: Store, which: str, before: str, limit: int, apply: bool, *statements: str
) -> int:
    """Execute the statements for each row of the query `which`; the number of rows."""
    if not apply:
        return len(store.rows(which, before=before, limit=limit))
    done = 0
    while done < limit:
        size = min(BATCH, limit - done)
        with store.transaction():
            rows = store.rows(which, before=before, limit=size)
            for statement in statements:
                store.run_many(statement, [{**row, "before": before} for row in rows])
        done += len(rows)
        if len(rows) < size:
            break
    return done
