"""Retention: what is over is kept for a time and then forgotten, a bounded number at a time.

Each kind of row is found by an index over when it ended, so that a pass costs what it forgets,
not what is there.  A transaction holds BATCH rows: nobody waits long for one.
"""

from collections.abc import Callable, Sequence

from assigner import attempts, clock, conversations, events, prompts
from assigner.db import Row, Store

BATCH = 1000
_Step = Callable[[Store, Sequence[Row]], None]
# How many one pass forgets at most: with a pass an hour, more in a day than a machine makes
PROMPTS, OUTPUTS, EVENTS, FILES = 10_000, 10_000, 100_000, 10_000


def forget(store: Store, *, apply: bool) -> list[Row]:
    """What is older than the settings allow, and with `apply` is deleted, as findings."""
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
            found.append(
                {"kind": "old", "subject": kind, "detail": detail, "action": "forget them"}
            )
    return found


def days_ago(days: float) -> str:
    """The time so long ago, as the database keeps times."""
    return clock.text(max(0.0, clock.now() - days * 86400.0))


def delete_prompts(store: Store, before: str, *, limit: int, apply: bool = True) -> int:
    """Delete prompts that ended before then, longest over first, with attempts and events.

    Those that may yet be tried again by themselves, or for which an open prompt waits, stay.
    How many they are, `limit` at most; without `apply` nothing is deleted.
    """
    return _in_batches(store, "old_prompts", before, limit, apply, prompts.delete)


def delete_outputs(store: Store, before: str, *, limit: int, apply: bool = True) -> int:
    """Empty the output of attempts that ended before then, and the response of their prompts."""
    forget = (attempts.forget_outputs, prompts.forget_responses)
    return _in_batches(store, "old_outputs", before, limit, apply, *forget)


def delete_check_outputs(store: Store, before: str, *, limit: int, apply: bool = True) -> int:
    """Empty the output of checks that ended before then."""
    return _in_batches(store, "old_checks", before, limit, apply, _empty_checks)


def delete_events(store: Store, before: str, *, limit: int, apply: bool = True) -> int:
    """Delete events of before then."""
    return _in_batches(store, "old_events", before, limit, apply, events.delete)


def forget_conversations(store: Store, before: str, *, limit: int, apply: bool = True) -> int:
    """Forget conversations that no prompt has gone on with since then."""
    return _in_batches(store, "old_conversations", before, limit, apply, conversations.forget)


def _empty_checks(store: Store, rows: Sequence[Row]) -> None:
    store.run_many("empty_check", rows)


def _in_batches(
    store: Store, which: str, before: str, limit: int, apply: bool, *steps: _Step
) -> int:
    """Take the steps for the rows of the query `which`; how many rows they were."""
    if not apply:
        return len(store.rows(which, before=before, limit=limit))
    done = 0
    while done < limit:
        size = min(BATCH, limit - done)
        with store.transaction():
            rows = store.rows(which, before=before, limit=size)
            for step in steps:
                step(store, [{**row, "before": before} for row in rows])
        done += len(rows)
        if len(rows) < size:
            break
    return done
