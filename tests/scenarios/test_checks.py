"""send --check: completed work is a success only if its check passes, whatever the check does."""

import json
import os
import signal
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from campaigns.crash.killing import Pass
from harness.workplace import ROOT, TMUX, Workplace, wait_for

NO_LOCK = {"PYTHONPATH": str(ROOT / "tests/harness/nolock")}
UNIQUE = f"1000.{os.getpid()}"  # seconds for which nobody else sleeps
# Stands before the real tmux on the PATH, and has its way with the client that starts a check.
CLIENT = """\
#!/bin/sh
case "$*" in *assigner-check-*) ;; *) exec {tmux} "$@" ;; esac
{act}
"""


@pytest.fixture
def place(work: Workplace) -> Workplace:
    """One enrolled session; retries come at once."""
    work.environment |= {"ASSIGNER_BACKOFF_BASE": "0", "ASSIGNER_KILL_GRACE": "0.2"}
    work.enrolled("one")
    return work


def send(work: Workplace, content: str, check: str, *options: object, **where: Any) -> int:
    return int(work.tool("send", content, "--check", check, *options, **where).out)


def sleepers() -> list[str]:
    """The living processes that were told to sleep for so long."""
    found = []
    for file in (path / "cmdline" for path in Path("/proc").glob("[0-9]*")):
        with suppress(OSError):
            if f"{UNIQUE}\0".encode() in file.read_bytes():
                found.append(file.parent.name)
    return found


def check_of(work: Workplace) -> dict[str, Any]:
    return work.row("SELECT * FROM checks ORDER BY id DESC LIMIT 1")


def under_way(work: Workplace, prompt: int) -> dict[str, Any]:
    """The check of a prompt, once it runs and is known to."""
    work.run_until(lambda: work.rows("SELECT 1 FROM checks WHERE state = 'running'"))
    assert work.prompt(prompt)["status"] == "in_progress"
    return check_of(work)


def ended(work: Workplace, prompt: int) -> dict[str, Any]:
    """The prompt, once it is over; nothing of its check is left."""
    work.tick(until=50)
    row = work.prompt(prompt)
    assert row["completed_at"] is not None, row
    wait_for(lambda: not sleepers(), what=sleepers)
    names = ("list-sessions", "-F", "#{session_name}")
    wait_for(lambda: "assigner-check" not in work.tmux(*names), what="the check's session is gone")
    assert list(work.state.glob("run/*")) == []
    return row


# --- what it decides ----------------------------------------------------------------------------


def test_failed_check_fails_the_attempt_and_the_next_one_is_told(
    work: Workplace, shell: str
) -> None:
    work.environment["ASSIGNER_BACKOFF_BASE"] = "0"
    work.enrolled("one", shell)
    script = f'echo "<$ASSIGNER_FEEDBACK>"\necho x >>{work.path}/done'
    check = f"echo 'say \"it\" $HOME'; [ $(wc -l <{work.path}/done) -gt 1 ]"
    row = ended(work, send(work, script, check))
    assert (row["status"], row["exit_status"], row["error"]) == ("completed", 0, None)
    first, second = work.rows("SELECT * FROM attempts ORDER BY id")
    assert (first["outcome"], first["failure_class"]) == ("failed", "check")
    assert (second["outcome"], second["failure_class"]) == ("completed", None)
    assert first["output"] == "<>"
    assert second["output"].splitlines()[0] == (
        "<An earlier attempt at this task failed the check of its outcome."
    )
    assert '\n\nsay "it" $HOME\n' in second["output"]
    states = [row["state"] for row in work.rows("SELECT state FROM checks ORDER BY id")]
    assert states == ["failed", "passed"]
    text = work.tool("show", 1).out
    for part in ("attempt 1 (id 1) in one: failed (check)", "failed: exit status 1", 'it "\n'):
        assert part.replace('it "\n', "output of the check:\n") in text


