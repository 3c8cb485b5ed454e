"""context: saves the context of a session under a name; a prompt restores it."""

import json
import re

from assigner.agents import registry
from assigner.errors import UsageError
from assigner.queue import drafts, prompts, sessions
from assigner.queue.drafts import Draft
from assigner.store.database import Row, Store

# Above the priorities that people usually give
PRIORITY = 1000

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")


def find(store: Store, name: str) -> Row:
    """The saved context of that name; UsageError names the known ones."""
    if row := store.one("saved_contexts/get", name=name):
        return row
    names = [row["name"] for row in store.rows("saved_contexts/list")]
    hint = f"known contexts: {sessions.some_of(names)}" if names else "none saved"
    raise UsageError(f"no context '{name}' ({hint})")


def save(store: Store, name: str, session_name: str, *, force: bool) -> Row:
    """Save a session's directory, branch and exported variables, as last seen.  Returns the row.

    Raises UsageError if the name is taken or invalid, or if the session is offline.
    """
    if not _NAME.match(name):
        raise UsageError(
            f"not a name for a context: '{name}' (letters, digits, _ - and ., at most 64)"
        )
    session = sessions.find(store, session_name)
    if session["status"] == "offline":
        raise UsageError(f"session '{session_name}' is offline: {session['status_reason']}")
    if session["current_dir"] is None:
        raise UsageError(f"the directory of session '{session_name}' is unknown")
    with store.transaction():
        kept = store.one("saved_contexts/get", name=name)
        if kept and not force:
            raise UsageError(
                f"context '{name}' already exists, saved from session '{kept['session']}' at"
                f" {kept['saved_at']}: --force overwrites it"
            )
        store.run(
            "saved_contexts/save",
            name=name,
            session=session_name,
            working_dir=session["current_dir"],
            git_branch=session["git_branch"],
            env_vars=session["env_vars"],
        )
    return find(store, name)


def restore(store: Store, name: str, session_name: str) -> Row:
    """Queue a prompt whose only purpose is to bring the session into a saved context.

    Returns its row, with `missing`: the variables with secret values, which are not saved.
    Raises UsageError for an unknown context, or a session that is unknown or runs no shell.
    """
    kept = find(store, name)
    session = sessions.find(store, session_name)
    if not session["enrolled"]:
        raise UsageError(f"session '{session_name}' is not enrolled: enroll it first")
    if session["provider"] != "shell":
        runs = "a one-shot command" if session["provider"] == "command" else session["provider"]
        raise UsageError(
            f"session '{session_name}' runs {runs}, not a shell: give the context with its prompts"
        )
    variables = json.loads(kept["env_vars"])
    draft = Draft(
        content=":",
        priority=PRIORITY,
        target_session=session_name,
        working_dir=kept["working_dir"],
        git_branch=kept["git_branch"],
        env_vars={key: value for key, value in variables.items() if value is not None},
        metadata={"context": name},
        idempotent=True,
    )
    drafts.check(draft, store.settings, registry.names())
    (prompt,) = prompts.queue(store, [draft])
    row = store.one("prompts/get", id=prompt)
    assert row is not None
    return {**row, "missing": prompts.secret_names(kept["env_vars"])}


def drop(store: Store, name: str) -> Row:
    """Delete a saved context and return its row.  UsageError for an unknown one."""
    with store.transaction():
        kept = find(store, name)
        store.run("saved_contexts/drop", name=name)
    return kept
