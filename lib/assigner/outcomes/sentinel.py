"""Sentinels: the line by which a prompt's work reports that it is done, and with what result.

    ASSIGNER-DONE ok SUMMARY
    ASSIGNER-DONE fail SUMMARY

It is a line of its own, perhaps with the marks of a list, a quotation or a frame around it; the
last such line counts.  Pure.
"""

import re

# Marks of Markdown and of agents' screens
_LINE = re.compile(r"[\s>*_`#●•⏺│┃|-]*ASSIGNER-DONE[*_`]* (ok|fail)\b[ \t:]*(.*?)[\s*_`│┃|]*")


def find(text: str, content: str = "") -> tuple[bool, str] | None:
    """Whether the work succeeded, and its summary; None without a sentinel.

    Lines that echo `content`, the prompt, do not count.
    """
    lines, asked = _lines(text), _lines(content)
    for number in range(len(lines) - 1, -1, -1):
        match = _LINE.fullmatch(lines[number])
        if match and not _is_echo(lines, number, asked):
            return match[1] == "ok", match[2]
    return None


def instruction() -> str:
    """The instruction for an agent; no line of it is a sentinel, however it is wrapped."""
    return (
        "When you have finished, and only then, end your answer with a line of its own that"
        " consists of the word ASSIGNER-DONE, a blank, the word ok (or fail, if it could not be"
        " done), a blank, and a summary in one short sentence."
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _is_echo(lines: list[str], number: int, asked: list[str]) -> bool:
    """Whether the prompt has the same line, between the same neighbors."""
    return any(
        lines[number].endswith(line)
        and _same(lines, number - 1, asked, own - 1)
        and _same(lines, number + 1, asked, own + 1)
        for own, line in enumerate(asked)
        if _LINE.fullmatch(line)
    )


def _same(lines: list[str], number: int, asked: list[str], own: int) -> bool:
    """Whether the lines are equal; True before the beginning and after the end of the prompt."""
    if not 0 <= own < len(asked):
        return True
    return 0 <= number < len(lines) and lines[number].endswith(asked[own])
