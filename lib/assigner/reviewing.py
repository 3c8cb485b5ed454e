"""review: what was completed and awaits a person's word, approved or sent back."""

from typing import Any

from assigner import checks, clock, drafting, events, git, prompts, screen
from assigner.db import Row, Store
from assigner.errors import UsageError

_EARLIER = 4000  # so much of an earlier response the next attempt is told


def waiting(store: Store, limit: int = -1) -> list[Row]:
    """The prompts that await a review, longest first, each with what is to be looked at."""
    rows = store.rows("reviews", limit=limit)
    seen: dict[str, git.Changes | None] = {}
    return [_with_findings(store, row, seen) for row in rows]


def find(store: Store, prompt: int) -> Row:
    """One that awaits a review, with what is to be looked at.  UsageError for another one."""
    return _with_findings(store, _awaiting(store, prompt), {})


def approve(store: Store, prompt: int) -> Row:
    """It is done: who waits for it may run.  Called inside a transaction; UsageError."""
    _awaiting(store, prompt)
    prompts.approve(store, prompt)
    _note(store, prompt, "review.approved", {})
    return _row(store, prompt)


def reject(store: Store, prompt: int, comment: str) -> Row:
    """It waits again, with the comment and its earlier response, its attempts counted from zero.

    Called inside a transaction; UsageError.
    """
    drafting.check_comment(comment)
    row = _awaiting(store, prompt)
    prompts.reject(store, prompt, _feedback(row, comment))
    _note(store, prompt, "review.rejected", {"comment": comment})
    return _row(store, prompt)


def _awaiting(store: Store, prompt: int) -> Row:
    row = _row(store, prompt)
    if row["review"] is None:
        raise UsageError(f"prompt {prompt} was not sent with --review")
    if row["review"] == "approved":
        raise UsageError(f"prompt {prompt} is approved already")
    if row["status"] != "completed":
        raise UsageError(f"prompt {prompt} is {row['status']}: there is nothing to review yet")
    return row


def _row(store: Store, prompt: int) -> Row:
    row = store.one("prompt", id=prompt)
    if row is None:
        raise UsageError(f"no prompt {prompt}")
    return row


def _note(store: Store, prompt: int, kind: str, data: dict[str, Any]) -> None:
    events.record(store, kind, {**data, "by": store.actor}, prompt=prompt)


def _feedback(row: Row, comment: str) -> str:
    text = f"This was done before, and a person who reviewed it sends it back:\n\n{comment.strip()}"
    if row["response"]:
        earlier = screen.tail(row["response"], _EARLIER)
        text += f"\n\nThe earlier answer:\n\n{earlier}"
    return f"{text}\n\nThe task, once more:"


def _with_findings(store: Store, row: Row, seen: dict[str, git.Changes | None]) -> Row:
    """The prompt's row with `directory`, `changes`, `commits` and the last `check`."""
    session = store.one("session", name=row["assigned_session"])
    directory = checks.directory_of(store, row, session["current_dir"] if session else None)
    made = store.rows("checks_of_prompt", id=row["id"])
    if directory not in seen:
        seen[directory] = git.changes(directory)
    changes = seen[directory]
    since = row["started_at"] or row["assigned_at"]
    return {
        **row,
        "directory": directory,
        "changes": changes.stat if changes else None,
        "changed": changes.summary if changes else None,
        "commits": git.commits(directory, since) if changes and since else None,
        "check": made[-1] if made else None,
        "dependants": [r["id"] for r in store.rows("dependants", id=row["id"])],
        "waits_since": clock.ago(row["completed_at"], clock.now()),
    }
