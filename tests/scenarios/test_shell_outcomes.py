"""The outcome of a shell's prompt, by evidence: ended, interrupted, stopped, killed, gone."""

import json
import os
import shlex
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from harness.versions import skip_where_a_stopped_shell_leaves_no_prompt
from harness.workplace import TMUX, Pane, Workplace, spoken, wait_for

AT_ONCE = {"ASSIGNER_KILL_GRACE": "0", "ASSIGNER_BACKOFF_BASE": "0"}
FOREVER = "echo ready; sleep 1000"
STUBBORN = f"exec sh -c 'trap \"\" INT TERM; {FOREVER}'"


@pytest.fixture
def work(work: Workplace) -> Iterator[Workplace]:
    work.environment |= AT_ONCE
    yield work


def send(work: Workplace, text: str, *options: object) -> int:
    return int(work.tool("send", text, *options, "--json").json["id"])


def in_sessions(work: Workplace, shell: str, contents: dict[str, str], **keys: Any) -> list[Pane]:
    """A session for each content, named as it, in which a prompt has begun to run it."""
    panes = [work.shell(name, shell) for name in contents]
    work.tool("enroll", *contents)
    lines = [{"content": c, "target_session": name, **keys} for name, c in contents.items()]
    work.tool("send", "--jsonl", "-", input="\n".join(map(json.dumps, lines)))
    started = "SELECT 1 FROM prompts WHERE started_at IS NOT NULL"
    work.run_until(lambda: len(work.rows(started)) == len(panes))
    for pane in panes:
        if "echo ready" in contents[pane.name]:
            pane.wait_for("\nready")
    return panes


def attempt(work: Workplace, prompt: int) -> dict[str, Any]:
    """The prompt's last attempt, with what the prompt says."""
    return work.row(
        "SELECT a.*, p.status, p.error, p.response, p.retry_at, p.attempts FROM attempts a"
        " JOIN prompts p ON p.id = a.prompt_id WHERE p.id = ? ORDER BY number DESC LIMIT 1", prompt
    )  # fmt: skip


def ended(work: Workplace, prompt: int) -> dict[str, Any]:
    """The prompt's last attempt once it is over."""
    work.run_until(lambda: attempt(work, prompt)["outcome"])
    return attempt(work, prompt)


def status(work: Workplace, session: str) -> str:
    return str(work.row("SELECT status FROM sessions WHERE name = ?", session)["status"])


def lives(pane: Pane, shell: str) -> bool:
    """Whether the person's shell is the same as ever and obeys."""
    pane.wait_for_prompt()
    pane.run("echo a'1'b")
    pane.wait_for("\na1b")
    return pane.format("#{pane_pid} #{pane_current_command}") == f"{pane.pid} {shell}"


def group(work: Workplace, prompt: int) -> int:
    return int(attempt(work, prompt)["process_group"])


def test_output_is_kept_bounded_and_clean(work: Workplace, shell: str) -> None:
    work.enrolled("one", shell)
    contents = [
        f"yes {'y' * 99} | head -100000; echo end",
        r"printf 'a\033[31mred\033[0m\a\033]0;title\007 b\nunfinished'",
        "clear; echo after",
        "echo one; printf '\\033[2J\\033[H'; echo two",
        f"echo {'w' * 200}; sh -c 'exit 3'",
        "true",
    ]
    lines = [json.dumps({"content": content, "max_attempts": 1}) for content in contents]
    work.tool("send", "--jsonl", "-", input="\n".join(lines))
    work.tick(until=20)
    rows = [attempt(work, prompt) for prompt in range(1, 7)]
    outputs = [row["output"] for row in rows]
    assert len(outputs[0]) <= 65536 and outputs[0].endswith("yyy\nend")
    assert outputs[1].rstrip("%#⏎") == "ared b\nunfinished"
    assert outputs[2] == "after"
    assert outputs[3].split() == ["one", "two"]
    assert outputs[4:] == ["w" * 200, ""]
    assert [row["response"] for row in rows] == outputs
    assert rows[4]["error"] == "exit_status: 3"


