"""Decide by several witnesses whether an agent that looks idle is idle, and the reverse.

The screen alone may lie: a title that stands still while text streams, a spinner that stays in the
title after the end, a composer that is drawn while the agent works.  docs/agents.md has the rule as
a table of witnesses.
"""

from assigner.agents import screen_rules
from assigner.agents.provider import Provider
from assigner.agents.screen_rules import Verdict, View
from assigner.config import Settings
from assigner.sessions.sight import Known, Sight
from assigner.system import processes

_LAG = 5.0  # seconds by which a screen may be late


def judge(
    settings: Settings, provider: Provider, view: View, sight: Sight, known: Known, now: float
) -> Verdict:
    """The verdict on an agent's screen, with the consent of its other witnesses.

    `now` is in epoch seconds.
    """
    began, ended = known.turn_began_at, known.turn_ended_at
    is_open = began is not None and (ended is None or ended < began) and _is_of(sight, began)
    lapsed = is_open and _has_lapsed(settings, provider, view, sight, known, now)
    silence = now - sight.pane.activity
    over = not is_open and consents(sight, known)
    verdict = screen_rules.judge(provider, view, silent=over or silence >= settings.quiet)
    if verdict.status in ("idle", "limited") and is_open and not lapsed:
        return verdict.with_status("busy", "its hooks have reported no end of the turn that runs")
    if verdict.status in ("busy", "unknown") and (lapsed or (ended is not None and not is_open)):
        untitled = screen_rules.judge(provider, view, silent=True, titled=False)
        since = began if lapsed else ended
        is_sure = silence >= settings.quiet or (over and began is not None)
        if untitled.status == "idle" and is_sure and now - (since or now) >= _LAG:
            return untitled.with_status("idle", "its turn has ended, whatever its title shows")
    if verdict.status == "unknown" and verdict.rule is None:
        untitled = screen_rules.judge(provider, view, silent=True, titled=False)
        if untitled.status == "idle":
            title = view.variable("pane_title")
            return verdict.with_status("unknown", f"its title is not {provider.name}'s: '{title}'")
    return verdict


def _is_of(sight: Sight, began: float) -> bool:
    """Whether a turn that began then is one of the program that is in front now."""
    front = processes.front(sight.pane.pid)
    started = processes.started(front) if front else None
    return started is None or started <= began + 1


def consents(sight: Sight, known: Known) -> bool:
    """Whether an end of the last turn was recorded, and no turn can have begun since.

    Hooks report every later turn.  Without hooks a person may have begun one.
    """
    ended = known.turn_ended_at
    if ended is None or known.turn_began_at is not None:
        return ended is not None
    return sight.pane.client_activity < ended and sight.pane.activity <= ended + _LAG


def _has_lapsed(
    settings: Settings, provider: Provider, view: View, sight: Sight, known: Known, now: float
) -> bool:
    """Whether a turn without a reported end is over all the same.

    Escape fires no hook, and some failures fire none: the screen shows them.  Otherwise nothing
    must have been written for long, and no program that the turn started may be left.
    """
    began = known.turn_began_at or 0.0
    if now - began >= _LAG and screen_rules.has_failed(provider, view):
        return True
    if now - max(began, sight.pane.activity) < settings.turn_lapse:
        return False
    front = processes.front(sight.pane.pid)
    if front is None:
        return False
    started = (processes.started(process.pid) for process in processes.Processes().below(front))
    return not any(at is not None and at > began for at in started)
