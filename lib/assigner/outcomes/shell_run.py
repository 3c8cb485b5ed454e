"""Whether a live attempt has ended, and how: by evidence, best first.

The evidence: the status that the shell reported; an empty process group of the prompt; the shell
back at its prompt; a dead process of the pane.  Only reads the database.
"""

import json

from assigner import clock
from assigner.queue import attempts
from assigner.queue.attempts import Verdict
from assigner.sessions.look import shell_of
from assigner.shells.dialects import DIALECTS
from assigner.shells.spec import mark
from assigner.store import attempt_files, spool
from assigner.store.database import Store
from assigner.store.rows import Evidence, LiveAttempt, Reported
from assigner.system import processes as system_processes
from assigner.tmux import client, keys

_STOPPED = (147, 148, 149, 150)  # exit statuses of a stopped shell job (signal(7))

STEPS = {
    "cd": "cannot enter the directory",
    "env": "cannot set a variable",
    "worktree": "cannot make a separate working tree",
    "dirty": "the working tree has uncommitted changes, so its branch is not switched",
    "git": "GIT_DIR or GIT_WORK_TREE is set in the session",
    "branch": "cannot check out the branch",
    "verify": "the context does not hold after the prerequisites",
    "session-state": "the session_state of its metadata does not hold",
}


def judge(
    store: Store, attempt: LiveAttempt, processes: system_processes.Processes
) -> Verdict | None:
    """Judge whether a live attempt has ended, and how; None if it has not."""
    reports = attempts.evidence_of(attempt).get("reports", {})
    if attempt["stage"] in ("typing", "typed"):
        return _judge_typed(store, attempt)
    if attempt["stage"] != "submitted":
        return None
    gone = pane_gone(attempt)
    over = "exit" in reports or gone is not None or back_at_prompt(attempt)
    if not over:
        return None
    if _unread(store, attempt["id"]) and not (store.dry and "exit" in reports):
        return None  # a report came while the spool was read: the next pass reads it
    status = reports.get("done", reports.get("exit", {})).get("number")
    if left := members(attempt, processes):
        headless = all(member.pid != attempt["process_group"] for member in left)
        killed = status is None or (status > 128 and status not in _STOPPED)
        if headless and killed and attempt["stop_reason"] is None:
            return Verdict(attempt, "ending", f"its process {left[0].comm} is still alive")
        return None
    return _conclude(attempt, reports, status, gone)


def members(
    attempt: LiveAttempt, processes: system_processes.Processes
) -> list[system_processes.Stat]:
    """The living processes of a shell's prompt."""
    group = attempt["process_group"]
    return processes.members(group, attempt["pane_pid"], mark(attempt["id"])) if group else []


def _judge_typed(store: Store, attempt: LiveAttempt) -> Verdict | None:
    """Whether an attempt that may have been typed, without a report so far, was lost.

    The token decides: while it is there, the prompt has not run; once we have taken it, the prompt
    cannot run.
    """
    settings = store.settings
    since = attempts.lasted(attempt, attempt["typed_at"] or attempt["updated_at"], clock.now())
    gone = pane_gone(attempt)
    waited = since > settings.start_wait and back_at_prompt(attempt)
    if attempt["stage"] == "typing" and not gone and not attempt["cancel_requested_at"]:
        return None  # deliver asks tmux whether the line was typed
    if not (gone or waited or attempt["cancel_requested_at"] or since > 30 * settings.start_wait):
        return None
    if _unread(store, attempt["id"]) or store.dry:
        return None
    if not attempt_files.revoke(settings, attempt["id"]):
        if _unread(store, attempt["id"]):
            return None
        unknown = "unverified: typed, but the outcome is unknown"
        return Verdict(attempt, "unverified", error=unknown)
    if attempt["cancel_requested_at"]:
        return Verdict(attempt, "cancelled")
    if gone:
        return Verdict(attempt, "released", evidence={"vanished": gone})
    never = "typed, but the shell did not run the line, and no longer can"
    return _failed(attempt, "not_accepted", never)


