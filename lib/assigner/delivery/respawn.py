"""Start an agent again in the context that a prompt needs (`respawn-pane`)."""

import json
from collections.abc import Mapping

from assigner import clock
from assigner.agents import launch
from assigner.agents.hooks import folder_trust, install
from assigner.agents.prompt_text import Lack
from assigner.agents.provider import Provider
from assigner.context import prepare
from assigner.context.prepare import Problem
from assigner.delivery import begin, give_back, keystrokes
from assigner.delivery.keystrokes import Job
from assigner.outcomes import shell_run
from assigner.queue import attempts
from assigner.sessions import environment
from assigner.sessions.sight import Sight
from assigner.shells import posix
from assigner.shells.spec import REPORTS, Task
from assigner.store import attempt_files, spool
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt
from assigner.system import processes
from assigner.tmux.keys import RESPAWNED, Stroke

_PATIENCE = 3  # a start file may take this many times ASSIGNER_START_WAIT to begin


def prepared(store: Store, job: Job, sight: Sight) -> Stroke | Row | str:
    """The agent is being restarted: type the prompt once the agent is in the prompt's context."""
    attempt = job.attempt
    reports = attempts.evidence_of(attempt).get("reports", {})
    if attempt["stop_reason"] and ({"step", "started"} & set(reports) or sight.status == "offline"):
        reason = f"preparing the context took longer than {attempt['timeout_seconds']:g} s"
        late = reports.get("step", {}).get("step", "start")
        return give_back.fail(store, attempt, late, reason, "timeout")
    if "step" in reports:
        step = reports["step"]
        said = attempt_files.output_of(store.settings, attempt["id"], store.settings.max_output)
        reason = f"{shell_run.reason_of(attempt, step['step'])} (exit status {step['number']})"
        return give_back.fail(
            store, attempt, step["step"], reason, status=step["number"], output=said
        )
    if "begun" not in reports:
        return _not_begun(store, job, sight)
    gone = "another program runs in its pane" if job.pane.pid != attempt["pane_pid"] else None
    if gone or sight.status == "offline":
        reason = f"the agent did not keep running: {gone or sight.reason}"
        return give_back.fail(store, attempt, "start", reason, "lost")
    if "started" not in reports or sight.status != "idle" or sight.shown is None:
        return sight.reason
    if begin.is_warming_up(job):
        return f"{job.provider.name} has just been started"
    wanted = prepare.context(store, attempt, sight.directory)
    if isinstance(wanted, Problem):
        return give_back.fail(store, attempt, wanted.step, wanted.reason)
    front = processes.front(job.pane.pid)
    if wanted.validate and front and (why := is_there(wanted, front)):
        return give_back.fail(store, attempt, "verify", f"{shell_run.STEPS['verify']}: {why}")
    return begin.type(store, job, sight, sight.shown, Lack())


def _not_begun(store: Store, job: Job, sight: Sight) -> Row | str:
    """No report shows that the agent is being restarted.  Either the pass can still prevent it,
    because a pass died before it or tmux refused; or the start file has ended, or takes too long.
    """
    attempt, settings = job.attempt, store.settings
    is_seen = job.pane.dead or processes.is_session_leader(job.pane.pid)  # else just replaced
    if is_seen and keystrokes.forbid(store, job, RESPAWNED):
        return give_back.release(store, attempt, "the agent was not restarted")
    since = attempts.lasted(attempt, attempt["updated_at"], clock.now())
    if not job.pane.dead and since < _PATIENCE * settings.start_wait:
        return "the agent is about to be restarted"
    if not attempt_files.revoke(settings, attempt["id"]) and attempt["id"] in spool.reported(
        settings
    ):
        return "the agent is being restarted"
    reason = f"the agent was not restarted: {sight.reason}"
    return give_back.fail(store, attempt, "start", reason, "lost")


def is_needed(attempt: LiveAttempt, wanted: Task, here: str | None, branch: str | None) -> bool:
    """Whether the prompt's context requires a restart of the session's agent."""
    return bool(
        (wanted.physical and wanted.physical != here)
        or (wanted.branch and wanted.branch != branch)
        or wanted.variables != _exported(attempt)
        or wanted.prerequisites
        or attempt["worktree"]
    )


def write(store: Store, attempt: LiveAttempt, provider: Provider, wanted: Task) -> str | Problem:
    """Write the file that prepares the context and then becomes the agent.  Returns its path."""
    tools = prepare.tools()
    if isinstance(tools, str):
        return Problem("tools", tools)
    front = processes.front(attempt["pane_pid"]) or attempt["pane_pid"]
    here = processes.directory(front) or "/"
    base = environment.environment(store, attempt, front)
    if base is None:
        return Problem("env", "the environment of the agent is unknown")
    options = install.options(provider, store.settings)
    moved = wanted.physical is not None and wanted.physical != here
    place = wanted.physical if moved and wanted.physical else here
    argv = options.argv + folder_trust.trust(
        provider, json.loads(attempt["trusted_dirs"]), place, base
    )
    text = posix.launcher(
        wanted,
        tools,
        base | options.variables,
        launch.command_line(provider, attempt, argv, resumed=not moved),
        back=here,
    )
    contents = dict.fromkeys((*REPORTS, "output"), "") | {"ctx": text}
    attempt_files.make_run(store.settings, attempt["id"], contents)
    return f"{wanted.run}/ctx"


def is_there(wanted: Task, pid: int) -> str | None:
    """Why a process does not run in the wanted context; None if it does."""
    if wanted.physical is not None and processes.directory(pid) != wanted.physical:
        return f"its directory is '{processes.directory(pid)}'"
    held = processes.environment(pid)
    missing = [name for name, value in wanted.variables.items() if held.get(name) != value]
    return f"'{missing[0]}' does not have the wanted value" if missing else None


def _exported(attempt: LiveAttempt) -> Mapping[str, str | None]:
    found: dict[str, str | None] = json.loads(attempt["session_env"])
    return found
