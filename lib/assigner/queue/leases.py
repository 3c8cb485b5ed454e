"""Leases of working trees: attempts in one tree at the same time work on the same branch."""

from assigner import clock
from assigner.queue import prompts
from assigner.store import state_dir
from assigner.store.database import Store


def take(store: Store, tree: str, branch: str | None, wanted: str | None) -> int | None:
    """Take the lease of a working tree, which keeps the tree on `branch`, or join an existing one.

    Returns the lease's id; None if another prompt keeps the tree on a branch other than `wanted`.
    """
    if lease := store.one("tree_leases/of_tree", tree=tree):
        return int(lease["id"]) if wanted in (None, lease["branch"]) else None
    return store.insert(
        "tree_leases",
        {
            "host": store.settings.host,
            "tree": tree,
            "branch": branch,
            "taken_at": clock.text(clock.now()),
        },
    )


def release(store: Store, lease: int) -> None:
    """End a lease if no live attempt uses it, and release the prompts that wait for the tree."""
    tree = store.execute("SELECT tree FROM tree_leases WHERE id = :id", {"id": lease}).fetchone()
    if tree and store.run("tree_leases/release", id=lease):
        state_dir.note_use(store, tree["tree"])
        prompts.release_tree(store, tree["tree"])
