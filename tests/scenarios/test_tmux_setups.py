"""What people's tmux is like: its configuration, its options, and a socket that is gone."""

import os
import signal

import pytest

from harness.workplace import Workplace, wait_for


def configure(work: Workplace, *lines: str) -> None:
    (work.home / ".tmux.conf").write_text("".join(f"{line}\n" for line in lines))


def test_a_session_of_ours_leaves_the_view_of_a_configuration_error(work: Workplace) -> None:
    configure(work, "set -g no-such-option on")
    work.tool("enroll", "--create", "made", "--workdir", work.home)
    work.tool("send", "true", "--target", "made")
    work.run_until(lambda: work.prompt(1)["status"] == "completed")


def test_a_session_of_ours_outlives_its_clients(work: Workplace) -> None:
    configure(work, "set -g destroy-unattached on")
    work.tool("enroll", "--create", "made", "--workdir", work.home)
    assert work.tmux("list-sessions", "-F", "#{session_name}").split() == ["made"]


def test_the_last_session_of_a_server_that_stays_is_started_again(work: Workplace) -> None:
    work.shell("one")
    work.tmux("set-option", "-s", "exit-empty", "off")
    work.tool("enroll", "one", "--keepalive")
    work.tmux("kill-session", "-t", "one")
    work.tool("scan")
    assert work.row("SELECT status FROM sessions")["status"] == "offline"
    (row,) = [r for r in work.tool("doctor", "--json").json if r["check"] == "tmux server"]
    assert (row["verdict"], "0 panes" in row["detail"]) == ("ok", True)
    work.run_until(lambda: work.row("SELECT status FROM sessions")["status"] == "idle")
    work.tmux("set-option", "-s", "exit-empty", "on")


def test_a_server_whose_socket_is_gone_makes_it_again(work: Workplace) -> None:
    work.enrolled("one")
    server = int(work.tmux("display-message", "-p", "#{pid}"))
    os.unlink(work.socket)
    work.tool("tick", status=1)
    rows = work.tool("doctor", "--json", status=1).json
    (row,) = [r for r in rows if r["check"] == "tmux server"]
    assert (row["verdict"], row["command"]) == ("bad", f"kill -USR1 {server}")
    os.kill(server, signal.SIGUSR1)
    wait_for(lambda: os.path.exists(work.socket))
    work.tool("tick")
    assert work.row("SELECT status FROM sessions")["status"] == "idle"


@pytest.mark.parametrize("provider", ["", "shell"])
def test_with_an_unknown_program_in_front_nothing_is_assumed(
    work: Workplace, provider: str
) -> None:
    pane = work.shell("one")
    pane.type("less /etc/passwd")
    pane.enter()
    wait_for(lambda: pane.command == "less")
    if provider:
        work.tool("enroll", "one", "--provider", provider)
        assert work.row("SELECT enrolled FROM sessions")["enrolled"] == 1
        return
    refused = work.tool("enroll", "one", status=1)
    assert "no provider knows 'less'" in refused.err and "--provider P" in refused.err
    assert work.row("SELECT enrolled FROM sessions")["enrolled"] == 0
    pane.keys("q")
    pane.wait_for_prompt("one$ ")
    work.tool("enroll", "one")


def test_a_prompt_that_waits_in_a_pager_is_waiting(work: Workplace) -> None:
    work.enrolled("one")
    work.tool("send", "less /etc/passwd")
    work.run_until(lambda: work.row("SELECT status FROM sessions")["status"] == "waiting")
    assert "prompt 1 waits for a key" in work.tool("sessions").out


def test_a_byte_order_mark_at_the_head_of_a_file_is_left_out(work: Workplace) -> None:
    work.enrolled("one")
    mark = "\ufeff"
    files = {"script": f"{mark}echo hi\n", "lines": f'{mark}{{"content": "echo $A"}}\n'}
    for name, text in files.items():
        (work.home / name).write_text(text)
    (work.home / "env").write_text(f"{mark}A=b\n")
    work.tool("send", "--file", work.home / "script")
    options = ("--env-file", work.home / "env", "--target", "one")
    work.tool("send", "--jsonl", work.home / "lines", *options)
    work.tick()
    assert [work.prompt(id)["response"] for id in (1, 2)] == ["hi", "b"]
