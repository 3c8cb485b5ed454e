"""A composer is empty where nothing but a hint stands in it, and the cursor before that."""

import re

import pytest

from assigner.agents import ansi
from assigner.agents.composer import Shape, find

SHAPE = Shape(
    re.compile("^> ?"), below=re.compile("^--"), rest=re.compile("^( {2})?"),
    placeholder=re.compile("^hint"),
)  # fmt: skip
DRAWN = Shape(re.compile("^> ?"), below=re.compile("^--"), drawn_cursor=True)
HINTING = Shape(re.compile("^> ?"), below=re.compile("^--"), hint=True)
LOW = Shape(re.compile("^> ?"), below=re.compile("^--"), height=1)
BLOCK = Shape(
    re.compile("^┃ {0,2}"), re.compile("^(?!┃)"), re.compile("^--"), re.compile("^┃ {0,2}"),
    status_lines=1, height=4,
)  # fmt: skip
HINT = "\x1b[2mhint\x1b[0m"


def state(shape: Shape, colored: str, cursor: tuple[int, int] | None = None) -> str:
    captured = f"{colored}\n--"
    found = find(shape, ansi.plain(captured).split("\n"), captured, cursor)
    assert found is not None
    return found.state


@pytest.mark.parametrize(
    ("colored", "cursor", "right"),
    [
        (">", (2, 0), "empty"),
        (">", (0, 0), "unclear"),
        (">", (2, 1), "unclear"),
        (">", None, "unclear"),
        (f"> {HINT}", (2, 0), "empty"),
        (f">   {HINT}", (3, 0), "empty"),
        (f"> {HINT}", (1, 0), "unclear"),
        (f"> {HINT}", (3, 0), "unclear"),
        (f">\n  {HINT}", (2, 0), "empty"),
        (f">\n  {HINT}", (3, 1), "unclear"),
        ("> hint", (2, 0), "draft"),
        (f"> {HINT}s", (2, 0), "draft"),
        (f"> {HINT}\n  more", (2, 0), "draft"),
        ("\x1b[2mabove\n> hint", (2, 1), "empty"),
    ],
)
def test_the_cursor_stands_before_a_hint(
    colored: str, cursor: tuple[int, int] | None, right: str
) -> None:
    assert state(SHAPE, colored, cursor) == right


@pytest.mark.parametrize(
    ("colored", "right"),
    [
        ("> \x1b[7m \x1b[0m", "empty"),
        (">", "unclear"),
        ("> \x1b[7mh\x1b[0;2mint\x1b[0m", "empty"),
        ("> \x1b[4mh\x1b[0;2mint\x1b[0m", "empty"),
        ("> \x1b[4m \x1b[0;2m hint\x1b[0m", "empty"),
        (">   \x1b[4m \x1b[0m\u200b", "draft"),
        (">   \x1b[7m \x1b[0m", "draft"),
        ("> \x1b[7mh\x1b[0mint", "draft"),
        ("> \x1b[7mh\x1b[0m", "draft"),
        (f"> {HINT}", "unclear"),
        ("> \x1b[2mh\x1b[7mi\x1b[27mnt\x1b[0m", "unclear"),
    ],
)
def test_a_drawn_cursor_is_the_reversed_or_underlined_character(colored: str, right: str) -> None:
    assert state(DRAWN, colored) == right


@pytest.mark.parametrize(
    ("shape", "colored", "cursor", "right"),
    [
        (SHAPE, ">", (3, 0), "draft"),
        (SHAPE, ">\n", (2, 1), "draft"),
        (LOW, ">\n", (2, 0), "draft"),
        (LOW, ">", (2, 0), "empty"),
        (HINTING, ">", (2, 0), "draft"),
        (HINTING, f"> {HINT}", (2, 0), "empty"),
        (BLOCK, "\n┃\n┃\n┃\n┃  model", (3, 2), "empty"),
        (BLOCK, "\n┃\n┃\n┃\n┃  model", (4, 2), "draft"),
        (BLOCK, "\n┃\n┃\n┃\n┃\n┃  model", (3, 2), "draft"),
    ],
)
def test_a_draft_of_blanks_is_known_by_the_cursor_the_hint_and_the_height(
    shape: Shape, colored: str, cursor: tuple[int, int], right: str
) -> None:
    assert state(shape, colored, cursor) == right


def test_without_its_own_colors_only_a_known_hint_is_one() -> None:
    for text, colored, right in (
        ("> hint", None, "empty"),
        ("> tint", None, "draft"),
        ("> hint", f"> {HINT}", "empty"),
        ("> hint", "> \x1b[2mtint", "draft"),
    ):
        found = find(SHAPE, [text, "--"], colored, (2, 0))
        assert found is not None
        assert found.state == right, (text, colored)


EDGED = Shape(re.compile("^❯ ?"), re.compile("^─{3}"), re.compile("^─{3}"), re.compile("^( {2})?"))


@pytest.mark.parametrize(
    ("lines", "cursor", "right"),
    [
        (["───", "❯ 1. do this", "───"], (12, 1), "draft"),
        (["───", "❯ 1. do this", "───"], (13, 1), "draft"),  # a blank behind it
        (["───", "❯ 1. do this", "  2. do that", "───"], (12, 2), "draft"),
        (["───", "❯ 1. Yes", "  2. No", "───"], (0, 1), None),  # a menu: at its mark,
        (["───", "❯ 1. Yes", "  2. No", "───"], (2, 1), None),
        (["───", "❯ 1. Yes", "  2. No", "───"], (7, 3), None),  # below it,
        (["───", "❯ 1. Yes", "  2. No", "", "───"], (1, 3), None),  # in a line without text
        (["───", "❯ 1. Yes", "  2. No", "───"], None, None),
    ],
)
def test_a_numbered_text_is_no_menu(
    lines: list[str], cursor: tuple[int, int] | None, right: str | None
) -> None:
    found = find(EDGED, lines, "\n".join(lines), cursor)
    assert (found.state if found else None) == right
