"""Strokes for agents' panes: made for the screen as it was seen, typed, and what came of it."""

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

CARRY = 100  # stamps of Enter and Escape: the attempt's number times this, plus how often


@dataclass
class Job:
    """An attempt in this pass, and since when its text is seen."""

    attempt: Row
    pane: tmux.Pane
    provider: Provider
    seen: float | None = None


def jobs_of(wanted: Iterable[tuple[Row, tmux.Pane]]) -> list[Job]:
    """The attempts of this pass, whose sessions are agents'; none of an agent with a bad file."""
    return [
        Job(attempt, pane, provider)
        for attempt, pane in wanted
        if not isinstance(provider := agents.usable(attempt["provider"]), str)
    ]


def look(store: Store, jobs: Iterable[Job]) -> dict[Key, Sight]:
    """A fresh look at their panes."""
    return scanning.look_at(store, [(job.attempt, job.pane) for job in jobs])


def paste(job: Job, shown: Shown, text: str) -> Stroke:
    return stroke(job, shown, text=text, stamp=TYPED, number=job.attempt["id"])


def stroke(
    job: Job, shown: Shown, *, text: str = "", keys: str = "", stamp: str, number: int
) -> Stroke:
    """A stroke for the screen as it was seen: cursor, program, and nothing written since, nor typed
    there by any queue.
    """
    seen = shown.screen
    pane = replace(job.pane, cursor_x=seen.cursor_x, cursor_y=seen.cursor_y)
    return Stroke(
        job.attempt["id"], pane, seen.command, text, keys, stamp, number,
        activity=seen.activity, last=seen.last,
    )  # fmt: skip


def stands(attempt: Row, manner: Manner, shown: Shown, text: str) -> bool:
    """Whether what stands in a composer is an attempt's text, and nothing else.

    A marker tells only how much was pasted, be it by a person: it is that of the attempt if nobody
    has pressed a key since, or if it has a number by which it was known before.
    """
    draft = shown.verdict.draft
    if not manners.shows(draft, text, manner):
        return False
    marker = manners.marker(draft, manner)
    if marker is None:
        return True
    turn = listening.turn_of(attempt)
    since, known = turn.get("pasting") or attempt["claimed_at"], turn.get("marker")
    if attempt["stage"] == "submitted":  # it was put back, perhaps under another number
        since, known = attempt["signalled_at"], None
    untouched = shown.screen.touched < int(clock.seconds(since))
    if known is None:
        return untouched
    return known == marker[0] and (untouched or manners.is_numbered(marker))


def presses(attempt: Row, stamp: int) -> int:
    """How often a key was pressed for an attempt, as its stamp tells."""
    return max(0, stamp - int(attempt["id"]) * CARRY)


def ending(job: Job, shown: Shown, keys: str) -> Stroke:
    """The next of the strokes that end an attempt's turn, or take its text away."""
    number = job.attempt["id"] * CARRY + presses(job.attempt, shown.screen.interrupted) + 1
    return stroke(job, shown, keys=keys, stamp=INTERRUPTED, number=number)


def press(store: Store, strokes: Sequence[tuple[Job, Stroke]]) -> dict[int, str]:
    """Type; why a stroke was not carried out, by attempt.  What tmux confirms is committed."""
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
                answer = answers.get(stroke.attempt, "tmux did not confirm it")
                if answer != "typed":
                    refused[stroke.attempt] = answer
                elif stroke.stamp == TYPED and not stroke.void:
                    attempts.advance(store, stroke.attempt, "typing", "typed", at)
    return refused


def forbid(store: Store, job: Job, stamp: str = TYPED) -> bool:
    """Make sure that nothing is done for an attempt, however late; whether that is so now."""
    number = job.attempt["id"]
    stroke = Stroke(number, job.pane, "", stamp=stamp, number=number, void=True)
    answer = press(store, [(job, stroke)]).get(job.attempt["id"], "typed")
    return answer == "typed"


def release(store: Store, attempt: Row, reason: str) -> Row:
    """The session is not what it was: give the claim back."""
    with store.transaction():
        ended = attempts.finish(store, attempt, "released", evidence={"released": reason})
    if ended:  # else another pass is at it, and needs them
        files.remove_run(store.settings, attempt["id"])
    return attempts.as_row(attempt, "released" if ended else "deferred", reason)


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
    """It cannot be typed as it is: nothing was."""
    with store.transaction():
        ended = attempts.finish(
            store, attempt, "failed", failure_class=failure_class, step=step, exit_status=status,
            output=output, error=f"{failure_class}: {step}: {reason}",
        )  # fmt: skip
    return attempts.as_row(attempt, "failed" if ended else "deferred", f"{step}: {reason}")
