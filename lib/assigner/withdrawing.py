"""Removes a text from an agent's composer: of a prompt that was cancelled before Enter, or that the
agent put back when its turn was ended.

Only if the composer holds nothing but that text, or what our keys have left of it; by keys that do
nothing in an empty composer, so that a late stroke does no harm.
"""

from assigner import attempts, manners, proc, strokes
from assigner.db import Row, Store
from assigner.keyboard import Stroke
from assigner.looking import Shown
from assigner.manners import Manner
from assigner.strokes import Job

_MOST = 5  # strokes
_PATIENCE = 3  # the outcome waits this many times ASSIGNER_START_WAIT for it


def step(job: Job, shown: Shown, text: str) -> Stroke | Row | None:
    """The stroke that deletes the text; or what this pass prints if there is none."""
    if not _is_removable(job.attempt, job.provider.manner, shown, text):
        return attempts.told(
            job.attempt, "waits", f"the prompt is cancelled: {shown.verdict.reason}"
        )
    if proc.unread(job.pane.tty):
        return None
    return strokes.ending(job, shown, manners.clearing(job.provider.manner, text))


def is_awaited(
    store: Store, attempt: Row, manner: Manner, shown: Shown | None, text: str | None, since: float
) -> bool:
    """Whether deliver, which has had `since` seconds for it, still has to delete the text of a
    cancelled attempt.
    """
    if shown is None or text is None or since > _PATIENCE * store.settings.start_wait:
        return False
    return _is_removable(attempt, manner, shown, text)


def is_put_back(attempt: Row, manner: Manner, shown: Shown | None, text: str | None) -> bool:
    """Whether the text of a turn that we ended is in the composer again, and has to be deleted."""
    if attempt["stage"] != "submitted" or attempt["signalled_at"] is None:
        return False
    return shown is not None and text is not None and _is_removable(attempt, manner, shown, text)


def _is_removable(attempt: Row, manner: Manner, shown: Shown, text: str) -> bool:
    """Whether the text in the composer is ours to delete, and the attempts at that continue."""
    draft = shown.verdict.draft
    presses = strokes.presses(attempt, shown.screen.interrupted)
    if not manner.clear or presses >= _MOST:
        return False
    if strokes.is_our_text(attempt, manner, shown, text):
        return True
    return presses > 0 and manners.shows_beginning(draft, text)
