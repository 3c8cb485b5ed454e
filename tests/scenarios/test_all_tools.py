"""Every tool as people and programs use it: tables, JSON, dry runs, help."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib import metadata
from pathlib import Path

import pytest

from harness.workplace import ROOT, Workplace, wait_for

TOOLS = sorted(path.name for path in (ROOT / "bin").glob("[!._]*") if path.stem != "assigner")
IN_SH = [name for name in TOOLS if (ROOT / "bin" / name).read_text().startswith("#!/bin/sh")]
OBEYED = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
FAR = "2199-01-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A workplace in which something of every kind has happened; nobody may change it."""
    with Workplace(tmp_path_factory.mktemp("story"), real=True) as work:
        top = work.repo()
        odd = work.path / "odd \x1b[31m\u202e"
        odd.mkdir()
        work.enrolled("one")
        work.shell("two", cwd=odd)
        work.tool(
            "send", "printf 'seen \\033[32m\\a%s\\n' \"$A$TOKEN\"", "--workdir", top,
            "--git-branch", "feature", "--env", "A=\x1b[31m", "--env", "TOKEN", "--prereq", "true",
            "--tag", "t1", "--tag", "t2", "--metadata", '{"who": "me\u202e"}', "--priority", 7,
            "--timeout", 60, "--idempotent", env={"TOKEN": "hush"},
        )  # fmt: skip
        work.tool("send", "exit 3", "--max-attempts", 1, "--priority", 6)
        work.tool("send", "echo cancelled", "--not-before", FAR)
        work.tool("cancel", 3)
        work.tool("send", "echo later", "--not-before", FAR)
        work.tool("send", "echo after", "--after", 2)
        work.tool("send", "echo missing", "--target", "nowhere", "--workdir", odd)
        work.tick()
        work.tool("scan")
        assert [work.prompt(n)["status"] for n in (1, 2)] == ["completed", "failed"]
        yield work


READS: list[list[object]] = [
    ["queue"],
    ["prompts"],
    ["sessions", "--all"],
    ["status"],
    ["show", 1],
    ["show", 6],
    ["inspect", "two"],
    ["cleanup-stale"],
    ["assign-next", "--dry-run", "--explain"],
    ["scan", "--dry-run"],
]


@pytest.mark.parametrize("command", READS, ids=lambda command: "-".join(map(str, command)))
def test_nothing_that_a_terminal_obeys_is_printed(story: Workplace, command: list[object]) -> None:
    for form in ([], ["--json"]):
        out = story.tool(str(command[0]), *command[1:], *form).out
        assert not OBEYED.findall(out.replace("\n", "")), out
    json.loads(out)


def test_secret_is_nowhere_to_be_seen(story: Workplace) -> None:
    """Its prompt had it, and printed it: that is told, as it was asked for."""
    for command in READS:
        out = story.tool(str(command[0]), *command[1:], "--json").out
        for line in out.splitlines():
            assert "hush" not in line or '"output": "seen' in line or '"response": "seen' in line
    assert story.prompt(1)["env_vars"] == '{"A": "\\u001b[31m", "TOKEN": null}'
    assert "TOKEN=(secret)" in story.tool("show", 1).out


# --- help ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", IN_SH)
def test_help_of_a_tool_in_sh_is_its_manual(work: Workplace, name: str) -> None:
    manual = work.tool(name, "--help").out
    assert work.tool("assigner", name, "--help").out == manual
    assert manual.startswith(f"{name} - ") and "exit status: 0 " in manual


