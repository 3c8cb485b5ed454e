"""retry-failed: what failed and may succeed waits again once its back-off has passed."""

from assigner import clock, prompts
from assigner.db import Row, Store


def retry_due(store: Store, limit: int = 1000) -> list[Row]:
    """Requeue every failed prompt that is due; a row for each."""
    # none is put off for longer: where one seems to be, the clock was set back
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
