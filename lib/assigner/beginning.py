"""Begins a prompt for an agent: its context, and the pasted text.

A respawned agent is restarted in the context; the text tells any other agent what it lacks.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from assigner import (
    attempts,
    clock,
    files,
    git,
    give_back,
    judging,
    keyboard,
    launching,
    manners,
    preparing,
    proc,
    screen,
    sentinels,
    strokes,
)
from assigner.db import Row, Store
from assigner.keyboard import RESPAWNED, Stroke
from assigner.looking import Shown, Sight
from assigner.manners import Lack
from assigner.preparing import Problem
from assigner.recognising import Provider
from assigner.strokes import Job
from assigner.task import Task

_PATIENCE = 3  # a start file may take this many times ASSIGNER_START_WAIT to begin


def begin(store: Store, job: Job, sight: Sight) -> Stroke | Row | str:
    """Check everything that the prompt needs, then paste it or restart the agent in its context."""
    attempt = job.attempt
    if attempt["paused"]:
        return give_back.release(store, attempt, "it is paused")
    if sight.status != "idle" or sight.shown is None:
        return give_back.release(store, attempt, sight.reason)
    if not keyboard.is_plain(sight.shown.screen.command):
        return give_back.release(
            store, attempt, f"unusual program name {sight.shown.screen.command!r}"
        )
    if _is_warming_up(job):
        return f"{job.provider.name} has just been started"
    wanted = preparing.context(store, attempt, sight.directory)
    if isinstance(wanted, Problem):
        return give_back.fail(store, attempt, wanted.step, wanted.reason)
    directory = wanted.directory or sight.directory
    place = git.place(directory) if directory else None
    branch = place.branch if place else None
    if attempt["respawn"] and launching.is_needed(attempt, wanted, sight.directory, branch):
        return _launch(store, job, sight.shown, wanted)
    lack = _lack(attempt, wanted, sight.directory, branch)
    if isinstance(lack, Problem):
        return give_back.fail(store, attempt, lack.step, lack.reason)
    return _type(store, job, sight, sight.shown, lack)


def prepared(store: Store, job: Job, sight: Sight) -> Stroke | Row | str:
    """The agent is being restarted: type the prompt once the agent is in the prompt's context."""
    attempt = job.attempt
    reports = json.loads(attempt["evidence"]).get("reports", {})
    if attempt["ending"] and ({"step", "started"} & set(reports) or sight.status == "offline"):
        reason = f"preparing the context took longer than {attempt['timeout_seconds']:g} s"
        step = reports.get("step", {}).get("step", "start")
        return give_back.fail(store, attempt, step, reason, "timeout")
    if "step" in reports:
        step = reports["step"]
        said = files.output_of(store.settings, attempt["id"], store.settings.max_output)
        reason = f"{judging.reason_of(attempt, step['step'])} (exit status {step['number']})"
        return give_back.fail(
            store, attempt, step["step"], reason, status=step["number"], output=said
        )
    if "begun" not in reports:
        return _not_begun(store, job, sight)
    gone = "another program runs in its pane" if job.pane.pid != attempt["pane_pid"] else None
    if gone or sight.status == "offline":
        reason = f"the agent did not keep running: {gone or sight.reason}"
        return give_back.fail(store, attempt, "start", reason, "vanished")
    if "started" not in reports or sight.status != "idle" or sight.shown is None:
        return sight.reason
    if _is_warming_up(job):
        return f"{job.provider.name} has just been started"
    wanted = preparing.context(store, attempt, sight.directory)
    if isinstance(wanted, Problem):
        return give_back.fail(store, attempt, wanted.step, wanted.reason)
    front = proc.front(job.pane.pid)
    if wanted.validate and front and (why := launching.is_there(wanted, front)):
        return give_back.fail(store, attempt, "verify", f"{judging.STEPS['verify']}: {why}")
    return _type(store, job, sight, sight.shown, Lack())