@pytest.mark.parametrize("name", sorted({*TOOLS} - {*IN_SH}))
def test_help_is_a_manual(work: Workplace, name: str) -> None:
    manual = work.tool(name, "--help").out
    usage, _, rest = manual.partition("\n\n")
    front, _, same = work.tool("assigner", name, "--help").out.partition("\n\n")
    assert same == rest
    assert front.split() == usage.replace(": ", ": assigner ", 1).split()
    assert usage.startswith(f"usage: {name} [-h] [--json] [--db FILE] [--verbose]")
    assert rest.startswith(f"{name} - ")
    assert "exit status: 0 " in rest
    _, _, options = rest.partition("\noptions:\n")
    for option in set(re.findall(r"--[a-z-]+", usage)):
        described = rf"^  (-h, )?{option}\b[^\n]*?(  +|\n {{20,}})\S"
        assert re.search(described, options, re.MULTILINE), option
    if "changing nothing" not in rest and "--dry-run" not in usage:
        assert name in {"queue", "prompts", "sessions", "status", "show", "inspect"}


def test_assigner_lists_and_runs_the_tools(story: Workplace) -> None:
    listed = story.tool("assigner").out
    lines = [line.split() for line in listed.splitlines() if re.match("  [a-z]", line)]
    assert sorted(name for name, *_ in lines) == TOOLS
    assert all(len(line) > 3 for line in lines)
    headings = [text.partition("\n")[0] for text in listed.split("\n\n")[1:-1]]
    assert headings == ["queue", "sessions", "passes", "goals", "upkeep"]
    version = metadata.version("assigner")
    assert story.tool("assigner", "--version").out == f"assigner {version}\n"
    assert story.tool("assigner", "--help").out == listed
    assert story.tool("assigner", "queue").out == story.tool("queue").out
    assert story.tool("assigner", "show", 99, status=2).err == "show: no prompt 99\n"


# --- JSON ---------------------------------------------------------------------------------------


def columns(work: Workplace, table: str) -> set[str]:
    return {row["name"] for row in work.rows(f"SELECT name FROM pragma_table_info('{table}')")}


def test_lists_have_the_tables_columns(story: Workplace) -> None:
    of_prompts = columns(story, "prompts")
    for row in story.tool("prompts", "--json").json:
        assert row.keys() == of_prompts
    for row in story.tool("queue", "--json").json:
        assert row.keys() == of_prompts | {"waits_for"}
    for row in story.tool("sessions", "--json").json:
        assert row.keys() == columns(story, "sessions")
    told = story.tool("show", 1, "--json").json
    assert told.keys() == of_prompts | {"after", "attempts_made", "checks", "events"}
    assert told["attempts_made"][0].keys() == columns(story, "attempts")
    assert told["events"][0].keys() == columns(story, "task_events")


def test_columns_with_json_are_opened_and_flags_are_truths(story: Workplace) -> None:
    row = story.tool("prompts", "--json", "--tag", "t1").json[0]
    assert row["tags"] == ["t1", "t2"]
    assert row["env_vars"] == {"A": "\x1b[31m", "TOKEN": None}
    assert row["prerequisites"] == ["true"]
    assert row["metadata"]["who"] == "me\u202e"
    assert row["metadata"]["git_branch"] == "feature"
    assert (row["idempotent"], row["prefer_context_match"]) == (True, True)
    sessions = {row["name"]: row["enrolled"] for row in story.tool("sessions", "--json").json}
    assert sessions == {"one": True, "two": False}


EMPTY: list[list[object]] = [
    ["scan"], ["keepalive"], ["sync-context"], ["observe"], ["retry-failed"], ["assign-next"],
    ["deliver"], ["tick"], ["queue"], ["prompts"], ["sessions"], ["cleanup-stale"],
    ["retry", "--all"],
    ["send", "--jsonl", "-"], ["cleanup-stale", "--verify-only"], ["pause", "--list"],
    ["clear", "--days", 0],
]  # fmt: skip


def test_nothing_is_an_empty_array(work: Workplace) -> None:
    for command in EMPTY:
        result = work.tool(str(command[0]), *command[1:], "--json")
        assert (result.json, result.err) == ([], ""), command
    assert work.tool("queue").out == ""
    assert work.tool("status", "--json").json["prompts"]["pending"] == 0


