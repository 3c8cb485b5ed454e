"""Lists tmux's panes, and matches them with the sessions in the database."""

import contextlib
import json
from collections.abc import Iterable, Mapping, Sequence

from assigner import clock
from assigner.sessions.look import look
from assigner.sessions.sight import Key, Known, Sight
from assigner.shells import prompt_line
from assigner.states import UNTYPED
from assigner.store.database import Store
from assigner.store.rows import LiveAttempt, Session
from assigner.system import processes
from assigner.tmux import client
from assigner.tmux import panes as tmux_panes


def list_panes(store: Store) -> tuple[list[tmux_panes.Pane], dict[str, str]]:
    """Every pane, except those of checks; and the reason for each unreachable socket."""
    panes: list[tmux_panes.Pane] = []
    silent: dict[str, str] = {}
    for socket in store.settings.sockets:
        try:
            there = tmux_panes.panes(socket, store.settings.tmux_timeout)
            panes += [pane for pane in there if not pane.session.startswith(tmux_panes.ASIDE)]
        except client.NoServer:
            known = [row for row in store.rows("sessions/list") if row["status"] != "offline"]
            if any(r["socket"] == socket and processes.is_tmux(r["server_pid"]) for r in known):
                silent[socket] = "the tmux server is alive but does not answer at this socket"
        except client.Unreachable as error:
            silent[socket] = str(error)
    return panes, silent


def servers(
    store: Store,
    panes: Sequence[tmux_panes.Pane],
    silent: Mapping[str, str],
    rows: Sequence[Session],
) -> dict[str, int]:
    """The process of each server that answers, by socket.

    A server without sessions (with the option `exit-empty off`) is asked only where one is missed.
    """
    found = {pane.socket: pane.server_pid for pane in panes}
    missed = {str(row["socket"]) for row in rows if row["status"] != "offline"}
    for socket in missed & set(store.settings.sockets) - set(found) - set(silent):
        with contextlib.suppress(client.NoServer, client.Unreachable):
            if pid := tmux_panes.server_of(socket, store.settings.tmux_timeout):
                found[socket] = pid
    return found


def absence(
    store: Store, row: Session, answering: dict[str, int], silent: dict[str, str]
) -> tuple[str, str]:
    """The status of a session whose pane is not listed, and the reason.

    `answering` has the pid of each server that answered, by socket; `silent` has the reason for
    each other socket.
    """
    if row["status"] == "offline":
        return "offline", row["status_reason"]
    if row["socket"] in silent:
        return "unknown", silent[row["socket"]]
    if row["socket"] not in store.settings.sockets:
        return "unknown", f"socket {row['socket']} is not configured"
    if answering.get(row["socket"]) == row["server_pid"]:
        return "offline", "tmux no longer lists the session"
    if not processes.is_tmux(row["server_pid"]):
        return "offline", "the tmux server is gone"
    return "unknown", f"the tmux server does not answer at {row['socket']}"


def look_at(
    store: Store, wanted: Iterable[tuple[LiveAttempt, tmux_panes.Pane]]
) -> dict[Key, Sight]:
    """Look at the panes of attempts now; {} if a server cannot be asked."""
    sessions = {row["name"]: row for row in store.rows("sessions/list")}
    ours = typed_last(store)
    names = [(attempt["session"], attempt, pane) for attempt, pane in wanted]
    known = [
        (pane, expectations(sessions[name], each, ours.get(name))) for name, each, pane in names
    ]
    try:
        return look(store, known, clock.now())
    except (client.NoServer, client.Unreachable):
        return {}


def typed_last(store: Store) -> dict[str, str]:
    """When the last line that assigner typed began to run (ISO 8601), by session."""
    return {row["name"]: row["at"] for row in store.rows("sessions/typed_last")}


def _seconds(moment: str | None) -> float | None:
    return clock.seconds(moment) if moment else None


def expectations(
    row: Session | None, attempt: LiveAttempt | None, ours: str | None = None
) -> Known:
    """What the database knows of a session, for a look; `ours` comes from `typed_last`."""
    if row is None:
        return Known()
    return Known(
        provider=row["provider"],
        endings=[prompt_line.ending_of(value) for value in json.loads(row["prompt_endings"])],
        learning=row["prompt_learning"],
        prompt=attempt["prompt_id"] if attempt else None,
        attempt=attempt["id"] if attempt else None,
        group=attempt["process_group"] if attempt else None,
        given=bool(row["provider_given"] or attempt),
        preparing=bool(attempt and attempt["stage"] == "preparing"),
        starting=bool(row["start_file"]),
        ours=clock.seconds(ours) if ours else None,
        account=row["account"],
        limited_until=row["limited_until"],
        turn_began_at=_seconds(row["turn_began_at"]),
        turn_ended_at=_seconds(row["turn_ended_at"]),
        wants_prompts=bool(row["enrolled"] and (not attempt or attempt["stage"] in UNTYPED)),
    )
