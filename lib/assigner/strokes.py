"""Strokes for agents' panes: made for the screen as seen, typed, and their result."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from assigner import (
    agents,
    attempts,
    clock,
    files,
    keyboard,
    listening,
    manners,
    scanning,
    tmux,
)
from assigner.db import Row, Store
from assigner.keyboard import INTERRUPTED, TYPED, Stroke
from assigner.looking import Key, Shown, Sight
from assigner.manners import Manner
from assigner.recognising import Provider

CARRY = (
    100  # stamps of Enter and Escape: the attempt's number times this, plus the count of presses
)


@dataclass
class Job:
    """An attempt in this pass, and since when its text is seen in the composer."""

    attempt: Row
    pane: tmux.Pane
    provider: Provider
    seen: float | None = None


def jobs_of(wanted: Iterable[tuple[Row, tmux.Pane]]) -> list[Job]:
    """The attempts of this pass in agents' sessions, without agents whose file is broken."""
    return [
        Job(attempt, pane, provider)
        for attempt, pane in wanted
        if not isinstance(provider := agents.usable(attempt["provider"]), str)
    ]


def look(store: Store, jobs: Iterable[Job]) -> dict[Key, Sight]:
    """A fresh look at the panes of the jobs."""
    return scanning.look_at(store, [(job.attempt, job.pane) for job in jobs])


def paste(job: Job, shown: Shown, text: str) -> Stroke:
    return stroke(job, shown, text=text, stamp=TYPED, number=job.attempt["id"])


def stroke(
    job: Job, shown: Shown, *, text: str = "", keys: str = "", stamp: str, number: int
) -> Stroke:
    """A stroke for the screen as it was seen: same cursor and program, no output since, and nothing
    typed there by any queue.
    """
    seen = shown.screen
    pane = replace(job.pane, cursor_x=seen.cursor_x, cursor_y=seen.cursor_y)
    return Stroke(
        job.attempt["id"], pane, seen.command, text, keys, stamp, number,
        activity=seen.activity, last=seen.last,
    )  # fmt: skip


def is_our_text(attempt: Row, manner: Manner, shown: Shown, text: str) -> bool:
    """Whether the composer holds an attempt's text, and nothing else.

    A marker shows only the size of a paste, which a person may have made.  It is the attempt's if
    nobody has pressed a key since, or if it has a number that was recorded before.
    """
    draft = shown.verdict.draft
    if not manners.shows(draft, text, manner):
        return False
    marker = manners.marker(draft, manner)
    if marker is None:
        return True
    turn = listening.turn_of(attempt)
    since, known = turn.get("pasting") or attempt["claimed_at"], turn.get("marker")
    if attempt["stage"] == "submitted":  # the agent may have put it back under another number
        since, known = attempt["signalled_at"], None
    untouched = shown.screen.touched < int(clock.seconds(since))
    if known is None:
        return untouched
    return known == marker[0] and (untouched or manners.is_numbered(marker))


def presses(attempt: Row, stamp: int) -> int:
    """How often a key was pressed for an attempt, by its stamp."""
    return max(0, stamp - int(attempt["id"]) * CARRY)


def ending(job: Job, shown: Shown, keys: str) -> Stroke:
    """The next of the strokes that end an attempt's turn, or delete its text."""
    number = job.attempt["id"] * CARRY + presses(job.attempt, shown.screen.interrupted) + 1
    return stroke(job, shown, keys=keys, stamp=INTERRUPTED, number=number)


def press(store: Store, strokes: Sequence[tuple[Job, Stroke]]) -> dict[int, str]:
    """Type.  Returns why strokes were not executed, by attempt.  Commits what tmux confirms."""
    refused: dict[int, str] = {}
    settings = store.settings
    for socket in {job.pane.socket for job, _ in strokes}:
        mine = [(job, stroke) for job, stroke in strokes if job.pane.socket == socket]
        at = clock.now()
        try:
            answers = keyboard.press(
                socket, settings.tmux_timeout, store.instance, [stroke for _, stroke in mine]
            )
        except (tmux.NoServer, tmux.Unreachable) as error:
            refused |= {job.attempt["id"]: str(error) for job, _ in mine}
            continue
        with store.transaction():
            for _, stroke in mine:
                answer = answers.get(stroke.attempt, "tmux did not confirm the keystrokes")
                if answer != "typed":
                    refused[stroke.attempt] = answer
                elif stroke.stamp == TYPED and not stroke.void:
                    attempts.advance(store, stroke.attempt, "typing", "typed", at)
    return refused


def forbid(store: Store, job: Job, stamp: str = TYPED) -> bool:
    """Block the next stroke of an attempt, however late it comes; returns whether it is blocked."""
    number = job.attempt["id"]
    stroke = Stroke(number, job.pane, "", stamp=stamp, number=number, void=True)
    answer = press(store, [(job, stroke)]).get(job.attempt["id"], "typed")
    return answer == "typed"


def release(store: Store, attempt: Row, reason: str) -> Row:
    """The session has changed: give the claim back."""
    with store.transaction():
        ended = attempts.finish(store, attempt, "released", evidence={"released": reason})
    if ended:  # otherwise another pass uses the files
        files.remove_run(store.settings, attempt["id"])
    return attempts.told(attempt, "released" if ended else "waits", reason)


def fail(
    store: Store,
    attempt: Row,
    step: str,
    reason: str,
    failure_class: str = "context",
    *,
    status: int | None = None,
    output: str | None = None,
) -> Row:
    """Fail an attempt that cannot be typed, and of which nothing was typed."""
    with store.transaction():
        ended = attempts.finish(
            store, attempt, "failed", failure_class=failure_class, step=step, exit_status=status,
            output=output, error=f"{failure_class}: {step}: {reason}",
        )  # fmt: skip
    return attempts.told(attempt, "failed" if ended else "waits", f"{step}: {reason}")
