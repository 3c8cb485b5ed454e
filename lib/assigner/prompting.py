"""deliver, for agents: paste the prompt, see it in the composer, press Enter, see it taken.

What is to be done next follows from the attempt's stage, tmux's stamps and the screen alone, so
that any pass goes on where another died.  Enter is sent again only while the text still stands
in the composer, and the agent has read all that was typed before.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from assigner import (
    agents,
    attempts,
    clock,
    files,
    git,
    judging,
    keyboard,
    launching,
    listening,
    manners,
    observing,
    preparing,
    proc,
    screen,
    sentinels,
    tmux,
)
from assigner.db import Row, Store
from assigner.keyboard import ENTERED, INTERRUPTED, RESPAWNED, TYPED, Stroke
from assigner.looking import Key, Shown, Sight, look
from assigner.manners import Lack
from assigner.preparing import Problem
from assigner.recognising import Provider
from assigner.scanning import UNTYPED, know
from assigner.task import Task

MOST_ENTERS = 5  # so often Enter is pressed for one prompt at most
_AGAIN = 2.0  # so many seconds a text must have stood there since Enter, before that is repeated
_POLL = 0.03
_CARRY = 100  # stamps of Enter and Escape: the attempt's number times this, plus how often


@dataclass
class _Job:
    """An attempt in this pass, and since when its text is seen."""

    attempt: Row
    pane: tmux.Pane
    provider: Provider
    seen: float | None = None


def deliver(store: Store, there: Sequence[tuple[Row, tmux.Pane]], *, settle: float) -> list[Row]:
    """Type what is claimed to agents, for at most `settle` seconds; a row for each attempt."""
    jobs = {}
    acted: list[Row] = []
    for attempt, pane in there:
        provider = agents.known(attempt["provider"])
        assert provider is not None
        jobs[attempt["id"]] = _Job(attempt, pane, provider)
    until = time.monotonic() + settle
    why: dict[int, str] = {}
    while jobs:
        sights = _look(store, list(jobs.values()))
        strokes = []
        for job in list(jobs.values()):
            step = _next(store, job, sights.get((job.pane.socket, job.pane.id)))
            if isinstance(step, Stroke):
                strokes.append((job, step))
            elif isinstance(step, dict):
                acted.append(step)
                del jobs[job.attempt["id"]]
            elif step:
                why[job.attempt["id"]] = step
        why |= _press(store, strokes)
        observing.drain(store)
        acted += _refresh(store, jobs)
        if time.monotonic() > until:
            break
        time.sleep(_POLL)
    waits = "not seen in its composer yet"
    return acted + [
        attempts.told(job.attempt, "waits", why.get(id, waits)) for id, job in jobs.items()
    ]


def interrupt(store: Store, ended: Sequence[tuple[Row, tmux.Pane]]) -> list[Row]:
    """Press Escape for turns that are to be ended, where they are seen to be under way."""
    jobs = []
    for attempt, pane in ended:
        provider = agents.known(attempt["provider"])
        assert provider is not None
        jobs.append(_Job(attempt, pane, provider))
    sights = _look(store, jobs)
    strokes = []
    for job in jobs:
        sight = sights.get((job.pane.socket, job.pane.id))
        if sight and sight.shown and sight.status in ("busy", "waiting"):
            number = max(sight.shown.screen.interrupted, job.attempt["id"] * _CARRY) + 1
            keys = "\x1b" * job.provider.manner.escapes
            stroke = _stroke(job, sight.shown, keys=keys, stamp=INTERRUPTED, number=number)
            strokes.append((job, replace(stroke, activity=None)))
    refused = _press(store, strokes)
    return [
        attempts.told(job.attempt, "Escape", job.attempt["ending"])
        for job, _ in strokes
        if job.attempt["id"] not in refused
    ]


def _look(store: Store, jobs: Sequence[_Job]) -> dict[Key, Sight]:
    sessions = {row["name"]: row for row in store.rows("sessions")}
    wanted = [(job.pane, know(sessions[job.attempt["session"]], job.attempt)) for job in jobs]
    try:
        return look(store, wanted, clock.now())
    except (tmux.NoServer, tmux.Unreachable):
        return {}


def _refresh(store: Store, jobs: dict[int, _Job]) -> list[Row]:
    """What the database says of the attempts now; those that are submitted, or over, leave."""
    live = {row["id"]: row for row in store.rows("live_attempts")}
    done = []
    for id, job in list(jobs.items()):
        row = live.get(id)
        cancelled = row and row["cancel_requested_at"] and row["stage"] != "typed"
        if row is None or row["stage"] == "submitted" or cancelled:
            del jobs[id]
            if row and row["stage"] == "submitted":
                done.append(attempts.told(row, "submitted", _evidence(row)))
        else:
            job.attempt = row
            job.pane = replace(job.pane, pid=row["pane_pid"])  # it may have been started again
    return done


def _evidence(attempt: Row) -> str:
    turn = json.loads(attempt["evidence"]).get("turn", {})
    return str(turn.get("submitted_by", ""))


def _next(store: Store, job: _Job, sight: Sight | None) -> Stroke | Row | str | None:
    """The next step of one attempt: a stroke, its end in this pass, or why it waits."""
    if sight is None:
        return "its screen cannot be read"
    stage = job.attempt["stage"]
    if stage == "preparing":
        return _prepared(store, job, sight)
    if stage in UNTYPED:
        return _begin(store, job, sight)
    if sight.shown is None:
        return sight.reason
    if stage == "typing":
        return _take_up(store, job, sight, sight.shown)
    return _enter(store, job, sight, sight.shown)


def _begin(store: Store, job: _Job, sight: Sight) -> Stroke | Row:
    """Check all that the prompt needs, and paste it; or start the agent again in its context."""
    attempt = job.attempt
    if attempt["paused"]:
        return _release(store, attempt, "it is paused")
    if sight.status != "idle" or sight.shown is None:
        return _release(store, attempt, sight.reason)
    if not keyboard.is_plain(sight.shown.screen.command):
        return _release(store, attempt, f"unusual program name {sight.shown.screen.command!r}")
    wanted = preparing.context(store, attempt, sight.directory)
    if isinstance(wanted, Problem):
        return fail(store, attempt, wanted.step, wanted.reason)
    directory = wanted.directory or sight.directory
    place = git.place(directory) if directory else None
    branch = place.branch if place else None
    if attempt["respawn"] and launching.is_needed(attempt, wanted, sight.directory, branch):
        return _launch(store, job, sight.shown, wanted)
    lack = _lack(attempt, wanted, sight.directory, branch)
    if isinstance(lack, Problem):
        return fail(store, attempt, lack.step, lack.reason)
    return _type(store, job, sight.shown, lack)


def _type(store: Store, job: _Job, shown: Shown, lack: Lack) -> Stroke | Row:
    """Commit `typing`, and paste."""
    attempt, manner = job.attempt, job.provider.manner
    last = sentinels.instruction() if attempt["sentinel"] else None
    raw = bool(attempt["raw"])
    text = manners.prompt(
        manner, attempt["content"], lack, raw=raw, feedback=attempt["feedback"], last=last
    )
    if attempt["feedback"] and len(text.encode()) > manner.kilobytes * 1000:  # rather without it
        text = manners.prompt(manner, attempt["content"], lack, raw=raw, last=last)
    size = len(text.encode())
    if size > manner.kilobytes * 1000:
        most = f"{job.provider.name} takes {manner.kilobytes},000 at once: put it into a file"
        return fail(store, attempt, "typing", f"it has {size} bytes, and {most}", "rejected")
    files.make_run(store.settings, attempt["id"], {"go": "", "prompt": text})
    with store.transaction():
        attempts.advance(store, attempt["id"], "claimed", "prepared")
        attempts.advance(store, attempt["id"], "preparing", "prepared")
        if not attempts.advance(store, attempt["id"], "prepared", "typing"):
            return attempts.told(attempt, "waits", "another pass is at it")
        files.place_run(store.settings, attempt["id"])
        listening.remember(store, attempt, home=_home(job.provider, attempt))
    return _paste(job, shown, text)


def _launch(store: Store, job: _Job, shown: Shown, wanted: Task) -> Stroke | Row:
    """Commit `preparing`, and have the pane's process replaced by what prepares the context."""
    attempt = job.attempt
    path = launching.write(store, attempt, job.provider, wanted)
    if isinstance(path, Problem):
        return fail(store, attempt, path.step, path.reason)
    with store.transaction():
        if not attempts.advance(store, attempt["id"], "claimed", "preparing"):
            return attempts.told(attempt, "waits", "another pass is at it")
        files.place_run(store.settings, attempt["id"])
    stroke = _stroke(job, shown, stamp=RESPAWNED, number=attempt["id"])
    return replace(stroke, program=("/bin/sh", path))


