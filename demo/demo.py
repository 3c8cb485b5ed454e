#!/usr/bin/env python3
"""demo - run the whole chain: ten prompts, three sessions, two git repositories

The demo uses a temporary directory with its own home, queue and tmux server, and removes it at the
end.  It runs each line that begins with `$` exactly as shown and prints the output of the tools.
At the end it compares every prompt with the expected result.

exit status: 0 every result was as expected; 1 some result was not; 130 interrupted
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
    """What the prompt demonstrates, the arguments of `send`, and the expected result."""

    shows: str
    send: str
    status: str = "completed"
    session: str = ""  # empty: any session
    response: str = ""
    error: str = ""  # part of the error message
    attempts: int = 1

    def as_expected(self, row: dict[str, Any]) -> bool:
        """Whether a row of `prompts --json` shows the expected result."""
        return (
            row["status"] == self.status
            and self.session in ("", row["assigned_session"])
            and self.response == (row["response"] or "").rstrip()
            and self.error in (row["error"] or "")
            and self.attempts == row["attempts"]
        )


PROMPTS = [
    Prompt(
        "A full context: directory, branch, variable and prerequisite",
        r"""'sleep 2; echo "$STAGE on $(cat branch.txt)" | tee ~/built' --provider shell \
    --workdir api --git-branch main --env STAGE=test --prereq 'test -f branch.txt'""",
        session="one",
        response="test on main",
    ),
    Prompt(
        "The same directory on another branch: waits for the first prompt",
        "'cat branch.txt' --provider shell --workdir api --git-branch feature",
        response="feature",
    ),
    Prompt(
        "Another branch in the second repository",
        "'git branch --show-current' --provider shell --workdir web --git-branch redesign",
        response="redesign",
    ),
    Prompt(
        "A value that does damage if anything treats it as more than text",
        r"""'printf "%s\n" "$WHO"' --provider shell \
    --env WHO=$'O\'Brien "$(touch ~/harm)" `touch ~/harm`\n; touch ~/harm'""",
        response='O\'Brien "$(touch ~/harm)" `touch ~/harm`\n; touch ~/harm',
    ),
    Prompt(
        "A prerequisite that fails: the prompt does not run",
        "'touch ~/harm' --provider shell --workdir api --prereq 'test -d lib'",
        status="failed",
        error="test -d lib",
    ),
    Prompt(
        "A directory that does not exist: nothing is typed",
        "'touch ~/harm' --provider shell --workdir nowhere",
        status="failed",
        error="does not exist",
    ),
    Prompt(
        "A prompt that fails once and is retried half a second later",
        "'cat ~/cache || { echo warm >~/cache; false; }' --provider shell --workdir web",
        response="warm",
        attempts=2,
    ),
    Prompt(
        "A prompt that needs a file which the first one writes",
        "'cat ~/built' --provider shell --after 1",
        response="test on main",
    ),
    Prompt(
        "Plain text instead of a script, for the session that counts lines",
        r"$'pear\napple\npear' --target tally",
        session="tally",
        response="      1 apple\n      2 pear",
    ),
    Prompt(
        "More text for the same session: sent last, but urgent",
        r"$'now\nnow' --target tally --priority 9",
        session="tally",
        response="      2 now",
    ),
]

SENDS = "\n".join(f"# {prompt.shows}\n$ send {prompt.send}" for prompt in PROMPTS)

PLAY = rf"""
1. Sessions

The demo's own tmux server runs bash in ~/api, zsh in ~/web, and a session in which each prompt
becomes the standard input of a command.  assigner types only into sessions that are enrolled.

$ enroll one two
$ enroll tally --command 'sort | uniq -c'
$ sync-context
$ sessions

2. Prompts

Queue ten prompts, each with the context it needs.  Nothing runs yet.

{SENDS}
# This one is refused: a branch needs a repository
$ send make --git-branch main

3. Queue

The queue in the order in which prompts are served: the urgent prompt is first, though it was sent
last.

$ queue

4. Assignment

All candidates with their scores.  Prompt 10 overtakes 9.  Prompt 1 gets the session that is in its
directory and on its branch.  Prompt 2 needs another branch of that directory, so it is held back,
and the queue shows which prompt it waits for.

$ assign-next --explain
$ assign-next
$ queue

5. Delivery

deliver types one line into each claimed session.  The line sources a file that prepares the
context, runs the prompt and reports how it ended.

$ deliver
$ scan
$ sessions

6. The remaining prompts

The same steps, repeated as a timer would repeat them, until there is nothing left to do.

$ tick --until-idle 30

7. Results

A summary of all prompts, then the evidence for two: the first, and the one that was retried.

$ prompts
$ show 1
$ show 7

8. Failures

Neither prompt ran, and neither is retried automatically, because a retry would fail again.

$ show 5
$ show 6

9. State

$ status

10. Next steps, in a session of your own that shows an empty shell prompt

    tmux new-session -d -s work
    export PATH="{TOOLS}:$PATH"
    enroll work
    send 'git status' --target work --workdir ~/project --git-branch main
    tick --until-idle 60
    prompts --target work

    # in your crontab: one pass every minute
    * * * * * {TOOLS.partition(":")[0]}/assigner tick --quiet >/dev/null
"""


def perform(stage: Stage) -> str:
    """Print the play and run its commands; returns everything they printed."""
    print(stage.run("sh", ROOT / "demo/set-up.sh"), end="")
    said = ""
    for line in re.split(r"(?<!\\)\n", PLAY):
        if line.startswith("$ "):
            said += stage.type(line[2:])
        else:
            print(line)
    return said


def verdict(stage: Stage, said: str) -> bool:
    """Print every unexpected result and the totals; returns whether everything was as expected."""
    rows = json.loads(stage.run("prompts", "--json"))
    pairs = list(zip(PROMPTS, sorted(rows, key=lambda row: row["id"]), strict=False))
    for prompt, row in pairs:
        if not prompt.as_expected(row):
            print(f"prompt {row['id']}: unexpected result: {row}")
    good = [prompt.as_expected(row) for prompt, row in pairs]
    others = {
        "prompt 2 waits behind prompt 1": "behind prompt 1" in said,
        "prompt 10 overtakes prompt 9": rows[0]["assigned_at"] < rows[1]["assigned_at"],
        "a branch without a repository is refused": len(rows) == len(PROMPTS),
        "no value is executed, nor a prompt that failed": not (stage.home / "harm").exists(),
    }
    for expectation, met in others.items():
        if not met:
            print(f"not met: {expectation}")
    met = sum(others.values())
    print(f"{sum(good)} of {len(good)} prompts ended as expected", end="; ")
    print(f"{met} of {len(others)} other expectations met")
    return all(good) and met == len(others)


def main() -> int:
    with closing(Stage()) as stage:
        try:
            return 0 if verdict(stage, perform(stage)) else 1
        except KeyboardInterrupt:
            print("demo: interrupted", file=sys.stderr)
            return 130
        except BrokenPipeError:  # the reader has closed the pipe
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        except subprocess.SubprocessError as error:
            print(f"demo: {error}", file=sys.stderr)
            return 1


if __name__ == "__main__":
    sys.exit(main())
