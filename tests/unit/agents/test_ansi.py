"""Only the lines that are asked for are read; what is read does not depend on that."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from assigner.agents import ansi
from assigner.agents.ansi import Style

ESCAPE = re.compile(
    r"\x1b\[([0-9;:]*)m|\x1b\][^\x07\x1b\n]*(?:\x07|\x1b\\)|\x1b[ -/]*[0-~]|[\x0e\x0f]"
)
Color = tuple[int, ...]
LEVELS = (0, 95, 135, 175, 215, 255)
PALETTE: list[Color] = [
    *[(127, 127, 127) if number == 8 else (255, 0, 0) for number in range(16)],  # gray, or not
    *[(red, green, blue) for red in LEVELS for green in LEVELS for blue in LEVELS],
    *[(gray, gray, gray) for gray in range(8, 248, 10)],
]


def straightforward(captured: str) -> list[list[tuple[str, Style]]]:
    """The lines of a capture, read character by character."""
    lines: list[list[tuple[str, Style]]] = [[]]
    faint = reverse = underline = False
    color: Color = (255, 255, 255)
    while captured:
        if escape := ESCAPE.match(captured):
            captured = captured[escape.end() :]
            found = [] if escape[1] is None else re.split("[;:]", escape[1])
            codes = [int(code or 0) for code in found]
            while codes:
                code = codes.pop(0)
                if code == 0:
                    faint = reverse = underline = False
                if code in (2, 22):
                    faint = code == 2
                if code in (4, 24):
                    underline = code == 4
                if code in (7, 27):
                    reverse = code == 7
                if code in (0, 39):
                    color = (255, 255, 255)
                if 30 <= code <= 37 or 90 <= code <= 97:
                    color = PALETTE[code - (30 if code < 90 else 82)]
                if code in (38, 48, 58):
                    kind = codes.pop(0) if codes else 0
                    size = {5: 1, 2: 3}.get(kind, 0)
                    values = [*codes, 0, 0, 0][:size]
                    del codes[:size]
                    if code == 38:
                        color = PALETTE[values[0]] if kind == 5 else tuple(values) or (255,) * 3
            continue
        if captured[0] == "\n":
            lines.append([])
        else:
            gray = 90 <= max(color) <= 200 and max(color) - min(color) <= 48
            lines[-1].append((captured[0], Style(faint or gray, reverse, underline)))
        captured = captured[1:]
    return lines


def characters(lines: list[ansi.Line]) -> list[list[tuple[str, Style]]]:
    return [[(c, style) for text, style in line for c in text] for line in lines]


texts = st.text("ab ❯字\u200b", max_size=5)
codes = st.sampled_from(
    (0, 1, 2, 4, 5, 7, 22, 24, 27, 30, 37, 38, 39, 48, 58, 90, 97, 100)
) | st.integers(0, 255)
parameters = st.lists(st.just("") | codes.map(str), max_size=8)
escapes = st.builds(
    lambda mark, found: f"\x1b[{mark.join(found)}m", st.sampled_from(";:"), parameters
)
others = st.sampled_from(
    (
        "\n",
        "\n",
        "\x1b[0m",
        "\x1b]8;;http://x\x1b\\",
        "\x1b]0;t\x07",
        "\x1b(B",
        "\x0e",
        "\x0f",
        "\x1b",
        "\x1b]",
    )
)
captures = st.lists(texts | escapes | others, max_size=40).map("".join)


@given(captures, st.integers(0, 8), st.integers(0, 8))
@example("\x1b[38;5;244m\na\x1b[0m\nb", 1, 3)
@example("\x1b[7ma\x1b[0;2m\n\nb\x1b[39m", 2, 3)
def test_some_lines_are_read_as_all_are(captured: str, first: int, number: int) -> None:
    expected = straightforward(captured)
    assert characters(ansi.read(captured)) == expected
    end = first + number
    assert characters(ansi.read(captured, first, end)) == expected[first:end]


@given(captures)
def test_the_plain_screen_is_what_is_left_without_escapes(captured: str) -> None:
    lines = ["".join(c for c, _ in line).rstrip(" ") for line in straightforward(captured)]
    assert ansi.plain(captured).split("\n") == lines


def test_an_escape_without_end_is_text() -> None:
    assert ansi.plain(f"\x1b[{'9' * 10_000}m").endswith("9m")
    assert ansi.read(f"\x1b[{'9' * 10_000}m")[0]
