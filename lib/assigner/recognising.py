"""What an agent is doing, told from one look at its pane by the rules of its provider.

The first rule whose conditions all hold decides; where none does, the status is `unknown`, which
is never idle.  Whether the agent still runs is asked before any rule.  Pure.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePath

from assigner import screen, styles
from assigner.composer import Shape, find
from assigner.dialects import DIALECTS
from assigner.oneshots import Once

_SHELLS = {*DIALECTS, "sh", "ash", "ksh", "mksh", "csh", "tcsh", "nu", "elvish", "xonsh", "pwsh"}
_FOOT = 4  # so many lines at the bottom name the directory
_NEAR = 12  # so many lines above a composer, or at the bottom, are looked at
_CHOICE = re.compile(r"^\W{0,3}?(?P<mark>[❯›●▶→>]\s*)?(?P<number>\d{1,2})[.)]\s+\S")
_EDGE = re.compile(r"\s*[─━═╌╭╰┌└▔▁▀▄]{3,}|\s*[╭╰┌└]")
_BORDER = re.compile(r"^[\s│┃|]+|[\s│┃|]+$")


@dataclass(frozen=True)
class Rule:
    """A status, and what must hold for it; expressions are searched.

    `title` in the pane's title; `above` in the lines near above the composer, `turn` in all since
    the last message to the agent, `below` in the lines under it, `bottom` in the last lines of
    the screen, `last` in the last one that is not empty.  `composer`: empty, draft, unclear or
    none; `menu`: numbered choices have its place; `cursor`: it can be seen; `room`: so many lines
    at least are seen above the composer.  `question` and `reset` find what is asked, and when a
    limit ends, by their first group.
    """

    name: str
    status: str
    reason: str
    title: re.Pattern[str] | None = None
    above: re.Pattern[str] | None = None
    turn: re.Pattern[str] | None = None
    below: re.Pattern[str] | None = None
    bottom: re.Pattern[str] | None = None
    last: re.Pattern[str] | None = None
    composer: str | None = None
    menu: bool | None = None
    cursor: bool | None = None
    room: int = 0
    question: re.Pattern[str] | None = None
    reset: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Provider:
    """An agent: by which line it is started, as which programs it runs, how it is recognised."""

    name: str
    origin: str
    start: str
    commands: tuple[re.Pattern[str], ...] = ()
    message: re.Pattern[str] | None = None
    composer: Shape | None = None
    rules: tuple[Rule, ...] = ()
    once: Once | None = None


@dataclass(frozen=True)
class Verdict:
    """A status and why; `rule` is None where none was asked or none fits."""

    status: str
    reason: str
    rule: str | None = None
    question: str | None = None
    reset: str | None = None


@dataclass(frozen=True)
class View:
    """A pane as it was seen: the screen without and with colours, and tmux's variables."""

    text: str
    coloured: str | None
    meta: Mapping[str, object]

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def cursor(self) -> tuple[int, int] | None:
        place = re.fullmatch(r"(\d+),(\d+)", str(self.meta.get("cursor", "")))
        return (int(place[1]), int(place[2])) if place else None

    def variable(self, name: str) -> str | None:
        value = self.meta.get(name)
        return None if value is None else str(value).strip()


def judge(provider: Provider, view: View) -> Verdict:
    """What an agent is doing."""
    if view.variable("pane_dead") == "1":
        return Verdict("offline", "its program ended")
    command = view.variable("pane_current_command")
    if command in _SHELLS:
        return Verdict("offline", f"it has exited to {command}")
    if command is not None and not any(known.fullmatch(command) for known in provider.commands):
        return Verdict("unknown", f"'{command}' is in front")
    if view.variable("pane_in_mode") not in (None, "", "0"):
        return Verdict("occupied", "in copy mode")
    found = _Areas(provider, view)
    for rule in provider.rules:
        if _holds(rule, found):
            break
    else:
        return Verdict("unknown", "no rule fits its screen")
    if rule.status == "idle" and command is None:
        return Verdict("unknown", "what is in front is not known: give tmux's variables", rule.name)
    question = _question(rule, found) if rule.status == "waiting" else None
    reset = _first(rule.reset, found.turn or found.bottom)
    reason = rule.reason
    if question:
        reason += f": {question}"
    if reset:
        reason += f"; stated reset: {reset}"
    return Verdict(rule.status, reason, rule.name, question, reset)


