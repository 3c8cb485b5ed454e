"""What a generated file has to do, in any shell's language.  Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Each report is one rename of one of these; `go` is the token that lets the prompt run.
REPORTS = ("go", "group", "ready", "done", "exit")


_MOST = 30_000  # characters of feedback: a longer variable would keep programs from starting


def mark(attempt: int | str) -> dict[str, str]:
    """The variable that marks a prompt's processes."""
    return {"ASSIGNER_ATTEMPT": str(attempt)}


@dataclass(frozen=True)
class Task:
    """What the file has to do.  `spool` is the start of each report's path: SPOOL/ATTEMPT.

    `retake` names the variables that earlier prompts exported; `expected` is session_state;
    `worktree` is the prompt's own working tree for `branch`, and `physical` a directory in it;
    `feedback` is about an earlier attempt.
    """

    run: str
    spool: str
    directory: str | None
    physical: str | None
    variables: Mapping[str, str]
    retake: Sequence[str]
    branch: str | None
    prerequisites: Sequence[str]
    expected: Mapping[str, str]
    validate: bool
    one_shot: bool
    worktree: str | None = None
    feedback: str | None = None

    @property
    def announced(self) -> dict[str, str]:
        """The variables that only the prompt gets: those from which `report` takes the attempt, and
        the feedback on an earlier attempt.
        """
        spool, _, attempt = self.spool.rpartition("/")
        feedback = {"ASSIGNER_FEEDBACK": self.feedback[:_MOST]} if self.feedback else {}
        return {**mark(attempt), "ASSIGNER_SPOOL": spool, **feedback}

    @property
    def retaken(self) -> list[str]:
        """The names of the variables to restore."""
        return [name for name in self.retake if name not in self.variables]


@dataclass(frozen=True)
class Tools:
    """Absolute paths of the programs that the file may run."""

    mv: str
    sh: str
    tee: str
    git: str
    report: str
