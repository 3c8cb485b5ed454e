"""review: approve or reject completed prompts."""

from typing import Any

from assigner import clock
from assigner.context import worktrees
from assigner.errors import UsageError
from assigner.queue import drafts, events, prompts
from assigner.states import EventType
from assigner.store.database import Store
from assigner.store.rows import Check, Prompt
from assigner.system import git, terminal_text

_EARLIER = 4000  # characters of the earlier response that the next attempt gets


class Awaiting(Prompt):
    """A prompt that awaits a review, with what to look at."""

    directory: str  # where it worked
    changes: str | None  # what git shows there as changed
    changed: str | None  # the same on one line
    commits: list[str] | None  # since it started
    check: Check | None  # the last one
    dependants: list[int]
    waits_since: str  # for how long


def waiting(store: Store, limit: int = -1) -> list[Awaiting]:
    """The prompts that await a review, longest waiting first, each with what to look at."""
    rows = store.rows("prompts/reviews", limit=limit)
    seen: dict[str, git.Changes | None] = {}
    return [_with_findings(store, row, seen) for row in rows]


def find(store: Store, prompt: int) -> Awaiting:
    """A prompt that awaits a review, with what to look at.  UsageError for any other."""
    return _with_findings(store, _awaiting(store, prompt), {})


def approve(store: Store, prompt: int) -> Prompt:
    """Approve a prompt, and release its dependents.  Returns its row.

    Call inside a transaction.  Raises UsageError if the prompt does not await a review.
    """
    _awaiting(store, prompt)
    prompts.approve(store, prompt)
    _note(store, prompt, "review.approved", {})
    return _row(store, prompt)


def reject(store: Store, prompt: int, comment: str) -> Prompt:
    """Queue a prompt again with the comment and its earlier response; attempts count from zero.

    Returns its row.  Call inside a transaction.  Raises UsageError if it does not await a review.
    """
    drafts.check_comment(comment)
    row = _awaiting(store, prompt)
    prompts.reject(store, prompt, _feedback(row, comment))
    _note(store, prompt, "review.rejected", {"comment": comment})
    return _row(store, prompt)


def _awaiting(store: Store, prompt: int) -> Prompt:
    row = _row(store, prompt)
    if row["review"] is None:
        raise UsageError(f"prompt {prompt} was not sent with --review")
    if row["review"] == "approved":
        raise UsageError(f"prompt {prompt} is already approved")
    if row["status"] != "completed":
        raise UsageError(
            f"prompt {prompt} is {row['status']}: only a completed one can be reviewed"
        )
    return row


def _row(store: Store, prompt: int) -> Prompt:
    row = store.one("prompts/get", id=prompt)
    if row is None:
        raise UsageError(f"no prompt {prompt}")
    return row


def _note(store: Store, prompt: int, kind: EventType, data: dict[str, Any]) -> None:
    events.record(store, kind, {**data, "by": store.actor}, prompt=prompt)


def _feedback(row: Prompt, comment: str) -> str:
    text = f"You have done this task before. A reviewer rejected the result:\n\n{comment.strip()}"
    if row["response"]:
        earlier = terminal_text.tail(row["response"], _EARLIER)
        text += f"\n\nYour earlier answer:\n\n{earlier}"
    return f"{text}\n\nThe task again:"


def _with_findings(store: Store, row: Prompt, seen: dict[str, git.Changes | None]) -> Awaiting:
    """The prompt's row with `directory`, `changes`, `commits` and the last `check`."""
    session = store.one("sessions/get", name=row["assigned_session"])
    directory = worktrees.directory_of(store, row, session["current_dir"] if session else None)
    made = store.rows("checks/of_prompt", id=row["id"])
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
        "dependants": [r["id"] for r in store.rows("dependencies/dependents", id=row["id"])],
        "waits_since": clock.ago(row["completed_at"], clock.now()),
    }
