"""clear: prompts that ended long ago are forgotten, with all that belongs to them."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from assigner import clock
from assigner.db import Row, Store

# A failed one that will be retried has not ended
STATUSES = ("completed", "failed", "cancelled")
DAY = 86400.0
_BATCH = 500  # prompts of one transaction: others get their turn in between


def clear(store: Store, days: int, statuses: Sequence[str], *, apply: bool) -> list[Row]:
    """How many prompts that ended so many days ago go, and how many others still need.

    With `apply` they do go, in many short transactions: what a kill leaves is for the next run.
    """
    before = clock.text(max(0.0, clock.now() - days * DAY))
    found, doomed = [], {}
    for status in statuses:  # all are chosen before the first goes, which may free another
        old = store.one("ended_before", status=status, before=before)
        if old and old["prompts"]:
            every = {"status": status, "before": before, "first": 0, "last": 2**63 - 1}
            doomed[status] = [row["id"] for row in store.rows("clearable", **every)]
            kept = old["prompts"] - len(doomed[status])
            found.append(
                {"status": status, "prompts": len(doomed[status]), "kept": kept}
                | {"oldest": old["oldest"]}
            )
    if apply:
        for row in found:
            ids = doomed[row["status"]]
            row["prompts"] = sum(
                _delete(store, row["status"], before, ids[start : start + _BATCH])
                for start in range(0, len(ids), _BATCH)
            )
    return found


def _delete(store: Store, status: str, before: str, ids: Sequence[int]) -> int:
    """Delete those that may still go, then the files that only they had; how many."""
    span = {"status": status, "before": before, "first": ids[0], "last": ids[-1]}
    runs = list(store.settings.run.iterdir())
    chosen = set(ids)
    with store.transaction():
        gone = {row["id"]: row["secrets"] for row in store.rows("clearable", **span)}
        gone = {prompt: secrets for prompt, secrets in gone.items() if prompt in chosen}
        files = [path for path in runs if _prompt_of(store, path) in gone]
        each = [{"id": prompt} for prompt in gone]
        store.run_many("forget_events", each)
        store.run_many("forget_prompt", each)
        for secrets in set(gone.values()) - {None}:
            if not store.one("shares_secrets", secrets=secrets):
                files.append(store.settings.secrets / secrets)
    for path in files:  # not earlier: a commit that failed would leave prompts without them
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return len(gone)


def _prompt_of(store: Store, run: Path) -> int | None:
    """The prompt to whose attempt a directory of files belongs."""
    attempt = run.name.partition(".")[0]
    if not attempt.isdecimal():
        return None
    query = "SELECT prompt_id FROM attempts WHERE id = :id"
    row = store.execute(query, {"id": int(attempt)}).fetchone()
    return row["prompt_id"] if row else None
