"""sessions: filters by what is recorded.  context: restores a saved context."""

from collections.abc import Iterator
from typing import Any

import pytest

from harness.workplace import Workplace, spoken


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """Sessions in several directories, of which `one` had a prompt; nobody may change it."""
    with Workplace(tmp_path_factory.mktemp("house")) as work:
        top = work.repo("place/repo")
        (work.path / "placebo").mkdir()
        (work.path / "link").symlink_to(work.path / "place")
        work.enrolled("one")
        work.tool(
            "send", "true", "--workdir", top, "--git-branch", "feature", "--env", "A=1", "--env",
            "EMPTY=", "--env", "TOKEN", env={"TOKEN": "hush"},
        )  # fmt: skip
        work.tick()
        work.shell("two", cwd=work.path / "place")
        work.shell("three", cwd=work.path / "placebo")
        work.enrolled("four").run("sleep 600")
        work.shell("five")
        work.tool("scan")
        work.tmux("kill-session", "-t", "five")
        work.run_until(lambda: work.row("SELECT status FROM sessions WHERE name = 'four'"))
        yield work


FILTERS: dict[str, tuple[list[object], list[str]]] = {
    "none": ([], ["four", "one", "three", "two"]),
    "a variable": (["--env", "A"], ["one"]),
    "its value": (["--env", "A=1"], ["one"]),
    "another value": (["--env", "A=2"], []),
    "an empty value": (["--env", "EMPTY="], ["one"]),
    "no value is not any": (["--env", "A="], []),
    "a secret": (["--env", "TOKEN"], ["one"]),
    "a secret's value": (["--env", "TOKEN=hush"], []),
    "all of several": (["--env", "A=1", "--env", "TOKEN"], ["one"]),
    "one of several": (["--env", "A=1", "--env", "B"], []),
    "directory": (["--dir", "place/repo"], ["one"]),
    "directory above": (["--dir", "place"], ["one", "two"]),
    "symbolic link": (["--dir", "link/repo/.."], ["one", "two"]),
    "root": (["--dir", "/"], ["four", "one", "three", "two"]),
    "directory that is not there": (["--dir", "nowhere"], []),
    "branch": (["--branch", "feature"], ["one"]),
    "status": (["--status", "busy"], ["four"]),
    "gone": (["--status", "offline"], ["five"]),
    "all must hold": (["--dir", "place", "--status", "idle", "--env", "A"], ["one"]),
    "not all hold": (["--dir", "placebo", "--env", "A"], []),
    "name and filter": (["one", "--status", "idle"], ["one"]),
    "name but not the filter": (["two", "--env", "A"], []),
}


@pytest.mark.parametrize("case", FILTERS)
def test_sessions_by_filter(house: Workplace, case: str) -> None:
    filters, names = FILTERS[case]
    found = house.tool("sessions", *filters, "--json", cwd=house.path)
    assert ([row["name"] for row in found.json], found.err) == (names, "")


@pytest.mark.parametrize(
    ("filters", "message"),
    [
        (["--status", "odd"], "'odd' is not one of "),
        (["--env", "1A"], "'1A' is not a variable name"),
        (["--env", "=x"], "'' is not a variable name"),
        (["--dir", ""], "'' is not a directory"),
        (["--branch", "a..b"], "'a..b' is not a branch name"),
        (["nowhere", "--env", "A"], "no session 'nowhere'"),
    ],
)
def test_sessions_refuses(house: Workplace, filters: list[str], message: str) -> None:
    assert message in house.tool("sessions", *filters, status=2).err


def contents(work: Workplace) -> list[dict[str, Any]]:
    return work.rows("SELECT * FROM saved_contexts") + work.rows("SELECT id, content FROM prompts")


def test_a_context_is_kept_and_restored(work: Workplace, shell: str) -> None:
    top = work.repo("a repo")
    work.enrolled("one", shell)
    variables = ["--env", "A=it's\n$(x)", "--env", "EMPTY=", "--env", "TOKEN"]
    work.tool(
        "send", "true", "--workdir", top, "--git-branch", "feature", *variables,
        env={"TOKEN": "hush"},
    )  # fmt: skip
    work.tick()
    (saved,) = work.tool("context", "save", "v1.0-x", "one", "--json").json
    expected = {
        "name": "v1.0-x", "session": "one", "working_dir": str(top), "git_branch": "feature",
        "env_vars": {"A": "it's\n$(x)", "EMPTY": "", "TOKEN": None},
    }  # fmt: skip
    assert {key: saved[key] for key in expected} == expected
    assert work.tool("context", "show", "--json").json == [saved]
    assert work.tool("context", "show", "v1.0-x", "--json").json == saved
    for told in (work.tool("context", "show").out, work.tool("context", "show", "v1.0-x").out):
        assert "TOKEN=(secret)" in told
        assert "feature" in told
    work.tool("send", "true", "--workdir", top, "--git-branch", "main")
    work.tool("send", "true", "--workdir", "/")
    work.tick()
    tells = spoken(
        shell,
        'echo "$A:${EMPTY-unset}:${TOKEN-unset}"',
        'set -q EMPTY TOKEN; or set TOKEN unset; echo "$A:$EMPTY:$TOKEN"',
    )
    work.tool("send", tells, "--priority", 9, *variables[:4])
    restored = work.tool("context", "restore", "v1.0-x", "one", "--json")
    assert restored.json == {"id": 5, "missing": ["TOKEN"]}
    assert (work.prompt(5)["target_session"], work.prompt(5)["content"]) == ("one", ":")
    assert restored.err == "context: warning: not saved, because secret: TOKEN\n"
    work.tick()
    work.tool("sync-context")
    ran = work.rows("SELECT prompt_id, step FROM attempts WHERE prompt_id > 3 ORDER BY id")
    assert ran == [{"prompt_id": 5, "step": None}, {"prompt_id": 4, "step": None}]
    assert work.prompt(4)["response"] == "it's\n$(x)::unset"
    session = work.row("SELECT current_dir, git_branch FROM sessions")
    assert session == {"current_dir": str(top), "git_branch": "feature"}
    (dropped,) = work.tool("context", "drop", "v1.0-x", "--json").json
    assert dropped == saved
    assert work.tool("context", "show", "--json").json == []


