"""Decides whether a turn that a search found belongs to an attempt.

A transcript does not name its session.  If several sessions got the same text in one directory, a
turn belongs to an attempt only if each of the others is known to be in another conversation.
"""

import json

from assigner import clock, turns
from assigner.db import Row, Store
from assigner.turns import Turn


def may_be_anothers(store: Store, attempt: Row, turn: Turn) -> bool:
    """Whether another attempt with the same prompt text may have begun that turn."""
    assert turn.begun is not None
    content = turns.canonical(attempt["content"])
    mine = json.loads(attempt["evidence"])["turn"].get("directory")
    rows = store.rows(
        "rivals", at=clock.text(turn.begun), session=attempt["session"],
        provider=attempt["provider"],
    )  # fmt: skip
    for row in rows:
        known = json.loads(row["evidence"]).get("turn", {})
        there = known.get("directory")
        apart = mine is not None and there is not None and mine != there
        if apart or turns.canonical(row["content"]) != content:
            continue
        found = known.get("conversation") or known.get("found")
        if turn.conversation is None or found in (None, turn.conversation):
            return True
    return False
