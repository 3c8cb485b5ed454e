"""clear: delete prompts that ended long ago, with everything that belongs to them."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from assigner import retention
from assigner.db import Row, Store

# A failed prompt that will be retried has not ended
STATUSES = ("completed", "failed", "cancelled")
_BATCH = 500  # prompts per transaction, so that other processes can write in between


class Batch(NamedTuple):
    """Prompts to delete in one transaction, in order of id."""

    status: str
    before: str
    ids: Sequence[int]


def choose(store: Store, days: int, statuses: Sequence[str]) -> tuple[list[Row], list[Batch]]:
    """Prompts that ended more than `days` ago: counts of those to delete and to keep, and batches.

    All are chosen before the first is deleted, because a deletion may free another prompt.
    """
    before = retention.days_ago(days)
    found, batches = [], []
    for status in statuses:
        old = store.one("ended_before", status=status, before=before)
        if not old or not old["prompts"]:
            continue
        every = {"status": status, "before": before, "first": 0, "last": 2**63 - 1}
        ids = [row["id"] for row in store.rows("clearable", **every)]
        found.append(
            {
                "status": status,
                "prompts": len(ids),
                "kept": old["prompts"] - len(ids),
                "oldest": old["oldest"],
            }
        )
        starts = range(0, len(ids), _BATCH)
        batches += [Batch(status, before, ids[start : start + _BATCH]) for start in starts]
    return found, batches


def delete(store: Store, batch: Batch) -> int:
    """Delete the prompts that are still unneeded, then their own files; their number."""
    first, last = batch.ids[0], batch.ids[-1]
    span = {"status": batch.status, "before": batch.before, "first": first, "last": last}
    runs = list(store.settings.run.iterdir())
    chosen = set(batch.ids)
    with store.transaction():
        gone = {row["id"]: row["secrets"] for row in store.rows("clearable", **span)}
        gone = {prompt: secrets for prompt, secrets in gone.items() if prompt in chosen}
        files = [path for path in runs if _prompt_of(store, path) in gone]
        for statement in ("delete_events_of_prompt", "delete_prompt"):
            store.run_many(statement, [{"id": prompt} for prompt in gone])
        for secrets in set(gone.values()) - {None}:
            if not store.one("shares_secrets", secrets=secrets):
                files.append(store.settings.secrets / secrets)
    for path in files:  # only after the commit: if it fails, the prompts still need their files
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(gone)


def _prompt_of(store: Store, run: Path) -> int | None:
    """The prompt of the attempt to which a directory of files belongs."""
    attempt = run.name.partition(".")[0]
    if not attempt.isdecimal():
        return None
    query = "SELECT prompt_id FROM attempts WHERE id = :id"
    row = store.execute(query, {"id": int(attempt)}).fetchone()
    return row["prompt_id"] if row else None
