"""scan: which sessions exist, under which names, and what each is doing; it types nothing."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from harness.workplace import ROOT, TMUX, Workplace, wait_for

SCREENS = ROOT / "tests" / "data" / "screens"


def seen(work: Workplace, **env: str) -> dict[str, str]:
    """The sessions that are there, with their status, after a scan."""
    work.tool("scan", env=env)
    return {row["name"]: row["status"] for row in work.tool("sessions", "--json").json}


def reason(work: Workplace, name: str) -> str:
    return str(work.row("SELECT status_reason FROM sessions WHERE name = ?", name)["status_reason"])


def panes(work: Workplace) -> dict[str, tuple[str, int]]:
    """Which pane has which name."""
    rows = work.rows("SELECT name, pane_id, pane_pid FROM sessions WHERE status <> 'offline'")
    return {row["name"]: (row["pane_id"], row["pane_pid"]) for row in rows}


def test_every_pane_has_a_name_of_its_own(work: Workplace) -> None:
    one = work.shell("one")
    assert seen(work) == {"one": "idle"}
    work.tmux("split-window", "-d", "-t", one.id, "cat")
    work.tmux("new-window", "-d", "-t", "one:3", "cat")
    work.tmux("new-session", "-d", "-s", "two", "cat")
    work.tmux("split-window", "-d", "-t", "two:0", "cat")
    names = {"one", "one:0.1", "one:3.0", "two:0.0", "two:0.1"}
    assert set(seen(work)) == names  # who was there before keeps the name
    assert panes(work)["one"] == (one.id, one.pid)
    assert len(set(panes(work).values())) == 5
    assert work.tool("enroll", "two", status=2).err.count("two:0.") == 2
    work.tool("enroll", "one", "one:0.1", status=1)
    work.tmux("kill-pane", "-t", "one:0.1")
    work.tmux("kill-pane", "-t", "two:0.1")
    found = seen(work)
    assert {name for name, status in found.items() if status != "offline"} == names - {
        "one:0.1", "two:0.1",
    }  # fmt: skip
    assert set(panes(work)) == names - {"one:0.1", "two:0.1"}


def test_names_that_were_changed_or_swapped(work: Workplace) -> None:
    for name in ("a", "b", "c"):
        work.shell(name)
    work.tool("enroll", "a")
    before = panes(work)
    for old, new in (("a", "x"), ("b", "a"), ("x", "b"), ("c", "d")):
        work.tmux("rename-session", "-t", f"={old}:", new)
    assert seen(work) == {"a": "idle", "b": "idle", "d": "idle"}
    assert panes(work) == {"a": before["b"], "b": before["a"], "d": before["c"]}
    work.tmux("split-window", "-d", "-t", "a:0", "cat")
    work.tmux("split-window", "-d", "-t", "b:0", "cat")
    work.tool("scan")
    work.tmux("join-pane", "-d", "-s", "a:0.1", "-t", "b:0.1")
    work.tool("scan")
    assert set(panes(work)) == {"a", "b", "b:0.1", "b:0.2", "d"}


def test_a_window_in_several_sessions_is_one(work: Workplace) -> None:
    one = work.shell("one")
    seen(work)
    work.tmux("new-session", "-d", "-t", "one", "-s", "again")
    work.tmux("new-session", "-d", "-s", "two", "cat")
    work.tmux("link-window", "-d", "-s", one.id, "-t", "two:5")
    assert seen(work) == {"one": "idle", "two:0.0": "unknown"}
    assert work.tool("scan", "--json").json == []
    work.tmux("kill-session", "-t", "=one")
    assert seen(work)["again"] == "idle"


def test_two_servers_with_the_same_name(work: Workplace, tmp_path: Path) -> None:
    one = work.shell("one")
    (tmp_path / "other").mkdir()
    with Workplace(tmp_path / "other") as other:
        second = other.shell("one")
        env = {"ASSIGNER_TMUX_SOCKETS": f"{work.socket}:{other.socket}"}
        assert seen(work, **env) == {"one": "idle", "one@tmux": "idle"}
        assert {pane[1] for pane in panes(work).values()} == {one.pid, second.pid}
        os.kill(int(other.tmux("display-message", "-p", "#{pid}")), signal.SIGSTOP)
        env["ASSIGNER_TMUX_TIMEOUT"] = "0.3"
        assert "did not answer" in work.tool("scan", env=env, status=1).err
        statuses = work.rows("SELECT name, status FROM sessions ORDER BY name")
        assert [row["status"] for row in statuses] == ["idle", "unknown"]
        other.stop_server()
        assert work.tool("scan", env=env).status == 0
    assert reason(work, "one@tmux") == "the tmux server is gone"


@pytest.mark.parametrize(
    ("client", "status"), [(f'{TMUX} "$@"', "idle"), ("wait", "unknown")], ids=["answers", "hangs"]
)
def test_what_a_client_leaves_behind_does_not_hold_up_a_pass(
    work: Workplace, tmp_path: Path, client: str, status: str
) -> None:
    """A process that goes on, and holds the client's output open."""
    work.enrolled("one")
    shim = tmp_path / "shim" / "tmux"
    shim.parent.mkdir()
    left = tmp_path / "left"
    shim.write_text(f"#!/bin/sh\nsleep 300 &\necho $! >>{left}\n{client}\n")
    shim.chmod(0o755)
    env = {"PATH": f"{shim.parent}:{work.environment['PATH']}", "ASSIGNER_TMUX_TIMEOUT": "1"}
    try:
        begin = time.monotonic()
        work.tool("scan", env=env, status=int(status != "idle"))
        assert time.monotonic() - begin < 30
        assert work.row("SELECT status FROM sessions")["status"] == status
    finally:
        for pid in left.read_text().split():
            os.kill(int(pid), signal.SIGKILL)


