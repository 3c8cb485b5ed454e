"""`providers check`, with the stand-in: what holds, what does not, and what was learnt of it."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from assigner.trial.checks import CHECKS
from harness.workplace import Workplace

HOOKS = '--hooks "$HOME/.standin/settings.json"'


def described(work: Workplace, *options: object, **changes: str) -> Path:
    """The stand-in's provider file, which starts it with these options and hooks.

    Each change replaces the value of a key.
    """
    work._standin()
    file = work.home / ".config/assigner/providers/standin.toml"
    line = " ".join([str(work.path / "bin/standin"), HOOKS, *map(str, options)])
    text = file.read_text()
    for key, value in {"start": f"'{line}'", **changes}.items():
        line = f"{key} = {value}"
        text, count = re.subn(rf"(?m)^{key} = .*$", lambda _, line=line: line, text, count=1)
        if not count:
            text = text.replace("[typing]\n", f"[typing]\n{line}\n")
    file.write_text(text)
    return file


def check(work: Workplace, *arguments: object) -> dict[str, dict[str, Any]]:
    """The rows of a run with these arguments, by their checks."""
    result = work.tool(
        "providers", "check", "standin", *arguments, "--json", status=(0, 1), seconds=300
    )
    rows = {row["check"]: row for row in result.json}
    assert result.status == int(any(row["verdict"] != "ok" for row in rows.values())), rows
    return rows


def only(work: Workplace, *checks: str, timeout: int = 20) -> list[dict[str, Any]]:
    """The rows of some checks."""
    options = [option for name in checks for option in ("--only", name)]
    return list(check(work, *options, "--timeout", timeout).values())


def test_all_holds_and_nothing_of_the_persons_is_touched(work: Workplace, tmp_path: Path) -> None:
    described(work, "--collapse", 1000)
    before = sorted(work.home.rglob("*"))
    kept = tmp_path / "kept"
    rows = check(work, "--keep", kept)
    assert [row for row in rows.values() if row["verdict"] != "ok"] == []
    assert list(rows) == list(CHECKS)
    assert {path.stem for path in kept.glob("*.txt")} == {*CHECKS}
    asked = [json.loads(line) for line in (kept / "requests.jsonl").read_text().splitlines()]
    assert "what do you hear?" in [line.get("text") for line in asked]
    assert sorted(work.home.rglob("*")) == before
    assert not work.state.exists()
    assert not work.servers()


@pytest.mark.parametrize(
    ("check", "options", "changes", "said"),
    [
        ("start", (), {"message": "'^▸ '\nprograms = ['other']"}, "not recognized: "),
        ("idle", ("--title", "other"), {}, "(its title is not standin's: 'other'), not idle"),
        ("idle", ("--start-dialog",), {}, "the session is waiting (asks: Do you trust"),
        ("busy", ("--looks-idle", "--no-hooks"), {}, "the session is idle "),
        ("paste", ("--wrap", "@@{}##"), {}, "puts '@@' before the text, '##' after"),
        ("leading", (), {"disarm": "'^never'"}, "the prompt stays in_progress: "),
        ("question", (), {"status": "'busy'"}, "the session is busy (asks"),
        ("limit", (), {"rate_limit": "'api'"}, "the prompt is failed ("),
    ],
)
def test_what_does_not_hold_is_said(
    work: Workplace, check: str, options: tuple[str, ...], changes: dict[str, str], said: str
) -> None:
    described(work, *options, **changes)
    (row,) = only(work, check, timeout=8)
    assert row["verdict"] == "bad"
    assert said in row["detail"]


def test_without_an_agent_at_its_composer_the_rest_is_skipped(work: Workplace) -> None:
    described(work, "--title", "other")
    rows = only(work, "start", "idle", "prompt", timeout=3)
    assert [row["verdict"] for row in rows] == ["ok", "bad", "skipped"]
    assert rows[2]["detail"] == "the agent was not ready in 'idle'"


@pytest.mark.slow
def test_an_unknown_marker_and_a_needed_delay_are_learnt_and_written(work: Workplace) -> None:
    """With the written file all holds.  No file of the person's is overwritten without --force."""
    options = ("--collapse", 500, "--enter-delay", 300, "--wrap", "@@{}@@")
    described(work, *options, pasted="'never'", delay="0")
    chosen = ("--only", "paste", "--only", "enter", "--write")
    refused = work.tool("providers", "check", "standin", *chosen, status=2)
    assert "exists: give --force to replace it" in refused.err
    rows = check(work, *chosen, "--force")
    assert {row["verdict"] for row in rows.values()} == {"bad"}
    assert "the composer shows '[Pasted text #1 +" in rows["paste"]["detail"]
    assert "it takes 400 ms" in rows["enter"]["detail"]
    file = work.home / ".config/assigner/providers/standin.toml"
    typing = tomllib.loads(file.read_text())["typing"]
    assert typing["pasted"] == r"\[Pasted text #\d+ \+(?P<newlines>\d+) lines\]"
    assert typing["delay"] == 400
    assert typing["wrappers"][-1] == "@@"
    assert file.stat().st_mode & 0o777 == 0o600
    assert {row["verdict"] for row in only(work, "paste", "enter")} == {"ok"}
    same = file.read_text()
    done = work.tool("providers", "check", "standin", "--only", "paste", "--write", "--force")
    assert "nothing was learnt" in done.err
    assert file.read_text() == same


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("check",), 2, "give an agent (known: claude, codex, opencode, standin)"),
        (("check", "nosuch"), 2, "unknown agent 'nosuch'"),
        (("check", "aider"), 2, "has no table [trial]"),
        (("check", "standin", "--only", "all"), 2, "no check is named 'all' (known: start, "),
        (("check", "standin", "--force"), 2, "--force is for --write"),
        (("check", "standin", "--keep", "/usr"), 2, "'/usr' is not empty"),
        (("--only", "start"), 2, "--only is for check"),
        (("checking",), 2, "did you mean 'check'?"),
        (("check", "codex"), 78, "cannot find 'codex' in the PATH: install it"),
    ],
)
def test_what_cannot_be_checked_is_refused(
    work: Workplace, arguments: tuple[str, ...], status: int, said: str
) -> None:
    described(work)
    result = work.tool("providers", *arguments, status=status)
    assert said in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("leave = 1", "'trial.leave' is not text"),
        ("color = 1", "'trial.color' is not a key (known: leave, files, variables)"),
        ("files = {'../x' = ''}", "'trial.files.../x' is not a path below HOME"),
        ("variables = {X = 1}", "'trial.variables.X' is not text"),
    ],
)
def test_a_bad_table_is_said_with_its_key(work: Workplace, table: str, said: str) -> None:
    file = described(work)
    text = file.read_text()
    text = re.sub(r"(?m)^\[trial.variables\]\n.*\n", "", text)
    file.write_text(re.sub(r"(?m)^\[trial\]\n.*\n", f"[trial]\n{table}\n", text))
    result = work.tool("providers", "check", "standin", status=78)
    assert said in result.err


def test_the_rows_are_json_for_programs(work: Workplace, tmp_path: Path) -> None:
    described(work)
    rows = work.tool("providers", "check", "standin", "--only", "start", "--json").json
    assert [(row["check"], row["verdict"]) for row in rows] == [("start", "ok")]
    table = work.tool("providers", "check", "standin", "--only", "start").out
    assert table.splitlines()[0].split() == ["check", "verdict", "detail", "seconds"]
