"""cancel: at once before anything is typed, afterwards over several passes."""

from assigner import attempts, preparing, prompts, states
from assigner.db import Row, Store
from assigner.errors import UsageError


def cancel(store: Store, prompt: int) -> Row:
    """Cancel a prompt, or request it.  Returns its row with a `note`.  UsageError if unknown.

    Called inside a transaction.  An attempt that nobody has begun to type is finished here:
    deliver commits the stage `typing` before it types, and then finds that it must not.
    """
    row = store.one("prompt", id=prompt)
    if row is None:
        raise UsageError(f"no prompt {prompt}")
    note = ""
    if row["status"] in ("pending", "failed"):
        prompts.cancel(store, prompt)
    elif row["status"] in ("assigned", "in_progress"):
        live = attempts.live_of(store, prompt)
        if live["stage"] in states.UNTYPED:
            if preparing.begun(live) and not store.dry:
                preparing.end_step(store, live, "TERM")  # the agent returns to its earlier context
            attempts.finish(store, attempts.Verdict(live, "cancelled"))
        else:
            prompts.request_cancel(store, prompt)
            note = f"being ended in {row['assigned_session']}"
    changed = store.one("prompt", id=prompt)
    assert changed is not None
    return {**changed, "note": note}
