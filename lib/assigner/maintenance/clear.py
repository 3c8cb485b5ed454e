"""clear: delete prompts that ended long ago, with everything that belongs to them."""

from collections.abc import Sequence
from typing import NamedTuple

from assigner.maintenance import retention
from assigner.store.database import Row, Store

# A failed prompt that will be retried has not ended
STATUSES = ("completed", "failed", "cancelled")
_BATCH = 500  # prompts per transaction, so that other processes can write in between


class Batch(NamedTuple):
    """Prompts to be deleted in one transaction; those that ended first come first."""

    status: str
    before: str
    rows: Sequence[Row]


def choose(store: Store, days: int, statuses: Sequence[str]) -> tuple[list[Row], list[Batch]]:
    """Prompts that ended more than `days` ago: counts of those to delete and to keep, and batches.

    Chooses all before the first is deleted, because a deletion may free another prompt.
    """
    before = retention.days_ago(days)
    found, batches = [], []
    for status in statuses:
        old = store.one("prompts/count_ended_before", status=status, before=before)
        if not old or not old["prompts"]:
            continue
        rows = retention.old_prompts(store, before, status=status, host=store.settings.host)
        found.append(
            {
                "status": status,
                "prompts": len(rows),
                "kept": old["prompts"] - len(rows),
                "oldest": old["oldest"],
            }
        )
        starts = range(0, len(rows), _BATCH)
        batches += [Batch(status, before, rows[start : start + _BATCH]) for start in starts]
    return found, batches


def delete(store: Store, batch: Batch) -> int:
    """Delete the prompts of a batch that nothing has come to need since.  Returns how many."""
    first, last = batch.rows[0]["completed_at"], batch.rows[-1]["completed_at"]
    chosen = {row["id"] for row in batch.rows}
    with retention.deleting(store) as delete_rows:
        old = retention.old_prompts(
            store, batch.before, since=first, until=last, status=batch.status,
            host=store.settings.host,
        )  # fmt: skip
        gone = [row for row in old if row["id"] in chosen]
        delete_rows(gone)
    return len(gone)
