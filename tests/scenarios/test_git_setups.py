"""Repositories as people have them: hooks that fail, and submodules."""

import subprocess
from pathlib import Path

import pytest

from harness.workplace import Workplace

SHELLS = pytest.mark.parametrize("shell", ["bash", "fish"])
WHO = ("-c", "user.name=Tester", "-c", "user.email=tester@example.org")


def git(place: Path, *args: str) -> str:
    local = ("-c", "protocol.file.allow=always")
    command = ["git", *WHO, *local, "-C", str(place), *args]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@SHELLS
@pytest.mark.parametrize("worktree", [False, True])
def test_a_hook_that_fails_after_the_switch_fails_no_prompt(
    work: Workplace, shell: str, worktree: bool
) -> None:
    repo = work.repo()
    hook = repo / ".git/hooks/post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 3\n")
    hook.chmod(0o755)
    work.enrolled("one", shell)
    options = ("--worktree",) if worktree else ()
    branch = ("--workdir", repo, "--git-branch", "feature")
    work.tool("send", "git branch --show-current", *branch, *options)
    work.tick()
    assert (work.prompt(1)["status"], work.prompt(1)["response"]) == ("completed", "feature")


@SHELLS
def test_submodules_go_with_the_branch(work: Workplace, shell: str) -> None:
    repo, part = work.repo(), work.repo("part", branches=("main",))
    git(repo, "submodule", "add", "-q", str(part), "part")
    git(repo, "commit", "-qm", "with a part")
    old = git(repo / "part", "rev-parse", "HEAD").strip()
    git(repo, "checkout", "-q", "-B", "feature")
    git(repo / "part", "commit", "-q", "--allow-empty", "-m", "newer")
    new = git(repo / "part", "rev-parse", "HEAD").strip()
    git(repo, "commit", "-qam", "with a newer part")
    work.enrolled("one", shell)
    for branch in ("main", "feature", "main"):
        work.tool("send", "git -C part rev-parse HEAD", "--workdir", repo, "--git-branch", branch)
    work.tick()
    assert [work.prompt(id)["response"] for id in (1, 2, 3)] == [old, new, old]


@SHELLS
def test_a_branch_that_cannot_be_checked_out_fails_its_prompt(work: Workplace, shell: str) -> None:
    repo = work.repo()
    work.enrolled("one", shell)
    work.tool("send", "true", "--workdir", repo, "--git-branch", "nowhere")
    work.tick()
    error = work.prompt(1)["error"]
    assert error.startswith("context: branch: ") and "'nowhere'" in error
    assert work.row("SELECT exit_status FROM attempts")["exit_status"] not in (None, 0)
