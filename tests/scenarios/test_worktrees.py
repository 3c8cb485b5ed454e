"""send --worktree: a prompt runs in a git working tree of its own, which is removed later."""

import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from harness.workplace import Workplace

BRANCHES = ["a/b", 'it\'s"odd"', "$(touch${IFS}marker)", "é漢", "a%2Fb", "ü" * 60]


def git(top: Path, *args: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x"]
    done = subprocess.run(["git", *who, *args], cwd=top, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def send(work: Workplace, content: str, directory: Path, branch: str, **more: Any) -> None:
    prompt = {"content": content, "working_dir": str(directory), "git_branch": branch}
    line = json.dumps({**prompt, "worktree": True, "max_attempts": 1, **more})
    work.tool("send", "--jsonl", "-", input=line)


def trees(work: Workplace) -> list[Path]:
    return sorted((work.state / "worktrees").glob("*/*"))


def held(work: Workplace) -> list[str]:
    return [row["held_by"] for row in work.tool("queue", "--json").json if row["held_by"]]


def aged(tree: Path, days: float = 8) -> None:
    """Let a working tree look as if it had last been used so long ago."""
    git_dir = Path(git(tree, "rev-parse", "--absolute-git-dir"))
    then = time.time() - days * 86400
    for path in (tree, git_dir / "HEAD", git_dir / "index", git_dir / "logs" / "HEAD"):
        os.utime(path, (then, then))


def found(work: Workplace, *options: str) -> list[tuple[str, str]]:
    rows = work.tool("cleanup-stale", "--json", *options).json
    return [(row["detail"], row["action"]) for row in rows if row["kind"] == "worktree"]


def test_runs_in_a_tree_of_its_own(work: Workplace, shell: str) -> None:
    top = work.repo("a repo", branches=("main", *BRANCHES))
    below = top / "below"
    below.mkdir()
    pane = work.enrolled("one", shell)
    for branch in BRANCHES:
        send(work, "pwd -P; cat branch.txt; git symbolic-ref --short HEAD", top, branch)
    work.tick(until=30)
    places = []
    for number, branch in enumerate(BRANCHES, 1):
        assert work.prompt(number)["error"] is None
        place, content, head = work.prompt(number)["response"].splitlines()
        assert (content, head) == (branch, branch)
        places.append(Path(place))
    assert sorted(places) == trees(work)
    assert len({place.parent for place in places}) == 1
    assert places[0].parent.name.startswith("a%20repo-")
    assert git(top, "symbolic-ref", "--short", "HEAD") == "main"
    assert git(top, "status", "--porcelain") == ""
    assert not list(work.path.rglob("marker*"))
    assert (pane.command, pane.format("#{pane_pid}")) == (shell, str(pane.pid))


def test_runs_in_the_same_directory_of_it(work: Workplace, shell: str) -> None:
    top = work.repo()
    below = top / "be low"
    below.mkdir()
    (below / "file").touch()
    git(top, "add", ".")
    git(top, "commit", "-qm", "below")
    git(top, "branch", "other")
    work.enrolled("one", shell)
    send(work, "pwd -P", below, "other")
    send(work, "pwd -P", below, "other")
    send(work, "touch ran", below, "feature")  # which does not have it
    work.tick()
    (other,) = (tree for tree in trees(work) if tree.name == "other")
    assert [work.prompt(n)["response"] for n in (1, 2)] == [str(other / "be low")] * 2
    assert "context: cd: cannot enter the directory" in work.prompt(3)["error"]
    assert not list(work.path.rglob("ran"))


def test_does_not_wait_for_the_main_tree_nor_for_another_branch(work: Workplace) -> None:
    top = work.repo(branches=("main", "feature", "other"))
    for name in ("one", "two", "three", "four"):
        work.enrolled(name)
    go = work.path / "go"
    wait = f"until [ -e {go} ]; do sleep 0.05; done; pwd -P"
    work.tool("send", wait, "--workdir", top, "--git-branch", "main")
    work.tool("send", "true", "--workdir", top, "--git-branch", "feature")
    send(work, wait, top, "feature")
    send(work, wait, top, "other")
    work.run_until(
        lambda: len(work.rows("SELECT * FROM prompts WHERE status = 'in_progress'")) == 3
    )
    assert held(work) == ["tree in use"]
    leases = {
        row["tree"]: row["branch"] for row in work.rows("SELECT tree, branch FROM tree_leases")
    }
    assert leases == {str(top): "main", **{str(tree): tree.name for tree in trees(work)}}
    send(work, "pwd -P", top, "feature")  # it shares the tree that is there on that branch
    work.run_until(lambda: work.prompt(5)["status"] == "completed")
    assert work.prompt(5)["response"] == str(trees(work)[0])
    work.tool("sync-context")
    assert work.rows("SELECT * FROM task_events WHERE type = 'context.mismatch'") == []
    go.touch()
    # The main tree cannot be switched to a branch that has a tree of its own: git's rule
    work.tick()
    assert [work.prompt(n)["status"] for n in (1, 3, 4)] == ["completed"] * 3
    assert "cannot check out branch 'feature'" in work.prompt(2)["error"]
    assert work.rows("SELECT * FROM tree_leases") == []


def test_two_at_once_make_the_tree_once(work: Workplace) -> None:
    top = work.repo()
    for name in ("one", "two"):
        work.enrolled(name)
    for _ in range(2):
        send(work, "pwd -P", top, "feature")
    work.tick()
    assert [work.prompt(n)["error"] for n in (1, 2)] == [None, None]
    assert work.prompt(1)["response"] == work.prompt(2)["response"]


def test_a_tree_that_is_being_made_is_waited_for(work: Workplace) -> None:
    top = work.repo()
    go = work.path / "go"
    (top / ".git/info/attributes").write_text("branch.txt filter=slow\n")
    slow = f"until [ -e {go} ]; do sleep 0.05; done; cat"
    git(top, "config", "filter.slow.smudge", slow)
    for name in ("one", "two"):
        work.enrolled(name)
    send(work, "cat branch.txt", top, "feature")
    work.run_until(lambda: trees(work) and (trees(work)[0] / ".git").exists())
    send(work, "cat branch.txt", top, "feature")
    work.tool("tick")
    assert held(work) == ["tree in use"]
    go.touch()
    work.tick()
    assert [work.prompt(n)["response"] for n in (1, 2)] == ["feature", "feature"]


def test_a_tree_over_which_git_died_is_made_again(work: Workplace) -> None:
    top = work.repo()
    work.enrolled("one")
    send(work, "true", top, "feature")
    work.tick()
    (tree,) = trees(work)
    git_dir = Path(git(tree, "rev-parse", "--absolute-git-dir"))
    (git_dir / "index").unlink()
    (git_dir / "locked").write_text("initializing")
    (tree / "branch.txt").unlink()
    send(work, "cat branch.txt", top, "feature")
    work.tick()
    assert work.prompt(2)["response"] == "feature"


def test_the_session_in_that_tree_is_the_best_match(work: Workplace) -> None:
    top = work.repo()
    work.enrolled("one")
    for _ in range(2):  # the second finds the tree, and its session moves in
        send(work, "true", top, "feature")
        work.tick()
    work.shell("main", cwd=top)
    work.tool("enroll", "main")
    work.tool("tick")
    send(work, "true", top, "feature")
    options = work.tool("assign-next", "--explain", "--dry-run", "--json").json
    scores = {row["session"]: (row["match"], row["chosen"]) for row in options}
    assert scores == {"one": (130, True), "main": (0, False)}
    work.tick()
    attempt = work.row("SELECT session, context_switch FROM attempts ORDER BY id DESC LIMIT 1")
    assert attempt == {"session": "one", "context_switch": 0}


def test_a_target_whose_directory_is_known_will_do(work: Workplace) -> None:
    top = work.repo()
    work.enrolled("one", cwd=top)
    work.tool("send", "cat branch.txt", "--target", "one", "--git-branch", "feature", "--worktree")
    work.tick()
    assert work.prompt(1)["response"] == "feature"
    assert (top / "branch.txt").read_text() == "main\n"
    assert work.tool("prompts", "--json").json[0]["worktree"] is True
    assert "working tree:" in work.tool("show", 1).out


def test_what_git_refuses_fails_with_its_words(work: Workplace, shell: str) -> None:
    top = work.repo()
    work.enrolled("one", shell)
    send(work, "touch ran", top, "main")
    send(work, "touch ran", top, "nowhere")
    send(work, "touch ran", work.path, "main")
    work.tick()
    first, second = work.rows("SELECT step, output FROM attempts ORDER BY id LIMIT 2")
    assert (first["step"], second["step"]) == ("worktree", "worktree")
    assert "'main' is already" in first["output"]
    assert "nowhere" in second["output"]
    error = work.prompt(1)["error"]
    assert "worktree: cannot check out branch 'main' in a separate working tree" in error
    assert "is not in a git working tree" in work.prompt(3)["error"]
    assert not list(work.path.rglob("ran"))
    assert trees(work) == []


def test_a_tree_that_was_deleted_is_made_again(work: Workplace, shell: str) -> None:
    top = work.repo()
    work.enrolled("one", shell)
    send(work, "touch kept", top, "feature")
    work.tick()
    (tree,) = trees(work)
    subprocess.run(["rm", "-r", tree], check=True)
    send(work, "ls", top, "feature")
    work.tick()
    assert work.prompt(2)["response"] == "branch.txt"


def test_a_tree_on_another_branch_is_switched_back_but_not_with_changes(work: Workplace) -> None:
    top = work.repo()
    work.enrolled("one")
    send(work, "git checkout -q -b stray", top, "feature")
    send(work, "cat branch.txt; git checkout -q stray; echo changed >branch.txt", top, "feature")
    work.tick()
    assert work.prompt(2)["response"] == "feature"
    send(work, "touch ran", top, "feature")
    work.tick()
    assert work.row("SELECT step FROM attempts ORDER BY id DESC LIMIT 1") == {"step": "dirty"}


def test_python_queues_such_a_prompt(work: Workplace) -> None:
    code = "import assigner; assigner.send_prompt('x', working_dir='/', git_branch='b', worktree=1)"
    python = Path(__file__).resolve().parents[2] / ".venv/bin/python"
    subprocess.run([python, "-c", code], env=work.environment, check=True)
    assert work.prompt(1)["worktree"] == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--workdir", "/"], "--worktree needs a branch: give --git-branch"),
        (["--git-branch", "b"], "the repository of branch 'b' is unknown: give --workdir"),
        (["--git-branch", "a..b", "--workdir", "/"], "'a..b' is not a branch name"),
    ],
)
def test_send_refuses(work: Workplace, options: list[str], message: str) -> None:
    assert message in work.tool("send", "x", "--worktree", *options, status=2).err
    line = json.dumps({"content": "x", "worktree": 1})
    refused = work.tool("send", "--jsonl", "-", input=line, status=2)
    assert "'worktree' is not true or false: 1" in refused.err
    assert work.rows("SELECT * FROM prompts") == []


