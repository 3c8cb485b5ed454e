"""What a trial learns of what an agent puts around a prompt."""

import pytest

from assigner.agents import registry
from assigner.trial.learn import Learnt


@pytest.mark.parametrize(
    ("text", "whole", "wrappers"),
    [
        ("make it so", "make it so", []),
        ("/help is a word", "\u2800/help is a word", []),  # assigner has typed the blank
        ("one\ntwo", '<pasted_content id="7">\none\ntwo\n</pasted_content>', []),
        ("one\ntwo", "<text>\none\ntwo\n</text>", ["<text>", "</text>"]),
        ("/help is a word", "<text>\u2800/help is a word</text>", ["<text>", "</text>"]),
    ],
)
def test_only_what_the_agent_adds_is_learnt(text: str, whole: str, wrappers: list[str]) -> None:
    learnt = Learnt(registry.agent("claude"))
    assert learnt.is_known(text, whole) == (not wrappers)
    assert learnt.wrappers == wrappers
