"""Which waiting prompt goes to which idle session, and why a prompt still waits."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from harness.workplace import Workplace, wait_for

LATER = "2099-01-01T00:00:00"


def send(work: Workplace, text: str = "true", *options: object, **where: Any) -> int:
    return int(work.tool("send", text, *options, "--json", **where).json["id"])


def queue(work: Workplace) -> dict[int, str]:
    """What each open prompt waits for."""
    return {row["id"]: row["waits_for"] for row in work.tool("queue", "--json").json}


def explained(work: Workplace, **env: str) -> dict[tuple[int, str], dict[str, Any]]:
    """Every pair that assign-next would weigh now."""
    result = work.tool("assign-next", "--dry-run", "--explain", "--json", env=env)
    return {(row["prompt"], row["session"]): row for row in result.json}


def chosen(work: Workplace, **env: str) -> dict[int, str]:
    """The pairs that assign-next would make now."""
    return {pair[0]: pair[1] for pair, row in explained(work, **env).items() if row["chosen"]}


def ran_in_order(work: Workplace) -> list[int]:
    return [row["prompt_id"] for row in work.rows("SELECT prompt_id FROM attempts ORDER BY id")]


def sessions(work: Workplace, places: dict[str, Path]) -> None:
    """Enrolled sessions in these directories, the first of them idle for longest."""
    for name, directory in places.items():
        directory.mkdir(parents=True, exist_ok=True)
        work.shell(name, cwd=directory)
        work.tool("enroll", name)
    work.tool("sync-context")


def test_the_score_and_its_parts(work: Workplace) -> None:
    top = work.repo()
    other = work.repo("other")
    sessions(
        work,
        {
            "apart": other,
            "above": top,
            "same": top / "sub",
            "below": top / "sub" / "deep",
            "sibling": top / "submarine",
        },
    )
    variables = {"A": "1", "B": "two"}
    env = [part for name, value in variables.items() for part in ("--env", f"{name}={value}")]
    send(work, "true", "--target", "apart", *env, "--env", "C=3")
    work.tick()
    prompt = send(work, "true", "--workdir", f"{top}/./sub/", "--git-branch", "main", *env)
    parts = {
        session: tuple(row[part] for part in ("match", "directory", "environment", "branch"))
        for (_, session), row in explained(work).items()
    }
    assert parts == {
        "same": (130, 100, 0, 30),
        "above": (80, 50, 0, 30),
        "below": (55, 25, 0, 30),
        "sibling": (30, 0, 0, 30),
        "apart": (40, 0, 40, 0),  # a branch of that name, in another repository
    }
    assert chosen(work) == {prompt: "same"}
    assert chosen(work, ASSIGNER_SCORE_VARIABLE="99") == {prompt: "apart"}
    table = work.tool("assign-next", "--dry-run", "--explain").out
    assert {"match", "directory", "environment", "branch"} <= set(table.splitlines()[0].split())
    (claim,) = work.tool("assign-next", "--json").json
    assert claim == {
        "prompt": prompt, "session": "same", "attempt": 2, "score": 130, "context_switch": False,
    }  # fmt: skip


def test_between_equals_the_longest_idle(work: Workplace) -> None:
    sessions(work, {"old": work.home, "mid": work.home, "new": work.home / "here"})
    plain = send(work)
    assert chosen(work) == {plain: "old"}
    work.tool("cancel", plain)
    here = send(work, "true", "--workdir", work.home / "here")
    blind = send(work, "true", "--workdir", work.home / "here", "--no-context-match")
    assert chosen(work) == {here: "new", blind: "old"}
    rows = explained(work, ASSIGNER_PREFERRED_PROVIDER="shell")
    assert [(rows[here, name]["match"], rows[here, name]["bonus"]) for name in ("new", "old")] == [
        (100, 7), (50, 7),
    ]  # fmt: skip
    assert [rows[blind, "new"][key] for key in ("match", "bonus")] == [0, 0]
    assert explained(work, ASSIGNER_NOW=LATER)[here, "new"]["bonus"] == 0


def test_nobody_takes_what_suits_another_better(work: Workplace) -> None:
    sessions(work, {"one": work.home / "a", "two": work.home / "b"})
    either = send(work)
    fits = send(work, "true", "--workdir", work.home / "a")
    assert chosen(work) == {either: "two", fits: "one"}
    urgent = send(work, "true", "--workdir", work.home / "a", "--priority", 1)
    assert chosen(work) == {urgent: "one", either: "two"}
    assert len(work.tool("assign-next", "--limit", 1, "--json").json) == 1
    assert len(work.tool("assign-next", "--json").json) == 1
    assert work.tool("assign-next", "--json").json == []


def test_priorities_are_strict_and_age_decides_ties(work: Workplace, shell: str) -> None:
    work.enrolled("one", shell)
    first = send(work, "true", "--priority", -3)
    plain = send(work)
    urgent = send(work, "true", "--priority", 5)
    also = send(work, "true", "--priority", 5)
    last = send(work, "true", "--priority", 99, "--after", first, "--after", plain)
    assert queue(work)[last] == f"dependency: prompt {first}, prompt {plain}"
    assert list(queue(work)) == [last, urgent, also, plain, first]
    work.tick()
    assert ran_in_order(work) == [urgent, also, plain, first, last]


def test_a_failed_dependency_holds_and_says_so(work: Workplace) -> None:
    work.environment["ASSIGNER_BACKOFF_BASE"] = "0"
    work.enrolled("one")
    root = send(work, "[ -e repaired ]", "--max-attempts", 1)
    child = send(work, "true", "--after", root)
    grandchild = send(work, "true", "--after", child)
    work.tick()
    assert queue(work) == {
        child: f"dependency: prompt {root} failed", grandchild: f"dependency: prompt {child}",
    }  # fmt: skip
    (work.home / "repaired").touch()
    work.tool("retry", root)
    assert queue(work)[child] == f"dependency: prompt {root}"
    work.tool("cancel", root)
    assert queue(work)[child] == f"dependency: prompt {root} cancelled"
    work.tool("retry", root)
    work.tick()
    assert ran_in_order(work) == [root, root, child, grandchild]
    # One that will be tried again by itself has not failed for good.
    flaky = send(work, "[ -e tried ] || { touch tried; exit 1; }")
    child = send(work, "true", "--after", flaky)
    work.tick()
    assert ran_in_order(work)[-3:] == [flaky, flaky, child]


def test_not_before_its_time(work: Workplace) -> None:
    work.enrolled("one")
    later = send(work, "true", "--not-before", "+2h", "--priority", 9)
    soon = send(work, "true", "--not-before", "2020-01-01T00:00Z")
    assert queue(work)[later].startswith("time: 20")
    assert queue(work)[soon] == ""
    work.run_until(lambda: work.prompt(soon)["status"] == "completed")
    assert work.prompt(later)["held_by"] == "time"
    work.environment["ASSIGNER_NOW"] = LATER
    work.run_until(lambda: work.prompt(later)["status"] == "completed")


def test_a_target_is_waited_for(work: Workplace) -> None:
    work.enrolled("other")
    prompt = send(work, "echo ran", "--target", "wanted")
    assert queue(work) == {prompt: "target missing: wanted"}
    pane = work.shell("wanted")
    work.tick()  # it is there, but nobody has enrolled it
    assert queue(work) == {prompt: "target missing: wanted"}
    work.tool("enroll", "wanted")
    assert queue(work) == {prompt: ""}
    work.tool("enroll", "--remove", "wanted")
    assert queue(work) == {prompt: "target missing: wanted"}
    work.tool("enroll", "wanted")
    pane.kill()
    work.tool("scan")
    assert queue(work) == {prompt: "target missing: wanted"}
    work.shell("wanted")
    work.run_until(lambda: work.prompt(prompt)["status"] == "completed")
    assert work.prompt(prompt)["assigned_session"] == "wanted"


def test_a_provider_is_waited_for(work: Workplace) -> None:
    work.enrolled("plain")
    prompt = send(work, "echo ran", "--provider", "command")
    work.tool("tick")
    assert work.prompt(prompt)["status"] == "pending"
    work.shell("answers")
    work.tool("enroll", "answers", "--command", "tr a-z A-Z")
    work.tick()
    assert work.prompt(prompt)["response"] == "ECHO RAN"


def test_a_better_session_is_waited_for_only_so_long(work: Workplace) -> None:
    place = work.home / "place"
    sessions(work, {"apart": work.path})
    waits = send(work, "true", "--workdir", place, "--min-score", 100)
    assert chosen(work) == {}
    assert chosen(work, ASSIGNER_CONTEXT_WAIT="0") == {waits: "apart"}
    assert chosen(work, ASSIGNER_NOW=LATER) == {waits: "apart"}
    sessions(work, {"suits": place})
    assert chosen(work) == {waits: "suits"}
    work.tool("enroll", "--remove", "suits")
    (claim,) = work.tool("assign-next", "--json", env={"ASSIGNER_CONTEXT_WAIT": "0"}).json
    assert (claim["session"], claim["context_switch"]) == ("apart", True)


def test_a_long_lane_hides_no_other(work: Workplace) -> None:
    work.shell("busy")
    work.shell("idle")
    work.tool("enroll", "busy", "idle")
    blocker = send(work, "read x", "--target", "busy")
    work.tool("tick")
    lines = [json.dumps({"content": "true", "target_session": "busy", "priority": 9})] * 1200
    work.tool("send", "--jsonl", "-", input="\n".join(lines))
    prompt = send(work)
    work.run_until(lambda: work.prompt(prompt)["status"] == "completed")
    assert ran_in_order(work) == [blocker, prompt]


def test_a_tree_is_on_one_branch_at_a_time(work: Workplace, shell: str) -> None:
    top = work.repo("home/repo")
    tree = work.home / "tree"
    subprocess.run(["git", "worktree", "add", "-q", tree, "feature"], cwd=top, check=True)
    subprocess.run(["git", "branch", "topic"], cwd=top, check=True)
    os.mkfifo(work.home / "go")
    for name in ("a", "b", "c"):
        work.shell(name, shell)
    work.tool("enroll", "a", "b", "c")
    wait = f"cat branch.txt; read x <{work.home}/go"
    holder = send(work, wait, "--workdir", top, "--git-branch", "main")
    work.run_until(lambda: work.prompt(holder)["started_at"])

    switches = send(work, "git branch --show-current", "--workdir", top, "--git-branch", "topic")
    below = send(work, "true", "--workdir", top / ".git" / "..", "--git-branch", "topic")
    shares = send(work, "true", "--workdir", top, "--git-branch", "main", "--priority", -1)
    anywhere = send(work, "true", "--workdir", top, "--priority", -2)
    separate = send(work, "cat branch.txt", "--workdir", tree, "--git-branch", "feature")
    done = (shares, anywhere, separate)
    work.run_until(lambda: all(work.prompt(n)["status"] == "completed" for n in done))
    behind = f"behind prompt {holder}: tree in use, ~/repo"
    assert queue(work) == {holder: "", switches: behind, below: behind}
    assert work.prompt(separate)["response"] == "feature"

    (work.home / "go").write_text("\n")
    work.tick()
    assert work.prompt(switches)["response"] == "topic"
    assert work.prompt(holder)["response"] == "main"
    assert work.rows("SELECT * FROM tree_leases") == []


def test_a_tree_in_use_without_a_branch_is_kept_too(work: Workplace) -> None:
    top = work.repo("home/repo")
    os.mkfifo(work.home / "go")
    sessions(work, {"inside": top, "outside": work.home})
    holder = send(work, f"read x <{work.home}/go", "--target", "inside")
    work.run_until(lambda: work.prompt(holder)["started_at"])
    switch = send(work, "cat branch.txt", "--workdir", top, "--git-branch", "feature")
    work.tool("tick")
    assert queue(work)[switch] == f"behind prompt {holder}: tree in use, ~/repo"
    (work.home / "go").write_text("\n")
    wait_for(lambda: work.tick() and work.prompt(switch)["status"] == "completed")
    assert work.prompt(switch)["response"] == "feature"
