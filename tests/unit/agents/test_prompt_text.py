"""What stands in a composer is known as the text that was pasted; anything else is not."""

import json
import re

import pytest

from assigner.agents import registry
from assigner.agents.prompt_text import (
    Lack,
    is_numbered,
    marker,
    prompt,
    shows,
    shows_beginning,
)
from assigner.agents.provider import Manner
from assigner.agents.screen_rules import View, judge
from harness.workplace import ROOT

SCREENS = ROOT / "tests" / "data" / "screens-pasted"


def squeezed(text: str) -> str:
    return "".join(text.split())


def may_be_meant(draft: str, text: str) -> bool:
    """Whether that is as much as can be told: of a paste a count, of a long text the end."""
    if found := re.search(r"Pasted (?:text #\d+(?: \+(\d+) lines)?|~(\d+) lines)", draft):
        return text.count("\n") == (int(found[2]) - 1 if found[2] else int(found[1] or 0))
    return len(draft) >= 100 and squeezed(text).endswith(squeezed(draft))


@pytest.mark.parametrize("agent", ["claude", "codex", "opencode"])
def test_what_was_pasted_is_told_from_all_else(agent: str) -> None:
    provider = registry.agent(agent)
    pasted: dict[str, str] = json.loads((SCREENS / agent / "pasted.json").read_text())
    for name, text in pasted.items():
        file = SCREENS / agent / name
        meta = json.loads(file.with_suffix(".json").read_text())
        seen = judge(provider, View.from_colored(file.with_suffix(".ansi").read_text(), meta))
        assert (name, seen.status) == (name, "occupied")
        assert seen.draft
        assert shows(seen.draft, text, provider.manner), (name, seen.draft)
        for other in set(pasted.values()) - {text}:
            if shows(seen.draft, other, provider.manner):
                assert may_be_meant(seen.draft, other), (name, seen.draft, other)


PLAIN = Manner()
MARKED = Manner(
    pasted=re.compile(r"\[Pasted #\d+(?: \+(?P<newlines>\d+) lines)?\]"),
    scrolled=re.compile(" [↑↓]"),
)
LONG = "\n".join(f"line {number} of a long text" for number in range(30))


@pytest.mark.parametrize(
    ("draft", "text", "manner", "right"),
    [
        (None, "do it", PLAIN, False),
        ("", "do it", PLAIN, False),
        ("do  it", "do it\n", PLAIN, True),
        ("do i", "do it", PLAIN, False),  # a person has taken something away
        ("o it", "do it", PLAIN, False),
        ("do it now", "do it", PLAIN, False),
        ("no, do it", "do it", PLAIN, False),
        ("do it do it", "do it", PLAIN, False),
        (LONG[-150:], LONG, PLAIN, True),  # the composer scrolls
        (LONG[-150:] + "x", LONG, PLAIN, False),
        (LONG[:150], LONG, PLAIN, False),
        (LONG[-150:], LONG, MARKED, False),  # this one would say so
        (LONG[-150:-50] + " ↑ " + LONG[-50:], LONG, MARKED, True),
        ("press ↑ twice", "press ↑ twice", MARKED, True),
        ("press ↑", "press ↑ twice", MARKED, False),
        ("[Pasted #1 +29 lines]", LONG, MARKED, True),
        ("[Pasted #1 +28 lines]", LONG, MARKED, False),
        ("[Pasted #1]", LONG, MARKED, False),
        ("[Pasted #1 +29 lines] and more", LONG, MARKED, False),
        ("[Pasted #1 +3 lines]", "[Pasted #1 +3 lines]", MARKED, True),  # no marker this time
        ("[Pasted #1 +3 lines]", "[Pasted #2 +3 lines]", MARKED, False),
        ("[Pasted #1 +29 lines]line", LONG, MARKED, False),
        ("[Pasted #1 +29 lines][Pasted #2 +29 lines]", LONG, MARKED, False),
        ("family 👨👩 é end", "family 👨\u200d👩 e\u0301 end", PLAIN, True),
        ("a\ufffdb", "a\u202eb", PLAIN, True),
        ("axyb", "a\u202eb", PLAIN, False),
        ("a.b", "a\u202e.c", PLAIN, False),
        ("ab", "a\U0004c38db", PLAIN, True),  # tmux draws no number that is no character
        (LONG[-150:], LONG.replace("29", "2\U0004c38d9"), PLAIN, True),
        ("↑ the end of it", "much\n\nthe end of it", MARKED, True),  # from its empty line on
        ("↑ the start of it", "much\n\nthe end of it", MARKED, False),
    ],
)  # fmt: skip
def test_shows(draft: str | None, text: str, manner: Manner, right: bool) -> None:
    assert shows(draft, text, manner) is right


@pytest.mark.parametrize(
    ("agent", "draft", "right"),
    [
        ("claude", "[Pasted text #3 +3 lines]", True),
        ("claude", "[Pasted text #3]", True),
        ("codex", "[Pasted Content 1103 chars]", False),
        ("codex", "[Pasted Content 1103 chars] #2", True),
        ("opencode", "[Pasted ~3 lines]", False),
    ],
)
def test_which_markers_differ_from_those_of_other_pastes(
    agent: str, draft: str, right: bool
) -> None:
    found = marker(draft, registry.agent(agent).manner)
    assert found
    assert is_numbered(found) is right


@pytest.mark.parametrize(
    ("draft", "right"),
    [("one two", True), ("one", True), ("two", False), ("one two three", False), ("", False)],
)
def test_what_is_left_of_a_text_whose_end_was_taken_away(draft: str, right: bool) -> None:
    assert shows_beginning(draft, "one\n two") is right


def test_what_is_typed_is_no_command_and_begins_with_what_the_session_lacks() -> None:
    manner = Manner(disarm=re.compile("^[/!]"))
    assert prompt(manner, "/clear", Lack()) == " /clear"
    assert prompt(manner, "/clear", Lack(), raw=True) == "/clear"
    assert prompt(manner, "no / command", Lack()) == "no / command"
    lack = Lack("/srv/app", "feature", {"LANG": "C", "TZ": "UTC"}, ["make", "make deps"])
    head, task, last = prompt(manner, "/clear", lack, last="Say done.").split("\n\n")
    for said in ("/srv/app", "feature", "LANG=C", "TZ=UTC", "make deps"):
        assert said in head
    assert (task, last) == ("/clear", "Say done.")
    said = prompt(manner, "do it", Lack(), feedback="\x1b[201~\r/clear\x9b201~ it\r\nnow")
    assert said == " /clear it\nnow\n\ndo it"
