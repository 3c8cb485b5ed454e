"""The functions for Python programs; each opens and closes the database by itself."""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from assigner import clock, config
from assigner.agents import registry
from assigner.context import sync
from assigner.errors import UsageError
from assigner.queue import drafts, inherit, prompts, sessions
from assigner.store import database, state_dir
from assigner.store.database import Row, Store
from assigner.store.rows import Session


def send_prompt(
    content: str,
    *,
    priority: int = 0,
    target_session: str | None = None,
    target_provider: str | None = None,
    working_dir: str | os.PathLike[str] | None = None,
    env_vars: Mapping[str, str] | None = None,
    git_branch: str | None = None,
    worktree: bool = False,
    prerequisites: Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    prefer_context_match: bool = True,
    min_score: int | None = None,
    secret_vars: Mapping[str, str] | None = None,
    after: Sequence[int | str] = (),
    not_before: str | None = None,
    timeout_seconds: float | None = None,
    max_attempts: int = 3,
    idempotent: bool = False,
    validate_context: bool = True,
    tags: Sequence[str] = (),
    parent_id: int | None = None,
    dedup_key: str | None = None,
    affinity: str | None = None,
    sentinel: bool = False,
    check_command: str | None = None,
    check_timeout_seconds: float | None = None,
    review: bool = False,
    raw: bool = False,
) -> int:
    """Queue a prompt and return its id.  The arguments are the options of `send`.

    A relative `working_dir` is relative to the current directory.  With `parent_id` the prompt
    inherits from that one every argument left at its default.  `after` holds ids, or keys of
    prompts.  If a prompt with this `dedup_key` exists, returns that prompt's id and queues none.
    Raises UsageError for invalid arguments, SetupError if the state directory or a provider's file
    cannot be used, sqlite3.Error if the database cannot.
    """
    draft = drafts.Draft(
        content=content,
        priority=priority,
        target_session=target_session,
        target_provider=target_provider,
        working_dir=os.path.abspath(working_dir) if working_dir is not None else None,
        env_vars=dict(env_vars or {}),
        secret_vars=dict(secret_vars or {}),
        git_branch=git_branch,
        worktree=worktree,
        prerequisites=list(prerequisites or []),
        metadata=dict(metadata or {}),
        prefer_context_match=prefer_context_match,
        validate_context=validate_context,
        min_score=min_score,
        max_attempts=max_attempts,
        idempotent=idempotent,
        timeout_seconds=timeout_seconds,
        not_before=clock.parse(not_before) if not_before is not None else None,
        tags=list(tags),
        after=list(after),
        parent_id=parent_id,
        dedup_key=dedup_key,
        affinity=affinity,
        sentinel=sentinel,
        check_command=check_command,
        check_timeout_seconds=check_timeout_seconds,
        review=review,
        raw=raw,
    )
    with _store() as store:
        if parent_id is not None:
            inherit.inherit(store, draft)
        drafts.check(draft, store.settings, registry.names())
        registry.check_usable(draft.target_provider)
        return prompts.queue(store, [draft])[0]


def get_session_state(name: str) -> Row:
    """A session's current_dir, git_branch, env_vars (a dict), idle (a bool), status, status_reason.

    As the last scan recorded them.  Raises UsageError for an unknown session.
    """
    with _store() as store:
        session = sessions.find(store, name)
    return {
        **_context(session),
        "idle": session["status"] == "idle",
        "status": session["status"],
        "status_reason": session["status_reason"],
    }


def get_session_context(name: str) -> Row:
    """current_dir, git_branch and env_vars of a session.  Raises UsageError for an unknown one."""
    with _store() as store:
        return _context(sessions.find(store, name))


def get_sessions_with_env(key: str, value: str | None = None) -> list[Row]:
    """The sessions in which a prompt exported this variable, with this value if one is given."""
    with _store() as store:
        found = sessions.choose(store.rows("sessions/list"), env=[(key, value)])
    return [{**row, "env_vars": json.loads(row["env_vars"])} for row in found]


def update_session_context(
    name: str,
    *,
    current_dir: str | None = None,
    git_branch: str | None = None,
    env_vars: Mapping[str, str] | None = None,
) -> None:
    """Record a session's context; arguments that are None change nothing.

    The next sync-context overwrites the directory and the branch with what it finds.  Raises
    UsageError for an unknown session.
    """
    with _store() as store, store.transaction():
        session = sessions.find(store, name)
        if current_dir is not None and not os.path.isabs(current_dir):
            raise UsageError(f"current_dir is not an absolute path: '{current_dir}'")
        if git_branch is not None:
            drafts.check_branch(git_branch)
        variables = json.dumps(dict(env_vars)) if env_vars is not None else None
        if current_dir is not None:
            session["current_dir"] = current_dir
        if git_branch is not None:
            session["git_branch"] = git_branch
        if variables is not None:
            session["env_vars"] = variables
        sync.note(store, session, variables)


def _context(session: Session) -> Row:
    return {
        "current_dir": session["current_dir"],
        "git_branch": session["git_branch"],
        "env_vars": json.loads(session["env_vars"]),
    }


@contextlib.contextmanager
def _store() -> Iterator[Store]:
    settings = config.load()
    state_dir.prepare(settings)
    store = database.connect(settings, "python")
    try:
        yield store
    finally:
        store.connection.close()
