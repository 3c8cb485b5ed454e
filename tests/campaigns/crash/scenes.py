"""The scenes: each pass and every other writer, with the world that it finds."""

from collections.abc import Callable
from typing import Any

from campaigns.crash.others import Enrolled, Goals, Kept, New, Sent, Told
from campaigns.crash.worlds import (
    Agents,
    Cancelled,
    Checked,
    Command,
    Failing,
    Naive,
    NaiveAgain,
    Respawned,
    Shells,
    Two,
)

Scene = tuple[type[Shells], Callable[[Any], Command]]
SCENES: dict[str, Scene] = {
    "scan": (Shells, Shells.scan),
    "sync-context": (Shells, Shells.sync_context),
    "assign-next": (Shells, Shells.assign_next),
    "deliver": (Shells, Shells.deliver),
    "observe": (Shells, Shells.observe),
    "observe a failure": (Failing, Failing.observe),
    "retry-failed": (Failing, Failing.retry_failed),
    "cleanup-stale": (Shells, Shells.cleanup_stale),
    "tick": (Two, Two.tick),
    "cancel, waiting": (Cancelled, Cancelled.cancel_waiting),
    "cancel, claimed": (Cancelled, Cancelled.cancel_claimed),
    "cancel, running": (Cancelled, Cancelled.cancel_running),
    "deliver, cancelled": (Cancelled, Cancelled.deliver_cancelled),
    "deliver a check": (Checked, Checked.deliver_check),
    "checkrun": (Checked, Checked.checkrun),
    "observe a check": (Checked, Checked.observe_checked),
    "deliver to agents": (Agents, Agents.deliver),
    "observe agents": (Agents, Agents.observe),
    "tick of agents": (Agents, Agents.tick),
    "deliver, respawn": (Respawned, Respawned.deliver),
    "foundation-check": (Goals, Goals.foundation_check),
    "foundation, settles": (Goals, Goals.foundation_settles),
    "keepalive": (Kept, Kept.keepalive),
    "send": (Sent, Sent.send),
    "enroll": (Enrolled, Enrolled.enroll),
    "report": (Told, Told.report),
    "hook": (Told, Told.hook),
    "new database": (New, New.make),
}
# Not of ours: what the counts are to find
NAIVE: dict[str, Scene] = {
    "naive": (Naive, Naive.deliver),
    "naive, again": (NaiveAgain, NaiveAgain.deliver),
}
