"""inspect: look at one session now, and show all the evidence for its status."""

import json
from dataclasses import asdict

from assigner import clock
from assigner.queue import sessions
from assigner.sessions import known_panes
from assigner.sessions.look import look
from assigner.sessions.sight import Sight
from assigner.store.database import Row, Store
from assigner.tmux import client
from assigner.tmux import panes as tmux_panes


def inspect(store: Store, name: str) -> Row:
    """Look at a session now.  Returns its status and all evidence.

    UsageError if there is no session of that name.
    """
    session = sessions.find(store, name)
    panes, silent = known_panes.list_panes(store)
    attempt = next((a for a in store.rows("attempts/live") if a["session"] == name), None)
    found: Row = {
        "name": name,
        "provider": session["provider"],
        "enrolled": bool(session["enrolled"]),
        "last_status": session["status"],
        "last_seen": session["looked_at"],
        "prompt_endings": json.loads(session["prompt_endings"]),
        "attempt": attempt["id"] if attempt else None,
        "stage": attempt["stage"] if attempt else None,
    }
    place = tmux_panes.PaneId.of(session).place
    pane = next((pane for pane in panes if pane.identity.place == place), None)
    if pane is None:
        answering = {p.socket: p.server_pid for p in panes}
        status, reason = known_panes.absence(store, session, answering, silent)
        nothing = dict.fromkeys(
            ("agent", "rule", "draft", "shell", "current_dir", "cursor_line", "pane")
        )
        return {**found, "status": status, "status_reason": reason, **nothing}
    key = pane.socket, pane.id
    try:
        ours = known_panes.typed_last(store).get(session["name"])
        expected = known_panes.expectations(session, attempt, ours)
        sight = look(store, [(pane, expected)], clock.now())[key]
    except (client.NoServer, client.Unreachable) as error:
        sight = Sight(pane, "unknown", str(error))
    verdict = sight.shown.verdict if sight.shown else None
    return {
        **found,
        "status": sight.status,
        "status_reason": sight.reason,
        "agent": sight.agent,
        "rule": verdict.rule if verdict else None,
        "draft": verdict.draft if verdict else None,
        "shell": sight.shell,
        "current_dir": sight.directory,
        "cursor_line": sight.line.text if sight.line else None,
        "pane": asdict(pane),
    }
