"""The line by which a prompt's work reports that it is done."""

import textwrap

import pytest

from assigner.outcomes import sentinel

ASKED = "Do it.  When done, print exactly:\nASSIGNER-DONE ok all tests pass\nand nothing else."


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("working\nASSIGNER-DONE ok 7 files changed\n", (True, "7 files changed")),
        ("ASSIGNER-DONE fail no disk", (False, "no disk")),
        ("ASSIGNER-DONE ok", (True, "")),
        ("ASSIGNER-DONE ok one\nASSIGNER-DONE fail two\n$ ", (False, "two")),
        ("● **ASSIGNER-DONE ok fine**", (True, "fine")),
        ("│ `ASSIGNER-DONE ok: fine` │", (True, "fine")),
        ("I shall print ASSIGNER-DONE ok soon", None),
        ("echo ASSIGNER-DONE ok", None),
        ("+ echo ASSIGNER-DONE ok", None),
        ("ASSIGNER-DONE okay", None),
        ("ASSIGNER-DONE maybe", None),
        ("", None),
    ],
)
def test_the_last_sentinel_counts(text: str, found: tuple[bool, str] | None) -> None:
    assert sentinel.find(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (ASKED, None),
        (textwrap.indent(ASKED, "> ") + "\nI cannot.", None),
        (ASKED + "\n\nASSIGNER-DONE ok all tests pass", (True, "all tests pass")),
        ("It is done.\nASSIGNER-DONE ok all tests pass", (True, "all tests pass")),
        (ASKED + "\nASSIGNER-DONE fail 2 tests fail", (False, "2 tests fail")),
    ],
)
def test_an_echoed_prompt_is_no_sentinel(text: str, found: tuple[bool, str] | None) -> None:
    assert sentinel.find(text, ASKED) == found


def test_a_prompt_of_one_line_cannot_be_told_from_its_echo() -> None:
    assert sentinel.find("ASSIGNER-DONE ok", "ASSIGNER-DONE ok") is None


@pytest.mark.parametrize("width", range(14, 200))
def test_the_instruction_is_no_sentinel_wherever_it_is_wrapped(width: int) -> None:
    assert sentinel.find(textwrap.fill(sentinel.instruction(), width)) is None
