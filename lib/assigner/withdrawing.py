"""A prompt that was cancelled before Enter, or that an agent put back when its turn was ended: its
text is taken out of the composer again.

Only where that text is all that stands there, or what a stroke of ours has left of it; by keys that
do nothing in an empty composer, so that an Enter which comes late does no harm.
"""

from assigner import attempts, manners, proc, strokes
from assigner.db import Row, Store
from assigner.keyboard import Stroke
from assigner.looking import Shown
from assigner.manners import Manner
from assigner.strokes import Job

_MOST = 5  # strokes
_PATIENCE = 3  # so many times ASSIGNER_START_WAIT the outcome waits for that


def step(job: Job, shown: Shown, text: str) -> Stroke | Row | None:
    """The stroke that takes the text away; the end in this pass where there is none to be made."""
    if not _stands(job.attempt, job.provider.manner, shown, text):
        return attempts.as_row(job.attempt, "deferred", f"it is cancelled: {shown.verdict.reason}")
    if proc.unread(job.pane.tty):
        return None
    return strokes.ending(job, shown, manners.clearing(job.provider.manner, text))


def is_awaited(
    store: Store, attempt: Row, manner: Manner, shown: Shown | None, text: str | None, since: float
) -> bool:
    """Whether deliver, which can since so many seconds, is still to take the text of a cancelled
    attempt out of the composer.
    """
    if shown is None or text is None or since > _PATIENCE * store.settings.start_wait:
        return False
    return _stands(attempt, manner, shown, text)


def is_put_back(attempt: Row, manner: Manner, shown: Shown | None, text: str | None) -> bool:
    """Whether the text of a turn that we have ended stands in the composer again, and is to go."""
    if attempt["stage"] != "submitted" or attempt["signalled_at"] is None:
        return False
    return shown is not None and text is not None and _stands(attempt, manner, shown, text)


def _stands(attempt: Row, manner: Manner, shown: Shown, text: str) -> bool:
    """Whether what stands in the composer is ours to take away, and that is still tried."""
    draft = shown.verdict.draft
    presses = strokes.presses(attempt, shown.screen.interrupted)
    if not manner.clear or presses >= _MOST:
        return False
    if strokes.stands(attempt, manner, shown, text):
        return True
    return presses > 0 and manners.shows_beginning(draft, text)