def test_a_one_shot_response_is_clean(work: Workplace) -> None:
    work.environment["ASSIGNER_MAX_OUTPUT"] = "1000"
    work.shell("one")
    work.tool("enroll", "one", "--command", "sh")
    long = send(
        work, "yes | head -9999; printf '\\033[31mx\\a\\r\\n\\302\\233Jy\\377'", "--target", "one"
    )
    work.tick()
    response = work.prompt(long)["response"]
    assert response.endswith("y\ny\nx\ny\N{REPLACEMENT CHARACTER}") and len(response) <= 1000
    assert "\033" not in work.tool("show", long).out


def test_a_prompt_that_runs_too_long_is_ended(work: Workplace, shell: str) -> None:
    if shell == "zsh":
        skip_where_a_stopped_shell_leaves_no_prompt()
    contents = {
        "meek": FOREVER,
        "deaf": spoken(shell, f"trap '' INT; {FOREVER}", f"exec sh -c 'trap \"\" INT; {FOREVER}'"),
        "stubborn": STUBBORN,
        "stopped": "echo ready; sh -c 'kill -STOP $PPID'; sleep 1000",
        "quick": "true",
    }
    panes = in_sessions(work, shell, contents, timeout_seconds=0.1)
    ends = [ended(work, prompt) for prompt in range(1, 6)]
    assert [end["failure_class"] for end in ends] == ["timeout"] * 4 + [None]
    assert [end["stop_signal"] for end in ends[:3]] == ["INT", "TERM", "KILL"]
    assert [end["retry_at"] for end in ends] == [None] * 5
    assert "longer than 0.1 s" in ends[0]["error"]
    assert ends[0]["output"].startswith("ready")
    assert all(lives(pane, shell) for pane in panes)


def test_cancel_before_it_is_typed(work: Workplace) -> None:
    work.enrolled("one")
    waiting, claimed = send(work, "echo ran", "--priority", -1), send(work, "echo ran")
    work.tool("assign-next")
    (row, _) = work.tool("cancel", claimed, waiting, "--json").json
    assert (row["status"], row["note"]) == ("cancelled", "")
    work.tick()
    assert (
        work.rows("SELECT status, completed_at > '' AS ended FROM prompts")
        == [{"status": "cancelled", "ended": 1}] * 2
    )
    assert work.row("SELECT outcome, typed_at FROM attempts") == {
        "outcome": "cancelled", "typed_at": None,
    }  # fmt: skip
    assert work.tool("tick", "--json").json == []
    work.tool("retry", claimed)
    work.tick()
    assert work.prompt(claimed)["status"] == "completed"
    work.tool("cancel", claimed, status=1)


def test_cancel_ends_what_runs(work: Workplace, shell: str) -> None:
    contents = {"meek": FOREVER, "stubborn": STUBBORN, "late": "echo x"}
    panes = in_sessions(work, shell, contents)
    cancelled = work.tool("cancel", 1, 2, "--json").json
    assert [row["note"] for row in cancelled] == ["being ended in meek", "being ended in stubborn"]
    assert [row["waits_for"] for row in work.tool("queue", "--json").json][:2] == [
        "being cancelled"
    ] * 2
    ends = [ended(work, prompt) for prompt in (1, 2)]
    assert [(end["status"], end["stop_signal"]) for end in ends] == [
        ("cancelled", "INT"), ("cancelled", "KILL"),
    ]  # fmt: skip
    assert all(lives(pane, shell) for pane in panes)


def test_a_person_interrupts(work: Workplace, shell: str) -> None:
    contents = {
        "sleep": FOREVER,
        "loop": "echo ready; while " + spoken(shell, ":; do :; done", "true; end"),
        "inner": f"sh -c '{FOREVER}'",
    }
    panes = in_sessions(work, shell, contents)
    for pane in panes:
        pane.keys("C-c")
    ends = [ended(work, prompt) for prompt in (1, 2, 3)]
    assert [end["failure_class"] for end in ends] == ["interrupted"] * 3
    assert [end["retry_at"] for end in ends] == [None] * 3
    assert all(lives(pane, shell) for pane in panes)


