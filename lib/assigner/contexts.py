"""context: what a session stands in, kept under a name, and restored by a prompt."""

import json
import re

from assigner import drafting, prompts, providers, sessions
from assigner.db import Row, Store
from assigner.drafting import Draft
from assigner.errors import UsageError

# Before whatever a person has queued in the usual range
PRIORITY = 1000

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}\Z")


def find(store: Store, name: str) -> Row:
    """The saved context of that name; UsageError names the known ones."""
    if row := store.one("context", name=name):
        return row
    names = [row["name"] for row in store.rows("contexts")]
    hint = f"known contexts: {sessions.some_of(names)}" if names else "none saved"
    raise UsageError(f"no context '{name}' ({hint})")


def save(store: Store, name: str, session_name: str, *, force: bool) -> Row:
    """Keep where a session stands and what prompts exported there, as last observed; the row.

    UsageError for a name that is taken or no plain one, or a session that is not there.
    """
    if not _NAME.match(name):
        raise UsageError(
            f"not a name for a context: '{name}' (letters, digits, _ - and ., at most 64)"
        )
    session = sessions.find(store, session_name)
    if session["status"] == "offline":
        raise UsageError(f"session '{session_name}' is offline: {session['status_reason']}")
    if session["current_dir"] is None:
        raise UsageError(f"where session '{session_name}' stands cannot be told")
    with store.transaction():
        kept = store.one("context", name=name)
        if kept and not force:
            raise UsageError(
                f"context '{name}' is there, saved from session '{kept['session']}' at"
                f" {kept['saved_at']}: --force overwrites it"
            )
        store.run(
            "save_context",
            name=name,
            session=session_name,
            working_dir=session["current_dir"],
            git_branch=session["git_branch"],
            env_vars=session["env_vars"],
        )
    return find(store, name)


def restore(store: Store, name: str, session_name: str) -> Row:
    """Queue a prompt that does nothing but bring the session into a kept context.

    Its row, with `missing`: the variables whose values were secret, and so are not kept.
    UsageError for an unknown context, or a session that is unknown or takes no such prompt.
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
    drafting.check(draft, store.settings, providers.names())
    (prompt,) = prompts.queue(store, [draft])
    row = store.one("prompt", id=prompt)
    assert row is not None
    return {**row, "missing": prompts.secret_names(kept["env_vars"])}


def drop(store: Store, name: str) -> Row:
    """Forget a kept context; what it was.  UsageError for an unknown one."""
    with store.transaction():
        kept = find(store, name)
        store.run("drop_context", name=name)
    return kept
