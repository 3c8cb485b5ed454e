"""Type to agents by compare-and-set: paste, Enter, and clearing what was pasted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from assigner import clock
from assigner.agents import detect, prompt_text
from assigner.agents.provider import Provider
from assigner.outcomes import pasted_text
from assigner.queue import attempts
from assigner.sessions import known_panes
from assigner.sessions.sight import Key, Shown, Sight
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt
from assigner.system import processes
from assigner.tmux import client, panes
from assigner.tmux import keys as tmux_keys
from assigner.tmux.keys import INTERRUPTED, TYPED, Stroke


@dataclass
class Job:
    """An attempt in this pass; `seen` is when the composer first showed its text (monotonic)."""

    attempt: LiveAttempt
    pane: panes.Pane
    provider: Provider
    seen: float | None = None


def jobs_of(wanted: Iterable[tuple[LiveAttempt, panes.Pane]]) -> list[Job]:
    """A job per attempt, except for agents whose provider file is broken."""
    return [
        Job(attempt, pane, provider)
        for attempt, pane in wanted
        if not isinstance(provider := detect.usable(attempt["provider"]), str)
    ]


def look(store: Store, jobs: Iterable[Job]) -> dict[Key, Sight]:
    """A fresh look at the panes of the jobs."""
    return known_panes.look_at(store, [(job.attempt, job.pane) for job in jobs])


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


def ending(job: Job, shown: Shown, keys: str) -> Stroke:
    """The next of the strokes that end an attempt's turn, or delete its text."""
    number = (
        job.attempt["id"] * pasted_text.CARRY
        + pasted_text.presses(job.attempt, shown.screen.interrupted)
        + 1
    )
    return stroke(job, shown, keys=keys, stamp=INTERRUPTED, number=number)


def withdraw(job: Job, shown: Shown, text: str) -> Stroke | Row | None:
    """The stroke that clears the text; a row where the composer shows something else; None while
    the agent has keys to read.
    """
    if not pasted_text.is_clearable(job.attempt, job.provider.manner, shown, text):
        reason = f"the prompt is cancelled: {shown.verdict.reason}"
        return attempts.as_row(job.attempt, "deferred", reason)
    if processes.unread(job.pane.tty):
        return None
    return ending(job, shown, prompt_text.clearing(job.provider.manner, text))


def press(store: Store, strokes: Sequence[tuple[Job, Stroke]]) -> dict[int, str]:
    """Type.  Returns why strokes were not executed, by attempt.  Commits what tmux confirms."""
    refused: dict[int, str] = {}
    settings = store.settings
    for socket in {job.pane.socket for job, _ in strokes}:
        mine = [(job, stroke) for job, stroke in strokes if job.pane.socket == socket]
        at = clock.now()
        try:
            answers = tmux_keys.press(
                socket, settings.tmux_timeout, store.instance, [stroke for _, stroke in mine]
            )
        except (client.NoServer, client.Unreachable) as error:
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
