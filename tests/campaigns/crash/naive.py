#!/usr/bin/env python3
"""naive.py - deliver the next prompt as one does who has not thought of kills: claim, type, mark

usage: naive.py DATABASE SOCKET PANE STOP AGAIN.  The table is prompts (id, content, status).  It
stops itself (SIGSTOP) behind the step STOP, `claimed` or `typed`, so that it can be killed there.
What an earlier run has claimed and not marked is typed again if AGAIN is 1.
"""

import os
import signal
import sqlite3
import subprocess
import sys

database, socket, pane, stop, again = sys.argv[1:]
connection = sqlite3.connect(database, isolation_level=None)
wanted = ("pending", "claimed") if again == "1" else ("pending", "pending")


def mark(prompt: int, status: str) -> None:
    connection.execute("UPDATE prompts SET status = ? WHERE id = ?", (status, prompt))


def pause(step: str) -> None:
    if step == stop:
        os.kill(os.getpid(), signal.SIGSTOP)


for prompt, content in connection.execute(
    "SELECT id, content FROM prompts WHERE status IN (?, ?) ORDER BY id LIMIT 1", wanted
).fetchall():
    mark(prompt, "claimed")
    pause("claimed")
    subprocess.run(["tmux", "-S", socket, "send-keys", "-t", pane, "-l", content], check=True)
    subprocess.run(["tmux", "-S", socket, "send-keys", "-t", pane, "Enter"], check=True)
    pause("typed")
    mark(prompt, "typed")
