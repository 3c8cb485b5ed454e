"""reassign, clear, `send --parent`, `send --key`, and the older command lines."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from harness.workplace import Workplace, wait_for

LONG_AFTER = {"ASSIGNER_NOW": "2099-01-01T00:00:00", "ASSIGNER_KEEP_PROMPTS_DAYS": "99999"}


def send(work: Workplace, text: str = "true", *options: object, **where: Any) -> int:
    return int(work.tool("send", text, *options, **where).out)


def target(work: Workplace, prompt: int) -> tuple[str | None, str | None, str | None]:
    row = work.prompt(prompt)
    return row["target_session"], row["target_provider"], row["held_by"]


# --- reassign -----------------------------------------------------------------------------------


def test_a_waiting_prompt_is_given_another_target(work: Workplace) -> None:
    work.enrolled("one")
    work.tool("pause", "one")
    prompt = send(work, "true", "--target", "nowhere")
    for option, found in (
        (["--provider", "command"], (None, "command", None)),
        (["--to", "one"], ("one", None, "pause")),
        (["--to", "later"], ("later", None, "target missing")),
        (["--to-any"], (None, None, None)),
    ):
        (row,) = work.tool("reassign", prompt, *option, "--json").json
        assert (row["id"], row["note"]) == (prompt, "")
        assert target(work, prompt) == found
    events = [row["data"] for row in work.tool("show", prompt, "--json").json["events"]]
    assert {"by": "reassign", "from": "nowhere", "to": "command"} in events
    work.tool("reassign", prompt, "--to", "one", "--dry-run")
    assert target(work, prompt) == (None, None, None)


def test_a_claim_that_was_not_typed_is_taken_back(work: Workplace) -> None:
    pane = work.enrolled("one")
    work.enrolled("two")
    before = pane.screen()
    top = work.repo()
    prompt = send(work, "true", "--target", "one", "--workdir", top, "--git-branch", "main")
    assert [row["session"] for row in work.tool("assign-next", "--json").json] == ["one"]
    (row,) = work.tool("reassign", prompt, "--to", "two", "--json").json
    assert (row["status"], row["attempts"], row["assigned_session"]) == ("pending", 0, None)
    assert work.rows("SELECT * FROM tree_leases") == []
    assert work.tool("deliver", "--json").json == []
    work.tick()
    assert work.prompt(prompt)["assigned_session"] == "two"
    assert pane.screen() == before


def test_what_runs_or_is_over_keeps_its_target(work: Workplace) -> None:
    work.enrolled("one")
    over = send(work)
    work.tick()
    gone = send(work)
    work.tool("cancel", gone)
    runs = send(work, f"touch {work.path}/began; sleep 100")
    waits = send(work)
    work.tool("tick")
    wait_for((work.path / "began").exists, what="the prompt")
    work.run_until(lambda: work.prompt(runs)["status"] == "in_progress")
    result = work.tool("reassign", over, gone, runs, waits, "--to", "two", status=1)
    assert result.err.splitlines() == [
        f"reassign: prompt {over} is completed: send it again with --parent {over}",
        f"reassign: prompt {gone} is cancelled: send it again with --parent {gone}",
        f"reassign: prompt {runs} runs in one: cancel it",
    ]
    assert [target(work, n)[0] for n in (over, gone, runs, waits)] == [None, None, None, "two"]


def test_reassign_refuses_what_cannot_be_meant(work: Workplace) -> None:
    work.enrolled("one")
    work.tool("sync-context")
    prompt = send(work, "true", "--target", "one", "--git-branch", "main")
    for args, message in (
        ([prompt], "one of the arguments --to --to-any --provider is required"),
        ([prompt, "--to", "one", "--to-any"], "not allowed with"),
        (["--to", "one"], "required: ID"),
        ([prompt, 99, "--to", "one"], "no prompt 99"),
        ([prompt, "--to", ""], "target_session is empty"),
        ([prompt, "--to", "\x1b[31m"], r"control character: '\x1b[31m'"),
        ([prompt, "--provider", "abacus"], "unknown provider 'abacus' (known: "),
        ([prompt, "--to-any"], "needs branch 'main' of its session's directory"),
        ([prompt, "--to", "nowhere"], "give --to a session whose directory is known"),
    ):
        result = work.tool("reassign", *args, status=2)
        assert result.out == "" and message in result.err, result
        assert target(work, prompt)[0] == "one"


# --- clear --------------------------------------------------------------------------------------


def ended(work: Workplace, prompt: int, status: str, at: str = "2026-01-01T00:00:00.000Z") -> None:
    """Have it end in the database, as no session is needed here."""
    with closing(sqlite3.connect(work.database)) as connection:
        connection.execute("DROP TRIGGER IF EXISTS prompts_transition")
        statement = "UPDATE prompts SET status = ?, held_by = NULL, completed_at = ? WHERE id = ?"
        connection.execute(statement, (status, at, prompt))
        connection.commit()


def counts(work: Workplace) -> dict[str, int]:
    """What status says, which must be what is there."""
    told = {k: v for k, v in work.tool("status", "--json").json["prompts"].items() if v}
    rows = work.rows("SELECT status, count(*) AS n FROM prompts GROUP BY status")
    assert told == {row["status"]: row["n"] for row in rows}
    return told


def test_what_ended_long_ago_goes_with_all_that_is_its_own(work: Workplace) -> None:
    work.enrolled("one")
    old = send(work, "true", "--env", "TOKEN", "--key", "k", env={"TOKEN": "hush"})
    after = send(work, "true", "--after", old)
    work.tick()
    child = send(work, "true", "--parent", old)
    attempt = work.row("SELECT id FROM attempts WHERE prompt_id = ?", old)["id"]
    left = work.state / "run" / f"{attempt}.77"
    left.mkdir()
    assert work.tool("clear", "--days", 1, "--json").json == []
    told = work.tool("clear", "--days", 1, env=LONG_AFTER)
    assert told.err == "clear: no prompt was deleted: give --apply to delete them\n"
    assert told.out.splitlines()[2].split()[:3] == ["completed", "2", "0"]
    dry = work.tool("clear", "--days", 1, "--apply", "--dry-run", env=LONG_AFTER)
    assert (dry.out, dry.err) == (told.out, "clear: no prompt was deleted: leave out --dry-run\n")
    assert counts(work) == {"completed": 2, "pending": 1}
    assert work.tool("clear", "--days", 1, "--apply", env=LONG_AFTER).out == told.out
    assert counts(work) == {"pending": 1}
    assert work.prompt(child)["parent_id"] is None
    for table, column in (("attempts", "prompt_id"), ("dependencies", "prompt_id")):
        assert work.rows(f"SELECT * FROM {table} WHERE {column} IN (?, ?)", old, after) == []
    assert {row["prompt_id"] for row in work.rows("SELECT prompt_id FROM task_events")} == {
        None, child,
    }  # fmt: skip
    assert not left.exists()
    assert len(list((work.state / "secrets").iterdir())) == 1  # the child has it too
    work.tick()
    assert work.prompt(child)["status"] == "completed"
    work.tool("clear", "--days", 0, "--apply", env=LONG_AFTER)
    assert list((work.state / "secrets").iterdir()) == []
    assert send(work, "true", "--key", "k") > child
    assert work.tool("cleanup-stale", "--verify-only").out == ""


def test_what_another_prompt_still_needs_is_kept(work: Workplace) -> None:
    """Also of prompts that did not complete: whoever waits for them may be retried."""
    needed, done, failed, lost = (send(work) for _ in range(4))
    waits = send(work, "true", "--after", needed)
    finished = send(work, "true", "--after", done)
    called_off = send(work)
    unmet = send(work, "true", "--after", called_off)
    retried = send(work, "true", "--after", failed)
    ended(work, needed, "completed")
    ended(work, done, "completed")
    ended(work, finished, "cancelled")
    ended(work, failed, "failed")
    ended(work, retried, "cancelled")
    ended(work, lost, "failed")
    ended(work, called_off, "cancelled")
    ended(work, unmet, "failed")
    with closing(sqlite3.connect(work.database)) as connection:
        connection.execute("UPDATE prompts SET retry_at = ? WHERE id = ?", ("2199", lost))
        connection.commit()
    (row,) = work.tool("clear", "--days", 1, "--status", "failed", "--json").json
    assert (row["prompts"], row["kept"]) == (1, 1)
    told = work.tool("clear", "--days", 1, "--json").json
    assert [(row["status"], row["prompts"], row["kept"]) for row in told] == [
        ("completed", 1, 1), ("failed", 1, 1), ("cancelled", 2, 1),
    ]  # fmt: skip
    assert work.tool("clear", "--days", 1, "--apply", "--json").json == told
    assert [row["id"] for row in work.rows("SELECT id FROM prompts ORDER BY id")] == [
        needed, failed, lost, waits, called_off,
    ]  # fmt: skip
    counts(work)


def test_many_are_cleared_in_several_steps(work: Workplace) -> None:
    work.tool("send", "--jsonl", "-", input='{"content": "true"}\n' * 1200)
    work.tool("cancel", *range(1, 1200))
    (row,) = work.tool("clear", "--days", 0, "--apply", "--json", env=LONG_AFTER).json
    assert row["prompts"] == 1199
    assert counts(work) == {"pending": 1}


def test_clear_refuses_what_cannot_be_meant(work: Workplace) -> None:
    for args, message in (
        ([], "required: --days"),
        (["--days", "-1"], "--days is below zero: '-1'"),
        (["--days", "few"], "'few' is not a whole number"),
        (["--days", 10**12], "is out of range"),
        (["--days", 1, "--status", "pending"], "'pending' is not one of "),
        (["--days", 1, 5], "unexpected argument '5'"),
    ):
        result = work.tool("clear", *args, status=2)
        assert result.out == "" and message in result.err, result
    assert work.tool("clear", "--days", 2**31 - 1, "--json").json == []


# --- parents ------------------------------------------------------------------------------------


def test_what_is_not_said_is_as_the_parent_has_it(work: Workplace) -> None:
    everything = [
        "--priority", 5, "--target", "one", "--workdir", work.path, "--git-branch", "b",
        "--env", "A=1", "--env", "B=2", "--env", "TOKEN", "--prereq", "true", "--tag", "t",
        "--metadata", '{"who": "me", "extractions": [1]}', "--no-context-match", "--no-validate",
        "--min-score", 3, "--max-attempts", 7, "--idempotent", "--timeout", 9,
    ]  # fmt: skip
    other = send(work)
    own = ["--key", "k", "--after", other, "--not-before", "+1h"]
    parent = send(work, "true", *everything, *own, env={"TOKEN": "hush"})
    child = send(work, "again", "--parent", parent)
    theirs, mine = work.prompt(parent), work.prompt(child)
    differs = {key for key in mine if mine[key] != theirs[key]}
    assert differs == {
        "id", "content", "parent_id", "dedup_key", "held_by", "held_on", "not_before", "metadata",
        "created_at", "ready_at", "updated_at",
    }  # fmt: skip
    assert (mine["parent_id"], mine["dedup_key"]) == (parent, None)
    assert mine["secrets"] == theirs["secrets"] is not None
    found = json.loads(mine["metadata"])
    assert (found["who"], found["working_dir"]) == ("me", str(work.path))
    assert "extractions" not in found
    text = work.tool("show", child).out
    assert f"parent:        {parent}\n" in text
    assert "hush" not in text + work.tool("show", child, "--json").out


def test_what_is_said_wins_over_the_parent(work: Workplace) -> None:
    parent = send(
        work, "true", "--priority", 5, "--target", "one", "--workdir", "/", "--tag", "t",
        "--env", "A=1", "--env", "TOKEN", "--metadata", '{"a": 1, "b": 1}', env={"TOKEN": "hush"},
    )  # fmt: skip
    child = send(
        work, "true", "--parent", parent, "--priority", 0, "--provider", "shell", "--tag", "u",
        "--env", "B=2", "--env", "KEY", "--metadata", '{"a": 2, "working_dir": "/tmp"}',
        env={"KEY": "mine"},
    )  # fmt: skip
    row = work.prompt(child)
    assert (row["priority"], row["working_dir"], row["tags"]) == (0, "/tmp", '["u"]')
    assert target(work, child) == (None, "shell", None)
    assert json.loads(row["env_vars"]) == {"A": "1", "B": "2", "TOKEN": None, "KEY": None}
    metadata = json.loads(row["metadata"])
    assert (metadata["a"], metadata["b"], metadata["working_dir"]) == (2, 1, "/tmp")
    kept = json.loads((work.state / "secrets" / row["secrets"]).read_text())
    assert kept == {"TOKEN": "hush", "KEY": "mine"}
    assert row["secrets"] != work.prompt(parent)["secrets"]
    lines = [
        {"content": "x", "parent_id": parent, "tags": [], "working_dir": None},
        {"content": "y", "parent_id": None},
        {"content": "z", "env_vars": {"TOKEN": "seen"}},
    ]
    text = "\n".join(map(json.dumps, lines))
    sent = work.tool("send", "--jsonl", "-", "--parent", child, "--json", input=text).json
    one, two, three = (work.prompt(row["id"]) for row in sent)
    assert (one["parent_id"], one["priority"], one["tags"]) == (parent, 5, "[]")
    assert (one["working_dir"], one["target_session"]) == (None, "one")
    assert (two["parent_id"], two["env_vars"], two["secrets"]) == (None, "{}", None)
    assert json.loads(three["env_vars"]) == {"A": "1", "B": "2", "TOKEN": "seen", "KEY": None}


def test_shared_secrets_reach_the_child_and_outlive_the_parent(work: Workplace) -> None:
    work.enrolled("one")
    parent = send(work, "true", "--env", "TOKEN", env={"TOKEN": "hush"})
    work.tick()
    child = send(work, 'test "$TOKEN" = hush', "--parent", parent)
    work.tool("cleanup-stale", "--apply", env=LONG_AFTER)
    work.tick()
    assert work.prompt(child)["status"] == "completed"
    work.tool("cleanup-stale", "--apply", env=LONG_AFTER)
    said = work.tool("send", "true", "--parent", child, status=2).err
    assert said == ("send: the secret values of the parent are no longer kept: give --env TOKEN\n")
    again = send(work, 'test "$TOKEN" = new', "--parent", child, "--env", "TOKEN=new")
    work.tick()
    assert work.prompt(again)["status"] == "completed"


# --- keys ---------------------------------------------------------------------------------------


def test_a_key_queues_once(work: Workplace) -> None:
    first = send(work, "one", "--key", "nightly")
    again = work.tool("send", "two", "--key", "nightly", "--env", "TOKEN", env={"TOKEN": "hush"})
    assert (again.out, again.err) == (f"{first}\n", "")
    assert work.tool("send", "--json", "x", "--key", "nightly").json == {"id": first}
    lines = '{"content": "a", "dedup_key": "k"}\n{"content": "b", "dedup_key": "nightly"}\n' * 2
    sent = work.tool("send", "--jsonl", "-", "--json", input=lines).json
    assert [row["id"] for row in sent] == [first + 1, first, first + 1, first]
    assert [row["content"] for row in work.rows("SELECT content FROM prompts")] == ["one", "a"]
    assert list((work.state / "secrets").iterdir()) == []
    assert "key:      nightly\n" in work.tool("show", first).out


def test_many_at_once_with_one_key_queue_one(work: Workplace) -> None:
    send(work)
    running = [work.start("send", f"echo {n}", "--key", "same") for n in range(16)]
    answers = [process.communicate(timeout=60) for process in running]
    assert {(out, err) for out, err in answers} == {("2\n", "")}
    assert work.tool("status", "--json").json["prompts"]["pending"] == 2


LINES = ["--jsonl", "-"]
BAD: dict[str, tuple[list[object], str, str]] = {
    "no parent": (["x", "--parent", 99], "", "no prompt 99 to inherit from"),
    "a parent by name": (["x", "--parent", "it"], "", "'it' is not a whole number"),
    "a parent of lines": ([*LINES, "--parent", 99], '{"content": "x"}', "line 1: no prompt"),
    "a line's parent": (LINES, '{"content": "x", "parent_id": 9}', "line 1: no prompt 9"),
    "parent zero": (LINES, '{"content": "x", "parent_id": 0}', "line 1: no prompt 0"),
    "a huge parent": (LINES, f'{{"content": "x", "parent_id": {10**30}}}', "no prompt 1"),
    "a truth": (LINES, '{"content": "x", "parent_id": true}', "not a whole number: true"),
    "empty key": (["x", "--key", ""], "", "dedup_key is empty"),
    "odd key": (["x", "--key", "a\nb"], "", "dedup_key is empty or has a control character"),
    "a number": (LINES, '{"content": "x", "dedup_key": 1}', "'dedup_key' is not a string"),
    "one key for all": ([*LINES, "--key", "k"], "", "give each line its own 'dedup_key'"),
}  # fmt: skip


def test_send_refuses_parents_and_keys(work: Workplace) -> None:
    send(work)
    for args, text, message in BAD.values():
        result = work.tool("send", *args, input=text, status=2)
        assert (result.out, result.err.count("\n")) == ("", 1)
        assert message in result.err, result
    assert work.tool("status", "--json").json["prompts"]["pending"] == 1


# --- older spellings ----------------------------------------------------------------------------


def test_older_spellings_lead_to_the_tools(work: Workplace, tmp_path: Path) -> None:
    def assigner(*args: object, **where: Any) -> str:
        return work.tool("assigner", *args, **where).out

    assert assigner("--send", "exit 3", "--working_dir", tmp_path, "--priority", 3) == "1\n"
    assert assigner("--send=-", "--max-attempts", 1, input="exit 4") == "2\n"
    assert work.prompt(1)["working_dir"] == str(tmp_path)
    assert [row["id"] for row in json.loads(assigner("--queue", "--json"))] == [1, 2]
    work.enrolled("one")
    work.environment["ASSIGNER_BACKOFF_BASE"] = "300"
    work.tick()
    for option in ("prompts", "sessions", "status"):
        assert assigner(f"--{option}", "--json") == work.tool(option, "--json").out
    assert assigner("--retry", 1).split()[-2:] == ["1", "pending"]
    assert assigner("--retry-all").split()[-2:] == ["2", "pending"]
    assert assigner("--cancel", 1, 2).count("cancelled") == 2
    assert assigner("--clear", "--days", 3) == ""
    said = work.tool("assigner", "--clear", status=2).err
    assert said.startswith("clear: the following arguments are required: --days")
    said = work.tool("assigner", "--sned", status=2).err
    assert said.startswith("assigner: unknown option '--sned' (did you mean '--send'?)")