def _prepared(store: Store, job: _Job, sight: Sight) -> Stroke | Row | str:
    """Its agent is started again: once it stands in its context, the prompt is typed."""
    attempt = job.attempt
    reports = json.loads(attempt["evidence"]).get("reports", {})
    if "step" in reports:
        step = reports["step"]
        said = files.output_of(store.settings, attempt["id"], store.settings.max_output)
        reason = f"{judging.reason_of(attempt, step['step'])} (exit status {step['number']})"
        return fail(store, attempt, step["step"], reason, status=step["number"], output=said)
    if "begun" not in reports:
        if job.pane.pid != attempt["pane_pid"]:
            return "its pane has another process, which has not begun yet"
        if sight.status == "idle" and sight.shown and _forbid(store, job, RESPAWNED):
            return _release(store, attempt, "an earlier pass died before it was started again")
        return "it is about to be started again"
    if sight.status == "offline":
        return fail(store, attempt, "start", f"its agent did not stay: {sight.reason}")
    if "started" not in reports or sight.status != "idle" or sight.shown is None:
        return sight.reason
    wanted = preparing.context(store, attempt, sight.directory)
    if isinstance(wanted, Problem):
        return fail(store, attempt, wanted.step, wanted.reason)
    process = proc.stat(job.pane.pid)
    if wanted.validate and process and (why := launching.is_there(wanted, process.foreground)):
        return fail(store, attempt, "verify", f"{judging.STEPS['verify']}: {why}")
    return _type(store, job, sight.shown, Lack())