def test_attempts_are_counted(place: Workplace) -> None:
    row = ended(place, send(place, "true", "exit 7", "--max-attempts", 2))
    assert (row["status"], row["attempts"], row["error"]) == (
        "failed", 2, "check: exit status 7",
    )  # fmt: skip


def test_what_failed_or_said_so_is_not_checked(place: Workplace) -> None:
    mark = place.path / "checked"
    for content in ("exit 3", "$ASSIGNER_REPORT fail no"):
        row = ended(place, send(place, content, f"touch {mark}", "--max-attempts", 1))
        assert row["error"].startswith("exit_status: ")
    assert not mark.exists()
    assert place.rows("SELECT 1 FROM checks") == []


def test_agent_is_told_before_the_prompt(place: Workplace) -> None:
    """Whoever failed: the one that tries it next."""
    check = r"printf 'red \033[31m\n'; false"
    send(place, "true", check, "--max-attempts", 1, "--target", "one")
    assert ended(place, 1)["status"] == "failed"
    agent = place.agent("two")
    agent.wait_until("idle")
    place.tool("enroll", "two", "--provider", "standin")
    place.tool("retry", 1)
    place.tool("reassign", 1, "--to", "two")
    place.run_until(agent.prompts)
    (typed,) = agent.prompts()
    assert typed == (
        "An earlier attempt at this task failed the check of its outcome.\n"
        f"The check: {check}\nThe result: exit status 1\n"
        "The end of its output:\n\nred \n\nThe task again:\n\ntrue"
    )


# --- where it runs ------------------------------------------------------------------------------


def test_check_has_the_directory_and_the_variables_and_tells_nobody_the_secret(
    place: Workplace,
) -> None:
    odd = place.path / "odd 'dir' \"x\" #{pane_id} $(touch oh) #(touch oh);"
    odd.mkdir()
    check = (
        "tr '\\0' ' ' </proc/$PPID/cmdline\necho\npwd; echo \"$A\" ${#TOKEN}\n"
        "[ ${#TOKEN} = 9 ] # '; \" `touch oh`"
    )
    options = ["--workdir", odd, "--env", "A=#{pane_id} '", "--env", "TOKEN"]
    row = ended(place, send(place, "true", check, *options, env={"TOKEN": "hush-hush"}))
    assert row["status"] == "completed"
    line, where, variables = check_of(place)["output"].split("\n")
    assert line.split()[1:4] == ["-I", "-m", "assigner.outcomes.check_runner"]
    assert (where, variables) == (str(odd), "#{pane_id} ' 9")
    assert list(odd.iterdir()) == []
    for file in place.state.rglob("*"):
        if file.is_file() and file.parent.name != "secrets":
            assert b"hush-hush" not in file.read_bytes(), file


def test_check_runs_in_the_prompts_own_working_tree(place: Workplace) -> None:
    top = place.repo()
    options = ["--workdir", top, "--git-branch", "feature", "--worktree"]
    ended(place, send(place, "true", "pwd; cat branch.txt", *options))
    where, branch = check_of(place)["output"].split("\n")
    assert (branch, str(place.state / "worktrees") in where) == ("feature", True)


def test_directory_that_is_gone_fails_it(place: Workplace) -> None:
    (place.path / "sub").mkdir()
    content = f"rmdir {place.path}/sub"
    send(place, content, "true", "--workdir", place.path / "sub", "--max-attempts", 1)
    assert ended(place, 1)["error"] == "check: exit status 126"
    assert check_of(place)["output"].startswith("cannot run it in '")


def test_options_of_the_persons_tmux_do_not_matter(place: Workplace) -> None:
    place.tmux("set-option", "-t", "one", "destroy-unattached", "off")
    for option in ("destroy-unattached", "remain-on-exit"):
        place.tmux("set-option", "-g", option, "on")
    assert ended(place, send(place, "true", "sleep 0.5"))["status"] == "completed"


