"""Terminal text made harmless, and what counts as an empty prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assigner.shells import prompt_line
from assigner.shells.prompt_line import Ending
from assigner.system import terminal_text

CONTROLS = {chr(code) for code in (*range(32), *range(127, 160))}
ANYTHING = st.text(st.characters(), max_size=60) | st.text(
    st.sampled_from("\033[]0;31m\a\\\x9b\n\tx")
)


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\033[1;31mred\033[0m", "red"),
        ("\033]0;title\007x\033]8;;http://a\033\\y", "xy"),
        ("\033Pdcs\033\\a\x9b2Jb\x9dosc\x9cc", "abc"),
        ("\033(0q\033(B\033=\033M", "q"),
        ("a\r\nb\rc\bd\a", "a\nbcd"),
        ("cut \033]0;off", "cut "),
    ],
)
def test_clean(raw: str, cleaned: str) -> None:
    assert terminal_text.clean(raw) == cleaned


@given(ANYTHING)
def test_nothing_that_a_terminal_obeys_is_left(text: str) -> None:
    assert not set(terminal_text.clean(text)) & (CONTROLS - {"\n", "\t"})
    assert not set(terminal_text.visible(text)) & CONTROLS


def test_visible_shows_what_would_hide() -> None:
    assert terminal_text.visible("a\033[2Jb\nc\u202ed\x7f") == r"a\x1b[2Jb\nc\u202ed\x7f"


@pytest.mark.parametrize(
    ("text", "size", "kept"),
    [("a\nbc\nd", 9, "a\nbc\nd"), ("a\nbc\nd", 3, "d"), ("a\nbc\nd", 5, "bc\nd"), ("abc", 2, "bc")],
)
def test_tail_is_a_tail_of_whole_lines(text: str, size: int, kept: str) -> None:
    assert terminal_text.tail(text, size) == kept


@pytest.mark.parametrize(
    ("line", "column", "parts"),
    [
        ("$ ls", 2, ("$ ", "ls")),
        ("$", 2, ("$ ", "")),
        ("漢字 $ x", 7, ("漢字 $ ", "x")),
        ("e\u0301 x", 2, ("e\u0301 ", "x")),
        ("", 0, ("", "")),
    ],
)
def test_split_at_a_screen_column(line: str, column: int, parts: tuple[str, str]) -> None:
    assert terminal_text.split_at(line, column) == parts


@pytest.mark.parametrize(
    ("line", "column", "ending"),
    [
        ("me@host:~$", 11, Ending("$ ", 1, False, "w@w:w$ ")),
        ("~ ❯", 4, Ending("❯ ", 1, False, "w ❯ ")),
        ("[a] [b]$", 9, Ending("$ ", 1, False, "[w] [w]$ ")),
        (">" + " " * 60 + "12:00", 2, Ending("> ", 1, True, "> ")),
        ("ready", 6, Ending("ready ", 1, False, "w ")),
        ("", 0, None),
        ("   ", 3, None),
        ("$ ls", 2, None),
    ],
)
def test_learn(line: str, column: int, ending: Ending | None) -> None:
    assert prompt_line.learn(line, column) == ending


DOLLAR, RIGHT = Ending("$ ", 1, False), Ending("> ", 1, True)
PURE, PLAIN = Ending("❯ ", 1, False, "❯ "), Ending("$ ", 1, False, "w $ ")
ROBBY = Ending(") ", 1, False, "➜  w w:(w) ")  # oh-my-zsh's own theme, in a repository


@pytest.mark.parametrize(
    ("line", "column", "ending", "empty"),
    [
        ("a$", 3, DOLLAR, True),
        ("another/dir$", 13, DOLLAR, True),
        ("a$ ls", 5, DOLLAR, False),
        ("a$ ls", 3, DOLLAR, False),  # the cursor was moved back
        ("a$ echo $", 10, DOLLAR, False),
        ("a$" + " " * 30 + "x", 3, DOLLAR, False),
        ("a", 1, DOLLAR, False),
        ("", 0, DOLLAR, False),
        (">" + " " * 30 + "12:00", 2, RIGHT, True),
        ("> ls" + " " * 30 + "12:00", 2, RIGHT, False),
        ("> ls" + " " * 30 + "12:00", 4, RIGHT, False),
        (">", 2, RIGHT, True),
        (">", 2, DOLLAR, False),
        ("dquote>", 8, RIGHT, False),
        ("cmdsubst dquote>", 17, RIGHT, False),
        ("[I] a$ ", 7, DOLLAR, True),
        ("[N] a$ ", 7, DOLLAR, False),
        ("(cmd)a$ ", 8, DOLLAR, False),
        ("➜  dir git:(main) ", 18, ROBBY, True),
        ("➜  other-dir git:(fix/x) ", 25, ROBBY, True),
        ("➜  dir echo $(date) ", 20, ROBBY, False),  # beside the repository
        ("❯ ", 2, PURE, True),
        ("venv ❯ ", 7, PURE, True),
        ("for… ❯ ", 7, PURE, False),
        ("… $ ", 4, PLAIN, False),
        ("… $ ", 4, DOLLAR, False),
        ("for $ ", 6, PLAIN, True),  # a directory of that name
        ("read> ", 6, Ending("> ", 1, False, "w@w w> "), False),
        ("?# ", 3, Ending("# ", 1, False, "w# "), False),
    ],
)
def test_at_empty_prompt(line: str, column: int, ending: Ending, empty: bool) -> None:
    assert prompt_line.at_empty_prompt(line, column, [ending]) is empty


def test_a_prompt_that_looks_like_a_continuation_must_be_known_as_such() -> None:
    assert not prompt_line.at_empty_prompt("> ", 2, [DOLLAR])
    assert prompt_line.at_empty_prompt("> ", 2, [Ending("> ", 1, False)])


SUSE, BARE = Ending("> ", 1, False, "w@w:w> "), Ending("> ", 1, False, "> ")
SPACESHIP = Ending("➜ ", 1, False, "w w ➜ ")


@pytest.mark.parametrize(
    ("line", "before", "endings", "empty"),
    [
        ("> ", "me@host:~> cat <<EOF", [SUSE], False),
        ("> ", "output", [SUSE], False),
        ("me@host:~> ", "output", [SUSE], True),
        ("➜ ", "dir main ➜ for i in 1", [SPACESHIP], False),
        ("➜ ", "dir main ➜ for i in 1", [SPACESHIP, Ending("➜ ", 1, False, "➜ ")], False),
        ("➜ ", "dir main", [SPACESHIP, Ending("➜ ", 1, False, "➜ ")], True),
        ("❯ ", "❯ ls", [PURE], True),  # its PS2 is another one
        ("> ", "> cat <<EOF", [BARE], False),
        ("> ", "> ", [BARE], False),
        ("> ", "output", [BARE], True),
        ("> ", "", [BARE], True),
    ],
)
def test_a_continuation_prompt_is_not_the_empty_prompt(
    line: str, before: str, endings: list[Ending], empty: bool
) -> None:
    column = terminal_text.width(line)
    assert prompt_line.at_empty_prompt(line, column, endings, before) is empty


def test_a_prompt_behind_what_a_program_has_left_is_learnt_whole() -> None:
    ending = prompt_line.learn_whole("# Title~/x # ", 13, [Ending("# ", 1, False, "w # ")])
    assert ending is not None
    assert prompt_line.at_empty_prompt("# Title~/x # ", 13, [ending])
    assert not prompt_line.at_empty_prompt("~/x # echo # ", 13, [ending])
    assert prompt_line.learn_whole("# Title~/x $ ", 13, [ending]) is None


@pytest.mark.parametrize(
    ("above", "typed"),
    [("", False), ("~ $ echo aaaa", True), ("~ $ ", False), ("=" * 40, False)],
)
def test_is_typed_above(above: str, typed: bool) -> None:
    assert prompt_line.is_typed_above(above, [DOLLAR]) is typed


@pytest.mark.parametrize(
    ("line", "known", "typed"),
    [
        ("a$ echo $(date)", [], True),
        ("# rm x)", [], True),
        ("~ ❯ foo ❯ ", [], True),
        ("me@host:~$ ", [], False),
        ("➜  dir git:(main) ✗ ", [], False),
        ("name: echo (x)", [], False),
        ("name: echo (x)", [Ending(": ", 1, False)], True),
        ("(venv) a$ ", [DOLLAR], True),
        ("> ", [], True),
        ("dquote> ", [], True),
    ],
)
def test_is_typed(line: str, known: list[Ending], typed: bool) -> None:
    assert prompt_line.is_typed(line, len(line), known) is typed


@pytest.mark.parametrize(
    ("line", "left"),
    [
        ("a$", []),
        ("unfinisheda$", ["unfinished"]),
        ("b$", []),
        ("output", ["output"]),
        (">" + " " * 30 + "12:00", []),
    ],
)
def test_without_prompt(line: str, left: list[str]) -> None:
    assert prompt_line.without_prompt(line, "a$", [DOLLAR, RIGHT]) == left


ROBBY_OUT, CLOCK = Ending("~ ", 1, False, "➜  w "), Ending("> ", 1, False, "w> ")


@pytest.mark.parametrize(
    ("line", "column", "ending", "empty"),
    [
        ("➜  /usr ", 8, ROBBY_OUT, True),  # a person's cd
        ("➜  /usr ls ", 11, ROBBY_OUT, False),
        ("➜  /usr", 9, ROBBY_OUT, False),  # a blank is typed
        ("~>" + " " * 27 + "13:33:41", 3, CLOCK, False),  # not at the margin
        ("~>" + " " * 30 + "13:33:41", 3, CLOCK, True),
        ("~>" + " " * 29 + "13:33:41", 3, CLOCK, True),  # zsh leaves one column
        ("~> ls" + " " * 27 + "13:33:41", 3, CLOCK, False),
    ],
)
def test_right_prompts_and_words_of_a_prompt_come_and_go(
    line: str, column: int, ending: Ending, empty: bool
) -> None:
    assert prompt_line.at_empty_prompt(line, column, [ending], width=40) is empty


@pytest.mark.parametrize(
    ("line", "was", "output"),
    [
        ("important~ 13:33:41 $ ", "~ 12:09:00 $ ", ["important"]),
        ("~ 13:33:41 $ ", "~ 12:09:00 $ ", []),
        ("done[101] $ ", "[99] $ ", ["done"]),
        ("4212:00 $ ", "11:59 $ ", ["42"]),
        ("a$", "b$ ", []),
    ],
)
def test_output_before_a_prompt_that_counts(line: str, was: str, output: list[str]) -> None:
    assert prompt_line.without_prompt(line, was, [Ending("$ ", 1, False)]) == output
