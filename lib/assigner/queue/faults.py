"""Faults that are not a prompt's own: of its session, of a login, or of a provider."""

from assigner.queue import logins, outages, rests
from assigner.store.database import Store
from assigner.store.rows import LiveAttempt


def settle(
    store: Store, attempt: LiveAttempt, outcome: str, failure_class: str | None, error: str
) -> bool:
    """Record what the end of an attempt says about its session, its login and its provider.

    Returns whether the prompt is not to blame, so that it waits again and the attempt does not
    count.  Call inside the transaction that ends the attempt.
    """
    if outcome == "failed" and not attempt["cancel_requested_at"]:
        if failure_class == "auth":
            outages.note_end(store, attempt, outcome, failure_class)
            logins.note_failed(store, attempt, error)
            return True
        if outages.is_one(attempt, failure_class, error):
            return outages.note(store, attempt, error)
    outages.note_end(store, attempt, outcome, failure_class)
    if outcome in ("failed", "unverified") and failure_class != "interrupted":
        rests.note_failed(store, attempt, error)
    return False