def test_a_stopped_prompt_waits_for_a_person(work: Workplace, shell: str) -> None:
    contents = dict.fromkeys(("goes-on", "killed"), "echo ready; sleep 1000; exit 3")
    panes = in_sessions(work, shell, contents, max_attempts=1)
    for pane in panes:
        pane.keys("C-z")
    work.run_until(lambda: {status(work, name) for name in contents} == {"waiting"})
    work.tool("tick")
    assert [attempt(work, prompt)["outcome"] for prompt in (1, 2)] == [None, None]
    assert {row["status"] for row in work.rows("SELECT status FROM prompts")} == {"in_progress"}

    panes[0].run("fg")
    wait_for(lambda: status(work, "goes-on") == "busy" or (work.tool("scan") and False))
    os.killpg(group(work, 1), signal.SIGCONT)
    for pid, found in processes().items():
        if found == ("sleep", group(work, 1)):  # it comes to its end
            os.kill(pid, signal.SIGTERM)
    end = ended(work, 1)
    assert (end["failure_class"], end["exit_status"]) == ("exit_status", 3)
    panes[1].run("kill -9 " + spoken(shell, "%%", "(jobs -p)"))
    assert ended(work, 2)["failure_class"] == "interrupted"
    assert all(lives(pane, shell) for pane in panes)


def processes() -> dict[int, tuple[str, int]]:
    """The name and the process group of every process that lives, by its pid."""
    found = {}
    for file in (path / "stat" for path in Path("/proc").glob("[0-9]*")):
        with suppress(OSError):
            head, _, tail = file.read_text().rpartition(")")
            state, _, group = tail.split()[:3]
            if state != "Z":
                found[int(file.parent.name)] = head.partition("(")[2], int(group)
    return found


def test_a_leader_is_killed_and_its_child_lives(work: Workplace, shell: str) -> None:
    contents = {"one": "sh -c 'trap \"\" HUP; exec sleep 1000' & echo ready; wait", "two": FOREVER}
    panes = in_sessions(work, shell, contents)
    groups = [group(work, 1), group(work, 2)]
    for leader in groups:
        os.kill(leader, signal.SIGKILL)
    ends = [ended(work, 1), ended(work, 2)]
    assert [(end["failure_class"], end["stop_reason"]) for end in ends] == [
        ("interrupted",) * 2
    ] * 2
    assert [end["retry_at"] for end in ends] == [None, None]
    assert not [found for found in processes().values() if found[1] in groups]
    for pane in panes:
        pane.enter()  # the interrupted processes may have written behind the prompt
    assert all(lives(pane, shell) for pane in panes)


def test_background_jobs_belong_to_the_prompt(work: Workplace, shell: str) -> None:
    os.mkfifo(work.home / "go")
    in_sessions(work, shell, {"one": "sh -c 'read x <go; echo late' & echo ready; exit 5"})
    work.run_until(lambda: "exit" in json.loads(attempt(work, 1)["evidence"])["reports"])
    work.tool("tick")
    session = work.row("SELECT status, status_reason FROM sessions")
    assert session["status"] == "busy" and "background" in session["status_reason"]
    assert work.prompt(1)["status"] == "in_progress"
    (work.home / "go").write_text("\n")
    end = ended(work, 1)
    assert (end["failure_class"], end["exit_status"]) == ("exit_status", 5)
    assert "late" in end["output"]


def test_all_of_a_prompt_is_ended(work: Workplace, shell: str) -> None:
    """Also what timeout(1) or job control has put into a process group of its own."""
    work.enrolled("one", shell)
    line = "timeout 1000 sh -c 'echo $$ >pid; while :; do sleep 0.1; done'"
    content = spoken(shell, f"set -m; {line} & wait; {line}", line)
    prompt = send(work, content, "--timeout", 1, "--max-attempts", 1)
    end = ended(work, prompt)
    assert end["failure_class"] == "timeout"
    pid = int((work.home / "pid").read_text())
    assert not Path("/proc", str(pid)).exists()
    left = [p for p in Path("/proc").iterdir() if p.name.isdigit() and _is_of(p, work)]
    assert left == []


def _is_of(process: Path, work: Workplace) -> bool:
    try:
        return b"timeout" in (process / "cmdline").read_bytes() and (
            os.readlink(process / "cwd") == str(work.home)
        )
    except OSError:
        return False