# --- taken away again ---------------------------------------------------------------------------


def test_a_tree_that_nobody_wants_is_removed_after_a_week(work: Workplace) -> None:
    top = work.repo()
    pane = work.enrolled("one")
    send(work, "git commit -q --allow-empty -m done; touch ignored", top, "feature")
    (top / ".git/info/exclude").write_text("ignored\n")
    (work.home / ".gitconfig").write_text("[user]\nname = x\nemail = x@example.org\n")
    work.tick()
    (tree,) = trees(work)
    done = git(tree, "rev-parse", "HEAD")
    assert found(work) == []
    aged(tree)
    assert found(work) == [("not used for 7 days", "remove")]
    assert tree.exists()
    assert found(work, "--apply") == [("not used for 7 days", "remove")]
    assert list((work.state / "worktrees").iterdir()) == []
    assert git(top, "rev-parse", "feature") == done
    assert "worktrees" not in git(top, "worktree", "list")
    send(work, "pwd -P", top, "feature")
    work.tick()
    assert work.prompt(2)["response"] == str(tree)
    assert pane.command == "bash"


def test_an_attempt_that_ends_counts_as_use(work: Workplace) -> None:
    top = work.repo()
    work.enrolled("one")
    go = work.path / "go"
    send(work, f"until [ -e {go} ]; do sleep 0.05; done", top, "feature")
    work.run_until(lambda: work.prompt(1)["status"] == "in_progress" and trees(work))
    (tree,) = trees(work)
    aged(tree)
    assert found(work) == []  # it is at work there
    go.touch()
    work.tick()
    assert found(work) == []


