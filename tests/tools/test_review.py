"""send --review and review: results that a person must approve; sequences of steps."""

import json
import subprocess
from typing import Any

import pytest

from harness.workplace import Workplace


def run(work: Workplace, content: str, *options: object) -> dict[str, Any]:
    """The prompt, once it is over."""
    prompt = int(work.tool("send", content, *options).out)
    work.tick(until=50)
    return work.prompt(prompt)


@pytest.fixture
def place(work: Workplace) -> Workplace:
    work.environment["ASSIGNER_BACKOFF_BASE"] = "0"
    work.enrolled("one")
    return work


def test_what_waits_for_it_runs_once_it_is_approved(place: Workplace) -> None:
    row = run(place, "echo answer", "--review")
    assert (row["status"], row["review"]) == ("completed", "wanted")
    after = run(place, "true", "--after", 1)
    assert (after["status"], after["held_by"], after["held_on"]) == (
        "pending", "dependency", "prompt 1 awaits a review",
    )  # fmt: skip
    assert place.tool("status", "--json").json["reviews"] == [1]
    (told,) = place.tool("review", "--json").json
    assert (told["id"], told["response"], told["dependants"]) == (1, "answer", [2])
    assert "answer" in place.tool("review").out
    dry = place.tool("review", "approve", 1, "--dry-run")
    assert ("approved" in dry.out, place.prompt(1)["review"]) == (True, "wanted")
    assert place.tool("review", "approve", 1, "--json").json[0]["review"] == "approved"
    place.tick(until=50)
    assert place.prompt(2)["status"] == "completed"
    assert place.tool("review", "--json").json == []
    assert place.row("SELECT type FROM task_events WHERE type LIKE 'review.%'") == {
        "type": "review.approved"
    }


def test_rejected_it_runs_again_and_is_told_why(place: Workplace) -> None:
    run(place, 'echo "<$ASSIGNER_FEEDBACK>"', "--review", "--max-attempts", 1, "--env", "TOKEN=1")
    place.tool("send", "true", "--after", 1)
    comment = "name it 'better'; $(touch oh) `x` #{pane_id}\nand shorter"
    (row,) = place.tool("review", "reject", 1, "--comment", comment, "--json").json
    assert (row["status"], row["review"], row["attempts"]) == ("pending", "wanted", 0)
    assert place.prompt(2)["held_on"] == "prompt 1"
    assert comment in place.tool("show", 1).out.replace("\n  and", "\nand")
    place.tick(until=50)
    again = place.prompt(1)
    assert (again["status"], again["attempts"]) == ("completed", 1)
    assert again["response"] == (
        "<You have done this task before. A reviewer rejected the result:\n\n"
        f"{comment}\n\nYour earlier answer:\n\n<>\n\nThe task again:>"
    )
    assert place.prompt(2)["held_on"] == "prompt 1 awaits a review"


def test_one_shot_command_gets_its_prompt_unchanged(work: Workplace) -> None:
    """What reads it may be any program: it finds the comment in its environment."""
    work.enrolled("one")
    work.tool("enroll", "one", "--command", 'cat; printf "%s" "$ASSIGNER_FEEDBACK"')
    run(work, "data", "--target", "one", "--review")
    work.tool("review", "reject", 1, "--comment", "sort it")
    work.tick(until=50)
    response = work.prompt(1)["response"]
    assert response.startswith("dataYou have done this task before")
    assert "sort it" in response


def test_secrets_are_kept_for_what_may_run_again(place: Workplace) -> None:
    run(place, "echo ${#TOKEN}", "--env", "TOKEN", "--review")
    secrets = place.state / "secrets"
    later = place.row("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '+9 days') AS at")["at"]
    place.tool("cleanup-stale", "--apply", env={"ASSIGNER_NOW": later})
    assert len(list(secrets.iterdir())) == 1


@pytest.fixture(autouse=True)
def token(work: Workplace) -> None:
    work.environment["TOKEN"] = "hush"


def test_what_awaits_a_review_is_not_forgotten(place: Workplace) -> None:
    run(place, "true", "--review")
    later = {"ASSIGNER_NOW": "2036-01-01T00:00:00Z"}
    place.tool("cleanup-stale", "--apply", env=later)
    place.tool("clear", "--days", 0, "--apply", "--status", "completed", status=None, env=later)
    assert place.prompt(1)["review"] == "wanted"


def test_changes_commits_and_the_check_are_told(place: Workplace) -> None:
    top = place.repo()
    content = (
        "echo more >>branch.txt; echo x >'new \033[31m file'; echo y >staged; git add staged;"
        " git -c user.name=T -c user.email=t@example.org commit -q -m 'a \033[31m commit' staged"
    ).replace("\033", "$(printf '\\033')")
    run(place, content, "--workdir", top, "--review", "--check", "echo all 5 passed")
    (row,) = place.tool("review", "--json").json
    assert row["changed"] == "1 file changed, 1 insertion(+), 1 new"
    assert "branch.txt | 1 +" in row["changes"]
    # git tells the time in seconds: what was committed in the same one may be its work
    assert [line for line in row["commits"] if not line.endswith(" main")] == row["commits"][:1]
    assert (row["check"]["state"], row["check"]["output"]) == ("passed", "all 5 passed")
    shown = place.tool("review", "show", 1).out
    for part in ("branch.txt | 1 +", "commit", "all 5 passed", "completed:", "one"):
        assert part in shown
    assert "\033" not in shown + place.tool("review").out