def test_sessions_of_checks_are_nobodys(place: Workplace) -> None:
    place.environment["ASSIGNER_SESSIONS"] = "*"
    send(place, "true", f"sleep {UNIQUE}")
    under_way(place, 1)
    assert "assigner-check-" in place.tmux("list-sessions", "-F", "#{session_name}")
    place.tool("scan")
    assert [row["name"] for row in place.rows("SELECT name FROM sessions")] == ["one"]
    place.tool("cancel", 1)
    ended(place, 1)


# --- while it runs ------------------------------------------------------------------------------


def test_tree_and_session_are_kept_until_it_has_ended(place: Workplace) -> None:
    top = place.repo()
    place.enrolled("two")
    go = place.path / "go"
    waits = f"until [ -e {go} ]; do sleep 0.05; done"
    send(place, "true", waits, "--target", "one", "--workdir", top, "--git-branch", "main")
    under_way(place, 1)
    options = ["--workdir", top, "--git-branch", "feature", "--target", "two"]
    place.tool("send", "true", *options)
    place.tool("send", "true", "--target", "one")
    place.tool("tick")
    first, second, third = place.tool("queue", "--json").json
    assert (first["status"], first["waits_for"]) == ("in_progress", "its check")
    assert second["held_by"] == "tree in use"
    assert third["status"] == "pending"
    assert "stage:    being checked since " in place.tool("show", 1).out
    assert place.tool("status", "--json").json["running"][0]["stage"] == "checking"
    doctor = {row["check"]: row for row in place.tool("doctor", "--json", status=None).json}
    assert doctor["checks"]["detail"] == "1 under way, none overdue"
    go.touch()
    place.tick(until=50)
    assert [place.prompt(n)["status"] for n in (1, 2, 3)] == ["completed"] * 3


def test_cancel_ends_it(place: Workplace) -> None:
    send(place, "true", f"trap '' TERM; sleep {UNIQUE} & setsid sleep {UNIQUE}")
    under_way(place, 1)
    wait_for(lambda: len(sleepers()) == 2, what=sleepers)
    place.tool("cancel", 1)
    row = ended(place, 1)
    assert (row["status"], check_of(place)["state"]) == ("cancelled", "cancelled")


def test_cancel_before_it_begins(place: Workplace) -> None:
    mark = place.path / "checked"
    send(place, "true", f"touch {mark}")
    wanted(place)
    place.tool("cancel", 1)
    assert ended(place, 1)["status"] == "cancelled"
    assert not mark.exists()


def wanted(work: Workplace) -> None:
    """The prompt's own work is done, and nothing of its check is started."""
    for name in ("scan", "assign-next", "deliver"):
        work.tool(name)

    def done() -> list[dict[str, Any]]:
        work.tool("observe")
        return work.rows("SELECT 1 FROM checks WHERE state = 'wanted'")

    wait_for(done, what="a check that is wanted")


# --- whatever it does ---------------------------------------------------------------------------


def test_hanging_check_is_ended_with_all_that_it_started(place: Workplace) -> None:
    check = (
        f"trap '' TERM HUP; setsid sleep {UNIQUE} & env -i setsid sleep {UNIQUE} & sleep {UNIQUE}"
    )
    send(place, "true", check, "--check-timeout", 0.5, "--max-attempts", 1)
    assert ended(place, 1)["error"] == "check: ran longer than 0.5 s and was ended"


def test_what_it_leaves_in_the_background_is_ended(place: Workplace) -> None:
    check = f"env -i setsid sleep {UNIQUE} & (sleep {UNIQUE} &) ; echo over"
    assert ended(place, send(place, "true", check))["status"] == "completed"
    assert check_of(place)["output"] == "over"


def test_flood_is_cut(place: Workplace) -> None:
    place.environment["ASSIGNER_MAX_OUTPUT"] = "1000"
    check = "head -c 30000000 /dev/zero | tr '\\0' 'x'; echo; printf '\\033[31m\\377\\a the end\\n'"
    assert ended(place, send(place, "true", check))["status"] == "completed"
    output = check_of(place)["output"]
    assert len(output) <= 1000
    assert output.endswith("\ufffd the end")