PASSES = {
    "scan": ["name", "provider", "status", "status_reason"],
    "sync-context": ["name", "current_dir", "git_branch", "env_vars", "context_hash"],
    "assign-next": ["prompt", "session", "attempt", "score", "context_switch"],
    "deliver": ["prompt", "attempt", "session", "action", "reason"],
    "observe": ["prompt", "attempt", "session", "action", "reason"],
    "retry-failed": ["prompt", "attempts", "max_attempts", "last_session"],
    "tick": ["pass", "prompt", "attempt", "session", "action", "reason"],
    "cleanup-stale": ["kind", "subject", "detail", "action"],
}


def test_passes_one_by_one(work: Workplace) -> None:
    """Each does its part, says so in its own columns, and once done finds nothing to do."""
    work.environment["ASSIGNER_BACKOFF_BASE"] = "0"
    work.shell("one")
    work.tool("send", "exit 4", "--target", "one", "--workdir", work.path)
    assert [row["name"] for row in rows_of(work, "scan")] == ["one"]
    work.tool("enroll", "one")
    assert len(rows_of(work, "sync-context")) == 1
    assert work.tool("sync-context").out == ""
    (claim,) = rows_of(work, "assign-next")
    assert (claim["prompt"], claim["session"], claim["context_switch"]) == (1, "one", True)
    assert work.tool("assign-next").out == ""
    assert [row["action"] for row in rows_of(work, "deliver")] == ["typed"]
    wait_for(lambda: "failed" in [row["action"] for row in rows_of(work, "observe")])
    assert [row["prompt"] for row in rows_of(work, "retry-failed")] == [1]
    work.tool("scan")
    assert {row["action"] for row in rows_of(work, "tick")} >= {"claimed", "typed"}
    assert {row["kind"] for row in rows_of(work, "cleanup-stale")} == {"live"}


