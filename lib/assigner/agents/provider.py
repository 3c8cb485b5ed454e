"""The classes that describe an agent, as its provider file defines it."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from assigner.agents.composer import Shape
from assigner.agents.hook_rules import Hooks
from assigner.agents.oneshot import Once

FORMATS = ("claude", "codex", "opencode")


@dataclass(frozen=True)
class Transcript:
    """Where an agent keeps its transcripts, their format, and how to classify its errors.

    `home` is the environment variable that names the directory, `default` its place in HOME if
    the variable is not set.  Expressions are searched in `CODE STATUS MESSAGE` of an error (`-`
    for a missing part); the first group of `reset` that matched is the time at which a limit ends.
    """

    format: str
    home: str
    default: str
    context: re.Pattern[str] | None = None
    auth: re.Pattern[str] | None = None
    limited: re.Pattern[str] | None = None
    reset: re.Pattern[str] | None = None


COUNTS = ("newlines", "lines", "chars")  # the counts that a marker of pasted text can show


@dataclass(frozen=True)
class Manner:
    """How an agent takes typed text.

    `delay`: milliseconds between the prompt's appearance in the composer and Enter.  `pasted`
    matches the marker that the composer shows for a long paste, with its count of `newlines`,
    `lines` or `chars` as groups; `scrolled` matches the mark that only a part of a text is visible.
    A prompt that matches an expression of `disarm` would be read as a command: the text before that
    expression, typed in front of the prompt, prevents that (as a table `{ text = expression }`; an
    expression alone stands for a blank).  Nothing prevents it for a prompt that matches `refuse`.
    Both are searched in the prompt without leading blanks and invisible characters, which agents
    drop.
    Where `open_end` matches the end of a prompt, Enter would complete its last word or break the
    line: a blank behind it prevents that.  What `attached` matches, a path, would become an
    attachment: backquotes around it prevent that.  A prompt that matches `exits` would end the
    agent: a full stop behind it prevents that.
    The agent takes prompts of at most `kilobytes` whole.  An agent started less than `warm_up`
    seconds ago may lose what is typed.  `escapes`: how many presses of Escape end a turn.
    `clear`: a key that deletes the line, or a part of it, before the cursor, and does nothing in
    an empty composer.  `wrappers` are expressions for what the agent adds to a prompt on its way to
    the model, such as tags around a long paste: they are removed, in their order, before a reported
    prompt is compared with the typed one.
    """

    delay: int = 0
    pasted: re.Pattern[str] | None = None
    scrolled: re.Pattern[str] | None = None
    disarm: tuple[tuple[str, re.Pattern[str]], ...] = ()
    refuse: re.Pattern[str] | None = None
    open_end: re.Pattern[str] | None = None
    attached: re.Pattern[str] | None = None
    exits: re.Pattern[str] | None = None
    kilobytes: int = 50
    escapes: int = 1
    clear: str = ""
    wrappers: tuple[re.Pattern[str], ...] = ()
    warm_up: int = 3


@dataclass(frozen=True)
class Launch:
    """What to add to the line that starts an agent.

    `approve` allows it to act without asking; `resume` continues a `{conversation}`; `trust` makes
    it trust a `{directory}`, given as a TOML string.  Alternatively the trust is written to
    `trust_file`, JSON, as true at the path `trust_key`; that file is in the directory that the
    environment variable `trust_home` names, or else in HOME.
    """

    approve: str = ""
    resume: str = ""
    trust: str = ""
    trust_file: str = ""
    trust_home: str = ""
    trust_key: str = ""

    @property
    def trusts(self) -> bool:
        """Whether assigner can make this agent trust a directory."""
        return bool(self.trust or self.trust_file)


@dataclass(frozen=True)
class Rule:
    """A status, and the conditions for it.  Expressions are searched.

    `title`: in the pane's title; `above`: in the lines just above the composer; `turn`: in all
    lines since the last message to the agent; `message`: in the line in which that message begins;
    `mark`: in what the first line of the composer has before its text; `below`: in the lines below
    the composer; `bottom`: in the last lines of the screen; `last`: in the last non-empty line.  A
    line break is matched only where the screen has one.  `composer` is empty,
    draft, unclear or none; `menu`: numbered choices replace the composer; `cursor`: the cursor is
    visible; `room`: at least this many lines are visible above the composer; `silent`: nothing was
    written for ASSIGNER_QUIET seconds, or hooks or the transcript have reported the turn's end.
    The first groups of `question` and `reset` are the question asked and the end of a limit.
    """

    name: str
    status: str
    reason: str
    title: re.Pattern[str] | None = None
    above: re.Pattern[str] | None = None
    turn: re.Pattern[str] | None = None
    message: re.Pattern[str] | None = None
    mark: re.Pattern[str] | None = None
    below: re.Pattern[str] | None = None
    bottom: re.Pattern[str] | None = None
    last: re.Pattern[str] | None = None
    composer: str | None = None
    menu: bool | None = None
    cursor: bool | None = None
    room: int = 0
    silent: bool = False
    question: re.Pattern[str] | None = None
    reset: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Failure:
    """A failure class.  `turn` matches the words on the screen in which an agent reports such a
    failure, in its first group; `reset` finds the time at which a limit ends.
    """

    failure: str
    turn: re.Pattern[str]
    reset: re.Pattern[str] | None = None


@dataclass(frozen=True)
class Provider:
    """An agent: the line that starts it, its programs, and how to recognize what it does.

    `programs` are endings of the paths of its programs, `commands` the names that tmux shows.
    `recorded` are the versions on which the rules were recorded.  `continues`: a turn may go on by
    itself once the usage limit that stopped it has ended.  `outage` matches the error of a turn
    that did not reach the model; `logged_in` the words below the last message that show that a
    login has succeeded.
    """

    name: str
    origin: str
    start: str
    programs: tuple[str, ...] = ()
    commands: tuple[re.Pattern[str], ...] = ()
    message: re.Pattern[str] | None = None
    composer: Shape | None = None
    rules: tuple[Rule, ...] = ()
    failures: tuple[Failure, ...] = ()
    hooks: Hooks | None = None
    transcript: Transcript | None = None
    manner: Manner = field(default_factory=Manner)
    launch: Launch = field(default_factory=Launch)
    once: Once | None = None
    continues: bool = False
    outage: re.Pattern[str] | None = None
    logged_in: re.Pattern[str] | None = None
    recorded: tuple[str, ...] = ()


def programs(table: Mapping[str, Any]) -> tuple[str, ...]:
    """The path endings of an agent's programs: those its file lists, or else its start command.

    Raises TypeError if `programs` is not a list of strings.
    """
    start = table.get("start", "")
    given = table.get("programs")
    if given is None:
        given = [os.path.basename(start.partition(" ")[0])] if start else []
    if not isinstance(given, list) or not all(isinstance(program, str) for program in given):
        raise TypeError("programs")
    return tuple(given)
