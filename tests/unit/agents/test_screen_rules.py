"""Agents' recorded screens are judged right; none is called idle at which typing does harm."""

import json
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from assigner.agents import ansi, registry
from assigner.agents.composer import Shape
from assigner.agents.provider import Provider, Rule
from assigner.agents.screen_rules import View, judge
from harness.workplace import ROOT

SCREENS = ROOT / "tests" / "data" / "screens-agents"
STATUSES: dict[str, list[str]] = json.loads((SCREENS / "statuses.json").read_text())
Cells = list[list[tuple[str, ansi.Style]]]


class Recorded(NamedTuple):
    """A screen as cells, and what tmux said of its pane."""

    cells: Cells
    meta: dict[str, object]

    @property
    def cursor(self) -> tuple[int, int]:
        x, y = str(self.meta["cursor"]).split(",")
        return int(x), int(y)

    def at(self, x: int, y: int) -> dict[str, object]:
        return self.meta | {"cursor": f"{x},{y}"}


def recorded(name: str) -> Recorded:
    path = SCREENS / name
    meta = json.loads(path.with_suffix(".json").read_text())
    lines = ansi.read(path.with_suffix(".ansi").read_text())
    cells = [[(c, style) for text, style in line for c in text] for line in lines]
    for line in cells:
        while line and line[-1] in ((" ", ansi.Style()), (" ", ansi.Style(dim=True))):
            del line[-1]
    return Recorded(cells, meta)


def view(name: str) -> View:
    """A recorded screen.  Newer recordings have no .txt: it would say the same as the .ansi."""
    path = SCREENS / name
    meta = json.loads(path.with_suffix(".json").read_text())
    colored = path.with_suffix(".ansi").read_text()
    text = path.with_suffix(".txt")
    if not text.exists():
        return View.from_colored(colored, meta)
    return View(text.read_text(), colored, meta)


def provider(name: str) -> str:
    return name.partition("/")[0].partition("-")[0]


def drawn(cells: Cells) -> tuple[str, str]:
    """A screen without and with its styles."""
    plain = "\n".join("".join(c for c, _ in line).rstrip(" ") for line in cells)
    colored = "\n".join(
        "".join(f"\x1b[0{';2' * s.dim}{';4' * s.underline}{';7' * s.reverse}m{c}" for c, s in line)
        for line in cells
    )
    return plain, colored


def status(name: str, text: str, colored: str | None, meta: dict[str, object]) -> str:
    return judge(registry.agents()[provider(name)], View(text, colored, meta)).status


def wrapped(found: Recorded, width: int) -> Recorded:
    """The screen as a terminal of that width wraps it anew."""
    x, y = found.cursor
    cells: Cells = []
    row = 0
    for number, line in enumerate(found.cells):
        if number == y:
            row = len(cells) + x // width
        cells += [line[at : at + width] for at in range(0, max(1, len(line)), width)]
    return Recorded(cells, found.at(x % width, row))


def cut(found: Recorded, width: int) -> Recorded:
    return Recorded([line[:width] for line in found.cells], found.meta)


def last(found: Recorded, height: int) -> Recorded:
    """Only the last lines that something stands in."""
    filled = max(i for i, line in enumerate(found.cells) if "".join(c for c, _ in line).strip())
    first = max(0, filled + 1 - height)
    x, y = found.cursor
    return Recorded(found.cells[first:], found.at(x, max(0, y - first)))


def without_end(found: Recorded, height: int) -> Recorded:
    """As while it is drawn anew: the lowest lines are missing."""
    filled = max(i for i, line in enumerate(found.cells) if "".join(c for c, _ in line).strip())
    return Recorded(found.cells[: max(1, filled + 1 - height)], found.meta)


def spoilt(found: Recorded) -> Iterator[tuple[str, Recorded]]:
    """The screen on other terminals, and parts of it."""
    changes: list[tuple[Callable[[Recorded, int], Recorded], tuple[int, ...]]] = [
        (wrapped, (100, 60, 40)), (cut, (80, 40)), (last, (24, 12, 8, 5, 3)),
        (without_end, (1, 2, 4)),
    ]  # fmt: skip
    for change, sizes in changes:
        for size in sizes:
            yield f"{change.__name__} {size}", change(found, size)
    yield "wrapped and short", last(wrapped(found, 80), 24)
    yield "narrow and short", last(wrapped(found, 50), 12)
    for key in ("pane_title", "cursor_flag", "pane_current_path"):
        yield f"no {key}", found._replace(meta={k: v for k, v in found.meta.items() if k != key})
    yield "title of another", found._replace(meta=found.meta | {"pane_title": "vm"})


def test_screens_are_judged_right() -> None:
    wrong = {}
    for name, right in STATUSES.items():
        found = judge(registry.agent(provider(name)), view(name))
        if found.status not in right:
            wrong[name] = (found, right)
    assert wrong == {}


@pytest.mark.parametrize("agent", sorted({name.partition("/")[0] for name in STATUSES}))
def test_no_part_of_a_screen_is_idle_unless_the_whole_is(agent: str) -> None:
    idle = [
        f"{name}: {how}"
        for name, right in STATUSES.items()
        # a part of a screen does not show a limit that was stated above it
        if name.startswith(f"{agent}/") and not {"idle", "limited"} & {*right}
        for how, found in spoilt(recorded(name))
        for plain, colored in [drawn(found.cells)]
        for colors in (colored, None)
        if status(name, plain, colors, found.meta) == "idle"
    ]
    assert idle == []