def rows_of(work: Workplace, name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = work.tool(name, "--json").json
    assert all(list(row) == PASSES[name] for row in found), found
    return found


# --- dry runs -----------------------------------------------------------------------------------


def contents(work: Workplace) -> dict[str, bytes]:
    files = (path for path in work.state.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files}


def test_dry_runs_change_nothing(work: Workplace) -> None:
    pane = work.enrolled("one")
    work.tool("send", "--jsonl", "-", input='{"content": "exit 3", "max_attempts": 1}\n' * 3)
    work.run_until(lambda: work.prompt(1)["status"] == "failed")
    work.tick()
    work.tool("retry", 2, 3)
    wait_for(lambda: work.tool("assign-next", "--json").json, what="a claim")
    work.shell("new")
    before, screen = contents(work), pane.screen()
    for command, told in (
        (["scan"], "new"),
        (["enroll", "new"], "new"),
        (["enroll", "one", "--command", "cat"], "command"),
        (["keepalive"], ""),
        (["sync-context"], ""),
        (["observe"], ""),
        (["assign-next"], ""),
        (["deliver"], "  typed"),
        (["tick"], "  typed"),
        (["tick", "--until-idle", 50], "  typed"),
        (["retry", 1], "pending"),
        (["retry", "--all"], "pending"),
        (["retry-failed"], ""),
        (["cancel", 2, 3], "cancelled"),
        (["reassign", 2, 3, "--to", "there"], "there"),
        (["pause", "one"], "session"),
        (["pause", "--all"], "everything"),
        (["resume", "--all"], "everything"),
        (["clear", "--days", 0, "--apply"], "failed"),
        (["send", "echo new", "--env", "TOKEN", "--priority", "42"], "42"),
        (["send", "--jsonl", "-"], ""),
        (["cleanup-stale", "--apply", "--retry-failed"], "prompt 1"),
    ):
        name, *args = command
        result = work.tool(str(name), *args, "--dry-run", env={"TOKEN": "hush"})
        assert told in result.out, command
        assert contents(work) == before, command
    assert pane.screen() == screen


def test_an_explanation_changes_nothing(work: Workplace) -> None:
    work.enrolled("one")
    work.tool("send", "true")
    before = contents(work)
    (row,) = work.tool("assign-next", "--explain", "--json").json
    assert (row["prompt"], row["session"], row["chosen"]) == (1, "one", True)
    assert contents(work) == before
    assert work.prompt(1)["status"] == "pending"


def test_dry_run_of_the_first_command_makes_no_database(work: Workplace) -> None:
    row = work.tool("send", "echo hi", "--dry-run", "--json").json
    assert (row["id"], row["content"], row["status"]) == (None, "echo hi", "pending")
    assert not work.database.exists()


# --- send ---------------------------------------------------------------------------------------


def test_send_takes_every_option(work: Workplace) -> None:
    (work.path / "vars").write_text("# kept secret\nB='b 1'\n\nexport C=c=2\n")
    work.tool("send", "first")
    sent = work.tool(
        "send", "second\n", "--priority", -3, "--target", "one", "--provider", "shell",
        "--workdir", "sub/..", "--git-branch", "fix/1", "--env", "A=1", "--env", "D",
        "--env-file", work.path / "vars", "--prereq", "one", "--prereq", "two",
        "--metadata", '{"k": [1]}', "--no-context-match", "--no-validate", "--min-score", 5,
        "--after", 1, "--not-before", FAR, "--max-attempts", 9, "--idempotent", "--timeout", 1.5,
        "--tag", "t", "--json", cwd=work.path, env={"D": "d"},
    )  # fmt: skip
    assert (sent.json, sent.err) == ({"id": 2}, "")
    (told,) = work.tool("prompts", "--json", "--limit", 1).json
    expected = {
        "content": "second\n", "priority": -3, "target_session": "one", "target_provider": "shell",
        "working_dir": str(work.path), "git_branch": "fix/1", "prerequisites": ["one", "two"],
        "env_vars": {"A": "1", "B": None, "C": None, "D": None}, "prefer_context_match": False,
        "validate_context": False, "min_score": 5, "max_attempts": 9, "idempotent": True,
        "timeout_seconds": 1.5, "not_before": FAR, "tags": ["t"], "held_by": "dependency",
    }  # fmt: skip
    assert {key: told[key] for key in expected} == expected
    assert told["metadata"]["k"] == [1]
    (secrets,) = (work.state / "secrets").iterdir()
    assert json.loads(secrets.read_text()) == {"B": "b 1", "C": "c=2", "D": "d"}
    assert secrets.stat().st_mode & 0o777 == 0o600
    text = work.tool("show", 2).out
    for fact in ("held: dependency: prompt 1", "A=1, B=(secret)", "k=[1]", "1.5 s", "idempotent"):
        assert fact in text


def test_send_reads_prompts_from_anywhere(work: Workplace) -> None:
    (work.path / "task").write_text("from a file\nof two lines\n")
    assert work.tool("send", "--file", "task", cwd=work.path).out == "1\n"
    assert work.tool("send", "-", input="from a pipe\n").out == "2\n"
    assert work.tool("send", "--working_dir", "~/x", "--", "--odd").err.endswith("not exist\n")
    assert [work.prompt(n)["content"] for n in (1, 2, 3)] == [
        "from a file\nof two lines",
        "from a pipe",
        "--odd",
    ]
    assert work.prompt(3)["working_dir"] == f"{work.home}/x"


def test_send_many_lines_with_options_for_all(work: Workplace) -> None:
    lines = [
        {"content": "a"},
        {"content": "b", "priority": 2, "tags": ["own"], "env_vars": {"A": "own"}},
        {"content": "c", "after": [1], "metadata": {"k": 1}, "working_dir": None},
    ]
    text = "\n\n".join(map(json.dumps, lines))
    options = ["--priority", 9, "--tag", "all", "--env", "A", "--workdir", "/", "--json"]
    sent = work.tool("send", "--jsonl", "-", *options, input=text, env={"A": "secret"})
    assert sent.json == [{"id": 1}, {"id": 2}, {"id": 3}]
    told = work.tool("prompts", "--json").json[::-1]
    assert [row["priority"] for row in told] == [9, 2, 9]
    assert [row["tags"] for row in told] == [["all"], ["own"], ["all"]]
    assert [row["env_vars"] for row in told] == [{"A": None}, {"A": "own"}, {"A": None}]
    assert [row["working_dir"] for row in told] == ["/", "/", None]
    assert told[2]["held_by"] == "dependency"
    assert work.tool("send", "--jsonl", "-", input=json.dumps(lines[0])).out.split()[-1] == "4"


# --- looking ------------------------------------------------------------------------------------


def test_queue_is_in_the_order_of_service_and_tells_reasons(story: Workplace) -> None:
    rows = story.tool("queue", "--json").json
    assert [row["id"] for row in rows] == [4, 5, 6]
    assert [row["waits_for"] for row in rows] == [
        f"time: {FAR}",
        "dependency: prompt 2 failed",
        "target missing: nowhere",
    ]
    table = story.tool("queue").out.splitlines()
    assert table[2].split()[:3] == ["4", "pending", "0"]
    cut = story.tool("queue", "--limit", 1)
    assert (len(cut.out.splitlines()), cut.err) == (3, "queue: 2 more: --limit 0 shows all\n")


@pytest.mark.parametrize(
    ("filters", "ids"),
    [
        ([], [6, 5, 4, 3, 2, 1]),
        (["--status", "failed"], [2]),
        (["--status", "cancelled"], [3]),
        (["--target", "nowhere"], [6]),
        (["--session", "one"], [2, 1]),
        (["--session", "one", "--status", "completed"], [1]),
        (["--git-branch", "feature"], [1]),
        (["--tag", "t2"], [1]),
        (["--tag", "t"], []),
        (["--tag", "%"], []),
        (["--limit", 2], [6, 5]),
        (["--limit", 0], [6, 5, 4, 3, 2, 1]),
        (["--target", "no' OR 1"], []),
    ],
)
def test_prompts_by_filter(story: Workplace, filters: list[object], ids: list[int]) -> None:
    assert [row["id"] for row in story.tool("prompts", "--json", *filters).json] == ids


def test_prompts_by_directory(story: Workplace) -> None:
    found = story.tool("prompts", "--json", "--workdir", "repo", cwd=story.path).json
    assert [row["id"] for row in found] == [1]


def test_show_tells_the_whole_story(story: Workplace) -> None:
    text = story.tool("show", 1).out
    for part in (
        "prompt 1: completed", "branch:", "feature", "attempt 1 (id 1) in one: completed",
        "score:", "exit status:", "output:\n    seen", "events\n", "prompt.completed",
    ):  # fmt: skip
        assert part in text
    failed = story.tool("show", 2).out
    assert "exit_status: 3" in failed
    assert "attempts:    1 of 1" in failed


def test_status_is_all_on_one_screen(story: Workplace) -> None:
    state = story.tool("status", "--json").json
    assert state["prompts"] == {
        "pending": 3, "assigned": 0, "in_progress": 0, "completed": 1, "failed": 1, "cancelled": 1,
    }  # fmt: skip
    assert [row["name"] for row in state["sessions"]] == ["one"]
    assert [row["id"] for row in state["failed"]] == [2]
    assert {row["held_by"]: row["prompts"] for row in state["held"]} == {
        "time": 1, "dependency": 1, "target missing": 1,
    }  # fmt: skip
    assert len(story.tool("status").out.splitlines()) < 24


def test_sessions_and_inspect_of_one(story: Workplace) -> None:
    assert [row["name"] for row in story.tool("sessions", "one", "--json").json] == ["one"]
    table = story.tool("sessions").out.splitlines()
    assert [line.split()[0] for line in table[2:]] == ["one", "two"]
    looked = story.tool("inspect", "one", "--json").json
    assert (looked["status"], looked["shell"]) == ("idle", "bash")
    assert looked["status_reason"] == "at its empty prompt"
    assert looked["pane"]["session"] == "one"
    assert "status:         idle\n" in story.tool("inspect", "one").out


def test_inspect_of_a_session_that_is_gone_has_the_same_keys(work: Workplace) -> None:
    work.shell("stays")
    pane = work.enrolled("one")
    there = work.tool("inspect", "one", "--json").json
    pane.kill()
    gone = work.tool("inspect", "one", "--json").json
    assert gone.keys() == there.keys()
    assert (gone["status"], gone["last_status"]) == ("offline", "idle")
    assert gone["status_reason"] == "tmux no longer lists the session"


def test_inspect_judges_a_recorded_screen(work: Workplace) -> None:
    (work.path / "screen").write_text("$ ls\nfile\n$ \n")
    (work.path / "meta").write_text('{"pane_current_command": "bash", "cursor": "2,2"}')
    recorded = ["--provider", "shell", "--screen", "screen", "--meta", "meta", "--json"]
    judged = work.tool("inspect", *recorded, cwd=work.path).json
    assert (judged["provider"], judged["status"]) == ("shell", "idle")
    assert not work.state.exists()


# --- enroll -------------------------------------------------------------------------------------


def test_enroll_names_panes_and_takes_them_back(work: Workplace) -> None:
    pane = work.shell("two")
    work.tmux("split-window", "-t", pane.id, "env", "PS1=b$ ", "bash", "--norc", "-i")
    assert "name one (two:0.0, two:0.1)" in work.tool("enroll", "two", status=2).err
    (row,) = work.tool("enroll", "two:0.0", "--json").json
    assert (row["enrolled"], row["provider"], row["status"]) == (True, "shell", "idle")
    work.tool("send", "true", "--target", "two:0.0")
    assert work.prompt(1)["held_by"] is None
    (row,) = work.tool("enroll", "two:0.0", "--remove", "--json").json
    assert (row["enrolled"], row["status"]) == (False, "idle")
    assert work.prompt(1)["held_by"] == "target missing"


def test_enroll_a_one_shot_command(work: Workplace) -> None:
    work.shell("one")
    (row,) = work.tool("enroll", "one", "--command", "tr a-z A-Z", "--json").json
    assert (row["provider"], row["command"]) == ("command", "tr a-z A-Z")
    work.tool("send", "shout", "--provider", "command")
    work.tick()
    assert work.prompt(1)["response"].strip() == "SHOUT"


def test_enroll_at_a_prompt_that_looks_like_none(work: Workplace) -> None:
    work.shell("one", rc="PS1='hello '", prompt="hello ")
    said = work.tool("enroll", "one", status=1)
    assert "'one' is not ready: its empty prompt is unknown" in said.err
    assert "--at-prompt" in said.err
    assert work.tool("enroll", "one", "--at-prompt").err == ""
    work.tool("send", "true")
    work.tick()
    assert work.prompt(1)["status"] == "completed"


def test_enroll_by_pattern(work: Workplace) -> None:
    work.environment["ASSIGNER_SESSIONS"] = "agent-*, work"
    for name in ("agent-1", "work", "mine"):
        work.shell(name)
    work.tool("scan")
    sessions = work.tool("sessions", "--json").json
    assert [row["name"] for row in sessions if row["enrolled"]] == ["agent-1", "work"]
    work.tool("enroll", "--remove", "work")
    work.tmux("send-keys", "-t", "work:", "true", "Enter")
    work.tool("scan")
    assert not work.row("SELECT enrolled FROM sessions WHERE name = 'work'")["enrolled"]
    work.tool("enroll", "work")
    assert work.row("SELECT enrolled FROM sessions WHERE name = 'work'")["enrolled"]


# --- retry, cancel ------------------------------------------------------------------------------


def test_cancel_what_waits_and_what_failed(work: Workplace) -> None:
    for _ in range(3):
        work.tool("send", "echo hi")
    work.tool("send", "echo last", "--after", 1)
    rows = work.tool("cancel", 1, 2, 1, "--json").json
    assert [(row["id"], row["status"], row["note"]) for row in rows] == [
        (1, "cancelled", ""),
        (2, "cancelled", ""),
    ]
    assert work.prompt(4)["held_on"] == "prompt 1 cancelled"
    assert work.tool("cancel", 1).err == ""
    work.enrolled("one")
    work.tick()
    done = work.tool("cancel", 3, status=1)
    assert done.err == "cancel: prompt 3 has already completed\n"
    assert work.tool("retry", 1, 2).err == ""
    assert work.prompt(4)["held_on"] == "prompt 1"
    work.tick()
    assert {row["status"] for row in work.tool("prompts", "--json").json} == {"completed"}


def test_cancel_what_runs(work: Workplace, shell: str) -> None:
    pane = work.enrolled("one", shell)
    work.tool("send", f"touch {work.path}/began; sleep 100")
    work.tool("tick")
    wait_for((work.path / "began").exists, what="the prompt")
    (row,) = work.tool("cancel", 1, "--json").json
    assert row["note"] == "being ended in one"
    work.tick()
    assert work.prompt(1)["status"] == "cancelled"
    pane.run("echo still here")
    pane.wait_for("\nstill here")


def test_retry_all_leaves_alone_what_may_have_run(work: Workplace) -> None:
    for _ in range(3):
        work.tool("send", "exit 3", "--max-attempts", 1)
    work.enrolled("one")
    work.tick()
    with closing(sqlite3.connect(work.database)) as connection:
        connection.execute("UPDATE prompts SET error = 'any words' WHERE id = 2")
        connection.execute("DROP TRIGGER attempts_finished")
        connection.execute(
            "UPDATE attempts SET outcome = 'unverified', failure_class = NULL WHERE prompt_id = 2"
        )
        connection.commit()
    cleaned = work.tool("cleanup-stale", "--retry-failed", "--json").json
    assert not any(row["action"] for row in cleaned)  # all are at their limit
    result = work.tool("retry", "--all", "--json")
    assert [(row["id"], row["status"], row["attempts"]) for row in result.json] == [
        (1, "pending", 0),
        (3, "pending", 0),
    ]
    assert result.err == "retry: skipped 1 that may have run: look at 'show ID', then retry by id\n"
    assert work.tool("retry", 2, "--json").json[0]["status"] == "pending"
    again = work.tool("retry", 1, status=1)
    assert again.err == "retry: prompt 1 is pending: nothing to retry\n"


def test_retry_all_leaves_alone_what_ran_in_an_attempt_that_is_lost(work: Workplace) -> None:
    """An earlier attempt failed; of the last one nothing is left, so it may have run."""
    work.environment["ASSIGNER_BACKOFF_BASE"] = "0.001"
    work.tool("send", "exit 3", "--max-attempts", 2)
    work.enrolled("one")
    work.run_until(lambda: work.prompt(1)["attempts"] == 2 and work.prompt(1)["completed_at"])
    with closing(sqlite3.connect(work.database)) as connection:
        connection.execute("DELETE FROM attempts WHERE number = 2")
        connection.commit()
    assert work.tool("retry", "--all", "--json").json == []


# --- cleanup-stale ------------------------------------------------------------------------------


def test_cleanup_tells_and_with_apply_does(work: Workplace) -> None:
    work.environment["ASSIGNER_BACKOFF_BASE"] = "300"
    work.enrolled("one")
    work.tool("send", "exit 3")
    work.tool("send", "true", "--target", "nowhere")
    work.run_until(lambda: work.prompt(1)["status"] == "failed")
    (work.state / "run" / "77").mkdir()
    everything = ["--retry-failed", "--retarget"]
    found = work.tool("cleanup-stale", "--json").json
    assert [(row["kind"], row["subject"], row["action"]) for row in found] == [
        ("live", "one", ""),
        ("target", "nowhere", ""),
        ("failed", "prompt 1", ""),
        ("run", "77", "remove"),
    ]
    assert found[2]["detail"] == "aimed at any, ran in one: exit_status: 3"
    before = contents(work)
    wanted = work.tool("cleanup-stale", *everything)
    assert contents(work) == before
    assert [work.prompt(n)["status"] for n in (1, 2)] == ["failed", "pending"]
    assert work.tool("cleanup-stale", "--apply", *everything).out == wanted.out
    assert work.prompt(1)["status"] == "pending"
    assert work.prompt(2)["target_session"] == "nowhere"  # its provider is unknown
    assert not (work.state / "run" / "77").exists()


def test_cleanup_gives_prompts_of_a_missing_session_to_others_of_its_provider(
    work: Workplace,
) -> None:
    gone = work.enrolled("gone")
    work.agent("agent", tells="hooks")
    work.tool("enroll", "agent")
    gone.kill()
    work.tool("scan")
    work.tool("send", "true", "--target", "gone")
    found = work.tool("cleanup-stale", "--retarget", "--apply", "--json").json
    kinds = {row["kind"]: row for row in found}
    assert kinds["target"]["action"] == "let any session of shell take them"
    assert "; stays: it is enrolled" in kinds["session"]["detail"]
    prompt = work.prompt(1)
    assert (prompt["target_session"], prompt["target_provider"]) == (None, "shell")


def test_cleanup_verifies_the_database(work: Workplace) -> None:
    work.tool("send", "echo hi")
    assert work.tool("cleanup-stale", "--verify-only", "--json").json == []
    with closing(sqlite3.connect(work.database)) as connection:
        connection.execute("INSERT INTO dependencies (prompt_id, after_id) VALUES (9, 8)")
        connection.commit()
    found = work.tool("cleanup-stale", "--verify-only", "--json", status=1).json
    assert {row["kind"] for row in found} == {"database"}
    assert "refers to a missing prompts" in found[0]["detail"]


# --- tick ---------------------------------------------------------------------------------------


def test_tick_until_idle_waits_for_nothing_that_cannot_happen_in_time(work: Workplace) -> None:
    work.enrolled("one")
    work.environment["ASSIGNER_BACKOFF_BASE"] = "300"
    work.tool("send", "echo later", "--not-before", FAR)
    work.tool("send", "exit 3")
    work.tool("send", "echo after", "--after", 2)
    work.tool("send", "echo missing", "--target", "nowhere")
    work.tool("send", "true", "--not-before", "+1s")
    result = work.tick("--json")
    assert result.err == ""
    assert [work.prompt(n)["status"] for n in (2, 5)] == ["failed", "completed"]
    assert {row["pass"] for row in result.json} == {"assign-next", "deliver", "observe"}


def test_tick_until_idle_says_that_time_was_up(work: Workplace) -> None:
    work.enrolled("one")
    work.tool("send", "sleep 100")
    result = work.tool("tick", "--until-idle", 0.5, status=1)
    assert result.err == "tick: not idle within 0.5 s\n"


def test_relative_database_by_option(work: Workplace) -> None:
    path = work.path / "other.db"
    assert work.tool("send", "x", "--db", "other.db", cwd=work.path).out == "1\n"
    said = work.tool("queue", "--db", path, "--verbose")
    assert f"queue: database {path}\n" in said.err
    assert not Path(work.database).exists()
