"""keepalive: restarts a dead session as it was, once, and gives up in the end."""

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from campaigns.crash.killing import Pass
from harness.workplace import Workplace, wait_for

NO_WAIT = {"ASSIGNER_BACKOFF_BASE": "0"}


def session(work: Workplace, name: str = "one") -> dict[str, Any]:
    return work.row("SELECT * FROM sessions WHERE name = ?", name)


def agent(work: Workplace, name: str = "one", *options: object) -> Path:
    """A session made with the stand-in agent, kept alive; where that writes what is typed."""
    log = work.path / f"{name}.log"
    line = f"{work._standin()} --log {log}"
    new = ["--create", name, "--provider", "standin", "--command", line, "--keepalive"]
    work.tool("enroll", *new, "--workdir", work.home, "--settle", 40, *options)
    return log


def prompts(log: Path) -> list[str]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [event["text"] for event in map(json.loads, lines) if event["event"] == "prompt"]


def keep(work: Workplace, *args: object, **how: Any) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = work.tool("keepalive", "--settle", 30, "--json", *args, **how).json
    return rows


def running(work: Workplace, word: object) -> list[int]:
    """The stand-ins that have a word in their command line."""
    found = []
    for file in (path / "cmdline" for path in Path("/proc").glob("[0-9]*")):
        try:
            words = file.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0] == b"standin" and os.fsencode(str(word)) in words:
            found.append(int(file.parent.name))
    return found


def test_all_that_died_is_back_as_it_was_after_one_tick(work: Workplace) -> None:
    place = work.path / "a place"
    place.mkdir()
    work.shell("shell", cwd=place)
    work.tool("enroll", "shell", "--keepalive")
    (work.home / ".bash_profile").write_text("export MINE=1\n")
    log = agent(work, "agent", "--resume")
    work.tool("send", "hello", "--target", "agent")
    work.tick(until=30)
    before = session(work, "agent")
    (work.home / ".bash_profile").unlink()
    work.stop_server()
    rows = work.tool("tick", "--settle", 40, "--json").json
    assert [(row["pass"], row["session"], row["action"]) for row in rows] == [
        ("keepalive", "agent", "started"), ("keepalive", "shell", "started"),
    ]  # fmt: skip
    shell, again = session(work, "shell"), session(work, "agent")
    assert (shell["current_dir"], shell["status"]) == (str(place), "idle")
    assert (again["current_dir"], again["status"]) == (str(work.home), "idle")
    words = Path(f"/proc/{again['pane_pid']}/cmdline").read_text().split("\0")
    assert words[words.index("--resume") + 1] == before["conversation"]
    assert "MINE=1" in Path(f"/proc/{again['pane_pid']}/environ").read_text().split("\0")
    arguments = Path(f"/proc/{shell['pane_pid']}/cmdline").read_text().split("\0")
    assert arguments[:-1] == ["bash", "--norc", "--noprofile", "-i"]
    work.tool("send", "again", "--target", "agent")
    work.tool("send", "pwd", "--target", "shell")
    work.tick(until=30)
    assert prompts(log) == ["hello", "again"]
    assert work.prompt(3)["response"] == str(place)
    assert keep(work) == []
    assert not list((work.state / "starts").iterdir())


def test_what_ran_in_it_is_judged_first(work: Workplace) -> None:
    log = agent(work)
    work.tool("send", "MODEL:slow=600", "--target", "one")
    work.run_until(lambda: work.prompt(1)["status"] == "in_progress")
    os.kill(session(work)["pane_pid"], signal.SIGKILL)
    wait_for(lambda: not running(work, log))
    outcomes = [row["action"] for row in keep(work)]
    assert outcomes == ["failed", "started"]
    assert work.row("SELECT failure_class FROM attempts")["failure_class"] == "lost"
    assert session(work)["status"] == "idle"
    assert len(running(work, log)) == 1


def test_an_agent_that_left_its_shell_is_started_from_that_again(work: Workplace) -> None:
    pane = work.agent("one")
    line = f"{work._standin()} --log {pane.log}"
    work.tool("enroll", "one", "--keepalive", "--command", line)
    pane.keys("C-d")
    pane.wait_for_prompt()
    pane.type("half a line")
    (row,) = keep(work)
    assert (row["action"], row["session"]) == ("deferred", "one")
    assert pane.screen().endswith("one$ half a line")
    pane.keys("C-u")
    (row,) = keep(work)
    assert (row["action"], row["reason"]) == ("started", "idle: at its empty composer")
    assert session(work)["pane_pid"] == pane.pid
    (agent,) = running(work, pane.log)
    os.kill(agent, signal.SIGKILL)  # its screen stays, around the shell's prompt
    wait_for(lambda: pane.command == "bash")
    wait_for(lambda: [row["action"] for row in keep(work, env=NO_WAIT)] == ["started"])
    assert len(running(work, pane.log)) == 1


