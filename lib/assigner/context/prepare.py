"""Checks the context that a prompt needs, and describes it as a task for a session."""

import json
import os
import shutil
from functools import cache
from typing import NamedTuple

from assigner.context import worktrees
from assigner.shells.spec import Task, Tools
from assigner.store import secrets, state_dir
from assigner.store.database import Store
from assigner.store.rows import LiveAttempt
from assigner.system import git, resources


class Problem(NamedTuple):
    """An impossible step of the context, and the reason."""

    step: str
    reason: str


def context(store: Store, attempt: LiveAttempt, here: str | None) -> Task | Problem:
    """The task that brings a session into the attempt's context, or the Problem that prevents it.

    `here` is the session's directory.  Removes a half-made working tree that a killed git has left.
    """
    directory = attempt["working_dir"] or (here if attempt["git_branch"] else None)
    if directory and (reason := state_dir.directory_problem(directory)):
        return Problem("cd", reason)
    own = worktrees.of(store.settings, attempt, directory)
    if problem := _branch_problem(attempt, directory if own is None else own.made):
        return problem
    if own and git.is_half_made(own.tree) and attempt["stage"] != "typing" and attempt["lease_id"]:
        worktrees.remove(own.tree)  # git died while making it; the lease excludes others
    if own and own.made:  # the session moves into it and so matches the next prompt there
        directory = own.directory if os.path.isdir(own.directory) else own.tree
    try:
        variables = secrets.variables(store.settings, attempt)
    except (OSError, KeyError, ValueError):
        return Problem("env", "the file with its secret values is gone")
    return Task(
        run=str(store.settings.run / str(attempt["id"])),
        spool=str(store.settings.spool / str(attempt["id"])),
        directory=directory,
        physical=own.directory if own else os.path.realpath(directory) if directory else None,
        worktree=own.tree if own else None,
        variables=variables,
        retake=list(json.loads(attempt["session_env"])),
        branch=attempt["git_branch"],
        prerequisites=json.loads(attempt["prerequisites"]),
        expected=_expected(attempt),
        validate=bool(attempt["validate_context"]) and store.settings.validate,
        one_shot=attempt["provider"] == "command",
        feedback=attempt["feedback"],
    )


@cache
def tools() -> Tools | str:
    """The programs that a generated file may run; or a message that names a missing one."""
    found = {name: shutil.which(name) for name in ("mv", "sh", "tee", "git")}
    for name, path in found.items():
        if path is None and name != "git":
            return f"'{name}' is not on the PATH"
    paths = {name: path or f"/usr/bin/{name}" for name, path in found.items()}
    return Tools(report=str(resources.data("bin") / "report"), **paths)


def _branch_problem(attempt: LiveAttempt, directory: str | None) -> Problem | None:
    branch = attempt["git_branch"]
    if branch is None or directory is None:
        return None
    place = git.place(directory)
    if place is None:
        return Problem("branch", f"'{directory}' is not in a git working tree")
    if place.operation and (place.branch != branch or place.operation == "rebase"):
        return Problem("branch", f"a {place.operation} is in progress in '{place.tree}'")
    return None


def _expected(attempt: LiveAttempt) -> dict[str, str]:
    state = json.loads(attempt["metadata"]).get("session_state") or {}
    if "expected_cwd" in state:
        state["expected_cwd"] = os.path.realpath(state["expected_cwd"])
    return {str(key): str(value) for key, value in state.items()}
