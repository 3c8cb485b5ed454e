"""How tmux and the spool identify a database: its instance, and attempt ids that only increase.

tmux refuses to type for an attempt whose id is not above the pane's stamp
`@assigner_typed_INSTANCE`, and reports name their attempt by its id.  A database restored from a
backup has lost the ids assigned since: it could never type into those panes again, and would take
old reports for new ones.
"""

import contextlib
import os
from pathlib import Path

from assigner.errors import UsageError
from assigner.queue import attempts
from assigner.store import database, state_dir
from assigner.store.database import Row, Store
from assigner.tmux import client, keys


def traces(store: Store) -> dict[str, int]:
    """By place, the highest attempt id found in panes, reports and generated files.

    A server that does not answer is left out.
    """
    settings = store.settings
    found: dict[str, int] = {}
    for socket in settings.sockets:
        with contextlib.suppress(client.NoServer, client.Unreachable):
            stamps = keys.stamps(socket, settings.tmux_timeout, store.instance)
            for pane, (attempt, _) in stamps.items():
                found[f"pane {pane} of {socket}"] = attempt
    for directory in (settings.spool, settings.run):
        found[str(directory)] = highest_name(directory)
    found["the last pass"] = state_dir.last_attempt(store)
    return found


def highest_name(directory: Path) -> int:
    """The highest attempt id at the start of a name in spool/ or run/; 0 if there is none."""
    with contextlib.suppress(FileNotFoundError):
        heads = (name.partition(".")[0] for name in os.listdir(directory))
        return max((int(head) for head in heads if head.isascii() and head.isdigit()), default=0)
    return 0


def renew(store: Store) -> Row:
    """Give the database a new instance, and attempt ids above all that are known anywhere.

    A database restored from a backup does not know how its live attempts ended: they end as
    unverified.  Otherwise raises UsageError while an attempt is alive: its stamp is needed to know
    whether it was typed.
    """
    known = database.last_attempt(store)
    top = max(known, *traces(store).values())
    instance = database.new_instance()
    with store.transaction():
        if top > known:
            _end_live(store)
        if live := store.execute("SELECT * FROM attempts WHERE outcome IS NULL").fetchone():
            raise UsageError(
                f"attempt {live['id']} of prompt {live['prompt_id']} is running in session"
                f" '{live['session']}': wait for the prompt to end, or cancel it"
            )
        store.execute("UPDATE meta SET value = :value WHERE name = 'instance'", {"value": instance})
        raise_to(store, top)
    return {"instance": instance, "next_attempt": top + 1}


def _end_live(store: Store) -> None:
    """End the attempts that were alive when the backup was made."""
    for live in store.rows("attempts/live"):
        nothing = {"exit_status": None, "reason": None, "output": None}
        store.run("checks/end", id=live["id"], state="cancelled", **nothing)
        error = "unverified: the database was restored from a backup made while the prompt ran"
        attempts.finish(store, attempts.Verdict(live, "unverified", error=error))


def raise_to(store: Store, id: int, table: str = "attempts") -> None:
    """Make the next row of the table get an id above this one."""
    values = {"seq": id, "name": table}
    changed = store.execute(
        "UPDATE sqlite_sequence SET seq = max(seq, :seq) WHERE name = :name", values
    )
    if not changed.rowcount:
        store.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)", values)
