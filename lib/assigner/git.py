"""git working trees, read from their files: 60 us, where a git process takes 1.3 ms."""

import os
from dataclasses import dataclass
from pathlib import Path

# Under these names git keeps what a half-done operation needs (gitrepository-layout(5))
_OPERATIONS = {
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "BISECT_LOG": "bisect",
}


@dataclass(frozen=True)
class Place:
    """Where a directory stands in git: the working tree's top level, its branch (None where HEAD
    is detached), and what is in progress there (None where nothing is).
    """

    tree: str
    branch: str | None
    operation: str | None


def place(directory: str) -> Place | None:
    """The working tree that holds `directory`; None where there is none or it cannot be read."""
    path = Path(os.path.realpath(directory))
    for top in (path, *path.parents):
        try:
            git_dir = _git_dir(top / ".git")
            if git_dir is None:
                continue
            operation = next((w for n, w in _OPERATIONS.items() if (git_dir / n).exists()), None)
            return Place(str(top), _branch(top, git_dir), operation)
        except OSError:
            return None
    return None


def _git_dir(entry: Path) -> Path | None:
    """The git directory behind `.git`: a directory, or a file that says `gitdir: PATH`."""
    if entry.is_dir():
        return entry if (entry / "HEAD").exists() else None
    if not entry.is_file():
        return None
    line = entry.read_text("utf-8", "surrogateescape").partition("\n")[0]
    if not line.startswith("gitdir: "):
        return None
    return Path(os.path.normpath(entry.parent / line.removeprefix("gitdir: ")))


def _branch(top: Path, git_dir: Path) -> str | None:
    for name in ("rebase-merge/head-name", "rebase-apply/head-name"):
        if (git_dir / name).exists():
            head = (git_dir / name).read_text("utf-8", "surrogateescape").strip()
            return head.removeprefix("refs/heads/")
    head = (git_dir / "HEAD").read_text("utf-8", "surrogateescape").strip()
    if head == "ref: refs/heads/.invalid":
        return _ask_git(top)
    if head.startswith("ref: refs/heads/"):
        return head.removeprefix("ref: refs/heads/")
    return None


def _ask_git(top: Path) -> str | None:
    """In the reftable format HEAD is no file that can be read."""
    import sh

    try:
        answer = sh.Command("timeout")(
            "5", "git", "-C", str(top), "symbolic-ref", "-q", "--short", "HEAD", _tty_out=False
        )
    except (sh.ErrorReturnCode, sh.CommandNotFound):
        return None
    return str(answer).strip() or None


def version() -> str | None:
    """What `git --version` says; None without git."""
    import sh

    try:
        return str(sh.Command("git")("--version", _tty_out=False)).strip()
    except (sh.CommandNotFound, sh.ErrorReturnCode):
        return None
