"""Interrupt an agent's turn by the keys that its provider file names."""

import time
from collections.abc import Sequence
from dataclasses import replace

from assigner import clock
from assigner.delivery import agent, keystrokes
from assigner.delivery.agent import POLL
from assigner.delivery.keystrokes import Job
from assigner.outcomes import pasted_text, reports, turn_owner
from assigner.queue import attempts, sessions
from assigner.sessions.sight import Sight
from assigner.states import Action
from assigner.store import attempt_files
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt
from assigner.system import processes
from assigner.tmux import panes
from assigner.tmux.keys import Stroke

_KEY_GAP = 0.3  # seconds after which no terminal program takes two keys for one
_LONGEST = 2.0  # seconds to wait for an agent to read a key
_ESCAPE = "\x1b"


def interrupt(store: Store, ended: Sequence[tuple[LiveAttempt, panes.Pane]]) -> list[Row]:
    """Press Escape for turns that must end and that still run.  Returns a row per attempt.

    An agent that needs several presses would read two at once as another key.  If a turn had not
    begun to answer, its agent puts the prompt back into the composer, where the text would block
    the next prompt: delete it from there.
    """
    jobs = keystrokes.jobs_of(ended)
    pressed: dict[int, Row] = {}
    waits: dict[int, Row] = {}
    for times in range(max((job.provider.manner.escapes for job in jobs), default=0)):
        again = [job for job in jobs if times < job.provider.manner.escapes]
        if times:
            again = [job for job in again if job.attempt["id"] in pressed]
            _wait_until_read(again)
        sights = keystrokes.look(store, again)
        reports.drain(store)  # hooks report a person's turn before the screen shows it
        live = {row["id"]: row for row in store.rows("attempts/live")}
        steps = [
            (job, _ending(store, job, live.get(job.attempt["id"]), sights.get(agent.key(job))))
            for job in again
        ]
        wanted = [(job, step) for job, step in steps if isinstance(step, Stroke)]
        refused = keystrokes.press(store, wanted)
        for job, step in steps:
            id = job.attempt["id"]
            if isinstance(step, str) or id in refused:
                why = step if isinstance(step, str) else refused[id]
                waits[id] = attempts.as_row(job.attempt, "deferred", why)
            else:
                what: Action = "interrupted" if step.keys == _ESCAPE else "withdrawn"
                pressed[id] = attempts.as_row(job.attempt, what, job.attempt["stop_reason"])
    return list((waits | pressed).values())


def _ending(
    store: Store, job: Job, attempt: LiveAttempt | None, sight: Sight | None
) -> Stroke | str:
    """The stroke that ends a turn, or deletes the text that an ended turn left; or the reason why
    there is none.
    """
    if sight is None or attempt is None:
        return "cannot read the screen"
    if sight.shown is None:
        return sight.reason
    if sight.status in ("busy", "waiting"):
        if not turn_owner.is_under_way(store, attempt, job.provider):
            return "the turn is over and another one runs"
        return replace(keystrokes.ending(job, sight.shown, _ESCAPE), activity=None)
    text = attempt_files.prompt_of(store.settings, job.attempt["id"])
    if pasted_text.is_put_back(job.attempt, job.provider.manner, sight.shown, text):
        assert text is not None
        with store.transaction():  # no hook reports it, and nothing will show it any more
            sessions.end_turn(store, attempt["session"], clock.now())
        step = keystrokes.withdraw(job, sight.shown, text)
        if isinstance(step, Stroke):
            return step
    return sight.reason


def _wait_until_read(jobs: Sequence[Job]) -> None:
    """Wait until the agents have read the typed keys, so that none is joined with the next key."""
    until = time.monotonic() + _LONGEST
    while any(processes.unread(job.pane.tty) for job in jobs) and time.monotonic() < until:
        time.sleep(POLL)
    time.sleep(_KEY_GAP)