def test_what_is_wanted_or_has_work_in_it_is_kept(work: Workplace) -> None:
    branches = ["wanted", "stood-in", "changed", "new-file", "detached", "locked"]
    top = work.repo(branches=("main", *branches))
    work.enrolled("one")
    for branch in branches:
        send(work, "true", top, branch)
    work.tick(until=30)
    by_name = {tree.name: tree for tree in trees(work)}
    assert sorted(by_name) == sorted(branches)
    send(work, "true", top, "wanted", not_before="2199-01-01T00:00:00.000Z")
    (by_name["changed"] / "branch.txt").write_text("edited\n")
    (by_name["new-file"] / "new").touch()
    git(by_name["detached"], "checkout", "-q", "--detach")
    git(top, "worktree", "lock", str(by_name["locked"]))
    work.shell("stands", cwd=by_name["stood-in"])
    work.tool("tick")
    for tree in by_name.values():
        aged(tree)
    work.tool("send", "cd /", "--workdir", "/", "--target", "one")
    work.run_until(lambda: work.prompt(8)["status"] == "completed")
    kept = "not used for 7 days, kept: "
    assert found(work, "--apply") == [
        (f"{kept}it has uncommitted changes", ""),
        (f"{kept}it is not on a branch", ""),
        (f"{kept}fatal: cannot remove a locked working tree;", ""),
        (f"{kept}it has uncommitted changes", ""),
    ]
    assert all(tree.exists() for tree in by_name.values())
    git(top, "worktree", "unlock", str(by_name["locked"]))
    (top / ".git").rename(top / "gone")
    assert {detail for detail, _ in found(work)} == {f"{kept}git does not know it"}
    assert all(tree.exists() for tree in by_name.values())