def test_odd_names_do_no_harm(work: Workplace) -> None:
    work.shell("plain")
    names = ["sp ace", "it's", "$(touch x)", "a,b}#{pid}", "é漢", "-dash", "a*", "%1", "=x"]
    for name in names:
        work.tmux("new-session", "-d", "-s", "x", "env", "PS1=$ ", "bash", "--norc")
        work.tmux("rename-session", "-t", "=x:", "--", name)
    found = seen(work)
    assert len(found) == len(names) + 1
    work.tool("enroll", "--", *found)
    lines = [json.dumps({"content": "echo ran", "target_session": name}) for name in found]
    work.tool("send", "--jsonl", "-", input="\n".join(lines))
    work.tick()
    assert work.rows("SELECT DISTINCT status, response FROM prompts") == [
        {"status": "completed", "response": "ran"}
    ]
    assert not list(work.path.rglob("x"))


def test_a_pane_that_died_and_one_that_came_again(work: Workplace) -> None:
    work.shell("keeps")
    pane = work.enrolled("one")
    work.tmux("set-option", "-t", "one", "remain-on-exit", "on")
    held = work.tool("send", "echo ran", "--target", "one", "--env", "A=1", "--json").json["id"]
    work.tick()
    pane.run("exit 3")
    wait_for(lambda: pane.format("#{pane_dead}") == "1")
    assert seen(work)["one"] == "offline"
    # tmux does not always know the status
    assert reason(work, "one") in ("its program has exited", "its program has exited with status 3")
    held = work.tool("send", "echo ran [$A]", "--target", "one", "--json").json["id"]
    work.tool("tick")
    assert work.prompt(held)["held_by"] == "target missing"
    work.tmux("respawn-pane", "-t", pane.id, "env", "PS1=one$ ", "bash", "--norc")
    pane.wait_for_prompt()
    work.run_until(lambda: work.prompt(held)["status"] == "completed")
    assert work.prompt(held)["response"] == "ran []"
    assert work.row("SELECT env_vars FROM sessions WHERE name = 'one'") == {"env_vars": "{}"}


def test_patterns_enroll_what_they_match(work: Workplace) -> None:
    for name in ("agent-1", "agent-2", "mine"):
        work.shell(name)
    work.tool("scan", env={"ASSIGNER_SESSIONS": "agent-* nothing"})
    rows = work.tool("sessions", "--json").json
    assert [row["name"] for row in rows if row["enrolled"]] == ["agent-1", "agent-2"]
    work.tool("send", "echo ran", "--target", "mine")
    work.tool("send", "echo ran", "--target", "agent-2")
    work.tick()
    assert [row["status"] for row in work.rows("SELECT status FROM prompts ORDER BY id")] == [
        "pending", "completed",
    ]  # fmt: skip


def test_what_is_no_shell_is_unknown(work: Workplace) -> None:
    pane = work.pane("repl", sys.executable, "-q")
    pane.wait_for_prompt(">>> ")
    work.tool("enroll", "repl", status=1)
    work.tool("send", "echo ran")
    work.tool("tick")
    assert seen(work) == {"repl": "unknown"}
    assert work.prompt(1)["status"] == "pending"


def test_inspect_looks_and_changes_nothing(work: Workplace, shell: str) -> None:
    pane = work.enrolled("one", shell)
    before = work.database.read_bytes()
    found = work.tool("inspect", "one", "--json").json
    assert (found["status"], found["shell"], found["cursor_line"]) == ("idle", shell, "one$")
    assert found["current_dir"] == str(work.home)
    pane.type("half")
    pane.wait_for("half")
    text = work.tool("inspect", "one").out
    assert "occupied" in text and "typed text at" in text
    pane.kill()
    assert work.tool("inspect", "one", "--json").json["status"] == "offline"
    assert work.database.read_bytes() == before
    assert "'nobody'" in work.tool("inspect", "nobody", status=2).err


RECORDED = {
    "busy": "busy",
    "finished-idle": "idle",
    "idle-empty": "idle",
    "idle-typed": "occupied",
    "pasted-3-lines-after-enter": "idle",
    "pasted-3-lines-bracketed": "occupied",
}


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_inspect_judges_recorded_screens(work: Workplace, shell: str) -> None:
    # in zsh the builtin slept just then: a recording does not tell that it edits no line
    builtin = {"busy-builtin": {"bash": "busy", "zsh": "occupied"}[shell]}
    for name, status in (RECORDED | builtin).items():
        text, meta = (SCREENS / f"{shell}-{name}.{kind}" for kind in ("txt", "json"))
        options = ("--provider", "shell", "--screen", text, "--meta", meta)
        found = work.tool("inspect", *options, "--json").json
        assert found["status"] == status, (name, found)
    assert not work.state.exists()


def test_a_pane_that_is_split_anew_is_not_enrolled(work: Workplace) -> None:
    work.shell("one")
    work.tmux("split-window", "-d", "-t", "one", "bash --norc")
    work.tool("scan")
    work.tool("enroll", "one:0.1", "--at-prompt")
    work.tmux("kill-pane", "-t", "one:0.1")
    work.tool("scan")
    work.tmux("split-window", "-d", "-t", "one", "bash --norc")
    work.tool("scan")
    found = {row["name"]: row["enrolled"] for row in work.tool("sessions", "--json", "--all").json}
    assert found["one:0.1"] is False