class _Areas:
    """The parts of a screen that rules read."""

    def __init__(self, provider: Provider, view: View) -> None:
        self.view = view
        lines = view.lines
        styled = styles.read(view.coloured) if view.coloured is not None else None
        shape = provider.composer
        box = find(shape, lines, styled, view.cursor) if shape is not None else None
        self.state = box.state if box is not None else "none"
        first, end = (box.first, box.end) if box is not None else (len(lines), len(lines))
        self.room = first
        written = [line for line in lines if _BORDER.sub("", line)]
        self.bottom = written[-_NEAR:]
        self.last = written[-1:]
        self.above = lines[max(0, first - _NEAR) : first] if box is not None else []
        self.below = lines[end:]
        self.turn: list[str] = []
        for line in reversed(lines[:first]):
            if provider.message is not None and provider.message.search(line):
                break
            self.turn.insert(0, line)

    @cached_property
    def choices(self) -> list[str]:
        """The lines above and of the numbered choices that have the place of the composer."""
        rows = [row for row, line in enumerate(self.bare) if _CHOICE.match(line)]
        numbers = [_number(self.bare[row]) for row in rows]
        begins = [i for i, number in enumerate(numbers) if number == 1]
        if self.state != "none" or not begins:
            return []
        start = begins[-1]
        run = numbers[start:]
        marked = any(_marked(self.bare[row]) for row in rows[start:])
        if len(run) < 2 or run != list(range(1, len(run) + 1)) or not marked:
            return []
        return self.bare[: rows[start]]

    @cached_property
    def bare(self) -> list[str]:
        """The lines without the borders of boxes."""
        return [_BORDER.sub("", line) for line in self.view.lines]


def _number(line: str) -> int:
    match = _CHOICE.match(line)
    return int(match["number"]) if match else 0


def _marked(line: str) -> bool:
    match = _CHOICE.match(line)
    return bool(match and match["mark"])


def _holds(rule: Rule, found: _Areas) -> bool:
    if rule.composer is not None and found.state != rule.composer:
        return False
    if rule.menu is not None and bool(found.choices) != rule.menu:
        return False
    if rule.cursor is not None:
        flag = found.view.variable("cursor_flag")
        if flag not in ("0", "1") or (flag == "1") != rule.cursor:
            return False
    if found.room < rule.room:
        return False
    if rule.title is not None and not _in_title(rule.title, found.view):
        return False
    return all(
        _first(expression, area) is not None
        for expression, area in (
            (rule.above, found.above), (rule.turn, found.turn), (rule.below, found.below),
            (rule.bottom, found.bottom), (rule.last, found.last),
        )
        if expression is not None
    )  # fmt: skip


def _in_title(expression: re.Pattern[str], view: View) -> bool:
    """Whether a title fits; `{directory}` stands for a part of a path: tmux's, or at the bottom."""
    title = view.variable("pane_title")
    if title is None:
        return False
    if "{directory}" in expression.pattern:
        seen = re.findall(r"(?<!\S)[/~]\S*", "\n".join(view.lines[-_FOOT:]))
        paths = [view.variable("pane_current_path") or "", *seen]
        parts = {part for path in paths for part in PurePath(path).parts if part not in "/~"}
        if not parts:
            return False
        names = "(?:" + "|".join(map(re.escape, parts)) + ")"
        return bool(re.search(expression.pattern.replace("{directory}", names), title))
    return bool(expression.search(title))


def _readings(lines: Sequence[str]) -> Iterator[str]:
    """Lines as they stand; and as one, for a terminal may have wrapped it between words or not."""
    yield "\n".join(lines)
    bare = [_BORDER.sub("", line) for line in lines]
    yield " ".join(filter(None, bare))
    yield "".join(line.strip("\n") for line in lines)


def _first(expression: re.Pattern[str] | None, lines: Sequence[str]) -> str | None:
    """What an expression finds, its first group if it has one; the last find counts."""
    if expression is None:
        return None
    for text in _readings(lines):
        finds = list(expression.finditer(text))
        if finds:
            last = finds[-1]
            group = last[1] if expression.groups and last[1] is not None else last[0]
            return " ".join(group.split())
    return None


def _question(rule: Rule, found: _Areas) -> str | None:
    """The text of what is asked: what the rule finds, else the paragraph above the choices."""
    if rule.question is not None and (text := _first(rule.question, found.bottom)):
        return screen.visible(" ".join(re.sub("[│┃]", " ", text).split()))[:300]
    block: list[str] = []
    for line in reversed(found.choices):
        if _EDGE.match(line):
            break
        block.insert(0, line.strip())
    asks = [row for row, line in enumerate(block) if line.endswith("?") or "? " in line]
    if asks:
        text = " ".join(block[asks[-1] :])
    else:
        text = " ".join("\n".join(block).strip().split("\n\n")[-2:])
    return screen.visible(" ".join(text.split()))[:300] or None