@pytest.mark.parametrize(
    ("check", "error"),
    [
        ("kill -9 $$", "check: exit status 137"),
        ("exec 3>&-; nonsense", "check: exit status 127"),
        ("if", "check: exit status 2"),
        ("</dev/tty read x", "check: exit status 2"),
        ("read x", "check: exit status 1"),
    ],
)
def test_odd_ends(place: Workplace, check: str, error: str) -> None:
    assert ended(place, send(place, "true", check, "--max-attempts", 1))["error"] == error


def test_killed_runner_comes_to_one_end(place: Workplace) -> None:
    send(place, "true", f"setsid sleep {UNIQUE} & sleep {UNIQUE}", "--max-attempts", 1)
    pid = under_way(place, 1)["pid"]
    wait_for(lambda: len(sleepers()) == 2, what=sleepers)
    os.kill(pid, signal.SIGKILL)
    assert ended(place, 1)["error"] == "check: the runner of the check was killed"


def test_runner_that_was_stopped_is_killed_when_its_time_is_over(place: Workplace) -> None:
    send(place, "true", f"sleep {UNIQUE}", "--max-attempts", 1, "--check-timeout", 60)
    check = under_way(place, 1)
    os.kill(check["pid"], signal.SIGSTOP)
    later = place.row("SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now', '+200 seconds') AS at")["at"]
    doctor = place.tool("doctor", "--json", status=None, env={"ASSIGNER_NOW": later}).json
    found = next(row for row in doctor if row["check"] == "checks")
    assert (found["verdict"], "has been running since" in found["detail"]) == ("warn", True)
    place.tool("deliver", env={"ASSIGNER_NOW": later})
    assert ended(place, 1)["error"] == "check: the runner of the check was killed"


def test_killed_tmux_server_comes_to_one_end(place: Workplace) -> None:
    send(place, "true", f"sleep {UNIQUE}", "--max-attempts", 1)
    under_way(place, 1)
    place.stop_server()
    place.run_until(lambda: place.prompt(1)["completed_at"])
    assert place.prompt(1)["error"] == "check: ended by signal 1"
    wait_for(lambda: not sleepers(), what=sleepers)


def test_tmux_server_that_is_gone_before_it_begins(place: Workplace) -> None:
    mark = place.path / "checked"
    send(place, "true", f"echo x >>{mark}")
    wanted(place)
    place.stop_server()
    place.run_until(lambda: place.prompt(1)["completed_at"])
    assert place.prompt(1)["status"] == "completed"
    assert mark.read_text() == "x\n"


# --- passes that are killed ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "act",
    ["kill -9 $PPID", f'{TMUX} "$@"; kill -9 0', "kill -9 0", "exit 1", "sleep 60"],
    ids=["pass", "after", "before", "refused", "hung"],
)
def test_it_is_run_once_whatever_becomes_of_the_pass(place: Workplace, act: str) -> None:
    mark = place.path / "checked"
    send(place, "true", f"echo x >>{mark}")
    wanted(place)
    client = place.path / "client"
    client.mkdir()
    (client / "tmux").write_text(CLIENT.format(tmux=TMUX, act=act))
    (client / "tmux").chmod(0o755)
    path = f"{client}:{place.environment['PATH']}"
    settings = {"PATH": path, "ASSIGNER_TMUX_TIMEOUT": "1"}
    Pass(place, "deliver", env=settings).wait()  # `kill -9 0` is for its process group
    assert check_of(place)["state"] == "starting"
    place.environment["ASSIGNER_START_WAIT"] = "1"
    place.run_until(lambda: place.prompt(1)["completed_at"])
    row = ended(place, 1)
    assert (row["status"], row["attempts"]) == ("completed", 1)
    assert mark.read_text() == "x\n"


def test_passes_without_a_lock_start_it_once(place: Workplace) -> None:
    mark = place.path / "checked"
    send(place, "true", f"echo x >>{mark}; sleep 1")
    wanted(place)
    place.environment["ASSIGNER_START_WAIT"] = "1"
    racing = [place.start("deliver", env=NO_LOCK) for _ in range(6)]
    for process in racing:
        _, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
    assert ended(place, 1)["status"] == "completed"
    assert mark.read_text() == "x\n"


