"""enroll: which sessions may be given prompts.  Nothing is ever typed into another."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from fnmatch import fnmatchcase

from assigner import clock, scanning, screen
from assigner.db import Row, Store
from assigner.errors import UsageError
from assigner.looking import look


def enrolled(store: Store) -> list[Row]:
    """The sessions that may be given prompts; `by` is a pattern of the settings, or `name`."""
    patterns = store.settings.session_patterns
    return [
        {**row, "by": next((p for p in patterns if fnmatchcase(row["name"], p)), "name")}
        for row in store.rows("sessions")
        if row["enrolled"]
    ]


def enroll(store: Store, name: str, *, command: str | None, at_prompt: bool) -> Row:
    """Opt a session in, and learn how its empty prompt ends; its row.

    `command` makes it a one-shot executor.  With `at_prompt` the person says that the prompt
    which is shown now is empty, whatever it looks like.  UsageError for a session that is not
    there.
    """
    session = find(store, name)
    if session["status"] == "offline":
        raise UsageError(f"session '{name}' is offline: {session['status_reason']}")
    check_command(command)
    endings = json.loads(session["prompt_endings"])
    if at_prompt and (ending := asdict(_shown(store, session))) not in endings:
        endings = [*endings, ending]
    with store.transaction():
        store.update(
            "sessions",
            session["id"],
            enrolled=1,
            opted_out=0,
            learn=1,
            provider_given=1,
            provider="command" if command else "shell",
            command=command,
            prompt_endings=json.dumps(endings, ensure_ascii=False),
        )
        store.run("release_held", held_by="target missing", held_on=name)
        if session["provider"] != ("command" if command else "shell"):
            # what ran in it may be paused, what runs in it now not
            store.run("release_held", held_by="pause", held_on=session["provider"])
    scanning.scan(store)
    return find(store, name)


def check_command(command: str | None) -> None:
    """Refuse what no shell can run as a one-shot executor.  UsageError."""
    if command is not None and (not command.strip() or screen.clean(command) != command):
        raise UsageError("the command is empty or has a control character: give a shell command")


def leave(store: Store, name: str) -> Row:
    """Opt a session out; UsageError while a prompt runs in it, or for an unknown one."""
    session = find(store, name)
    if session["current_task_id"]:
        raise UsageError(
            f"session '{name}' has prompt {session['current_task_id']}:"
            " wait for its end, or cancel it"
        )
    with store.transaction():
        store.update("sessions", session["id"], enrolled=0, opted_out=1)
        store.run("hold_target", name=name)
    return find(store, name)


def find(store: Store, name: str) -> Row:
    """The session of that name; UsageError that says which there are."""
    if row := store.one("session", name=name):
        return row
    if parts := parts_of(store, name):
        raise UsageError(f"session '{name}' has several panes: name one ({', '.join(parts)})")
    names = [row["name"] for row in store.rows("sessions") if row["status"] != "offline"]
    raise UsageError(f"no session '{name}': {there_are(names) or 'scan has seen none'}")


def there_are(names: Sequence[str]) -> str:
    """Some of the names that a person could have meant; empty if there is none."""
    more = f" and {len(names) - 12} more" if len(names) > 12 else ""
    return f"there are {', '.join(names[:12])}{more}" if names else ""


def parts_of(store: Store, name: str) -> list[str]:
    """The panes of a tmux session that has several."""
    names = [row["name"] for row in store.rows("sessions") if row["status"] != "offline"]
    return [other for other in names if other.startswith(f"{name}:")]


def _shown(store: Store, session: Row) -> screen.Ending:
    """The ending of the prompt that stands on the session's screen now."""
    panes, _ = scanning.list_panes(store)
    identity = session["socket"], session["pane_id"], session["pane_pid"]
    pane = next((p for p in panes if (p.socket, p.id, p.pid) == identity), None)
    if pane is None:
        raise UsageError(f"session '{session['name']}' is {session['status']}")
    sight = look(store, [(pane, scanning.know(session, None))], clock.now())
    line = sight[pane.socket, pane.id].line
    ending = screen.learn(line.text, line.cursor_x) if line else None
    if ending is None:
        raise UsageError(f"session '{session['name']}' does not stand at an empty prompt")
    return ending
