"""The files that a shell session sources: context, prompt, reports; one text per shell.

    claim     rename the token; the file or a pass of the queue, whichever renames it first, wins
    context   in the session's own shell: change directory, restore the variables that earlier
              prompts exported, export those of this prompt
    process   branch, prerequisites, a check of the outcome, then the prompt, in a separate
              process; `exit`, `cd` or `set -e` in it cannot affect the session, and its status
              is reported even if it was stopped for a while
    reports   each is one rename of a file made beforehand; its name is its content

The files use only builtins and absolute paths, because a prerequisite may change PATH and the
user may have aliases.
"""

from collections.abc import Callable
from typing import NamedTuple

from assigner.shells import fish, posix
from assigner.shells.spec import Task, Tools


class Dialect(NamedTuple):
    """A shell: what makes its files, by name, and whether it has a line editor."""

    files: Callable[[Task, Tools], dict[str, str]]
    edits: bool = True


# Keyed by the name of the shell's process.
DIALECTS = {
    "bash": Dialect(posix.maker(posix.BASH)),
    "zsh": Dialect(posix.maker(posix.ZSH)),
    "dash": Dialect(posix.maker(posix.DASH), edits=False),
    "fish": Dialect(fish.files),
}


def files(shell: str, task: Task, tools: Tools) -> dict[str, str]:
    """The files that `shell`, a key of DIALECTS, needs for the task; sourcing `ctx` runs it."""
    return DIALECTS[shell].files(task, tools)