def test_repository_that_wants_to_run_something_is_only_read(place: Workplace) -> None:
    top, mark = place.repo(), place.path / "ran"
    evil = place.path / "evil"
    evil.write_text(f"#!/bin/sh\necho >>{mark}\n")
    evil.chmod(0o755)
    settings = {
        "core.fsmonitor": evil, "diff.external": evil, "core.pager": evil, "diff.x.textconv": evil,
        "diff.x.command": evil, "filter.x.clean": evil,
    }  # fmt: skip
    for name, value in settings.items():
        subprocess.run(["git", "-C", top, "config", name, str(value)], check=True)
    (top / ".gitattributes").write_text("* diff=x\n")
    run(place, "echo more >>branch.txt", "--workdir", top, "--review")
    mark.unlink(missing_ok=True)
    (row,) = place.tool("review", "--json").json
    assert "branch.txt" in row["changes"]
    assert not mark.exists()


def test_directory_without_git_or_gone(place: Workplace) -> None:
    (place.path / "sub").mkdir()
    run(place, "true", "--workdir", place.path / "sub", "--review")
    assert place.tool("review", "--json").json[0]["changes"] is None
    (place.path / "sub").rmdir()
    assert place.tool("review", "--json").json[0]["changes"] is None
    assert "awaits a review" in place.tool("review", "show", 1).out


BAD: list[tuple[list[object], str]] = [
    (["approve", 1], "prompt 1 was not sent with --review"),
    (["approve", 2], "prompt 2 is pending: only a completed one"),
    (["approve", 3, 2], "prompt 2 is pending"),
    (["show", 99], "no prompt 99"),
    (["reject", 3], "reject needs --comment"),
    (["reject", 3, "--comment", " "], "the comment is empty"),
    (["reject", 3, "--comment", "a\x1b[31m"], "comment has the control character"),
    (["reject", 3, "--comment", "x" * 10_001], "the limit is 10000"),
    (["approve", 3, "--comment", "x"], "--comment is only for reject"),
    (["approve"], "approve needs the ids of prompts"),
    (["show"], "show takes one ID"),
    (["list", 3], "list takes no ids"),
]


def test_bad_input_changes_nothing(place: Workplace) -> None:
    place.tool("send", "true")
    place.tool("send", "true", "--review", "--not-before", "+9d")
    place.tool("send", "true", "--review")
    place.tick(until=50)
    for command, error in BAD:
        assert error in place.tool("review", *command, status=2).err
    assert place.prompt(3)["review"] == "wanted"


def test_approved_is_for_good(place: Workplace) -> None:
    run(place, "true", "--review")
    place.tool("review", "approve", 1)
    for words in (["approve", 1], ["reject", 1, "--comment", "x"]):
        assert "prompt 1 is already approved" in place.tool("review", *words, status=2).err
    place.tool("retry", 1, status=1)
    assert place.prompt(1)["status"] == "completed"


# --- runs of steps ------------------------------------------------------------------------------


def lines(*steps: dict[str, Any]) -> str:
    return "\n".join(map(json.dumps, steps))


def test_a_file_is_a_run_of_steps(place: Workplace) -> None:
    log = place.path / "log"
    steps = lines(
        {"content": f"echo build >>{log}", "dedup_key": "build", "review": True},
        {"content": f"echo test >>{log}", "dedup_key": "test", "after": ["build"],
         "check_command": f"grep -q build {log}"},
        {"content": f"echo lint >>{log}", "after": ["build"], "priority": 9},
        {"content": f"echo ship >>{log}", "after": [-2, -1]},
    )  # fmt: skip
    assert place.tool("send", "--jsonl", "-", input=steps).out.split() == ["1", "2", "3", "4"]
    assert place.rows("SELECT * FROM dependencies ORDER BY 1, 2") == [
        {"prompt_id": 2, "after_id": 1},
        {"prompt_id": 3, "after_id": 1},
        {"prompt_id": 4, "after_id": 2},
        {"prompt_id": 4, "after_id": 3},
    ]
    place.tick(until=50)
    assert log.read_text() == "build\n"
    place.tool("review", "approve", 1)
    place.tick(until=50)
    assert log.read_text() == "build\nlint\ntest\nship\n"
    later = lines({"content": "true", "after": ["test"]})
    assert place.tool("send", "--jsonl", "-", input=later).out == "5\n"
    assert place.prompt(5)["held_by"] is None


@pytest.mark.parametrize(
    ("after", "error"),
    [
        (["b"], "no prompt with the key 'b' to wait for"),
        ([-2], "after -2: only 1 prompts come before that one"),
        ([0], "after is not a prompt: 0"),
        ([1.5], "after is not a prompt: 1.5"),
        ([None], "after is not a whole number"),
        ([[1]], "after is not a whole number"),
        ([True], "after is not a whole number"),
        ([""], "after is empty"),
    ],
)
def test_a_step_that_waits_for_nothing_known_queues_none(
    work: Workplace, after: list[Any], error: str
) -> None:
    steps = lines({"content": "a", "dedup_key": "a"}, {"content": "b", "after": after},
                  {"content": "c", "dedup_key": "b"})  # fmt: skip
    assert error in work.tool("send", "--jsonl", "-", input=steps, status=2).err
    assert work.tool("prompts", "--json").json == []
