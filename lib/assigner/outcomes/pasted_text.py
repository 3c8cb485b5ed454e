"""Whether the text of an attempt is still in its agent's composer, and may be cleared from there.

It may be cleared only if the composer holds nothing else, or what an earlier clearing has left of
it.  The keys that clear it do nothing in an empty composer, so that a late Enter does no harm.
"""

from assigner import clock
from assigner.agents import prompt_text
from assigner.agents.provider import Manner
from assigner.queue import attempts
from assigner.sessions.sight import Shown
from assigner.store.database import Store
from assigner.store.rows import LiveAttempt, TurnFacts

# Stamps of Enter and Escape: the attempt's number times this, plus the count of presses
CARRY = 100
_MOST = 5  # strokes to clear one text
PATIENCE = 3  # the outcome waits this many times ASSIGNER_START_WAIT for the text to be cleared


def is_our_text(attempt: LiveAttempt, manner: Manner, shown: Shown, text: str) -> bool:
    """Whether the composer holds an attempt's text, and nothing else.

    A marker shows only the size of a paste, which a person may have made.  It is the attempt's if
    nobody has pressed a key since, or if it has a number that was recorded before.  Of a composer
    taller than its pane only the end is visible: nobody may have pressed a key since, either.
    """
    draft, turn = shown.verdict.draft, attempts.turn_of(attempt)
    if draft is None and prompt_text.is_end(shown.verdict.tail, text):
        return shown.screen.touched < int(clock.seconds(_pasted_at(attempt, turn)))
    if not prompt_text.shows(draft, text, manner):
        return False
    marker = prompt_text.marker(draft, manner)
    if marker is None:
        return True
    since, known = _pasted_at(attempt, turn), turn.get("marker")
    if attempt["stage"] == "submitted":  # the agent may have put it back under another number
        since, known = attempt["stop_signal_at"], None
    untouched = shown.screen.touched < int(clock.seconds(since))
    if known is None:
        return untouched
    return known == marker[0] and (untouched or prompt_text.is_numbered(marker))


def _pasted_at(attempt: LiveAttempt, turn: TurnFacts) -> str:
    return turn.get("paste_started_at") or attempt["claimed_at"]


def presses(attempt: LiveAttempt, stamp: int) -> int:
    """How often a key was pressed for an attempt, by its stamp."""
    return max(0, stamp - int(attempt["id"]) * CARRY)


def is_awaited(
    store: Store,
    attempt: LiveAttempt,
    manner: Manner,
    shown: Shown | None,
    text: str | None,
    since: float,
) -> bool:
    """Whether deliver still has to delete the text of an attempt that was cancelled `since` seconds
    ago.
    """
    if shown is None or text is None or since > PATIENCE * store.settings.start_wait:
        return False
    return is_clearable(attempt, manner, shown, text)


def is_put_back(
    attempt: LiveAttempt, manner: Manner, shown: Shown | None, text: str | None
) -> bool:
    """Whether the text of an interrupted turn is in the composer again, and has to be deleted."""
    if attempt["stage"] != "submitted" or attempt["stop_signal_at"] is None:
        return False
    return shown is not None and text is not None and is_clearable(attempt, manner, shown, text)


def is_clearable(attempt: LiveAttempt, manner: Manner, shown: Shown, text: str) -> bool:
    """Whether the composer shows the attempt's text, or its rest, and deliver may clear it."""
    draft = shown.verdict.draft
    pressed = presses(attempt, shown.screen.interrupted)
    if not manner.clear or pressed >= _MOST:
        return False
    if is_our_text(attempt, manner, shown, text):
        return True
    return pressed > 0 and prompt_text.shows_beginning(draft, text)
