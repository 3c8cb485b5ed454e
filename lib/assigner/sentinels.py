"""Sentinels: the line by which a prompt's own work says that it is done, and how.

    ASSIGNER-DONE ok SUMMARY
    ASSIGNER-DONE fail SUMMARY

A line of its own, maybe with the marks of a list, a quotation or a frame around it; the last such
line counts.  Pure.
"""

import re

# Marks of Markdown and of agents' screens
_LINE = re.compile(r"[\s>*_`#●•⏺│┃|-]*ASSIGNER-DONE[*_`]* (ok|fail)\b[ \t:]*(.*?)[\s*_`│┃|]*")


def find(text: str, content: str = "") -> tuple[bool, str] | None:
    """Whether it went well, and the summary; None without a sentinel.

    Where `content`, the prompt, is echoed in the text, its own lines do not count.
    """
    lines, asked = _lines(text), _lines(content)
    for number in range(len(lines) - 1, -1, -1):
        match = _LINE.fullmatch(lines[number])
        if match and not _is_echo(lines, number, asked):
            return match[1] == "ok", match[2]
    return None


def instruction() -> str:
    """What an agent is told; no line of it is a sentinel, wherever it is wrapped."""
    return (
        "When you have finished, and only then, end your answer with a line of its own that"
        " consists of the word ASSIGNER-DONE, a blank, the word ok (or fail, if it could not be"
        " done), a blank, and a summary in one short sentence."
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


def _is_echo(lines: list[str], number: int, asked: list[str]) -> bool:
    """Whether the prompt has that line too, between the same neighbours."""
    return any(
        lines[number].endswith(line)
        and _same(lines, number - 1, asked, own - 1)
        and _same(lines, number + 1, asked, own + 1)
        for own, line in enumerate(asked)
        if _LINE.fullmatch(line)
    )


def _same(lines: list[str], number: int, asked: list[str], own: int) -> bool:
    """Where the prompt begins or ends there is nothing to compare."""
    if not 0 <= own < len(asked):
        return True
    return 0 <= number < len(lines) and lines[number].endswith(asked[own])