def test_one_capture_with_colors_is_enough() -> None:
    for name in STATUSES:
        both = view(name)
        assert both.colored is not None
        one = View.from_colored(both.colored, both.meta)
        assert same_moment(one.text) == same_moment(both.text), name
        agent = registry.agent(provider(name))
        assert (one.colored, one.meta) == (both.colored, both.meta)
        assert judge(agent, one) == judge(agent, both), name


def same_moment(text: str) -> str:
    """A screen without what had turned between the two recordings of it."""
    return re.sub("[⠀-⣿]", "⠿", text).rstrip("\n")


def test_the_directory_of_a_title_is_told_from_other_words() -> None:
    found = recorded("codex/idle-empty")
    plain, colored = drawn(found.cells)
    here = {"pane_current_path": "/srv/a.b", "pane_title": "⠂ a.b"}
    for changes, right in (
        ({"pane_title": "a.b"}, "idle"),
        ({"pane_title": "axb"}, "unknown"),
        ({"pane_title": ""}, "unknown"),
        ({"pane_title": "{directory}"}, "unknown"),
    ):
        assert status("codex/idle-empty", plain, colored, found.meta | here | changes) == right


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("You've hit your session limit · resets 3:40pm (Europe/Berlin)", "limited"),
        ("5-hour limit reached · resets 3am", "limited"),
        ("Claude usage limit reached.", "limited"),
        ("You're out of extra usage · resets 9pm (Europe/Berlin)", "limited"),
        ("You’re out of usage credits · resets 11:30am (Asia/Colombo)", "limited"),
        ("5-hour limit reached ∙ now using extra usage", "idle"),
        ("Session limit reached · now using usage credits", "idle"),
        ("API Error: Request rejected (429) · slow down", "limited"),
        ("The client now backs off when the rate limit reached.", "idle"),
        ("It says: you have reached your upload limit.", "idle"),
        ("I log when a request rejected (429) comes back.", "idle"),
    ],
)
def test_an_answer_about_limits_is_no_limit(said: str, right: str) -> None:
    path = SCREENS / "claude/finished-after-tool"
    answer = 'MOCK-TOOL-DONE output="tooldone"'
    plain, colored = (path.with_suffix(end).read_text() for end in (".txt", ".ansi"))
    texts = plain.replace(answer, said), colored.replace(answer, said)
    assert texts != (plain, colored)
    meta = json.loads(path.with_suffix(".json").read_text())
    assert status("claude/finished-after-tool", *texts, meta) == right


@pytest.mark.parametrize(
    "text", ["press enter", "press\nenter", "│ press │\n│ enter │", "press en\nter"]
)
def test_what_a_terminal_has_wrapped_is_found(text: str) -> None:
    rule = Rule("asks", "waiting", "asks", bottom=re.compile("^press enter"))
    assert judge(Provider("robot", "", "robot", rules=(rule,)), View(text, None, {})).rule == "asks"


def test_a_rule_reads_the_mark_of_the_composer_and_the_last_message() -> None:
    rules = (
        Rule("shell mode", "occupied", "in shell mode", mark=re.compile("!")),
        Rule("command", "idle", "after a command", message=re.compile("^> /")),
    )
    shape = Shape(re.compile("^[>!] ?"), above=re.compile("^--"))
    robot = Provider("robot", "", "robot", (), (), re.compile("^> "), shape, rules)
    for text, right in (
        ("> hello!\n--\n! ", "shell mode"),
        ("> hello!\n--\n> ", None),
        ("> hello\n> /clear\n--\n> ", "command"),
        ("> /clear\n> hello\n--\n> /", None),
    ):
        assert judge(robot, View(text, None, {})).rule == right, text


@pytest.mark.parametrize(
    ("end", "right"),
    [
        ("✻ Baked for 9s · done 7:59 PM\n", "idle"),
        ("✻ Baked for 9s · done 7:59 PM\n|  a notice of one line…", "idle"),
        ("✻ Baked for 9s · done 7:59 PM\n\n● More of an answer\n", "busy"),
        ("✻ Baked for 9s · done 7:59 PM\n\n● More of an answer\n|  a notice", "busy"),
        ("✻ Waiting for 2 background agents to finish\n", "idle"),
        ("● An answer that is written\n\n  tick 1\n", "busy"),
        ("● API Error: 500 mock internal error.\n  it persists\n", "idle"),
        ("  tick 8\n  ⎿  Interrupted · What should Claude do instead?\n", "idle"),
        ("● Write(new.txt)\n  ⎿  Rejected write to new.txt\n      1 hello\n", "idle"),
        ("  ⎿  Invalid API key · Fix external API key\n", "idle"),
        ("  ⎿  Prompt is too long · the request\n     is long\n", "idle"),
        ("● Bash(say)\n  ⎿  Prompt is too long\n", "busy"),
        ("  ⎿  Prompt is too long\n\n● An answer\n", "busy"),
        ("  ⎿  Read notes.txt (2 lines)\n", "busy"),
        ("❯ /clear\n  ⎿  (no content)\n", "idle"),
        ("❯ /clear\n\n● An answer to a command\n", "busy"),
        ("❯ /clear\n", "busy"),
        ("", "busy"),
    ],
)
def test_in_vims_insert_mode_claude_is_idle_only_after_the_end_of_a_turn(
    end: str, right: str
) -> None:
    name = "claude-2.1.332/busy-streaming-b-vim-120x40"
    shown = view(name)
    end, _, notice = end.partition("|")
    turn = [*shown.lines[:10], "❯ hello", "", *end.split("\n")]
    lines = [*turn, *[""] * (35 - len(turn)), notice, *shown.lines[36:]]
    assert status(name, "\n".join(lines), None, dict(shown.meta)) == right
