#!/usr/bin/env python3
"""naive.py - deliver the next prompt without thinking of kills: claim, type, mark

usage: naive.py DATABASE SOCKET PANE STOP AGAIN.  The table is prompts (id, content, status).
naive.py stops itself (SIGSTOP) after the step STOP, `claimed` or `typed`, so that it can be killed
there.  If AGAIN is 1 it types again what an earlier run has claimed but not marked.
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
