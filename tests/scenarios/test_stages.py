"""Kill a pass at each stage of a delivery (docs/delivery.md): what the next passes find out.

test_calls.py kills at any system call.
"""

import os
import shlex
import signal
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from campaigns.crash.book import Book
from campaigns.crash.killing import Pass, is_stopped
from campaigns.crash.tracing import can_trace, killed_at
from harness.workplace import TMUX, Workplace, wait_for

pytestmark = pytest.mark.real

needs_strace = pytest.mark.skipif(not can_trace(), reason="needs strace, on x86-64")

# Stands before the real tmux on the PATH, and has its way with the client that types.
CLIENT = """\
#!/bin/sh
case "$*" in *source-file*) ;; *) exec {tmux} "$@" ;; esac
given={place}/given.$$
cat > "$given"
grep -q paste-buffer "$given" || exec {tmux} "$@" < "$given"
{act}
"""
TYPE = f'{TMUX} "$@" < "$given"'
DIE = "kill -9 0"  # the pass and this


@pytest.fixture
def book(work: Workplace) -> Book:
    """One session and one prompt, which has claimed it."""
    return claimed(Book(work))


def queued(book: Book) -> Book:
    """The next prompt waits, and so does its session."""
    book.queue(1)
    idle = "SELECT 1 FROM sessions WHERE enrolled AND status = 'idle'"
    wait_for(lambda: book.work.tool("scan") and book.work.rows(idle), what="an idle session")
    return book


def claimed(book: Book) -> Book:
    assert queued(book).work.tool("assign-next", "--json").json
    return book


def attempt(book: Book) -> dict[str, Any]:
    return book.work.row("SELECT * FROM attempts ORDER BY id DESC LIMIT 1")


def deliver(book: Book, act: str = TYPE, **settings: str) -> Pass:
    """A pass whose tmux client does `act` when it comes to typing."""
    place = book.work.path / "client"
    place.mkdir(exist_ok=True)
    client = place / "tmux"
    client.write_text(CLIENT.format(place=shlex.quote(str(place)), tmux=TMUX, act=act))
    client.chmod(0o755)
    settings["PATH"] = f"{place}:{book.work.environment['PATH']}"
    return Pass(book.work, "deliver", "--settle", 60, env=settings)


def finish(book: Book, about: object = "") -> None:
    """The next passes: whatever was killed, all has run exactly once."""
    book.finish()
    book.check(about)


@needs_strace
def test_killed_before_it_commits_to_typing(book: Book) -> None:
    """`claimed`: the files are there or not, the transaction is rolled back."""
    Pass(book.work, "deliver", under=killed_at(("rename", 1))).wait()
    assert attempt(book)["stage"] == "claimed"
    assert list(book.work.state.glob("run/*/ctx"))
    finish(book)


@pytest.mark.parametrize(
    ("act", "reason"),
    [(DIE, ""), (f"{TYPE}; {DIE}", "found by its stamp")],
    ids=["before the keys", "after the keys"],
)
def test_killed_around_the_keys(book: Book, act: str, reason: str) -> None:
    """`typing`: tmux's stamp tells whether the line was typed."""
    assert deliver(book, act).wait() == -signal.SIGKILL
    assert attempt(book)["stage"] == "typing"
    (row,) = book.work.tool("deliver", "--json").json
    assert (row["action"], row["reason"]) == ("typed", reason)
    finish(book)


@needs_strace
def test_killed_while_it_gives_the_claim_back(book: Book) -> None:
    """`typing`, the session is busy, and the token is taken: nobody types what cannot run."""
    deliver(book, DIE).wait()
    (pane,) = book.panes
    pane.run("cat")
    wait_for(lambda: pane.command == "cat")
    Pass(book.work, "deliver", under=killed_at(("unlink", 1))).wait()
    assert (attempt(book)["stage"], attempt(book)["outcome"]) == ("typing", None)
    assert list(book.work.state.glob("run/*/revoked"))
    pane.keys("C-c")
    finish(book)


def test_killed_with_a_client_that_waits_for_the_server(book: Book) -> None:
    """`typing`: the server, once it goes on, may or may not carry out what it was sent."""
    server = attempt(book)["server_pid"]
    victim = deliver(book, f"kill -STOP {server}; exec {TYPE}")
    wait_for(lambda: is_stopped(server) and victim.clients())
    victim.kill_group()
    os.kill(server, signal.SIGCONT)
    finish(book)


