"""Every status word, once: those that the schema allows, and the actions that passes print.

The schema has the same words in its CHECKs; a test compares them.
"""

from collections.abc import Mapping
from typing import Literal, get_args

SESSION_STATUSES = ("idle", "busy", "waiting", "limited", "occupied", "unknown", "offline")

# The statuses of prompts that have not ended; then all statuses of prompts
OPEN = ("pending", "assigned", "in_progress")
PROMPT_STATUSES = (*OPEN, "completed", "failed", "cancelled")
HELD_BY = (
    "dependency", "time", "target missing", "tree in use", "limit", "pause", "login", "rest",
    "outage", "untested",
    # no code holds a prompt by these yet
    "quota", "caller", "affinity", "load", "consent", "host",
)  # fmt: skip
REVIEWS = ("wanted", "approved")

# In these stages nothing has been typed, so a pass can release the claim
UNTYPED = ("claimed", "preparing", "prepared")
STAGES = (*UNTYPED, "typing", "typed", "submitted")
OUTCOMES = ("completed", "failed", "cancelled", "released", "unverified", "limited")
FAILURE_CLASSES = (
    "context", "exit_status", "api", "auth", "interrupted", "lost", "timeout", "not_accepted",
    "check", "deadline",  # no code fails an attempt by a deadline yet
)  # fmt: skip
STOP_REASONS = ("cancel", "timeout", "interrupted")
SIGNALS = ("INT", "TERM", "KILL")

CHECK_STATES = ("wanted", "starting", "running", "passed", "failed", "cancelled")

# The types of events, as the table event_types has them: a new one is a new row there
EventType = Literal[
    # the audit trail
    "prompt.pending", "prompt.assigned", "prompt.in_progress", "prompt.completed",
    "prompt.failed", "prompt.cancelled", "prompt.waiting", "prompt.reassigned",
    "attempt.claimed", "attempt.preparing", "attempt.prepared", "attempt.typing",
    "attempt.typed", "attempt.submitted", "attempt.completed", "attempt.failed",
    "attempt.cancelled", "attempt.released", "attempt.unverified", "attempt.limited",
    "session.idle", "session.busy", "session.waiting", "session.limited",
    "session.occupied", "session.unknown", "session.offline", "session.enrolled",
    "session.left", "session.paused", "session.resumed", "session.started",
    "session.stuck", "session.resting", "session.rested", "session.given_up",
    "version.probation", "version.trusted", "version.held",
    "login.held", "login.released", "outage.began", "outage.ended",
    "provider.paused", "provider.resumed", "everything.paused", "everything.resumed",
    "check.wanted", "check.starting", "check.running", "check.passed", "check.failed",
    "check.cancelled", "review.approved", "review.rejected",
    "report.ok", "report.fail", "report.progress", "report.late",
    "context.mismatch", "context.changed",
    # what sessions did: no code writes these yet
    "error", "test_result", "code_block", "file_edit", "command", "metric",
    "milestone", "usage", "task_complete", "task_failed",
]  # fmt: skip
EVENT_TYPES: tuple[str, ...] = get_args(EventType)

# The column `action` of a pass: what it did with a prompt, an attempt or a session.  A manual
# documents the actions of its pass.
Action = Literal[
    "queued",  # a goal task became a prompt
    "claimed",  # a prompt and a session were paired
    "typed",  # the prompt was typed
    "submitted",  # the session runs the prompt
    "deferred",  # not possible now: a later pass tries again
    "released",  # the claim was given up: the prompt waits again
    "withdrawn",  # a prompt was removed from an agent's composer
    "interrupted",  # an agent's turn was interrupted, or a person interrupted a prompt
    "signalled",  # a signal was sent to the processes of a prompt or its check
    "check-requested",  # the work is done: its check is due
    "check-started",
    "completed",
    "failed",
    "cancelled",
    "unverified",  # typed, but the outcome is unknown
    "limited",  # a usage limit: the prompt waits again
    "requeued",  # a failed prompt waits again
    "started",  # a session was restarted
    "stuck",  # a busy session is silent
    "given-up",  # a session is not restarted any longer
]
ACTIONS: tuple[str, ...] = get_args(Action)

_OF_OUTCOME: Mapping[str, Action] = {
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "released": "released",
    "unverified": "unverified",
    "limited": "limited",
    "passed": "completed",  # a check
    "ending": "interrupted",  # by a person; processes are left
}


def action_of(outcome: str) -> Action:
    """The action to print for an attempt with this outcome, or for a check in this state."""
    return _OF_OUTCOME[outcome]