def _take_up(store: Store, job: _Job, sight: Sight, shown: Shown) -> Stroke | Row | None:
    """An earlier pass died or was refused while it pasted: the stamp tells whether it is there."""
    attempt = job.attempt
    stamped = shown.screen.typed == attempt["id"]
    if stamped and shown.screen.typed_pid == attempt["pane_pid"]:
        with store.transaction():
            attempts.advance(store, attempt["id"], "typing", "typed")
        return None
    text = files.prompt_of(store.settings, attempt["id"])
    if not stamped and text is not None and sight.status == "idle" and not attempt["paused"]:
        return _paste(job, shown, text)
    if stamped or _forbid(store, job):  # nothing can be typed for it any more
        return _release(store, attempt, sight.reason)
    return None


def _enter(store: Store, job: _Job, sight: Sight, shown: Shown) -> Stroke | Row | str | None:
    """The text was pasted: press Enter while it is seen, until it is gone."""
    attempt, now = job.attempt, time.monotonic()
    text = files.prompt_of(store.settings, attempt["id"])
    presses = max(0, shown.screen.entered - attempt["id"] * _CARRY)
    draft = shown.verdict.draft
    if text is None:
        return "its text is lost"
    if manners.shows(draft, text, job.provider.manner):
        if attempt["cancel_requested_at"]:
            return attempts.told(attempt, "waits", "it is cancelled")
        job.seen = job.seen or now
        entered = listening.turn_of(attempt).get("entered")
        since = clock.now() - clock.seconds(entered) if entered else _AGAIN
        if presses and (since < _AGAIN or proc.unread(job.pane.tty)):
            return "Enter was pressed, and it still stands in its composer"
        if presses >= MOST_ENTERS:
            return f"Enter was pressed {presses} times in vain"
        if now - job.seen < job.provider.manner.delay / 1000:
            return None
        with store.transaction():  # what is intended comes first
            listening.remember(store, attempt, entered=clock.text(clock.now()))
        return _stroke(
            job, shown, keys="\r", stamp=ENTERED, number=attempt["id"] * _CARRY + presses + 1
        )
    if draft is not None:
        return "something else stands in its composer"
    if presses and sight.status in ("idle", "busy", "waiting", "limited"):
        with store.transaction():
            if listening.submit(store, attempt, "screen", clock.now()):
                return attempts.told(attempt, "submitted", "screen")
    return sight.reason


