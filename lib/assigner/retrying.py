"""retry-failed: put failed prompts back in the queue once their back-off has passed."""

from assigner import clock, prompts
from assigner.db import Row, Store


def retry_due(store: Store, limit: int = 1000) -> list[Row]:
    """Requeue the failed prompts that are due; a row for each."""
    # no back-off is longer than this; if one seems to be, the clock was set back
    furthest = clock.text(clock.now() + 2 * store.settings.backoff_limit)
    due = store.rows("due_retries", furthest=furthest, limit=limit)
    if not due:
        return []
    with store.transaction():
        return [
            {
                "prompt": row["id"],
                "attempts": row["attempts"],
                "max_attempts": row["max_attempts"],
                "last_session": row["assigned_session"],
            }
            for row in due
            if prompts.requeue(store, row["id"], afresh=False)
        ]