def test_it_is_given_up_where_tmux_makes_no_window(place: Workplace) -> None:
    send(place, "true", "true", "--max-attempts", 1)
    wanted(place)
    client = place.path / "client"
    client.mkdir()
    (client / "tmux").write_text(CLIENT.format(tmux=TMUX, act="exit 1"))
    (client / "tmux").chmod(0o755)
    broken = {"PATH": f"{client}:{place.environment['PATH']}"}
    place.tool("deliver", env=broken)
    place.tool("observe", env={"ASSIGNER_START_WAIT": "0"})
    assert place.prompt(1)["error"].startswith("check: could not be started")
    assert ended(place, 1)["status"] == "failed"


# --- what cannot be -----------------------------------------------------------------------------


def test_forged_reports_decide_nothing(place: Workplace) -> None:
    early = f": >{place.state}/spool/1.checked.exit.0"
    send(place, early, "exit 3", "--max-attempts", 1)
    assert ended(place, 1)["error"] == "check: exit status 3"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE checks SET state = 'wanted', pid = NULL, started_at = NULL",
        "UPDATE checks SET state = 'passed', exit_status = 0",
        """UPDATE checks SET state = 'passed', exit_status = 1, pending_result = NULL,
                             ended_at = '2'""",
        "UPDATE checks SET state = 'failed', pending_result = NULL, ended_at = '2'",
        "UPDATE attempts SET outcome = 'completed', finished_at = '2', lease_id = NULL",
        "UPDATE attempts SET outcome = 'failed', failure_class = 'check', finished_at = '2'",
        "UPDATE prompts SET check_timeout_seconds = 5, check_command = NULL",
        "UPDATE prompts SET review = 'approved'",
    ],
)
def test_wrong_states_cannot_be_written(work: Workplace, statement: str) -> None:
    work.tool("send", "true")
    with closing(sqlite3.connect(work.database)) as connection:
        connection.executescript(RUNNING)
        with pytest.raises(sqlite3.IntegrityError):
            connection.execute(statement)


RUNNING = """
INSERT INTO sessions (id, host, name, status, enrolled, socket, server_pid, server_start, pane_id,
    pane_pid, updated_at, updated_by, idle_since)
VALUES (1, 'h', 'one', 'idle', 1, 's', 1, 1, '%0', 1, '1', 'x', '1');
UPDATE prompts SET check_command = 'x';
INSERT INTO attempts (id, prompt_id, host, session, number, socket, server_pid, server_start,
    pane_id, pane_pid, claimed_at, updated_at, updated_by)
VALUES (1, 1, 'h', 'one', 1, 's', 1, 1, '%0', 1, '1', '1', 'x');
UPDATE attempts SET stage = 'submitted', typed_at = '1', submitted_at = '1';
UPDATE prompts SET status = 'assigned', assigned_session = 'one';
UPDATE prompts SET status = 'in_progress';
INSERT INTO checks (id, command, directory, seconds, pending_result, wanted_at, updated_at,
    updated_by)
VALUES (1, 'x', '/', 1, '{}', '1', '1', 'x');
UPDATE checks SET state = 'starting';
UPDATE checks SET state = 'running', pid = 1, started_at = '1';
"""


@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--check", " "], "check is empty: give a command"),
        (["--check", "a\rb"], "check has the control character \\r at position 1"),
        (["--check-timeout", "5"], "--check-timeout needs a check: give --check"),
        (
            ["--check", "x", "--check-timeout", "0"],
            "check_timeout is not a positive number of seconds: 0.0",
        ),
    ],
)
def test_bad_input_is_refused(work: Workplace, options: list[str], error: str) -> None:
    assert error in work.tool("send", "x", *options, status=2).err
    line = json.dumps({"content": "x", "check_command": "x", "check_timeout_seconds": -1})
    assert "check_timeout is not" in work.tool("send", "--jsonl", "-", input=line, status=2).err
