#!/usr/bin/env python3
"""demo - the whole chain at work: ten prompts, three sessions, two git repositories

All happens in a temporary directory, with a home, a queue and a tmux server of its own, which
are gone afterwards.  Each line that begins with `$` is run as it stands, and what follows is
what the tools print.  At the end every prompt is compared with what was expected of it.

exit status: 0 all was as expected; 1 something was not; 130 interrupted
"""

import json
import os
import re
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from stage import ROOT, TOOLS, Stage


@dataclass(frozen=True)
class Prompt:
    """What it shows, what `send` is told, and what is expected to come of it."""

    shows: str
    send: str
    status: str = "completed"
    session: str = ""  # any
    response: str = ""
    error: str = ""  # a part of it
    attempts: int = 1

    def as_expected(self, row: dict[str, Any]) -> bool:
        """Whether the prompt, as `prompts` tells it, has ended so."""
        return (
            row["status"] == self.status
            and self.session in ("", row["assigned_session"])
            and self.response == (row["response"] or "").rstrip()
            and self.error in (row["error"] or "")
            and self.attempts == row["attempts"]
        )


PROMPTS = [
    Prompt(
        "The right context: directory, branch, variable, and a condition",
        r"""'sleep 2; echo "$STAGE on $(cat branch.txt)" | tee ~/built' --provider shell \
    --workdir api --git-branch main --env STAGE=test --prereq 'test -f branch.txt'""",
        session="one",
        response="test on main",
    ),
    Prompt(
        "The same directory on another branch: has to wait for the first",
        "'cat branch.txt' --provider shell --workdir api --git-branch feature",
        response="feature",
    ),
    Prompt(
        "A switch of branch in the other repository",
        "'git branch --show-current' --provider shell --workdir web --git-branch redesign",
        response="redesign",
    ),
    Prompt(
        "A value that does harm wherever it is taken for more than text",
        r"""'printf "%s\n" "$WHO"' --provider shell \
    --env WHO=$'O\'Brien "$(touch ~/harm)" `touch ~/harm`\n; touch ~/harm'""",
        response='O\'Brien "$(touch ~/harm)" `touch ~/harm`\n; touch ~/harm',
    ),
    Prompt(
        "A condition that does not hold: the prompt does not run",
        "'touch ~/harm' --provider shell --workdir api --prereq 'test -d lib'",
        status="failed",
        error="test -d lib",
    ),
    Prompt(
        "A directory that is not there: nothing is typed",
        "'touch ~/harm' --provider shell --workdir nowhere",
        status="failed",
        error="does not exist",
    ),
    Prompt(
        "One that fails at first, and is tried again half a second later",
        "'cat ~/cache || { echo warm >~/cache; false; }' --provider shell --workdir web",
        response="warm",
        attempts=2,
    ),
    Prompt(
        "One that needs what the first has made",
        "'cat ~/built' --provider shell --after 1",
        response="test on main",
    ),
    Prompt(
        "Not a script but text, for the session that counts lines",
        r"$'pear\napple\npear' --target tally",
        session="tally",
        response="      1 apple\n      2 pear",
    ),
    Prompt(
        "More for the same session: the last to come, but urgent",
        r"$'now\nnow' --target tally --priority 9",
        session="tally",
        response="      2 now",
    ),
]

SENDS = "\n".join(f"# {prompt.shows}\n$ send {prompt.send}" for prompt in PROMPTS)

PLAY = rf"""
1. The sessions

A tmux server of the demo's own has a bash in ~/api, a zsh in ~/web, and a session in which each
prompt becomes the standard input of a command.  Nothing is ever typed into what is not enrolled.

$ enroll one two
$ enroll tally --command 'sort | uniq -c'
$ sync-context
$ sessions

2. The prompts

They are queued, each with what it needs.  Nothing runs yet.

{SENDS}
# One that is refused: nobody could know which repository is meant
$ send make --git-branch main

3. The queue

In the order in which it is served: the urgent prompt first, though it was sent last.

$ queue

4. The decisions

Every candidate and what speaks for it.  Prompt 10 overtakes 9, prompt 1 gets the session that is
in its directory and on its branch.  Prompt 2 wants another branch of that directory, and is held
back; the queue says behind which.

$ assign-next --explain
$ queue

5. The delivery

One line is typed into each claimed session: it sources a file that prepares the context, runs the
prompt and reports how it ended.

$ deliver
$ scan
$ sessions

6. The rest

The same steps again and again, as a timer would take them, until nothing is left to do.

$ tick --until-idle 30

7. The results

All in short, then the evidence for two: the first, and the one that was tried twice.

$ prompts
$ show 1
$ show 7

8. What failed, and why

Neither prompt has run, and neither is tried again by itself: it would fail again.

$ show 5
$ show 6

9. The state

$ status

10. What to do next, in a session of your own whose shell is at its empty prompt

    tmux new-session -d -s work
    export PATH="{TOOLS}:$PATH"
    enroll work
    send 'git status' --target work --workdir ~/project --git-branch main
    tick --until-idle 60
    prompts --target work

    # in your crontab: every minute, what you have sent meanwhile
    * * * * * {TOOLS.partition(":")[0]}/assigner tick --quiet >/dev/null
"""


def perform(stage: Stage) -> str:
    """Show the play and run its commands; all that they have printed."""
    print(stage.run("sh", ROOT / "demo/set-up.sh"), end="")
    said = ""
    for line in re.split(r"(?<!\\)\n", PLAY):
        if line.startswith("$ "):
            said += stage.type(line[2:])
        else:
            print(line)
    return said


def verdict(stage: Stage, said: str) -> bool:
    """Say what is not as expected, and how much is; whether all is."""
    rows = json.loads(stage.run("prompts", "--json"))
    pairs = list(zip(PROMPTS, sorted(rows, key=lambda row: row["id"]), strict=True))
    for prompt, row in pairs:
        if not prompt.as_expected(row):
            print(f"prompt {row['id']} should have ended otherwise: {row}")
    good = [prompt.as_expected(row) for prompt, row in pairs]
    others = {
        "prompt 2 waits behind prompt 1": "behind prompt 1" in said,
        "prompt 10 overtakes prompt 9": rows[0]["assigned_at"] < rows[1]["assigned_at"],
        "a branch of no repository is refused": "of which repository" in said,
        "no value is run, and no prompt that failed": not (stage.home / "harm").exists(),
    }
    for expectation, met in others.items():
        if not met:
            print(f"expected, and not so: {expectation}")
    met = sum(others.values())
    print(f"{sum(good)} of {len(good)} prompts ended as they should", end="; ")
    print(f"{met} of {len(others)} other expectations were met")
    return all(good) and met == len(others)


def main() -> int:
    with closing(Stage()) as stage:
        try:
            return 0 if verdict(stage, perform(stage)) else 1
        except KeyboardInterrupt:
            print("demo: interrupted", file=sys.stderr)
            return 130
        except BrokenPipeError:  # the reader has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except subprocess.SubprocessError as error:
            print(f"demo: {error}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