def _paste(job: _Job, shown: Shown, text: str) -> Stroke:
    return _stroke(job, shown, text=text, stamp=TYPED, number=job.attempt["id"])


def _stroke(
    job: _Job, shown: Shown, *, text: str = "", keys: str = "", stamp: str, number: int
) -> Stroke:
    """A stroke for the screen as it was seen: cursor, program, and nothing written since."""
    seen = shown.screen
    pane = replace(job.pane, cursor_x=seen.cursor_x, cursor_y=seen.cursor_y)
    return Stroke(
        job.attempt["id"], pane, seen.command, text, keys, stamp, number, activity=seen.activity
    )


def _press(store: Store, strokes: Sequence[tuple[_Job, Stroke]]) -> dict[int, str]:
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


def _forbid(store: Store, job: _Job, stamp: str = TYPED) -> bool:
    """Make sure that nothing is done for an attempt, however late; whether that is so now."""
    number = job.attempt["id"]
    stroke = Stroke(number, job.pane, "", stamp=stamp, number=number, void=True)
    answer = _press(store, [(job, stroke)]).get(job.attempt["id"], "typed")
    return answer == "typed"


def _lack(attempt: Row, wanted: Task, here: str | None, branch: str | None) -> Lack | Problem:
    """What the session does not have of the prompt's context; or the step that fails, and why."""
    name = attempt["provider"]
    if attempt["worktree"]:
        return Problem("worktree", f"{name} has to be started in it: enroll --respawn")
    if attempt["secrets"]:
        return Problem("env", f"a secret cannot be told to {name}: enroll --respawn")
    for variable, value in {**wanted.variables, "the directory": wanted.directory or ""}.items():
        if screen.clean(value) != value:
            return Problem("env", f"{variable} has a control character, which would be a keystroke")
    if wanted.validate and (reason := _state_problem(wanted.expected, here)):
        return Problem("session-state", reason)
    return Lack(
        wanted.directory if wanted.physical != here else None,
        wanted.branch if wanted.branch != branch else None,
        wanted.variables,
        wanted.prerequisites,
    )


def _state_problem(expected: Mapping[str, str], here: str | None) -> str | None:
    """Why the session_state of the prompt's metadata does not hold; None if it does."""
    directory = expected.get("expected_cwd")
    if directory and directory != here:
        return f"it stands in '{here}', not in '{directory}'"
    branch = expected.get("git_branch")
    place = git.place(here) if branch and here else None
    if branch and (place is None or place.branch != branch):
        return f"it is on branch '{place.branch if place else None}', not on '{branch}'"
    return None


def _home(provider: Provider, attempt: Row) -> dict[str, str]:
    """Where the agent keeps its transcripts, as far as its environment says."""
    if provider.transcript is None:
        return {}
    process = proc.stat(attempt["pane_pid"])
    variables = proc.environment(process.foreground) if process else {}
    names = ("HOME", provider.transcript.home)
    return {name: variables[name] for name in names if name in variables}


def _release(store: Store, attempt: Row, reason: str) -> Row:
    """The session is not what it was: give the claim back."""
    with store.transaction():
        ended = attempts.finish(store, attempt, "released", evidence={"released": reason})
    if ended:  # else another pass is at it, and needs them
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
    """It cannot be typed as it is: nothing was."""
    with store.transaction():
        ended = attempts.finish(
            store, attempt, "failed", failure_class=failure_class, step=step, exit_status=status,
            output=output, error=f"{failure_class}: {step}: {reason}",
        )  # fmt: skip
    return attempts.told(attempt, "failed" if ended else "waits", f"{step}: {reason}")
