"""Separate working trees for prompts: one for each branch that `--worktree` asks for.

    STATE/worktrees/REPOSITORY-HASH/BRANCH

The session's shell makes the tree, as a step of the prompt's context (dialects).  The claim leases
this tree instead of the main tree, so that prompts in the two do not wait for each other.
"""

import contextlib
import os
from typing import NamedTuple

from assigner.config import Settings
from assigner.store import state_dir
from assigner.store.database import Store
from assigner.store.rows import Workplace
from assigner.system import git


def directory_of(store: Store, prompt: Workplace, session_dir: str | None) -> str:
    """The directory of a prompt's work."""
    directory = prompt["working_dir"] or session_dir
    own = of(store.settings, prompt, directory)
    return own.directory if own and own.made else directory or "/"


class Own(NamedTuple):
    """A prompt's own working tree and its directory there; `made` is the tree if it exists."""

    tree: str
    directory: str
    made: str | None


def own(top: str, place: git.Place, directory: str, branch: str) -> tuple[str, str]:
    """The tree below `top`, and the directory in it that corresponds to `directory`."""
    tree = git.own_tree(top, place, branch)
    below = os.path.relpath(os.path.realpath(directory), place.tree)
    return tree, os.path.normpath(os.path.join(tree, below))


def of(settings: Settings, prompt: Workplace, directory: str | None) -> Own | None:
    """The separate working tree of a prompt; None if it asks for none or has no repository."""
    place = git.place(directory) if directory and prompt["worktree"] else None
    if place is None or directory is None:
        return None
    tree, below = own(state_dir.root(settings), place, directory, prompt["git_branch"])
    return Own(tree, below, tree if git.made_tree(tree) else None)


def unwanted(store: Store, before: float) -> list[str]:
    """The trees that no open prompt, attempt or session uses, and that are unchanged since
    `before` (epoch seconds).
    """
    top = state_dir.root(store.settings)
    sessions = {
        row["name"]: row["current_dir"]
        for row in store.rows("sessions/list")
        if row["status"] != "offline" and row["current_dir"]
    }
    wanted = {row["tree"] for row in store.rows("tree_leases/list")}
    for prompt in store.rows("prompts/with_worktree"):
        directory = prompt["working_dir"] or sessions.get(prompt["target_session"])
        if mine := of(store.settings, prompt, directory):
            wanted.add(mine.tree)
    return [
        tree
        for tree in _trees(top)
        if tree not in wanted
        and git.last_change(tree) < before
        and not any(f"{place}/".startswith(f"{tree}/") for place in sessions.values())
    ]


def why_kept(tree: str) -> str | None:
    """Why a tree must not be removed, such as work that exists nowhere else; None if it may be."""
    place = git.place(tree)
    if place is None or place.tree != tree:
        return "git does not know it"
    if git.is_half_made(tree):
        return None
    if place.operation:
        return f"a {place.operation} is in progress in it"
    if place.branch is None:
        return "it is not on a branch"
    clean = git.is_clean(tree)
    if clean is None:
        return "git cannot tell whether it has changes"
    return None if clean else "it has uncommitted changes"


def remove(tree: str) -> str | None:
    """Remove a tree, and the repository's directory of trees if it is empty then.

    Returns the reason if that is impossible, else None.
    """
    place = git.place(tree)
    if place is None or place.tree != tree:
        return "git does not know it"
    if problem := git.remove_tree(place):
        return problem
    with contextlib.suppress(OSError):
        os.rmdir(os.path.dirname(tree))
    return None


def _trees(top: str) -> list[str]:
    return sorted(
        tree.path
        for repository in os.scandir(top)
        if repository.is_dir(follow_symlinks=False)
        for tree in os.scandir(repository.path)
        if tree.is_dir(follow_symlinks=False)
    )
