"""Begins a prompt for an agent: its context, and the pasted text.

An agent enrolled with --respawn is restarted in the context; for any other agent the text begins
with what the session lacks of it.
"""

import time
from collections.abc import Mapping
from dataclasses import replace

from assigner import clock
from assigner.agents import prompt_text
from assigner.agents.prompt_text import Lack
from assigner.agents.provider import Provider
from assigner.context import prepare
from assigner.context.prepare import Problem
from assigner.delivery import give_back, keystrokes, paste, respawn
from assigner.delivery.keystrokes import Job
from assigner.outcomes import sentinel
from assigner.queue import attempts
from assigner.sessions.sight import Shown, Sight
from assigner.shells.spec import Task
from assigner.store import attempt_files
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt
from assigner.system import git, processes, terminal_text
from assigner.tmux import keys
from assigner.tmux.keys import RESPAWNED, Stroke


def begin(store: Store, job: Job, sight: Sight) -> Stroke | Row | str:
    """Check everything that the prompt needs, then paste it or restart the agent in its context."""
    attempt = job.attempt
    if attempt["paused"]:
        return give_back.release(store, attempt, "the session is paused")
    if sight.status != "idle" or sight.shown is None:
        return give_back.release(store, attempt, sight.reason)
    if not keys.is_plain(sight.shown.screen.command):
        return give_back.release(
            store, attempt, f"unusual program name {sight.shown.screen.command!r}"
        )
    if is_warming_up(job):
        return f"{job.provider.name} has just been started"
    wanted = prepare.context(store, attempt, sight.directory)
    if isinstance(wanted, Problem):
        return give_back.fail(store, attempt, wanted.step, wanted.reason)
    directory = wanted.directory or sight.directory
    place = git.place(directory) if directory else None
    branch = place.branch if place else None
    if attempt["respawn"] and respawn.is_needed(attempt, wanted, sight.directory, branch):
        return _launch(store, job, sight.shown, wanted)
    lack = _lack(attempt, wanted, sight.directory, branch)
    if isinstance(lack, Problem):
        return give_back.fail(store, attempt, lack.step, lack.reason)
    return type(store, job, sight, sight.shown, lack)


def type(store: Store, job: Job, sight: Sight, shown: Shown, lack: Lack) -> Stroke | Row:
    """Commit `typing`, and paste."""
    attempt, manner = job.attempt, job.provider.manner
    last = sentinel.instruction() if attempt["sentinel"] else None
    raw = bool(attempt["raw"])
    text = prompt_text.prompt(
        manner, attempt["content"], lack, raw=raw, feedback=attempt["feedback"], last=last
    )
    if attempt["feedback"] and len(text.encode()) > manner.kilobytes * 1000:  # rather without it
        text = prompt_text.prompt(manner, attempt["content"], lack, raw=raw, last=last)
    size = len(text.encode())
    if size > manner.kilobytes * 1000:
        most = f"{job.provider.name} takes at most {manner.kilobytes},000: put the text into a file"
        return give_back.fail(
            store, attempt, "typing", f"the prompt has {size} bytes; {most}", "not_accepted"
        )
    if not prompt_text.is_drawn(text):
        reason = "the prompt has no visible character, so it cannot be seen in a composer"
        return give_back.fail(store, attempt, "typing", reason, "not_accepted")
    if not raw and prompt_text.is_refused(manner, text):
        reason = (
            f"{job.provider.name} would read the prompt as a command of its own: begin it with"
            " another word, or use send --raw"
        )
        return give_back.fail(store, attempt, "typing", reason, "not_accepted")
    attempt_files.make_run(store.settings, attempt["id"], {"go": "", "prompt": text})
    with store.transaction():
        attempts.advance(store, attempt["id"], "claimed", "prepared")
        attempts.advance(store, attempt["id"], "preparing", "prepared")
        if not attempts.advance(store, attempt["id"], "prepared", "typing"):
            return attempts.as_row(attempt, "deferred", "another pass acts on the attempt")
        attempt_files.place_run(store.settings, attempt["id"])
        home = _home(job.provider, attempt)
        now = clock.text(clock.now())
        place = paste.place_of(job, sight)
        attempts.remember(store, attempt, home=home, paste_started_at=now, **place)
    return keystrokes.paste(job, shown, text)


def _launch(store: Store, job: Job, shown: Shown, wanted: Task) -> Stroke | Row:
    """Commit `preparing`, and replace the pane's process by the file that prepares the context."""
    attempt = job.attempt
    path = respawn.write(store, attempt, job.provider, wanted)
    if isinstance(path, Problem):
        return give_back.fail(store, attempt, path.step, path.reason)
    with store.transaction():
        if not attempts.advance(store, attempt["id"], "claimed", "preparing"):
            return attempts.as_row(attempt, "deferred", "another pass acts on the attempt")
        attempt_files.place_run(store.settings, attempt["id"])
    stroke = keystrokes.stroke(job, shown, stamp=RESPAWNED, number=attempt["id"])
    return replace(stroke, program=("/bin/sh", path))


def _lack(
    attempt: LiveAttempt, wanted: Task, here: str | None, branch: str | None
) -> Lack | Problem:
    """What the session lacks of the prompt's context; or the step that fails, and why."""
    name = attempt["provider"]
    if attempt["worktree"]:
        return Problem("worktree", f"only a restart can move {name} into it: enroll --respawn")
    if attempt["secrets"]:
        return Problem("env", f"the text for {name} must not contain a secret: enroll --respawn")
    for variable, value in {**wanted.variables, "the directory": wanted.directory or ""}.items():
        if terminal_text.clean(value) != value:
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


def is_warming_up(job: Job) -> bool:
    """Whether the agent shows its composer, but may not read typed text yet."""
    front = processes.front(job.pane.pid)
    begun = processes.started(front) if front else None
    return begun is not None and time.time() - begun < job.provider.manner.warm_up


def _home(provider: Provider, attempt: LiveAttempt) -> dict[str, str]:
    """The variables that determine where the agent keeps its transcripts."""
    if provider.transcript is None:
        return {}
    front = processes.front(attempt["pane_pid"])
    variables = processes.environment(front) if front else {}
    names = ("HOME", provider.transcript.home)
    return {name: variables[name] for name in names if name in variables}