def test_a_restored_variable_is_there_for_people_until_a_prompt_does_not_name_it(
    work: Workplace, shell: str
) -> None:
    pane = work.enrolled("one", shell)
    work.tool("send", "true", "--env", "A=kept", "--env", "EMPTY=")
    work.tick()
    work.tool("context", "save", "a", "one")
    work.tool("send", "true")
    work.tick()
    assert work.tool("context", "restore", "a", "one").out == "3\n"
    work.tick()
    tells = spoken(shell, "echo is-$A-${EMPTY-unset}-", 'set -q EMPTY; and echo "is-$A-$EMPTY-"')
    pane.run(tells)
    pane.wait_for("is-kept--")
    (session,) = work.tool("sessions", "--env", "A=kept", "--json").json
    assert session["name"] == "one"


def test_a_name_that_is_taken_is_overwritten_only_by_force(work: Workplace) -> None:
    work.enrolled("one")
    work.shell("two", cwd=work.path)
    work.tool("context", "save", "a", "one")
    before = contents(work)
    said = work.tool("context", "save", "a", "two", status=2).err
    assert said.startswith("context: context 'a' already exists, saved from session 'one' at 2")
    assert said.endswith("--force overwrites it\n")
    assert work.tool("context", "save", "a", "two", "--force", "--dry-run", "--json").json
    assert contents(work) == before
    work.tool("context", "save", "a", "two", "--force")
    (kept,) = work.rows("SELECT session, working_dir FROM saved_contexts")
    assert kept == {"session": "two", "working_dir": str(work.path)}


def test_a_context_whose_directory_is_gone_fails_before_anything_is_typed(work: Workplace) -> None:
    place = work.path / "place"
    place.mkdir()
    pane = work.enrolled("one", cwd=place)
    work.tool("context", "save", "a", "one")
    pane.run("cd /")
    place.rmdir()
    work.tool("context", "restore", "a", "one", "--dry-run")
    assert work.rows("SELECT id FROM prompts") == []
    work.tool("context", "restore", "a", "one")
    work.tick()
    assert "does not exist" in work.prompt(1)["error"]


def test_context_refuses(work: Workplace) -> None:
    work.enrolled("one")
    work.shell("stranger")
    work.shell("shot")
    work.tool("enroll", "shot", "--command", "cat")
    work.enrolled("gone").kill()
    assert work.tool("context", "show", "x", status=2).err == (
        "context: no context 'x' (none saved)\n"
    )
    work.tool("context", "save", "a", "one")
    before = contents(work)
    cases: list[tuple[list[object], str]] = [
        ([], "required: ACTION"),
        (["keep", "a", "one"], "'keep' is not one of save, show, "),
        (["save", "b"], "save takes NAME and SESSION"),
        (["restore", "a"], "restore takes NAME and SESSION"),
        (["drop"], "drop takes NAME"),
        (["show", "a", "one"], "show takes at most NAME"),
        (["drop", "a", "--force"], "--force is for save"),
        (["save", "b", "nowhere"], "no session 'nowhere' (known sessions: one, shot, stranger)"),
        (["save", "b", "gone"], "session 'gone' is offline: "),
        *((["save", name, "one"], f"not a name for a context: '{name}'") for name in NAMES),
        (["restore", "b", "one"], "no context 'b' (known contexts: a)"),
        (["drop", "b"], "no context 'b' (known contexts: a)"),
        (["restore", "a", "nowhere"], "no session 'nowhere' (known sessions: "),
        (["restore", "a", "stranger"], "session 'stranger' is not enrolled: enroll it first"),
        (["restore", "a", "shot"], "session 'shot' runs a one-shot command, not a shell"),
    ]
    for args, message in cases:
        said = work.tool("context", *args, status=2)
        assert message in said.err, args
        assert (said.out, said.err.count("\n")) == ("", 1), args
    assert contents(work) == before


NAMES = ["", "a b", ".a", "a/b", "$(x)", "é", "a" * 65]
