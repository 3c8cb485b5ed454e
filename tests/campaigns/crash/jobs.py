"""Prompts of every kind for a fleet, each with the result that the ledger expects."""

import random
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from campaigns.crash.ledger import Job

LEADS = ("", "/", "!", "#", "@", "- ", "two\nlines, ")


@dataclass(frozen=True)
class Place:
    """Where prompts may work, and where their runs are written down."""

    log: Path
    spilt: Path  # what a shell writes that runs an agent's prompt
    flags: Path
    directories: Sequence[Path]
    repos: Sequence[Path]


@dataclass(frozen=True)
class Order:
    """A prompt: what is queued, what is expected, and of which context its runs tell."""

    job: Job
    draft: dict[str, Any]
    context: tuple[str, str, str] = ("", "", "")  # directory, branch, variable


def shell(place: Place, dice: random.Random, key: str, sessions: Sequence[str]) -> Order:
    """A script for any shell, which writes down that it begins, and that it ends."""
    draft, context = _any(place, dice, key, sessions, "shell")
    directory, branch, _ = context
    (fails, failures), for_ever = _checked(place, dice, key, draft), False
    here = '"$(pwd -P)"' if directory else ""
    head = '"$(git symbolic-ref --short HEAD)"' if branch else ""
    mine = f"'{key}|'\"$ASSIGNER_ATTEMPT|\""
    lines = [_says(f"{mine}{here}'|'{head}'|'\"${{MARK-}}\"", place.log)]  # one write, O_APPEND
    if prerequisite := dice.random() < 0.2:
        draft["prerequisites"] = [_says(f"'before {key}'", place.log)]
    work = dice.random()
    if work < 0.15:
        flag = place.flags / f"{key}.once"
        lines.append(f"[ -e '{flag}' ] || {{ : > '{flag}'; exit 3; }}")
        fails, failures = f"{fails} exit_status", failures + 1
    elif work < 0.3:
        lines.append(f"sleep {dice.randrange(3)}.{dice.randrange(1, 9)}")
    elif work < 0.4:
        draft["sentinel"] = True
        lines.append("echo 'ASSIGNER-DONE ok all is well'")
    elif work < 0.45:
        draft["sentinel"] = True
        lines.append('"$ASSIGNER_REPORT" ok "all is well"')
    elif work < 0.55:  # report is killed
        after = dice.randrange(6)
        lines.append(f'"$ASSIGNER_REPORT" ok & sleep 0.00{after}; kill -9 $! 2>/dev/null; wait')
    elif work < 0.57:
        draft["timeout_seconds"] = 1
        lines.append("exec sleep 30")
        fails, for_ever = f"{fails} timeout", True
    lines.append(_says(f"{mine}end", place.log))
    draft["content"] = f"sh -c {shlex.quote(chr(10).join(lines))}"  # in any shell's language
    return Order(Job(key, fails, failures, for_ever, prerequisite), draft, context)


def agent(place: Place, dice: random.Random, key: str, sessions: Sequence[str]) -> Order:
    """A text for an agent; a shell that ran it would write that down."""
    draft, context = _any(place, dice, key, sessions, "standin")
    fails, failures, for_ever = "", 0, False
    lines = [f"{dice.choice(LEADS)}{key}, please", f"echo {key} >> '{place.spilt}'"]
    work = dice.random()
    if work < 0.03:
        draft |= {"raw": True}
        lines = [f"/{key}"]
    elif work < 0.1:
        lines.append("MODEL:fail500")
        draft["max_attempts"] = 2
        fails, for_ever = "api", True
    elif work < 0.2:
        draft["sentinel"] = True
        lines.append("MODEL:say ASSIGNER-DONE ok all is well")
    elif work < 0.4:
        lines.append(f"MODEL:slow={dice.randrange(3)}.{dice.randrange(1, 9)}")
    elif work < 0.5:
        lines = lines[:1]
    elif work < 0.55:
        lines.append("and more of it, äöü ✓ 漢字\n" * 40)
    if not draft.get("raw"):
        checked, failures = _checked(place, dice, key, draft)
        fails = f"{fails} {checked}"
    draft["content"] = "\n".join(lines)
    return Order(Job(key, fails, failures, for_ever), draft, context)


def _any(
    place: Place, dice: random.Random, key: str, sessions: Sequence[str], provider: str
) -> tuple[dict[str, Any], tuple[str, str, str]]:
    """What any prompt may have, and the context that it asks for."""
    draft: dict[str, Any] = {"tags": [key], "priority": dice.randrange(3)}
    directory = branch = mark = ""
    if dice.random() < 0.3:
        directory, branch = str(dice.choice(place.repos)), dice.choice(["main", "feature"])
        draft |= {"working_dir": directory, "git_branch": branch}
    elif dice.random() < 0.5:
        directory = str(dice.choice(place.directories))
        draft["working_dir"] = directory
    if dice.random() < 0.3:
        mark = key
        draft["env_vars"] = {"MARK": mark}
    if dice.random() < 0.2:
        draft["target_session"] = dice.choice(sessions)
    elif provider != "shell" or dice.random() < 0.3:
        draft["target_provider"] = provider
    if dice.random() < 0.3:
        draft["idempotent"] = True
    if dice.random() < 0.1:
        draft["review"] = True
    if dice.random() < 0.1:
        draft["affinity"] = dice.choice(["one", "two"])
    return draft, (directory, branch, mark)


def _checked(place: Place, dice: random.Random, key: str, draft: dict[str, Any]) -> tuple[str, int]:
    """Some have a check, which some pass at the second try only: classes and number of failures."""
    if dice.random() > 0.1:
        return "", 0
    if dice.random() < 0.5:
        draft["check_command"] = "true"
        return "", 0
    flag = place.flags / f"{key}.check"
    draft["check_command"] = f"[ -e '{flag}' ] || {{ : > '{flag}'; exit 1; }}"
    return "check", 1


def _says(words: str, log: Path) -> str:
    return f"printf '%s\\n' {words} >> '{log}'"