def _conclude(
    attempt: LiveAttempt, reports: dict[str, Reported], status: int | None, gone: str | None
) -> Verdict:
    """The verdict on an attempt whose processes are all gone."""
    ending = attempt["stop_reason"]
    if ending == "cancel" or (attempt["cancel_requested_at"] and status != 0):
        return Verdict(attempt, "cancelled", exit_status=status)
    if ending == "timeout":
        after = f"ran longer than {attempt['timeout_seconds']:g} s and was ended"
        return _failed(attempt, "timeout", after, status)
    if "exit" in reports and "started" not in reports:
        return _context_failed(attempt, reports)
    if status is None and gone:
        return _failed(attempt, "lost", f"{gone} while the prompt ran", evidence={"vanished": gone})
    if ending == "interrupted" or status is None:
        return _failed(
            attempt,
            "interrupted",
            "the shell is back at its prompt and did not report an end",
            status,
        )
    if status == 0:
        return Verdict(attempt, "completed", exit_status=0)
    if status in (130, *_STOPPED) and "done" not in reports:
        return _failed(attempt, "interrupted", f"the shell reported {status}", status)
    return _failed(attempt, "exit_status", str(status), status)


def _failed(
    attempt: LiveAttempt,
    failure_class: str,
    reason: str,
    status: int | None = None,
    *,
    step: str | None = None,
    evidence: Evidence | None = None,
) -> Verdict:
    return Verdict(
        attempt,
        "failed",
        error=f"{failure_class}: {reason}",
        failure_class=failure_class,
        exit_status=status,
        step=step,
        evidence=evidence or {},
    )


def _context_failed(attempt: LiveAttempt, reports: dict[str, Reported]) -> Verdict:
    step = reports.get("step", {})
    name, status = step.get("step", "prerequisites"), step.get("number")
    if status is None:
        status = reports["exit"].get("number")
    reason = reason_of(attempt, name)
    return _failed(
        attempt, "context", f"{name}: {reason} (exit status {status})", status, step=name
    )


def reason_of(attempt: LiveAttempt, step: str) -> str:
    """Why a step of a context failed, for people."""
    if step.startswith("prereq-"):
        commands = json.loads(attempt["prerequisites"])
        return f"prerequisite '{commands[int(step[7:]) - 1]}' failed"
    if step in ("branch", "worktree"):
        where = " in a separate working tree" if step == "worktree" else ""
        return f"cannot check out branch '{attempt['git_branch']}'{where}"
    return STEPS.get(step, "a prerequisite failed")


def pane_gone(attempt: LiveAttempt) -> str | None:
    """Why the attempt's shell is gone for good; None while it is alive or unknown."""
    if system_processes.is_session_leader(attempt["pane_pid"]):
        return None
    if not system_processes.is_tmux(attempt["server_pid"]):
        return "the tmux server went away"
    if attempt["session_status"] == "offline":
        return f"the session went away ({attempt['status_reason']})"
    return "the shell was killed"


def was_typed(store: Store, attempt: LiveAttempt) -> bool:
    """Whether tmux's stamp shows that an attempt was typed; False if tmux cannot be asked."""
    try:
        stamps = keys.stamps(attempt["socket"], store.settings.tmux_timeout, store.instance)
    except (client.NoServer, client.Unreachable):
        return False
    return stamps.get(attempt["pane_id"]) == (attempt["id"], attempt["pane_pid"])


def back_at_prompt(attempt: LiveAttempt) -> bool:
    """Whether the session's shell has the terminal and edits a line.

    A shell without a line editor reads its terminal as any program does: so what scan has seen on
    its screen since the line was typed decides.
    """
    process = system_processes.stat(attempt["pane_pid"])
    if process is None or process.foreground != attempt["pane_pid"]:
        return False
    editing, echo = system_processes.terminal(attempt["pane_tty"])
    shell = shell_of(process)
    if shell is None or DIALECTS[shell].edits:
        return editing
    since = attempt["submitted_at"] or attempt["typed_at"] or attempt["updated_at"]
    return echo and attempt["session_status"] == "idle" and attempt["looked_at"] > since


def prompt_is_drawn(attempt: LiveAttempt) -> bool:
    """Whether the next prompt is drawn on the session's screen.

    A shell without a line editor draws it as soon as it has reported the end.
    """
    process = system_processes.stat(attempt["pane_pid"])
    if process is None or process.foreground != attempt["pane_pid"]:
        return False
    shell = shell_of(process)
    if shell is None or DIALECTS[shell].edits:
        return back_at_prompt(attempt)
    return "exit" in attempts.evidence_of(attempt).get("reports", {})


def _unread(store: Store, attempt: int) -> bool:
    """Whether the spool has a report on the attempt, which overrides what is seen."""
    return attempt in spool.reported(store.settings)
