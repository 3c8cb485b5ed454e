"""Judges a shell, by its processes, its terminal and the cursor's line."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from assigner.sessions.sight import Known, Sight
from assigner.shells import prompt_line
from assigner.shells.dialects import DIALECTS
from assigner.system import processes as system_processes
from assigner.system import terminal_text
from assigner.tmux import panes as tmux_panes


class Outside(NamedTuple):
    """The state of a shell's processes and its terminal."""

    shell: str
    state: str  # the state of the shell's process (proc(5))
    front: str | None  # the name of the foreground program; None if that is the shell
    ours: bool  # whether the foreground program belongs to a prompt
    editing: bool  # whether the foreground program reads single keys
    echo: bool


def of_shell(
    pane: tmux_panes.Pane,
    known: Known,
    outside: Outside,
    members_of_prompt: Callable[[], Sequence[system_processes.Stat]],
    directory: str | None,
) -> Sight:
    """Judge a shell by everything but the cursor's line; `idle` here means: at its prompt."""
    shell, state, front, ours, editing, echo = outside

    def sight(status: str, reason: str) -> Sight:
        return Sight(pane, status, reason, shell, directory)

    if pane.in_mode:
        return sight("occupied", "in copy mode")
    if pane.input_off:
        return sight("occupied", "input is switched off")
    if state == "T":
        return sight("waiting", f"{shell} is stopped")
    mine = f"prompt {known.prompt}"
    if front is not None:
        if ours:
            if not editing and not echo:
                return sight("waiting", f"{mine} asks for a password")
            if editing:  # a pager, an editor
                return sight("waiting", f"{mine} waits for a key in {front}")
            return sight("busy", f"runs {mine}: {front}")
        if editing or not echo:
            return sight("occupied", f"{front} in the foreground")
        return sight("busy", f"{front} runs")
    if not DIALECTS[shell].edits:  # the shell has no line editor
        if editing or not echo:
            return sight("occupied", "the terminal is in raw mode: run 'stty sane'")
        editing = state == "S"
    if not editing:
        return sight("busy", f"{shell} is busy")
    if members := members_of_prompt():
        if any(member.state == "T" for member in members):
            return sight("waiting", f"{mine} is stopped: fg or kill it")
        return sight("busy", f"{mine} runs in the background: {members[0].comm}")
    return sight("idle", "at its prompt")


def from_line(
    person_active: float, sight: Sight, known: Known, line: tmux_panes.Line | None, now: float
) -> Sight:
    """Judge a shell at its prompt by the cursor's line; `person_active` is in seconds.

    `now` is in epoch seconds.  `line` is None if tmux did not show it.
    """
    pane = sight.pane

    def result(status: str, reason: str, ending: prompt_line.Ending | None = None) -> Sight:
        return Sight(pane, status, reason, sight.shell, sight.directory, line, ending)

    if line is None:
        return result("unknown", "cannot read the screen")
    if (line.cursor_x, line.cursor_y) != (pane.cursor_x, pane.cursor_y):
        return result("busy", "the screen is changing")
    if pane.attached and now - pane.client_activity < person_active:
        return result("occupied", "a person is at its keyboard")
    if line.below:
        return result("occupied", "text below the prompt")
    untouched = known.ours is not None and pane.client_activity < int(known.ours)
    if not untouched and prompt_line.is_typed_above(line.above, known.endings):
        return result("occupied", "typed text at the prompt")
    before = "" if untouched else line.before
    text, column = line.text, line.cursor_x
    if line.above:  # the prompt may begin there
        text, column = line.above + text, terminal_text.width(line.above) + column
    elif not text and not column and line.width - terminal_text.width(line.before) <= 1:
        text, column, before = line.before, line.width, ""  # it ends with the line before exactly
    if any(
        prompt_line.at_empty_prompt(shown, at, known.endings, before, line.width)
        for shown, at in {(line.text, line.cursor_x), (text, column)}
    ):
        return result("idle", "at its empty prompt")
    fresh = untouched and known.learning == "after run"  # so assigner typed the last line there
    if line.text.strip():
        text, column = line.text, line.cursor_x  # else the prompt fills the lines above exactly
    if fresh or (known.learning == "on" and prompt_line.looks_like_prompt(text, column)):
        ending = prompt_line.learn(text, column)
        if ending and not prompt_line.is_typed(text, column, known.endings):
            return result("idle", "at its empty prompt", ending)
    if fresh and (ending := prompt_line.learn_whole(text, column, known.endings)):
        return result("idle", "at its empty prompt", ending)
    if not known.endings:
        return result("unknown", "its empty prompt is unknown: enroll it at an empty prompt")
    return result("occupied", "typed text at the prompt")
