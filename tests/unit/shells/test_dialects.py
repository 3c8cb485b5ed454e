"""The files that a shell sources, as each shell reads them."""

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assigner.shells import dialects, fish, posix
from assigner.shells.spec import REPORTS, Task, Tools

TOOLS = Tools(
    **{name: shutil.which(name) or name for name in ("mv", "sh", "tee", "git")}, report="report"
)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0")) | st.text(
    st.sampled_from("'\"\\$`!~=#{}()*?[]<>|&;^%- \n\t")
)
ODD = 'it\'s "$(touch marker)" `touch marker`\n\\ #{x} !! ~ =ls'


def quote_of(shell: str) -> Callable[[str], str]:
    return fish.quote if shell == "fish" else posix.quote


def run(shell: str, text: str, cwd: Path) -> subprocess.CompletedProcess[bytes]:
    done = subprocess.run(
        [shell, "-c", text], cwd=cwd, capture_output=True, timeout=20, check=False
    )
    if b"panicked at" in done.stderr:
        pytest.skip("this fish crashes without a terminal (in a pane it does not)")
    return done


@settings(max_examples=30)
@example(words=["=ls", "~root", "!!"])
@given(words=st.lists(WORDS, min_size=1, max_size=20))
@pytest.mark.parametrize("shell", list(dialects.DIALECTS))
def test_a_quoted_word_is_one_word(shell: str, words: list[str]) -> None:
    quoted = " ".join(map(quote_of(shell), words))
    printed = run(shell, f"{shutil.which('printf')} '%s\\0' {quoted}", Path("/")).stdout
    assert printed.decode().split("\0")[:-1] == words


@pytest.fixture
def task(tmp_path: Path) -> Task:
    """An attempt number 7 with its files, and a prompt that leaves a mark."""
    place = tmp_path / ODD
    state = place / ODD.replace("/", "")
    for directory in ("run/7", "spool"):
        (state / directory).mkdir(parents=True)
    for name in REPORTS:
        (state / "run/7" / name).touch()
    (state / "run/7/prompt").write_text("echo ran >>out\n")
    return Task(
        run=str(state / "run/7"),
        spool=str(state / "spool/7"),
        directory=str(place),
        physical=str(place),
        variables={},
        retake=[],
        branch=None,
        prerequisites=[],
        expected={},
        validate=True,
        one_shot=False,
    )


def source(shell: str, task: Task, before: str = "", after: str = "") -> str:
    """Source the file of a task in a shell of its own -> what that shell printed."""
    for name, text in dialects.files(shell, task, TOOLS).items():
        Path(task.run, name).write_text(text)
    line = f". {quote_of(shell)(f'{task.run}/ctx')}"
    done = run(shell, f"{before}\n{line}\n{after}", Path(task.run))
    assert not list(Path(task.run).parents[3].rglob("marker"))
    return done.stdout.decode() + done.stderr.decode()


def reports(task: Task) -> list[str]:
    """The reports, with the pids left out."""
    names = (path.name.removeprefix("7.") for path in Path(task.spool).parent.iterdir())
    return sorted(name.split(".")[0] if name[0] in "bg" else name for name in names)


def test_each_step_is_reported(task: Task, shell: str) -> None:
    task = replace(task, variables={"A": ODD}, prerequisites=[f": {quote_of(shell)(ODD)}"])
    shown = source(
        shell, task, after='printf "%s|%s" "$PWD" "$A"; set | grep -a "^__assigner_[es]"'
    )
    assert shown == f"{task.directory}|{ODD}"
    assert reports(task) == ["begun", "done.0", "exit.0", "group", "started"]
    assert Path(str(task.directory), "out").read_text() == "ran\n"


def test_it_runs_once(task: Task, shell: str) -> None:
    twice = f"true; . {quote_of(shell)(task.run)}/ctx"
    assert source(shell, task, after=twice) == ""
    assert Path(str(task.directory), "out").read_text() == "ran\n"


def test_it_does_nothing_once_its_token_was_taken(task: Task, shell: str) -> None:
    Path(task.run, "go").rename(Path(task.run, "revoked"))
    assert source(shell, replace(task, directory="/"), after="pwd") == f"{task.run}\n"
    assert reports(task) == []


@pytest.mark.parametrize(
    ("change", "failed"),
    [
        ({"directory": "/no where"}, "step.cd.1"),
        ({"prerequisites": ["true", "sh -c 'exit 7'"]}, "step.prereq-2.7"),
        ({"physical": "/else where"}, "step.verify.1"),
        ({"branch": "main"}, "step.branch.128"),
        ({"expected": {"expected_cwd": "/"}}, "step.session-state.1"),
        ({"expected": {"git_branch": "b"}}, "step.session-state.1"),
    ],
)
def test_the_step_that_fails(
    task: Task, shell: str, change: dict[str, object], failed: str
) -> None:
    task = replace(task, **change)  # type: ignore[arg-type]
    source(shell, task)
    if (shell, failed) == ("dash", "step.cd.1"):
        failed = "step.cd.2"
    status = failed.rpartition(".")[2]
    said = ("begun", "exit", "step")  # how the prompt ended does not count where none began
    assert [name for name in reports(task) if name.startswith(said)] == [
        "begun",
        f"exit.{status}",
        failed,
    ]
    assert not Path(str(task.physical), "out").exists()