def _not_begun(store: Store, job: Job, sight: Sight) -> Row | str:
    """Nothing shows that the agent is being restarted.  Either this can still be prevented, because
    a pass died before or tmux refused; or the start file has ended, or takes too long.
    """
    attempt, settings = job.attempt, store.settings
    is_seen = job.pane.dead or proc.is_session_leader(job.pane.pid)  # else just replaced
    if is_seen and strokes.forbid(store, job, RESPAWNED):
        return give_back.release(store, attempt, "it was not started again")
    since = attempts.lasted(attempt, attempt["updated_at"], clock.now())
    if not job.pane.dead and since < _PATIENCE * settings.start_wait:
        return "the agent is about to be restarted"
    if not files.revoke(settings, attempt["id"]) and attempt["id"] in files.reported(settings):
        return "the agent is being restarted"
    reason = f"the agent was not restarted: {sight.reason}"
    return give_back.fail(store, attempt, "start", reason, "vanished")


def _type(store: Store, job: Job, sight: Sight, shown: Shown, lack: Lack) -> Stroke | Row:
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
        most = f"{job.provider.name} takes at most {manner.kilobytes},000: put the text into a file"
        return give_back.fail(
            store, attempt, "typing", f"the prompt has {size} bytes; {most}", "rejected"
        )
    if not manners.is_drawn(text):
        reason = "the prompt has no visible character, so it cannot be seen in a composer"
        return give_back.fail(store, attempt, "typing", reason, "rejected")
    files.make_run(store.settings, attempt["id"], {"go": "", "prompt": text})
    with store.transaction():
        attempts.advance(store, attempt["id"], "claimed", "prepared")
        attempts.advance(store, attempt["id"], "preparing", "prepared")
        if not attempts.advance(store, attempt["id"], "prepared", "typing"):
            return attempts.as_row(attempt, "deferred", "another pass is at it")
        files.place_run(store.settings, attempt["id"])
        home = _home(job.provider, attempt)
        now = clock.text(clock.now())
        place = place_of(job, sight)
        attempts.remember(store, attempt, home=home, pasting=now, **place)
    return strokes.paste(job, shown, text)


def place_of(job: Job, sight: Sight) -> dict[str, Any]:
    """The agent process and its directory, for which a text is made."""
    return {"directory": sight.directory, "front": proc.front(job.pane.pid)}


def _launch(store: Store, job: Job, shown: Shown, wanted: Task) -> Stroke | Row:
    """Commit `preparing`, and replace the pane's process by the file that prepares the context."""
    attempt = job.attempt
    path = launching.write(store, attempt, job.provider, wanted)
    if isinstance(path, Problem):
        return give_back.fail(store, attempt, path.step, path.reason)
    with store.transaction():
        if not attempts.advance(store, attempt["id"], "claimed", "preparing"):
            return attempts.as_row(attempt, "deferred", "another pass is at it")
        files.place_run(store.settings, attempt["id"])
    stroke = strokes.stroke(job, shown, stamp=RESPAWNED, number=attempt["id"])
    return replace(stroke, program=("/bin/sh", path))


def _lack(attempt: Row, wanted: Task, here: str | None, branch: str | None) -> Lack | Problem:
    """What the session lacks of the prompt's context; or the step that fails, and why."""
    name = attempt["provider"]
    if attempt["worktree"]:
        return Problem("worktree", f"only a restart can move {name} into it: enroll --respawn")
    if attempt["secrets"]:
        return Problem("env", f"the text for {name} must not contain a secret: enroll --respawn")
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
    """Why the session_state of the prompt's metadata does not hold; None if it holds."""
    directory = expected.get("expected_cwd")
    if directory and directory != here:
        return f"the session is in '{here}', not in '{directory}'"
    branch = expected.get("git_branch")
    place = git.place(here) if branch and here else None
    if branch and (place is None or place.branch != branch):
        return f"the session is on branch '{place.branch if place else None}', not on '{branch}'"
    return None


def _is_warming_up(job: Job) -> bool:
    """Whether the agent shows its composer, but may not read typed text yet."""
    front = proc.front(job.pane.pid)
    begun = proc.started(front) if front else None
    return begun is not None and time.time() - begun < job.provider.manner.warm_up


def _home(provider: Provider, attempt: Row) -> dict[str, str]:
    """The variables that determine where the agent keeps its transcripts."""
    if provider.transcript is None:
        return {}
    front = proc.front(attempt["pane_pid"])
    variables = proc.environment(front) if front else {}
    names = ("HOME", provider.transcript.home)
    return {name: variables[name] for name in names if name in variables}
