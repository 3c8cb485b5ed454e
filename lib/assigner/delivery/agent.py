"""deliver, for agents: paste the prompt, wait until the composer shows it, press Enter, verify.

The next step follows from the attempt's stage, tmux's stamps and the screen alone, so that any pass
continues where another died.  Nothing is typed before the agent has read all earlier input, and
Enter only while the composer shows the text and nothing else.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from assigner import clock
from assigner.agents import detect, prompt_text
from assigner.delivery import begin, give_back, keystrokes, paste, respawn
from assigner.delivery.keystrokes import Job
from assigner.outcomes import pasted_text, reports, unsubmitted
from assigner.queue import attempts
from assigner.sessions.look import UNREAD
from assigner.sessions.sight import Key, Shown, Sight
from assigner.states import UNTYPED
from assigner.store import attempt_files
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt
from assigner.system import processes
from assigner.tmux import panes
from assigner.tmux.keys import ENTERED, Stroke

_AGAIN = 2.0  # seconds that the text must remain after the first Enter before the next one
_SELDOM = 60.0  # seconds between presses of Enter at most; the distance doubles with each press
POLL = 0.03
_WORKED = ("busy", "waiting", "limited")  # what shows that Enter has submitted a text


def deliver(
    store: Store, there: Sequence[tuple[LiveAttempt, panes.Pane]], *, settle: float
) -> list[Row]:
    """Type claimed prompts to agents, for at most `settle` seconds.  Returns a row per attempt."""
    jobs = {job.attempt["id"]: job for job in keystrokes.jobs_of(there)}
    acted = [
        attempts.as_row(attempt, "deferred", str(detect.usable(attempt["provider"])))
        for attempt, _ in there
        if attempt["id"] not in jobs
    ]
    until = time.monotonic() + settle
    why: dict[int, str] = {}
    while jobs:
        sights = keystrokes.look(store, jobs.values())
        wanted: list[tuple[Job, Stroke]] = []
        for job in list(jobs.values()):
            step = _next(store, job, sights.get(key(job)))
            if isinstance(step, Stroke):
                wanted.append((job, step))
            elif isinstance(step, dict):
                acted.append(step)
                del jobs[job.attempt["id"]]
            elif step:
                why[job.attempt["id"]] = step
        why |= keystrokes.press(store, wanted)
        reports.drain(store)
        acted += _refresh(store, jobs)
        if time.monotonic() > until:
            break
        time.sleep(POLL)
    waits = "not seen in the composer yet"
    return acted + [
        attempts.as_row(job.attempt, "deferred", why.get(id, waits)) for id, job in jobs.items()
    ]


def key(job: Job) -> Key:
    return job.pane.socket, job.pane.id


def _refresh(store: Store, jobs: dict[int, Job]) -> list[Row]:
    """The attempts as the database has them now; drops those submitted or over."""
    live = {row["id"]: row for row in store.rows("attempts/live")}
    done = []
    for id, job in list(jobs.items()):
        row = live.get(id)
        cancelled = row and row["cancel_requested_at"] and row["stage"] != "typed"
        if row is None or row["stage"] == "submitted" or cancelled:
            del jobs[id]
            if row and row["stage"] == "submitted":
                by = attempts.turn_of(row).get("submitted_by", "")
                done.append(attempts.as_row(row, "submitted", by))
        else:
            job.attempt = row
            job.pane = replace(job.pane, pid=row["pane_pid"])  # it may have been restarted
    return done


def _next(store: Store, job: Job, sight: Sight | None) -> Stroke | Row | str | None:
    """The next step of one attempt: a stroke, its end in this pass, or why it waits."""
    if sight is None:
        return "cannot read the screen"
    stage = job.attempt["stage"]
    if stage == "preparing":
        return respawn.prepared(store, job, sight)
    if stage in UNTYPED:
        return begin.begin(store, job, sight)
    if sight.shown is None:
        return sight.reason
    if stage == "typing":
        return _take_up(store, job, sight, sight.shown)
    return _enter(store, job, sight, sight.shown)


def _take_up(store: Store, job: Job, sight: Sight, shown: Shown) -> Stroke | Row | None:
    """An earlier pass died or was refused while it pasted: the stamp shows whether it did."""
    attempt = job.attempt
    stamped = shown.screen.typed == attempt["id"]
    if attempt["cancel_requested_at"] and not stamped:
        return attempts.as_row(attempt, "deferred", "the prompt is cancelled")
    if stamped and shown.screen.typed_pid == attempt["pane_pid"]:
        with store.transaction():
            attempts.advance(store, attempt["id"], "typing", "typed")
        return None
    text = attempt_files.prompt_of(store.settings, attempt["id"])
    here = paste.place_of(job, sight).items() <= attempts.turn_of(attempt).items()
    ready = sight.status == "idle" and not attempt["paused"]
    if not stamped and text is not None and ready and here:
        with store.transaction():
            attempts.remember(store, attempt, paste_started_at=clock.text(clock.now()))
        return keystrokes.paste(job, shown, text)
    if stamped or keystrokes.forbid(store, job):  # nothing can be typed for the attempt any more
        moved = "the agent has moved or is another one"
        return give_back.release(store, attempt, moved if ready and not here else sight.reason)
    return None


def _enter(store: Store, job: Job, sight: Sight, shown: Shown) -> Stroke | Row | str | None:
    """The text was pasted: press Enter while the composer shows it, until it is gone."""
    attempt, now = job.attempt, time.monotonic()
    text = attempt_files.prompt_of(store.settings, attempt["id"])
    presses = pasted_text.presses(attempt, shown.screen.entered)
    draft = shown.verdict.draft
    if text is None:
        return "the text of the prompt is lost"
    ours = pasted_text.is_our_text(attempt, job.provider.manner, shown, text)
    if attempt["cancel_requested_at"] and (draft or ours or not presses):
        return keystrokes.withdraw(job, shown, text)
    if unsubmitted.is_overdue(store, attempt):
        return _remove(store, job, shown, text)
    if ours:
        job.seen = job.seen or now
        _note_marker(store, job, draft)
        if presses and _since_enter(attempt) < min(_SELDOM, _AGAIN * 2 ** (presses - 1)):
            return f"pressed Enter {presses} times, but the text is still in the composer"
        if now - job.seen < job.provider.manner.delay / 1000:
            return None
        if processes.unread(job.pane.tty):  # a person may have typed more
            return UNREAD
        with store.transaction():  # record the intention first
            attempts.remember(store, attempt, enter_pressed_at=clock.text(clock.now()))
        return keystrokes.stroke(
            job,
            shown,
            keys="\r",
            stamp=ENTERED,
            number=attempt["id"] * pasted_text.CARRY + presses + 1,
        )
    if draft:
        return "the composer holds other text"
    withdrawn = pasted_text.presses(attempt, shown.screen.interrupted) > 0
    if presses and (sight.status in _WORKED or (sight.status == "idle" and not withdrawn)):
        with store.transaction():
            _note_departure(store, attempt, shown)
            if attempts.submit(store, attempt, "screen", clock.now()):
                return attempts.as_row(attempt, "submitted", "screen")
    return sight.reason


def _since_enter(attempt: LiveAttempt) -> float:
    """Seconds since Enter was last pressed; infinite if it was not."""
    entered = attempts.turn_of(attempt).get("enter_pressed_at")
    return clock.since(entered, clock.now()) if entered else float("inf")


def _note_departure(store: Store, attempt: LiveAttempt, shown: Shown) -> None:
    """Record that the text has left the composer, if only assigner can have pressed Enter."""
    entered = attempts.turn_of(attempt).get("enter_pressed_at")
    if entered is not None and shown.screen.touched < int(clock.seconds(entered)):
        attempts.remember(store, attempt, left_at=clock.text(clock.now()))


def _remove(store: Store, job: Job, shown: Shown, text: str) -> Stroke | str | None:
    """Delete the text, which is not submitted in time; the outcome follows from what shows then."""
    if shown.verdict.draft is None and shown.verdict.tail is None:
        return "the text is not in the composer"
    if _since_enter(job.attempt) < store.settings.start_wait:
        return "Enter was pressed a moment ago, and may still submit the text"
    stroke = keystrokes.withdraw(job, shown, text)
    return stroke if stroke is None or isinstance(stroke, Stroke) else "cannot remove the text"


def _note_marker(store: Store, job: Job, draft: str | None) -> None:
    """Remember the marker that the composer shows instead of the text, to recognize it later."""
    marker = prompt_text.marker(draft, job.provider.manner)
    if marker and "marker" not in attempts.turn_of(job.attempt):
        with store.transaction():
            attempts.remember(store, job.attempt, marker=marker[0])
