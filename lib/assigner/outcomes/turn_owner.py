"""Decide whether a turn that a search found belongs to an attempt.

A transcript does not name its session.  If several sessions got the same text in one directory, a
turn belongs to an attempt only if each of the others is known to be in another conversation.
"""

import json

from assigner import clock
from assigner.agents import prompt_text
from assigner.agents.provider import Provider
from assigner.agents.transcripts.turn import Turn
from assigner.outcomes import turn_search
from assigner.queue import attempts
from assigner.store import attempt_files
from assigner.store.database import Store
from assigner.store.rows import LiveAttempt, TurnFacts


def is_under_way(store: Store, attempt: LiveAttempt, provider: Provider) -> bool:
    """Whether the turn that runs in an attempt's session can be the attempt's own."""
    turn = attempts.turn_of(attempt)
    if turn.get("background"):
        return turn.get("other_turn") is None
    if turn.get("end"):
        return False
    text = attempt_files.prompt_of(store.settings, attempt["id"])
    if text is not None and (found := turn_search.read(store, attempt, provider, text)):
        return found.state == "running"
    return "superseded" not in turn


def may_be_anothers(store: Store, attempt: LiveAttempt, turn: Turn) -> bool:
    """Whether another attempt with the same prompt text may have begun that turn."""
    assert turn.begun is not None
    content = prompt_text.squeezed(attempt["content"])
    mine = attempts.turn_of(attempt).get("directory")
    rows = store.rows(
        "attempts/rivals", at=clock.text(turn.begun), session=attempt["session"],
        provider=attempt["provider"],
    )  # fmt: skip
    for row in rows:
        known: TurnFacts = json.loads(row["evidence"]).get("turn", {})
        there = known.get("directory")
        apart = mine is not None and there is not None and mine != there
        if apart or prompt_text.squeezed(row["content"]) != content:
            continue
        found = known.get("conversation") or known.get("transcript_conversation")
        if turn.conversation is None or found in (None, turn.conversation):
            return True
    return False
