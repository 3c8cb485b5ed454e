"""Find the turn of an attempt in its agent's transcripts: by the text that was typed, or, if the
agent has changed the text in an unknown way, by its place in the session's conversation.
"""

from assigner import clock
from assigner.agents.prompt_match import Typed
from assigner.agents.provider import Provider
from assigner.agents.transcripts import find
from assigner.agents.transcripts.turn import Turn
from assigner.outcomes import turn_owner
from assigner.queue import attempts
from assigner.store.database import Store
from assigner.store.rows import LiveAttempt


def read(store: Store, attempt: LiveAttempt, provider: Provider, text: str) -> Turn | None:
    """The turn of the prompt `text`; None if there is none yet, or several could be it."""
    turn = attempts.turn_of(attempt)
    found = _find(attempt, provider, Typed(text, provider.manner))
    if found is None:
        found = _by_place(attempt, provider, text)
    elif not turn.get("conversation") and turn_owner.may_be_anothers(store, attempt, found):
        return None
    if found is None or turn.get("conversation"):
        return found
    if found.conversation and turn.get("transcript_conversation") != found.conversation:
        with store.transaction():
            attempts.remember(store, attempt, transcript_conversation=found.conversation)
    return found


def _by_place(attempt: LiveAttempt, provider: Provider, text: str) -> Turn | None:
    """The first turn after Enter in the session's conversation, if it has a part of the text.

    Only where assigner's Enter is known to have submitted the text: a person's turn is not ours.
    """
    turn = attempts.turn_of(attempt)
    entered, left = turn.get("enter_pressed_at"), turn.get("left_at")
    conversation = turn.get("other_conversation") or attempt["conversation"]
    if entered is None or left is None or conversation is None:
        return None
    between = clock.seconds(entered), clock.seconds(left)
    return _find(attempt, provider, Typed(text, provider.manner, between), conversation)


def _find(
    attempt: LiveAttempt, provider: Provider, typed: Typed, conversation: str | None = None
) -> Turn | None:
    turn = attempts.turn_of(attempt)
    return find.find(
        provider, attempt["session_dir"], typed, clock.seconds(attempt["typed_at"]),
        home=turn.get("home", {}), path=turn.get("transcript"), conversation=conversation,
    )  # fmt: skip