def test_a_killed_shell_is_told_from_a_failed_prompt(work: Workplace, shell: str) -> None:
    kill = spoken(shell, "kill -9 $$", "kill -9 (string trim (ps -o sid= -p $fish_pid))")
    contents = {"stays": "true", "dies": FOREVER, "kills": f"{kill}; sleep 1000"}
    panes = in_sessions(work, shell, contents)
    os.kill(panes[1].pid, signal.SIGKILL)
    ends = [ended(work, 2), ended(work, 3)]
    assert [end["failure_class"] for end in ends] == ["lost"] * 2, ends
    assert [end["retry_at"] for end in ends] == [None] * 2
    assert [status(work, name) for name in contents] == ["idle", "offline", "offline"]
    assert "vanished" in json.loads(ends[0]["evidence"])


def test_an_idempotent_prompt_survives_its_session(work: Workplace) -> None:
    first = work.enrolled("one")
    content = f"[ -e seen ] && exit; touch seen; {FOREVER}"
    prompt = send(work, content, "--idempotent", "--timeout", 99)
    work.tool("tick")
    first.wait_for("\nready")
    work.tool("tick")
    first.kill()
    work.enrolled("two")
    work.run_until(lambda: work.prompt(prompt)["status"] == "completed")
    assert [row["failure_class"] for row in work.rows("SELECT * FROM attempts ORDER BY id")] == [
        "lost", None,
    ]  # fmt: skip


def test_a_restarted_server_is_another_one(work: Workplace) -> None:
    (pane,) = in_sessions(work, "bash", {"one": FOREVER})
    work.tool("send", "echo ran", "--target", "one")
    work.stop_server()
    again = work.shell("one")
    assert again.id == pane.id
    end = ended(work, 1)
    assert (end["failure_class"], end["retry_at"]) == ("lost", None)
    assert "tmux server went away" in end["error"]
    work.run_until(lambda: work.prompt(2)["status"] == "completed")
    assert "ready" not in again.screen()


def test_a_session_that_goes_before_it_was_typed_to(work: Workplace) -> None:
    pane = work.enrolled("one")
    prompt = send(work, "echo ran")
    for gone in ("before scan", "before deliver"):
        work.tool("scan")
        work.tool("assign-next")
        assert work.prompt(prompt)["status"] == "assigned"
        if gone == "before scan":
            work.shell("other")  # the server lives on, without the session
        pane.kill()
        if gone == "before scan":
            work.tool("scan")
        else:
            work.tool("deliver")
        found = work.prompt(prompt)
        assert (found["status"], found["attempts"]) == ("pending", 0), gone
        pane = work.shell("one")
        work.tool("scan")
    work.tick()
    assert work.prompt(prompt)["status"] == "completed"
    outcomes = [row["outcome"] for row in work.rows("SELECT outcome FROM attempts ORDER BY id")]
    assert outcomes == ["released", "released", "completed"]


@pytest.fixture
def silent(request: pytest.FixtureRequest, work: Workplace) -> Iterator[str]:
    """A way in which a living server does not answer, undone at the end."""
    work.environment["ASSIGNER_TMUX_TIMEOUT"] = "0.3"
    yield str(request.param)
    aside = work.socket.with_name("aside")
    if aside.exists():
        aside.rename(work.socket)


@pytest.mark.parametrize("silent", ["stopped", "moved", "replaced", "unnamed"], indirect=True)
def test_a_server_that_cannot_be_asked_loses_nothing(work: Workplace, silent: str) -> None:
    panes = in_sessions(work, "bash", {"running": "echo ready; read x; exit 4"}, max_attempts=1)
    work.enrolled("claimed")
    send(work, "echo ran", "--target", "claimed")
    work.tool("assign-next")
    server = int(panes[0].format("#{pid}"))
    env = {}
    if silent == "stopped":
        os.kill(server, signal.SIGSTOP)
    elif silent == "unnamed":
        env = {"ASSIGNER_TMUX_SOCKETS": str(work.socket.with_name("other"))}
    else:
        work.socket.rename(work.socket.with_name("aside"))
        if silent == "replaced":
            work.socket.write_text("")

    work.tool("tick", status=(0, 1), env=env)
    work.tool("cleanup-stale", "--apply", env=env)
    work.tool("observe", env=env)
    sessions = {row["name"]: row["status"] for row in work.tool("sessions", "--json").json}
    assert sessions == {"running": "unknown", "claimed": "unknown"}
    assert [work.prompt(n)["status"] for n in (1, 2)] == ["in_progress", "assigned"]

    os.kill(server, signal.SIGCONT)
    if silent in ("moved", "replaced"):
        work.socket.with_name("aside").rename(work.socket)
    panes[0].enter()
    assert ended(work, 1)["exit_status"] == 4
    assert ended(work, 2)["outcome"] == "completed"
    assert work.row("SELECT count(*) AS made FROM attempts") == {"made": 2}