def test_server_that_does_not_answer(book: Book) -> None:
    """`typing`: the session is unknown, and nothing is taken back."""
    server = attempt(book)["server_pid"]
    impatient = {"ASSIGNER_TMUX_TIMEOUT": "0.3"}
    victim = deliver(book, f"kill -STOP {server}; exec {TYPE}", **impatient)
    assert victim.wait() == 0
    assert "tmux did not answer within 0.3 s" in victim.said
    tick = book.work.tool("tick", env=impatient, status=1)
    assert "tmux did not answer within 0.3 s" in tick.err
    assert book.work.row("SELECT status FROM sessions WHERE name = 's0'") == {"status": "unknown"}
    assert (attempt(book)["stage"], attempt(book)["outcome"]) == ("typing", None)
    os.kill(server, signal.SIGCONT)
    finish(book)


def test_database_that_is_locked_once_it_has_typed(book: Book) -> None:
    """`typing`: what tmux confirmed cannot be written down; its stamp tells the next pass."""
    typed, go = book.work.path / "typed", book.work.path / "go"
    held = f"{TYPE}; : > {typed}; until [ -e {go} ]; do sleep 0.05; done"
    victim = deliver(book, held, ASSIGNER_TMUX_TIMEOUT="60")
    wait_for(typed.exists)
    with closing(sqlite3.connect(book.work.database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        go.touch()
        assert victim.wait() == 75
    assert "is busy: database is locked; try again" in victim.said
    assert attempt(book)["stage"] == "typing"
    finish(book)


HOLD = {  # a shell that has read a line, and does not yet run it
    "bash": "trap 'until [ -e {flag} ]; do sleep 0.05; done' DEBUG",
    "zsh": "preexec() {{ until [ -e {flag} ]; do sleep 0.05; done }}",
    "fish": "function hold --on-event fish_preexec; while not test -e {flag}; sleep 0.05; end; end",
}


@pytest.mark.parametrize("shell", list(HOLD))
def test_killed_once_it_has_typed(work: Workplace, shell: str) -> None:
    """`typed`: the line is in the shell's hands."""
    flag = work.path / "flag"
    book = claimed(Book(work, shells=[shell], rc=HOLD[shell].format(flag=flag)))
    victim = deliver(book)
    wait_for(lambda: attempt(book)["stage"] == "typed")
    victim.kill_group()
    flag.touch()
    finish(book)


SWALLOW = {
    "bash": "bind 'RETURN: kill-whole-line'",
    "zsh": "bindkey '^M' kill-whole-line",
    "fish": "bind \\r kill-whole-line",
}


@pytest.mark.parametrize("shell", list(SWALLOW))
def test_line_that_never_runs(work: Workplace, shell: str) -> None:
    """`typed`: the shell is at its prompt, the token still there; it is taken, then."""
    book = claimed(Book(work, shells=[shell], rc=SWALLOW[shell]))
    work.environment["ASSIGNER_START_WAIT"] = "0.2"
    work.tick()
    assert attempt(book)["failure_class"] == "not_accepted"
    assert not book.log.read_text()


@needs_strace
def test_killed_before_it_removes_the_reports(work: Workplace) -> None:
    """`submitted`: reports that are read twice change nothing twice."""
    book = reported(Book(work))
    Pass(work, "observe", under=killed_at(("unlink", 2))).wait()
    assert attempt(book)["stage"] == "submitted"
    assert list(book.work.state.glob("spool/*.exit.0"))
    finish(book)
    events = book.work.rows("SELECT type FROM task_events WHERE attempt_id > 0 ORDER BY id")
    stages = ["claimed", "prepared", "typing", "submitted", "completed"]
    assert [event["type"] for event in events] == [f"attempt.{stage}" for stage in stages]


@needs_strace
def test_killed_before_it_removes_the_files(work: Workplace) -> None:
    """An outcome: what is left over is found by its number."""
    book = reported(Book(work))
    Pass(work, "observe", under=killed_at(("unlinkat", 1))).wait()
    assert attempt(book)["outcome"] == "completed"
    assert list(book.work.state.glob("run/*"))
    finish(book)


def reported(book: Book) -> Book:
    """The next prompt has run, and nobody has read that yet."""
    deliver(claimed(book), f"{TYPE}; {DIE}").wait()
    wait_for(lambda: list(book.work.state.glob("spool/*.exit.*")), what="the report of its end")
    return book


def test_paused_after_a_pass_died_before_the_keys(book: Book) -> None:
    """`typing`, not stamped: the token is taken, and the prompt waits for the end of the pause."""
    deliver(book, DIE).wait()
    (pane,) = book.panes
    before = pane.screen()
    (row,) = book.work.tool("pause", "--all", "--json").json
    assert row["running"] == [1]  # as far as pause can tell
    (row,) = book.work.tool("deliver", "--json").json
    assert (row["action"], row["reason"]) == ("released", "the session is paused")
    assert pane.screen() == before
    book.work.tool("resume", "--all")
    finish(book)
