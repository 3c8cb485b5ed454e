"""Judges what an agent is doing from one look at its pane, by the rules of its provider file.

The first rule whose conditions all hold decides.  If none does, the status is `unknown`, which
never counts as idle.  Whether the agent still runs is checked before any rule.  Pure.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

from assigner.agents import ansi
from assigner.agents.composer import find, tail
from assigner.agents.prompt_match import Typed
from assigner.agents.provider import Provider, Rule
from assigner.shells.dialects import DIALECTS
from assigner.system import terminal_text

_SHELLS = {*DIALECTS, "sh", "ash", "ksh", "mksh", "csh", "tcsh", "nu", "elvish", "xonsh", "pwsh"}
_FOOT = 4  # lines at the bottom of the screen that may name the directory
_NEAR = 12  # lines that are read above a composer, or at the bottom
_CHOICE = re.compile(r"^\W{0,3}?(?P<mark>[❯›●▶→>]\s*)?(?P<number>\d{1,2})[.)]\s+\S")
_EDGE = re.compile(r"\s*[─━═╌╭╰┌└▔▁▀▄]{3,}|\s*[╭╰┌└]")
_BORDER = " \t\r\xa0\u3000│┃|"  # at both ends of a line in a box
_PARTS = ("last", "mark", "below", "above", "bottom", "message", "turn")


@dataclass(frozen=True)
class Verdict:
    """A status and its reason.  `rule` is None if no rule was tried or none matches; `draft` is the
    text in the composer, None for a placeholder; `tail` its end, where no beginning is visible.
    """

    status: str
    reason: str
    rule: str | None = None
    question: str | None = None
    reset: str | None = None
    draft: str | None = None
    tail: str | None = None

    def with_status(self, status: str, reason: str) -> "Verdict":
        """This verdict, overruled by another witness."""
        return replace(self, status=status, reason=reason)


@dataclass(frozen=True)
class View:
    """A captured pane: its screen without and with colors, and tmux's variables."""

    text: str
    colored: str | None
    meta: Mapping[str, object]

    @classmethod
    def from_colored(cls, colored: str, meta: Mapping[str, object]) -> Self:
        """A view made from one capture with colors (`capture-pane -e`)."""
        return cls(ansi.plain(colored), colored, meta)

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


def judge(provider: Provider, view: View, *, silent: bool = False, titled: bool = True) -> Verdict:
    """The status of an agent by its provider's rules, with the reason.

    `silent`: the agent has written nothing for a while, or its turn is known to have ended.
    `titled` is False to ignore the title: it is not the agent's own, or stands still.
    """
    if view.variable("pane_dead") == "1":
        return Verdict("offline", "its program has exited")
    command = view.variable("pane_current_command")
    if command in _SHELLS:
        return Verdict("offline", f"the agent exited to {command}")
    if command is not None and not any(known.fullmatch(command) for known in provider.commands):
        return Verdict("unknown", f"the foreground program is '{command}'")
    if view.variable("pane_in_mode") not in (None, "", "0"):
        return Verdict("occupied", "in copy mode")
    found = _Areas(provider, view)
    for rule in provider.rules:
        if rule.silent and not silent:
            continue
        if _holds(rule, found, titled=titled):
            break
    else:
        reason = "no rule matches the screen"
        return Verdict("unknown", reason, draft=found.draft, tail=found.tail)
    if rule.status == "idle" and command is None:
        return Verdict("unknown", "foreground program unknown: give tmux's variables", rule.name)
    question = _question(rule, found) if rule.status == "waiting" else None
    reset = None
    if rule.reset is not None:
        reset = _first(rule.reset, found.readings("turn" if found.turn else "bottom"))
    reason = rule.reason
    if question:
        reason += f": {question}"
    if reset:
        reason += f"; stated reset: {reset}"
    return Verdict(rule.status, reason, rule.name, question, reset, found.draft)


def failure(provider: Provider, view: View, text: str) -> tuple[str, str, str | None] | None:
    """How a prompt's turn failed according to the screen: class, error, end of a limit as stated.

    None if the screen shows no failure, or its last message does not begin like `text`.
    """
    found = _Areas(provider, view)
    if not text.split() or not found.message_begins(Typed(text, provider.manner)):
        return None
    for known in provider.failures:
        if error := _first(known.turn, found.readings("turn")):
            reset = _first(known.reset, found.readings("turn")) if known.reset else None
            return known.failure, error, reset
    return None