def test_a_failed_prompt_is_tried_again(work: Workplace, shell: str) -> None:
    work.enrolled("one", shell)
    (work.home / "tries").write_text("")
    content = "echo try >>tries; sh -c '[ $(wc -l <tries) = 2 ] || exit 9'"
    flaky = send(work, content, "--workdir", work.home)
    work.run_until(lambda: work.prompt(flaky)["status"] == "completed")
    prompt = work.tool("show", flaky, "--json").json
    assert (prompt["attempts"], prompt["error"], prompt["exit_status"]) == (2, None, 0)
    tries = [(a["number"], a["failure_class"], a["exit_status"]) for a in prompt["attempts_made"]]
    assert tries == [(1, "exit_status", 9), (2, None, 0)]
    assert "attempt.failed" in [event["type"] for event in prompt["events"]]

    hopeless = send(work, "echo why; exit 8", "--max-attempts", 2)
    work.tick()
    prompt = work.prompt(hopeless)
    assert (prompt["status"], prompt["attempts"], prompt["retry_at"]) == ("failed", 2, None)
    assert prompt["error"] == "exit_status: 8"
    work.tool("retry", hopeless)
    assert work.prompt(hopeless)["attempts"] == 0
    work.tick()
    numbers = work.rows("SELECT number FROM attempts WHERE prompt_id = ?", hopeless)
    assert [row["number"] for row in numbers] == [1, 2, 3, 4]


def test_back_off_delays_the_next_try(work: Workplace) -> None:
    del work.environment["ASSIGNER_BACKOFF_BASE"]
    work.enrolled("one")
    prompt = send(work, "exit 1")
    work.run_until(lambda: work.prompt(prompt)["status"] == "failed")
    due = work.row(
        "SELECT strftime('%s', retry_at) - strftime('%s', completed_at) AS seconds FROM prompts"
    )
    assert 26 <= due["seconds"] <= 34
    assert work.tool("retry-failed", "--json").json == []
    later = {"ASSIGNER_NOW": "2099-01-01T00:00:00"}
    (row,) = work.tool("retry-failed", "--json", env=later).json
    assert row["prompt"] == prompt
    assert work.prompt(prompt)["status"] == "pending"


def test_reports_are_kept_until_they_are_read(work: Workplace) -> None:
    pane = work.enrolled("one")
    prompt = send(work, "echo ready")
    work.tool("tick", "--settle", 0)
    pane.wait_for("\nready")
    pane.wait_for_prompt()
    work.tool("cleanup-stale", "--apply", env={"ASSIGNER_NOW": "2099-01-01T00:00:00"})
    assert ended(work, prompt)["outcome"] == "completed"


KILLED = """\
#!/bin/sh
case "$*" in *source-file*) ;; *) exec {tmux} "$@" ;; esac
given={place}/given.$$
cat >"$given"
grep -q 'capture-pane.* -S -$' "$given" && kill -9 $$
exec {tmux} "$@" <"$given"
"""


def test_an_end_waits_until_its_output_can_be_read(work: Workplace) -> None:
    """What it printed decides: a tmux client that is killed says nothing of it."""
    work.shell("one")
    work.tool("enroll", "one")
    work.tool("send", "echo 'ASSIGNER-DONE ok all is well'", "--sentinel")
    client = work.path / "client" / "tmux"
    client.parent.mkdir()
    client.write_text(KILLED.format(place=shlex.quote(str(client.parent)), tmux=TMUX))
    client.chmod(0o755)
    deaf = {"PATH": f"{client.parent}:{work.environment['PATH']}"}
    work.tool("tick", "--until-idle", 2, env=deaf, status=(0, 1))
    assert list(client.parent.glob("given.*"))
    assert work.prompt(1)["status"] == "in_progress"
    work.tick()
    assert (work.prompt(1)["status"], work.prompt(1)["error"]) == ("completed", None)
