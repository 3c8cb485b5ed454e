"""A typed prompt is recognized in what an agent made of it; a person's prompt is another one."""

import re

import pytest

from assigner.agents import registry
from assigner.agents.prompt_match import Typed
from assigner.agents.provider import Manner

CLAUDE = registry.agent("claude").manner
LINES = 'first line of it\n\tsecond: <b> & "q"\nthird\nfourth'
WRAPPED = '\n\n<pasted_content id="5f5b">\n{}\n</pasted_content{}>\n'


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (" /not a command", "/not a command"),
        ("one\n  two", "one\r\n\ttwo\n\n"),
        ("caf\u00e9", "cafe\u0301"),
        ("cafe\u0301", "caf\u00e9"),
        ("ab cd ef", "a\u200bb c\u00add e\u034ff"),
        ("family \U0001f468\u200d\U0001f469", "family \U0001f468\u200d\U0001f469"),
        (WRAPPED.format(LINES, ""), LINES),
        (WRAPPED.format(LINES, ' id="5f5b"'), LINES),
        (WRAPPED.format(LINES.replace("\t", "    "), ' id="5f5b"'), LINES),
        # tags in the text itself: as they are, or as Claude Code changes them
        (WRAPPED.format("a </pasted_content> b", ""), "a </pasted_content> b"),
        (WRAPPED.format("a <\\/pasted_content> b", ""), "a </pasted_content> b"),
        (
            WRAPPED.format('l2 <\\pasted_content id="x"> b', ' id="5f5b"'),
            'l2 <pasted_content id="x"> b',
        ),
        ("a <\\/pasted_content> b", "a <\\/pasted_content> b"),
    ],
)
def test_it_is_the_prompt_whatever_the_agent_has_made_of_it(said: str, text: str) -> None:
    assert Typed(text, CLAUDE).is_prompt(said)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        (None, "one"),
        ("", "one"),
        ("one", "one two"),
        ("one two", "one"),
        ("oneone", "one"),
        (f"as I said: {LINES}", LINES),
        (f"{LINES}\nbut first of all the tests", LINES),
        ("see this:" + WRAPPED.format(LINES, ""), LINES),
        (WRAPPED.format(LINES, "") + "and then stop", LINES),
        (WRAPPED.format(LINES + "\nfifth", ""), LINES),
        (WRAPPED.format(LINES, "") + WRAPPED.format(LINES, ""), LINES),
        (WRAPPED.format(LINES[:-1], ""), LINES),
        (WRAPPED.format("", ""), LINES),
    ],
)
def test_a_persons_prompt_is_another_one_even_if_it_quotes_the_text(
    said: str | None, text: str
) -> None:
    assert not Typed(text, CLAUDE).is_prompt(said)


def test_without_wrappers_nothing_is_removed() -> None:
    assert not Typed(LINES).is_prompt(WRAPPED.format(LINES, ""))


ENTERED, LEFT = 100.0, 102.0


@pytest.mark.parametrize(
    ("said", "at", "right"),
    [
        ("<<new wrapper>>" + LINES, 101, True),
        ("[Pasted text #3 +3 lines]", 101, True),
        ("<<new wrapper>>" + LINES, 99, False),  # before Enter was pressed
        ("<<new wrapper>>" + LINES, 110, False),  # long after the text had left
        ("what a person says", 101, False),
        ("third", 101, False),  # a line that may be in anybody's prompt
        (None, 101, False),
    ],
)
def test_by_its_place_it_is_the_prompt_if_it_has_a_part_of_it(
    said: str | None, at: float, right: bool
) -> None:
    assert Typed(LINES, CLAUDE, (ENTERED, LEFT)).is_submission(said, at) is right
    assert not Typed(LINES, CLAUDE).is_submission(said, at)


def test_the_beginning_on_the_screen_may_be_a_marker() -> None:
    typed = Typed(LINES, CLAUDE)
    assert typed.begins("first line of it")
    assert typed.begins("[Pasted text #7 +3 lines]")
    for other in (
        "",
        "second",
        "[Pasted text #7 +4 lines]",
        "[Pasted text #7]",
        "first line of us",
    ):
        assert not typed.begins(other), other


def test_what_is_searched_for_is_in_any_record_of_it() -> None:
    assert Typed("cafe\u0301 a b").mention == "caf"
    assert Typed("\u00e9").mention == ""


def test_only_what_the_file_names_is_removed() -> None:
    manner = Manner(wrappers=(re.compile(r"\A<note>[^<]*</note>"),))
    assert Typed("do it", manner).is_prompt("<note>a file</note>\ndo it")
    assert not Typed("do it", manner).is_prompt("please <note>a file</note>\ndo it")
