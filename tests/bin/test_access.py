"""Whose files these are: made for one person alone, and nobody else's followed, read or written."""

import json
import os
import shlex
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from assigner import access, db, files, goalfiles, launching, lock, log, posix, worklog
from assigner.config import Settings
from assigner.errors import AssignerError, SetupError
from support import ROOT, Workplace

IS_ROOT = os.geteuid() == 0
NOBODY = 65534


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


def open_to_others(root: Path) -> dict[str, str]:
    """What lies below a directory and has another mode than 0700 or, a file, 0600."""
    found = {}
    for path in (root, *root.rglob("*")):
        mode = path.lstat().st_mode
        wanted = 0o700 if stat.S_ISDIR(mode) else 0o600
        if stat.S_IMODE(mode) != wanted and not stat.S_ISLNK(mode):
            found[str(path.relative_to(root))] = oct(stat.S_IMODE(mode))
    return found


# --- what is made -------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", [0, 0o777], ids=oct)
def test_all_that_is_made_is_for_one_person_alone(work: Workplace, mask: int) -> None:
    """While prompts and a check run, and afterwards: of every file that tools and sessions make."""
    if mask and not IS_ROOT:
        pytest.skip("nobody else can work so")
    work.state = work.path / "far" / "away" / "state"
    work.database = work.state / "assigner.db"
    kept = work.path / "kept"
    work.environment |= {"ASSIGNER_HOME": str(work.state), "XDG_CONFIG_HOME": f"{work.path}/config"}
    top = work.repo()
    seen = f"find {shlex.quote(str(work.state))} -name worktrees -prune -o"
    seen += " ! -type l ! -perm 0700 ! -perm 0600 -print"
    foundation = work.path / "config/assigner/foundation.toml"
    foundation.parent.mkdir(parents=True)
    foundation.write_text(f'[foundation]\nsession = "foundation"\nworking_dir = "{work.home}"\n')
    foundation.chmod(0o600)
    kept.mkdir(mode=0o700)
    with umask(mask):
        work.enrolled("foundation")
        work.shell("once")
        work.tool("enroll", "once", "--command", "sh -c 'cat >/dev/null'")
        spool = shlex.quote(f"{work.state}/spool")
        hook = f"{ROOT}/bin/hook {spool} standin Stop '{{}}'; $ASSIGNER_REPORT progress half"
        jobs: list[dict[str, object]] = [
            {"content": f"{hook}\n{seen}", "target_session": "foundation", "check_command": seen,
             "env_vars": {"A": "1"}},
            {"content": "x", "target_session": "once"},
            {"content": "true", "target_session": "foundation", "working_dir": str(top),
             "git_branch": "feature", "worktree": True},
        ]  # fmt: skip
        lines = "\n".join(map(json.dumps, jobs))
        work.tool("send", "--jsonl", "-", "--env", "TOKEN", input=lines, env={"TOKEN": "hush"})
        work.tool("goals", "add-task", "true")
        work.tool("tick", "--log")
        work.tick(until=40)
        work.tool("foundation-check", status=(0, 1))
        work.tool("hooks", "install", "claude")
        work.tool("doctor", "--backup", kept / "backup.db")
        work.tool("doctor", "--recover", kept / "recovered.db", status=(0, 1))
        work.tool("cleanup-stale", "--apply")
    rows = work.rows("SELECT status, error, response FROM prompts ORDER BY id LIMIT 3")
    assert [row["status"] for row in rows] == ["completed"] * 3, rows
    assert rows[0]["response"] == "", "seen by the prompt"
    (checked,) = work.rows("SELECT output FROM checks")
    assert checked["output"] == "", "seen by the check"
    (own,) = (work.state / "worktrees").iterdir()
    shutil.rmtree(own)  # a tree's files are git's to make, in a directory that is closed
    names = {path.name for path in work.state.iterdir()}
    assert {"assigner.db", "goals.db", "lock", "logs", "spool", "run", "hooks"} <= names
    for root in (work.path / "far", kept, work.home / ".claude"):
        assert open_to_others(root) == {}