def test_an_agent_that_is_stopped_is_neither_dead_nor_judged(work: Workplace) -> None:
    pane = work.agent("one", tells="hooks")
    line = work.agent_line("one", tells="hooks")
    work.tool("enroll", "one", "--keepalive", "--command", line)
    work.tool("send", "MODEL:slow=2", "--target", "one", "--idempotent")
    work.run_until(lambda: work.prompt(1)["status"] == "in_progress")
    (stopped,) = running(work, pane.log)
    os.kill(stopped, signal.SIGSTOP)
    wait_for(lambda: pane.command == "bash", what=pane.screen)
    for _ in range(2):
        work.tool("tick")
        one = session(work)
        assert (one["status"], one["status_reason"]) == (
            "waiting", "standin is stopped: fg or kill it",
        )  # fmt: skip
    assert keep(work) == []
    assert work.prompt(1)["status"] == "in_progress"
    pane.run("fg")
    work.tick(until=30)
    assert (work.prompt(1)["status"], work.prompt(1)["attempts"]) == ("completed", 1)
    assert pane.prompts() == ["MODEL:slow=2"]
    assert running(work, pane.log) == [stopped]


@pytest.mark.slow
def test_what_dies_again_and_again_is_given_up_until_it_is_resumed(work: Workplace) -> None:
    log = agent(work)
    program = work._standin()
    text = program.read_text()
    program.write_text("#!/bin/sh\necho no model left; exit 3\n")
    work.tmux("kill-session", "-t", "one")
    assert [row["action"] for row in keep(work)] == ["started"]
    assert keep(work) == []  # not at once again
    for _ in range(4):
        assert [row["action"] for row in keep(work, env=NO_WAIT)] == ["started"]
    (row,) = keep(work, env=NO_WAIT, status=1)
    assert row["action"] == "given-up"
    assert keep(work, env=NO_WAIT) == []
    event = "SELECT count(*) AS n FROM task_events WHERE type = 'session.given_up'"
    assert work.row(event)["n"] == 1
    assert "given up after 5 starts" in work.tool("sessions").out
    assert "given up" in work.tool("status").out
    work.tool("cleanup-stale", "--apply")
    program.write_text(text)
    for renew in ("resume", "enroll"):
        work.tool(renew, "one")
        assert [row["action"] for row in keep(work)] == ["started"]
        assert session(work)["status"] == "idle"
        assert len(running(work, log)) == 1
        work.tmux("kill-session", "-t", "one")
    work.tool("pause", "one")
    assert keep(work, env=NO_WAIT) == []


def test_a_start_that_lasts_is_no_quick_death(work: Workplace) -> None:
    work.shell("stays")
    work.enrolled("one")
    work.tool("enroll", "one", "--keepalive")
    work.tmux("kill-session", "-t", "one")
    assert [row["action"] for row in keep(work)] == ["started"]
    assert session(work)["failed_starts"] == 1
    later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 100))
    keep(work, env={"ASSIGNER_NOW": later})
    assert session(work)["failed_starts"] == 0


def test_a_killed_pass_starts_nothing_twice(work: Workplace) -> None:
    log = agent(work)
    work.environment |= NO_WAIT
    dice = random.Random(7)
    for how in ("kill", "kill_group", "kill_client") * 3:
        work.tool("resume", "one")
        work.tmux("kill-session", "-t", "one") if dice.random() < 0.5 else work.stop_server()
        wait_for(lambda: not running(work, log))
        killed = Pass(work, "keepalive", "--settle", 0)
        time.sleep(dice.uniform(0.3, 1.5))
        getattr(killed, how)()
        killed.wait()
        work.run_until(lambda: session(work)["status"] == "idle", 40)
        assert len(running(work, log)) == 1
        assert work.tmux("list-panes", "-a", "-F", "#{session_name}") == "one"


def test_a_busy_session_that_writes_nothing_is_told_of_once(work: Workplace) -> None:
    work.shell("one")
    work.tool("enroll", "one", "--keepalive")
    work.tool("send", "sleep 600", "--target", "one")
    work.run_until(lambda: work.prompt(1)["status"] == "in_progress")
    soon = {"ASSIGNER_STUCK_AFTER": "1"}

    def told() -> list[dict[str, Any]]:
        return keep(work, env=soon)

    (row,) = wait_for(told, what="news")
    assert row["action"] == "stuck"
    assert told() == []
    assert work.tool("status", "--json").json["sessions"][0]["stuck"] is True
    assert "stuck: no output" in work.tool("status").out


def test_what_cannot_be_kept_alive_is_refused(work: Workplace) -> None:
    pane = work.shell("two")
    work.tmux("split-window", "-t", pane.id, "sleep", "600")
    work.tool("scan")
    said = work.tool("enroll", "two:0.0", "--keepalive", status=2).err
    assert "'two:0.0' cannot be kept alive" in said
    work.shell("one")
    work.tool("enroll", "one", "--keepalive")
    work.tool("enroll", "one", "--remove")
    work.tmux("kill-session", "-t", "one")
    assert keep(work) == []
