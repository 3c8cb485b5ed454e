"""What a person sees on a terminal: colors, widths, tables that fit, progress of long work."""

import fcntl
import os
import re
import struct
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress

import pytest

from assigner.cli import output, progress
from assigner.system import terminal_text
from harness.workplace import ROOT, Workplace, wait_for

WIDE = "\u6f22\u5b57\uff21 e\u0301 \U0001f642 \ud55c"
ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def seen(work: Workplace, *command: object, columns: int = 120, **env: str) -> list[str]:
    """The lines that a tool prints, stderr too, on a terminal of that width."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    settings = {**work.environment, "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", **env}
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, str(ROOT / "bin" / str(command[0])), *map(str, command[1:])],
        settings,
        file_actions=[(os.POSIX_SPAWN_DUP2, theirs, fd) for fd in (1, 2)],
    )
    os.close(theirs)
    told = b""
    with suppress(OSError):  # so a terminal's end is told
        while part := os.read(ours, 65536):
            told += part
    os.close(ours)
    os.waitpid(pid, 0)
    return told.decode().splitlines()


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """Prompts of all kinds; nobody may change them."""
    with Workplace(tmp_path_factory.mktemp("filled")) as work:
        work.enrolled("one")
        (odd := work.path / f"{WIDE * 3}").mkdir()
        work.tool("send", f"exit 3 # {WIDE * 9}", "--workdir", odd, "--max-attempts", 1)
        work.tool("send", f"seq 30; echo {WIDE}")
        work.tool("send", WIDE * 9, "--target", "nowhere", "--workdir", odd)
        work.tool("send", "later", "--target", "nowhere")
        work.tool("cancel", 4)
        work.tick()
        yield work


# --- widths -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["plain", "\u6f22\u5b57", "e\u0301", "\U0001f642!", "\uff71", WIDE]
)
def test_width_is_what_a_terminal_makes_of_it(work: Workplace, text: str) -> None:
    pane = work.pane("wide", "sh", "-c", f"printf '{text}'; read line")
    wait_for(lambda: pane.format("#{cursor_x}") == str(terminal_text.width(text)), what=pane.screen)


@pytest.mark.parametrize(
    ("text", "width", "short"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("\u6f22\u5b57", 4, "\u6f22\u5b57"),
        ("\u6f22\u5b57", 3, "\u6f22…"),
        ("\u6f22\u5b57a", 4, "\u6f22…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("ab", 1, "…"),
    ],
)
def test_shorten_by_columns(text: str, width: int, short: str) -> None:
    assert output.shorten(text, width) == short


@pytest.mark.parametrize("columns", [80, 100, 200])
@pytest.mark.parametrize("command", ["prompts", "queue", "sessions", "status"])
def test_tables_fit(filled: Workplace, command: str, columns: int) -> None:
    lines = seen(filled, command, columns=columns, NO_COLOR="1")
    assert any(line.startswith("--") for line in lines)
    assert [line for line in lines if terminal_text.width(line) > columns] == []
    rule = next(line for line in lines if line.startswith("--"))
    starts = [match.start() for match in re.finditer("-+", rule)][1:]
    table = lines[lines.index(rule) - 1 :]
    for line in table[: table.index("") if "" in table else None]:
        for start in starts:  # a column begins behind a blank, in every row
            assert terminal_text.split_at(line, start)[0].endswith(" "), line


def test_a_table_that_has_no_room_becomes_paragraphs(filled: Workplace) -> None:
    lines = seen(filled, "prompts", "--status", "cancelled", columns=40)
    assert [ESCAPES.sub("", line) for line in lines] == [
        "id:           4",
        "status:       cancelled",
        "priority:     0",
        "session:      nowhere",
        "attempts:     0",
        "content:      later",
    ]


# --- colors ------------------------------------------------------------------------------------


def test_states_have_colors_that_take_no_room(filled: Workplace) -> None:
    colored = seen(filled, "prompts")
    for state in ("\x1b[31mfailed\x1b[0m", "\x1b[32mcompleted\x1b[0m", "\x1b[2mcancelled\x1b[0m"):
        assert any(state in line for line in colored)
    plain = [ESCAPES.sub("", line).rstrip() for line in colored]
    assert plain == seen(filled, "prompts", NO_COLOR="1")
    assert any("\x1b[2mtarget missing" in line for line in seen(filled, "queue"))
    assert any("\x1b[31m1 failed\x1b[0m" in line for line in seen(filled, "status"))
    assert seen(filled, "show", 1)[0] == "prompt 1: \x1b[31mfailed\x1b[0m"


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colors_can_be_refused(filled: Workplace, env: dict[str, str]) -> None:
    for command in ("prompts", "queue", "status"):
        assert not ESCAPES.search("".join(seen(filled, command, **env)))


def test_programs_see_no_colors(filled: Workplace) -> None:
    assert not ESCAPES.search("".join(seen(filled, "prompts", "--json")))
    assert not ESCAPES.search(filled.tool("prompts", env={"TERM": "xterm"}).out)
    assert any("\x1b[31m" in line for line in seen(filled, "prompts", NO_COLOR=""))


# --- show ---------------------------------------------------------------------------------------


def test_show_begins_with_what_became_of_it(filled: Workplace) -> None:
    lines = filled.tool("show", 1).out.splitlines()
    assert lines[:4] == [
        "prompt 1: failed",
        "  error:       exit_status: 3",
        "  exit status: 3",
        "  attempts:    1 of 1, the last in one",
    ]
    order = [lines.index("context"), lines.index("attempt 1 (id 1) in one: failed (exit_status)")]
    assert order == sorted(order) and order[1] < lines.index("events")


def test_show_has_the_end_of_long_output_first_and_all_of_it_later(filled: Workplace) -> None:
    top, _, rest = filled.tool("show", 2).out.partition("\ncontext\n")
    assert "  output, last 10 of 31 lines:\n    22\n" in top
    assert f"    30\n    {WIDE}\n" in top
    assert "  output:\n    1\n    2\n" in rest


# --- progress -----------------------------------------------------------------------------------


def test_progress_is_told_and_gone_before_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.set_blocking(ours, False)
    monkeypatch.setenv("TERM", "xterm")
    told = ""

    def reading() -> str:
        nonlocal told
        with suppress(BlockingIOError):
            told += os.read(ours, 65536).decode()
        return told

    with open(theirs, "w") as stderr:
        monkeypatch.setattr(sys, "stderr", stderr)
        with (
            pytest.raises(ValueError, match="at last"),
            progress.progress(iter(lambda: "[" in reading(), True), 10**9, "sorting") as items,
        ):
            for _ in items:
                pass
            raise ValueError("at last")
        assert reading().endswith("\r\x1b[K")
    os.close(ours)
    bars = re.findall(r"\r(sorting \[[#.]{30}\] +\d+%  [\d,]+ of 1,000,000,000)\x1b\[K", told)
    assert bars and max(map(len, bars)) < 80


def test_short_work_tells_no_progress(work: Workplace) -> None:
    (work.path / "lines").write_text('{"content": "x"}\n' * 9 + "{}\n")
    assert seen(work, "send", "--jsonl", work.path / "lines") == [
        f"send: '{work.path}/lines' line 10: key 'content' is missing"
    ]
