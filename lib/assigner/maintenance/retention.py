"""Retention: delete old rows, a bounded number at a time.

An index over the time of the end finds each kind of row, so that the cost of a pass depends on
what it deletes, not on the size of the database.  A transaction deletes BATCH rows, so that other
processes need not wait long.
"""

import contextlib
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from assigner import clock
from assigner.queue import attempts, conversations, events, prompts
from assigner.store.database import Row, Store

BATCH = 1000
_Step = Callable[[Store, Sequence[Row]], None]
# What one pass deletes at most: at one pass an hour, more per day than a machine produces
PROMPTS, OUTPUTS, EVENTS, FILES = 10_000, 10_000, 100_000, 10_000


def forget(store: Store, *, apply: bool) -> list[Row]:
    """Find rows older than the settings allow, and with `apply` delete them.  Returns findings."""
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
    """Delete prompts that ended before then, with all that belongs to them; the earliest first.

    Keeps prompts that are still needed (sql/queries/prompts/old.sql).  Returns how many it deletes,
    at most `limit`; without `apply` it only counts.
    """
    if not apply:
        return len(old_prompts(store, before, limit=limit))

    def batch(size: int) -> int:
        with deleting(store) as delete:
            rows = old_prompts(store, before, limit=size)
            delete(rows)
        return len(rows)

    return _in_batches(batch, limit)


def old_prompts(
    store: Store,
    before: str,
    *,
    since: str = "",
    until: str | None = None,
    status: str | None = None,
    host: str | None = None,
    limit: int = -1,
) -> list[Row]:
    """Prompts that ended before then, from `since` to `until`, and that nobody needs any more; by
    default of all statuses and hosts.
    """
    until = before if until is None else until
    return store.rows(
        "prompts/old", before=before, since=since, until=until, status=status, of_host=host,
        limit=limit,
    )  # fmt: skip


@contextlib.contextmanager
def deleting(store: Store) -> Iterator[Callable[[Sequence[Row]], None]]:
    """Open a transaction, and yield a function that deletes rows of `old_prompts` with their
    attempts and events.  After the commit, delete the files that belonged only to them.
    """
    runs = list(store.settings.run.iterdir())
    files: list[Path] = []

    def delete(rows: Sequence[Row]) -> None:
        ids = {row["id"] for row in rows}
        files.extend(path for path in runs if _prompt_of(store, path) in ids)
        prompts.delete(store, [{"id": prompt} for prompt in ids])
        for secrets in {row["secrets"] for row in rows} - {None}:
            if not store.one("prompts/sharing_secrets", secrets=secrets):
                files.append(store.settings.secrets / secrets)

    with store.transaction():
        yield delete
    for path in files:  # not earlier: after a failed commit the prompts would lack them
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _prompt_of(store: Store, run: Path) -> int | None:
    """The prompt to whose attempt a directory of files belongs."""
    attempt = run.name.partition(".")[0]
    if not attempt.isdecimal():
        return None
    query = "SELECT prompt_id FROM attempts WHERE id = :id"
    row = store.execute(query, {"id": int(attempt)}).fetchone()
    return row["prompt_id"] if row else None


def delete_outputs(store: Store, before: str, *, limit: int, apply: bool = True) -> int:
    """Empty the output of attempts that ended before then, and the response of their prompts."""
    forget = (attempts.forget_outputs, prompts.forget_responses)
    return _forget(store, "attempts/old_outputs", before, limit, apply, *forget)


def delete_check_outputs(store: Store, before: str, *, limit: int, apply: bool = True) -> int:
    """Empty the output of checks that ended before then."""
    return _forget(store, "checks/old", before, limit, apply, _empty_checks)


def delete_events(store: Store, before: str, *, limit: int, apply: bool = True) -> int:
    """Delete events older than that time."""
    return _forget(store, "task_events/old", before, limit, apply, events.delete)


def forget_conversations(store: Store, before: str, *, limit: int, apply: bool = True) -> int:
    """Delete conversations that no prompt has continued since then."""
    return _forget(store, "conversations/old", before, limit, apply, conversations.forget)


def _empty_checks(store: Store, rows: Sequence[Row]) -> None:
    store.run_many("checks/empty_output", rows)


def _forget(store: Store, which: str, before: str, limit: int, apply: bool, *steps: _Step) -> int:
    """Apply the steps to the rows of the query `which`.  Returns the number of rows."""
    if not apply:
        return len(store.rows(which, before=before, limit=limit))

    def batch(size: int) -> int:
        with store.transaction():
            rows = store.rows(which, before=before, limit=size)
            for step in steps:
                step(store, [{**row, "before": before} for row in rows])
        return len(rows)

    return _in_batches(batch, limit)


def _in_batches(batch: Callable[[int], int], limit: int) -> int:
    """Call `batch` with how many rows it may delete, until it finds fewer or `limit` is reached.

    Returns how many rows it deleted.
    """
    done = 0
    while done < limit:
        size = min(BATCH, limit - done)
        number = batch(size)
        done += number
        if number < size:
            break
    return done
