"""What a generated file is to do, in any shell's language.  Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# Each report is one rename of one of these; `go` is the token that lets the prompt run.
REPORTS = ("go", "group", "ready", "done", "exit")


_MOST = 30_000  # characters of feedback: with more in one variable no program can be started


def mark(attempt: int | str) -> dict[str, str]:
    """By which variable a prompt's processes are known."""
    return {"ASSIGNER_ATTEMPT": str(attempt)}


@dataclass(frozen=True)
class Task:
    """What the file is to do.  `spool` begins each report's path: SPOOL/ATTEMPT.

    `retake` names variables that earlier prompts exported; `expected` is session_state;
    `worktree` is the prompt's own working tree for `branch`, and `physical` lies in it; `feedback`
    is what came of an earlier attempt.
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
        """What the prompt alone has: by what `report` knows for which attempt it is called, and
        what is said of an earlier one.
        """
        spool, _, attempt = self.spool.rpartition("/")
        told = {"ASSIGNER_FEEDBACK": self.feedback[:_MOST]} if self.feedback else {}
        return {**mark(attempt), "ASSIGNER_SPOOL": spool, **told}

    @property
    def retaken(self) -> list[str]:
        """The variables that are to be again what they were before."""
        return [name for name in self.retake if name not in self.variables]


@dataclass(frozen=True)
class Tools:
    """Absolute paths of the programs that the file may run."""

    mv: str
    sh: str
    tee: str
    git: str
    report: str