class _Areas:
    """The parts of a screen that rules read, each computed when the first rule needs it."""

    def __init__(self, provider: Provider, view: View) -> None:
        self.view = view
        self.beginning = provider.message
        shape, lines = provider.composer, view.lines
        box = find(shape, lines, view.colored, view.cursor) if shape is not None else None
        self.state = box.state if box is not None else "none"
        self.draft = box.text if box is not None and box.state == "draft" else None
        self.tail = tail(shape, lines, view.cursor) if shape is not None and box is None else None
        self.room, end = (box.first, box.end) if box is not None else (len(lines), len(lines))
        self.above = lines[max(0, self.room - _NEAR) : self.room] if box is not None else []
        self.below = lines[end:]
        mark = shape.prompt.search(lines[box.first]) if shape is not None and box else None
        self.mark = [mark[0]] if mark is not None else []
        self._readings: dict[str, list[str]] = {}

    @cached_property
    def last_message(self) -> int | None:
        """The row of the last message to the agent."""
        if self.beginning is None:
            return None
        rows = range(self.room - 1, -1, -1)
        return next((row for row in rows if self.beginning.search(self.view.lines[row])), None)

    @property
    def message(self) -> list[str]:
        """The line in which the last message to the agent begins."""
        row = self.last_message
        return [] if row is None else self.view.lines[row : row + 1]

    @cached_property
    def turn(self) -> list[str]:
        row = self.last_message
        return self.view.lines[0 if row is None else row + 1 : self.room]

    def message_begins(self, typed: Typed) -> bool:
        """Whether the last message to the agent begins like the typed text."""
        if self.beginning is None or self.last_message is None:
            return False
        line = self.view.lines[self.last_message]
        match = self.beginning.search(line)
        return typed.begins(line[match.end() if match else 0 :])

    @cached_property
    def bottom(self) -> list[str]:
        lines = zip(self.view.lines, self.bare, strict=True)
        return [line for line, written in lines if written][-_NEAR:]

    @cached_property
    def last(self) -> list[str]:
        return self.bottom[-1:]

    @cached_property
    def bare(self) -> list[str]:
        """The lines without the borders of boxes."""
        return [line.strip(_BORDER) for line in self.view.lines]

    @cached_property
    def choices(self) -> list[str]:
        """The lines above the numbered choices that replace the composer; [] if there are none."""
        if self.state != "none":
            return []
        found = [
            (row, match) for row, line in enumerate(self.bare) if (match := _CHOICE.match(line))
        ]
        begins = [i for i, (_, match) in enumerate(found) if int(match["number"]) == 1]
        run = found[begins[-1] :] if begins else []
        numbers = [int(match["number"]) for _, match in run]
        marked = any(match["mark"] for _, match in run)
        if len(run) < 2 or numbers != list(range(1, len(run) + 1)) or not marked:
            return []
        return self.bare[: run[0][0]]

    def readings(self, part: str) -> list[str]:
        """The lines of a part in three forms: as they are, joined with blanks, and joined without,
        because a terminal wraps lines between words or within them.
        """
        if part not in self._readings:
            lines: Sequence[str] = getattr(self, part)
            bare = filter(None, [line.strip(_BORDER) for line in lines])
            different = dict.fromkeys(("\n".join(lines), " ".join(bare), "".join(lines)))
            self._readings[part] = list(different)
        return self._readings[part]


def body(provider: Provider, view: View) -> str:
    """The screen without what is below the composer: a status line, and its clock."""
    found = _Areas(provider, view)
    return "\n".join(view.lines[: len(view.lines) - len(found.below)])


def has_failed(provider: Provider, view: View) -> bool:
    """Whether the screen shows below the last message that its turn failed or was interrupted."""
    found = _Areas(provider, view)
    return found.last_message is not None and any(
        _first(known.turn, found.readings("turn")) for known in provider.failures
    )


def shows_login(provider: Provider, view: View) -> bool:
    """Whether the screen shows below the last message that a login has succeeded."""
    found = _Areas(provider, view)
    pattern = provider.logged_in
    return bool(pattern and any(pattern.search(text) for text in found.readings("turn")))


def _holds(rule: Rule, found: _Areas, *, titled: bool) -> bool:
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
    if rule.title is not None:
        if not titled and rule.status == "busy":
            return False
        if titled and not _in_title(rule.title, found.view):
            return False
    return all(
        any(map(expression.search, found.readings(part)))
        for part in _PARTS
        if (expression := getattr(rule, part)) is not None
    )


def _in_title(expression: re.Pattern[str], view: View) -> bool:
    """Whether a title matches; `{directory}` is a path part, from tmux or the screen's bottom."""
    title = view.variable("pane_title")
    if title is None:
        return False
    if "{directory}" not in expression.pattern:
        return bool(expression.search(title))
    seen = re.findall(r"(?<!\S)[/~]\S*", "\n".join(view.lines[-_FOOT:]))
    paths = "/".join([view.variable("pane_current_path") or "", *seen])
    parts = set(paths.split("/")) - {"", ".", "~"}
    return any(
        # replace the directory in the title, not in the expression: no text is compiled
        part in title and expression.search(title.replace(part, "{directory}"))
        for part in parts
    )


def _first(expression: re.Pattern[str], readings: Sequence[str]) -> str | None:
    """The last match of an expression: its first group if it has one, else all of it."""
    for text in readings:
        finds = list(expression.finditer(text))
        if finds:
            last = finds[-1]
            group = last[1] if expression.groups and last[1] is not None else last[0]
            return " ".join(group.split())
    return None


def _question(rule: Rule, found: _Areas) -> str | None:
    """The question on the screen: what the rule finds, or else the text above the choices."""
    if rule.question is not None and (text := _first(rule.question, found.readings("bottom"))):
        return terminal_text.visible(" ".join(re.sub("[│┃]", " ", text).split()))[:300]
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
    return terminal_text.visible(" ".join(text.split()))[:300] or None
