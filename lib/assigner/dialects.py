"""The files that a shell session sources: context, prompt, reports; one text per shell.

    claim     rename the token; who has renamed it first, this file or the toolkit, has won
    context   in the session's own shell: cd, what an earlier prompt exported is taken back,
              what this one names is exported
    process   branch, prerequisites, a check of the outcome, then the prompt, in a process of
              its own; `exit`, `cd` or `set -e` in it cannot harm the session, and its status
              is reported even if it was stopped for a while
    reports   each is one rename of a file made beforehand, its content is its name

Only builtins and absolute paths are used, for a prerequisite may change PATH, and a person
may have aliases.
"""

from collections.abc import Callable
from typing import NamedTuple

from assigner import fish, posix
from assigner.task import Task, Tools


class Dialect(NamedTuple):
    """A shell: what makes its files, by name, and whether it edits its line by itself."""

    files: Callable[[Task, Tools], dict[str, str]]
    edits: bool = True


# By the name of the shell's process.
DIALECTS = {
    "bash": Dialect(posix.maker(posix.BASH)),
    "zsh": Dialect(posix.maker(posix.ZSH)),
    "dash": Dialect(posix.maker(posix.DASH), edits=False),
    "fish": Dialect(fish.files),
}


def files(shell: str, task: Task, tools: Tools) -> dict[str, str]:
    """The files that `shell`, a key of DIALECTS, needs for the task; `ctx` is the one to source."""
    return DIALECTS[shell].files(task, tools)
