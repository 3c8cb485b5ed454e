"""Decide whether a usage limit keeps a session from getting prompts.

The words of a limit stay on the screen after its end, so the time decides: once it has passed, the
session is idle.  If the limit is still in force, the agent reports it anew.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from assigner import clock
from assigner.queue import limits
from assigner.store.database import Row, Store
from assigner.system import time_zones

if TYPE_CHECKING:
    from assigner.sessions.sight import Known, Sight


def apply(
    store: Store, sight: "Sight", known: "Known", held: Mapping[str, Row], now: float
) -> "Sight":
    """A look's result with the status that limits give it, and the end of the limit.

    `held` has the limits in force, by account; `now` is in epoch seconds.  An account at its limit
    gets no prompts, even where the session looks idle.
    """
    if sight.status not in ("idle", "limited"):
        until = None if sight.status == "busy" else known.limited_until
        return sight._replace(limited_until=until)
    if limit := held.get(account_of(sight, known) or ""):
        reason = limits.said(limit["account"], limit["until"])
        return sight._replace(status="limited", reason=reason, limited_until=limit["until"])
    if sight.status == "idle":
        return sight._replace(limited_until=sight.limited_until or known.limited_until)
    until = known.limited_until
    if until is None:
        reset = sight.shown.verdict.reset if sight.shown else None
        zone = time_zones.of_front(sight.pane.pid) if reset else None
        until = limits.end(store, reset, sight.pane.activity, zone)
    if until <= clock.text(now):
        reason = "the limit on the screen has ended"
        return sight._replace(status="idle", reason=reason, limited_until=until)
    return sight._replace(limited_until=until)


def account_of(sight: "Sight", known: "Known") -> str | None:
    """Whose usage limit counts for a session: its account, or else its provider."""
    if known.account or known.given:
        return known.account or known.provider
    return sight.agent or known.provider or ("shell" if sight.shell else None)
