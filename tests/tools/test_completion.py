"""assigner completion: Tab in real shells, and the answers to them."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from harness.workplace import Pane, Workplace, wait_for


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """Something of everything that can be completed; nobody may change it."""
    with Workplace(tmp_path_factory.mktemp("filled")) as work:
        fill(work)
        yield work


def fill(work: Workplace) -> None:
    lines = '{"content": "one"}\n{"content": "two: a\\u202e"}\n'
    work.tool("send", "--jsonl", "-", "--tag", "nightly", "--target", "session-7", input=lines)
    work.tool("cancel", 1)
    work.shell("session-7", cwd=work.repo())
    work.tool("scan")
    work.tool("sync-context")
    (work.path / "tasks of mine").mkdir()


def shell_of(work: Workplace, name: str) -> Pane:
    """A shell that completes; `assigner` is not on its PATH, as where people have an alias."""
    ready = {"zsh": "autoload -Uz compinit && compinit -u\n"}.get(name, "")
    (script := work.path / "script").write_text(work.tool("completion", name).out)
    rc = f"export ASSIGNER_HOME={work.state}\ncd {work.path}\n{ready}source {script}\n"
    if name != "fish":
        return work.shell(name, name, rc=rc)
    (file := work.path / "rc").write_text(f"{rc}function fish_prompt; echo 'fish$ '; end\n")
    pane = work.pane("fish", "fish", "--private", "--no-config", "-i", "-C", f"source {file}")
    pane.wait_for("fish$")
    return pane


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_tab_completes_what_is_typed(filled: Workplace, name: str) -> None:
    if not shutil.which(name):
        pytest.skip(f"no {name} on this machine")
    pane = shell_of(filled, name)
    for typed, seen in (
        ("assigner assi", "assigner assign-next"),
        ("assigner send --idem", "--idempotent"),
        ("cd . && assigner send x --target ses", "--target session-7"),
        ("assigner prompts --status fai", "--status failed"),
        ("assigner prompts --tag ni", "--tag nightly"),
        ("assigner send x --workdir tas", r"--workdir tasks\ of\ mine/"),
        ("assigner cancel ", "assigner cancel 2"),
        ("assigner help sho", "assigner help show"),
    ):
        pane.type(typed)
        pane.keys("Tab")
        pane.wait_for(seen)
        pane.keys("C-u", "C-l")
        wait_for(lambda text=typed: text not in pane.screen(), what=pane.screen)
    pane.type("assigner se")
    pane.keys("Tab", "Tab")
    pane.wait_for("sessions")


def offered(work: Workplace, line: str, shell: str = "bash", **env: str) -> list[str]:
    """What a shell is told that can stand at the end of a line."""
    answer = work.path / "answer"
    answer.unlink(missing_ok=True)
    asked = {
        "_ARGCOMPLETE": "1",
        "_ARGCOMPLETE_SHELL": shell,
        "_ARGCOMPLETE_IFS": "\n",
        "_ARGCOMPLETE_STDOUT_FILENAME": str(answer),
        "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "COMP_LINE": line,
        "COMP_POINT": str(len(line)),
    }
    result = work.tool("assigner", env={**asked, **env}, status=(0, 1))
    assert (result.out, result.err) == ("", "")
    return answer.read_text().split("\n") if answer.exists() else []


@pytest.mark.parametrize(
    ("line", "answers"),
    [
        ("assigner sy", ["sync-context"]),
        ("assigner show ", ["2", "1"]),
        ("assigner retry ", ["1"]),
        ("assigner send --after ", ["2"]),
        ("assigner send --git-branch ", ["main"]),
        ("assigner send --workd", ["--workdir"]),
        ("assigner send --provider=sh", ["--provider=shell"]),
        ("assigner send --provider=cod", ["--provider=codex"]),
        ("assigner cleanup-stale --apply --ver", ["--verbose"]),
        ("assigner queue --l", ["--limit"]),
        ("assigner send 'now; assigner x' --pri", ["--priority"]),
        ("(A=1 /opt/assigner enr", ["enroll"]),
        ("sudo -u me assigner enr", ["enroll"]),
        ("assigner nonsense --", []),
        ("assigner send 'unclosed", []),
        ("assigner", []),
    ],
)
def test_answers(filled: Workplace, line: str, answers: list[str]) -> None:
    assert [answer for answer in offered(filled, line) if answer] == answers


def test_values_are_explained_and_harmless(filled: Workplace) -> None:
    assert offered(filled, "assigner show ", "zsh") == [
        r"2:pending: two: a\u202e",
        "1:cancelled: one",
    ]


def test_options_come_unasked_only_where_there_is_nothing_else(filled: Workplace) -> None:
    assert "--priority" in offered(filled, "assigner send ")
    assert "--json" not in offered(filled, "assigner show ")


def test_completing_needs_no_database_and_makes_none(work: Workplace) -> None:
    assert offered(work, "assigner show ") == [""]
    assert offered(work, "assigner sho") == ["show"]
    assert not work.state.exists()
    work.state.mkdir()
    assert offered(work, "assigner show ") == [""]
    assert list(work.state.iterdir()) == []
    (work.path / "other").write_text("no database")
    assert offered(work, f"assigner show --db {work.path}/other ") == [""]
    assert offered(work, "assigner show ", ASSIGNER_DB="not/absolute") == [""]


def test_a_locked_database_keeps_nobody_waiting(filled: Workplace) -> None:
    with closing(sqlite3.connect(filled.database)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        assert offered(filled, "assigner show ") == [""]
