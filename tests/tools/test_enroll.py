"""enroll creates missing sessions, and lists the enrolled ones."""

import json
import os
import shutil
import signal
import tomllib
from contextlib import nullcontext
from pathlib import Path

import pytest

from harness.workplace import Workplace, wait_for


def names(work: Workplace) -> list[str]:
    return work.tmux("list-sessions", "-F", "#{session_name}").splitlines()


def test_creates_a_session_that_takes_prompts(work: Workplace, shell: str) -> None:
    place = work.path / "a b #(touch marker) #{pid} %H é"
    place.mkdir()
    (work.home / ".zshrc").write_text("PS1='%% '\n")
    new = ["--create", "one", "--workdir", place, "--shell", shell]
    (row,) = work.tool("enroll", *new, "--json").json
    assert (row["name"], row["enrolled"], row["status"]) == ("one", True, "idle")
    assert row["current_dir"] == str(place)
    assert work.tmux("display-message", "-p", "-t", "one:", "#{pane_current_command}") == shell
    work.tool("send", "pwd", "--target", "one")
    work.tick()
    assert work.prompt(1)["response"] == str(place)
    assert not list(work.path.rglob("marker"))


def test_creates_where_the_caller_stands_with_the_shell_of_tmux(work: Workplace) -> None:
    (row,) = work.tool("enroll", "--create", "one", "--shell", "bash", "--json", cwd=work.path).json
    assert row["current_dir"] == str(work.path)
    work.tmux("set-option", "-g", "default-shell", str(shutil.which("zsh")))
    (work.home / ".zshrc").write_text("PS1='%% '\n")
    work.tool("enroll", "--create", "two")
    assert work.tmux("display-message", "-p", "-t", "two:", "#{pane_current_command}") == "zsh"


def test_the_new_server_inherits_neither_secrets_nor_locks(work: Workplace) -> None:
    secrets = {"ASSIGNER_TOKEN": "hush", "AWS_SECRET": "hush", "TMUX": "/x,1,1", "LANG": "C.UTF-8"}
    work.tool("enroll", "--create", "one", "--shell", "bash", env=secrets)
    (server,) = work.servers()
    known = dict(
        entry.split("=", 1)
        for entry in Path(f"/proc/{server}/environ").read_text().split("\0")
        if entry
    )
    assert (known["HOME"], known["LANG"]) == (str(work.home), "C.UTF-8")
    assert not known.keys() & {*secrets, "ASSIGNER_HOME"} - {"LANG"}
    opened = [os.readlink(fd) for fd in Path(f"/proc/{server}/fd").iterdir()]
    assert not [path for path in opened if path.startswith(str(work.state))]
    assert os.getsid(server) == server  # no terminal and no caller takes it along
    work.tool("scan")


def test_a_session_that_is_there_is_only_enrolled(work: Workplace) -> None:
    place = work.path / "place"
    place.mkdir()
    (work.path / "link").symlink_to(place)
    pane = work.shell("one", cwd=place)
    link = work.path / "link"
    for _ in range(2):
        work.tool("enroll", "--create", "one", "--workdir", link, "--shell", "bash")
    assert names(work) == ["one"]
    assert work.row("SELECT pane_pid, enrolled FROM sessions") == {
        "pane_pid": pane.pid, "enrolled": 1,
    }  # fmt: skip


def test_the_name_of_a_session_that_is_gone_is_taken_again(work: Workplace) -> None:
    work.shell("stays")
    work.enrolled("one").kill()
    work.tool("send", "true", "--target", "one")
    work.tool("scan")
    assert work.prompt(1)["held_by"] == "target missing"
    work.tool("enroll", "--create", "one", "--shell", "bash")
    work.tick()
    assert work.prompt(1)["status"] == "completed"


def test_creates_one_session_for_many_who_ask_at_once(work: Workplace) -> None:
    asked = [
        work.start("enroll", "--create", "one", "--shell", "bash", "--wait", 30) for _ in range(4)
    ]
    assert [process.wait(60) for process in asked] == [0] * 4
    assert names(work) == ["one"]


def test_creates_a_one_shot_executor(work: Workplace) -> None:
    work.tool("enroll", "--create", "one", "--shell", "bash", "--command", "tr a-z A-Z")
    work.tool("send", "shout", "--target", "one")
    work.tick()
    assert work.prompt(1)["response"].strip() == "SHOUT"


def test_waits_for_a_slow_shell_but_not_for_ever(work: Workplace) -> None:
    go, began = work.path / "go", work.path / "began"
    wait = f"touch {began}; until [ -e {go} ]; do sleep 0.05; done; PS1='$ '\n"
    (work.home / ".bash_profile").write_text(wait)
    new = ["--create", "one", "--shell", "bash", "--settle"]
    waiting = work.start("enroll", *new, 30)
    busy = "SELECT name FROM sessions WHERE enrolled = 1 AND status = 'busy'"
    wait_for(lambda: began.exists() and work.rows(busy), what="the session")
    assert waiting.poll() is None
    go.touch()
    assert waiting.wait(30) == 0
    work.tmux("kill-session", "-t", "one")
    go.unlink()
    late = work.tool("enroll", *new, 0.3, "--json", status=1)
    assert (late.json[0]["enrolled"], late.json[0]["status"]) == (True, "busy")
    assert late.err.startswith("enroll: 'one' is not ready yet: ")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("exit 3", "new session 'one' ended"),
        (
            "exec sleep 60",
            "assigner cannot type prompts to 'sleep', which ran in new session 'one'",
        ),
    ],
)
def test_what_comes_to_nothing_leaves_no_session(
    work: Workplace, command: str, message: str
) -> None:
    work.shell("other")
    work.tmux("set-option", "-g", "default-command", command)
    assert message in work.tool("enroll", "--create", "one", "--settle", 0.3, status=1).err
    assert names(work) == ["other"]
    assert work.rows("SELECT name FROM sessions WHERE enrolled = 1") == []


def test_a_server_that_does_not_answer_is_told(work: Workplace) -> None:
    work.shell("other")
    (server,) = work.servers()
    os.kill(server, signal.SIGSTOP)
    slow = {"ASSIGNER_TMUX_TIMEOUT": "0.3"}
    said = work.tool("enroll", "--create", "one", status=1, env=slow).err
    assert said == "enroll: cannot create session 'one': tmux did not answer within 0.3 s\n"
    os.kill(server, signal.SIGCONT)
    assert names(work) == ["other"]


def test_makes_the_directory_of_the_socket_as_tmux_does(work: Workplace) -> None:
    place = work.socket.parent / f"tmux-{os.getuid()}"
    socket = place / "default"
    elsewhere = {"ASSIGNER_TMUX_SOCKETS": str(socket)}
    place.mkdir(mode=0o777)
    place.chmod(0o777)
    refused = work.tool("enroll", "--create", "one", "--shell", "bash", status=78, env=elsewhere)
    assert refused.err.endswith("must be a directory that only you can access\n")
    place.rmdir()
    work.tool("enroll", "--create", "one", "--shell", "bash", env=elsewhere)
    assert place.stat().st_mode & 0o777 == 0o700
    work.socket = socket
    work.stop_server()
    work.socket = place.parent / "tmux"
    socket.unlink(missing_ok=True)
    place.rmdir()
    said = work.tool(
        "enroll", "--create", "two", "--shell", "bash", status=1,
        env={"ASSIGNER_TMUX_SOCKETS": str(work.path / "no" / "where")},
    ).err  # fmt: skip
    assert "cannot make the session 'two' on" in said


REFUSED: dict[str, tuple[list[object], str]] = {
    "a dot": (["a.b"], "'a.b' is not a name for a new session"),
    "a colon": (["a:b"], "'a:b' is not a name for a new session"),
    "a format": (["#(touch marker)"], "'#(touch marker)' is not a name for a new session"),
    "empty": ([""], "'' is not a name for a new session"),
    "an option": (["--", "-x"], "'-x' is not a name for a new session"),
    "newline": (["a\nb"], r"'a\nb' is not a name for a new session"),
    "too long": (["a" * 65], "at most 64"),
    "good and bad": (["good", "b@d"], "'b@d' is not a name for a new session"),
    "no directory": (["one", "--workdir", "/nowhere"], "directory '/nowhere' does not exist"),
    "file for a directory": (["one", "--workdir", "/etc/passwd"], "is not a directory"),
    "no program": (["one", "--shell", "nonsense"], "cannot run shell 'nonsense'"),
    "no shell": (
        ["one", "--shell", "/bin/true"],
        "assigner cannot type prompts to '/bin/true' (known shells",
    ),
    "and remove": (["one", "--remove"], "--create excludes --remove and --at-prompt"),
    "elsewhere": (["there", "--workdir", "/usr"], "session 'there' exists, but is in '"),
    "another shell": (["there", "--shell", "zsh"], "'there' exists, but runs bash, not 'zsh'"),
    "several panes": (["two"], "session 'two' has several panes: name one"),
    "empty command": (["one", "--command", " "], "the command is empty"),
}


def test_create_refuses_and_leaves_all_as_it_was(work: Workplace) -> None:
    work.shell("there")
    pane = work.shell("two")
    work.tmux("split-window", "-t", pane.id, "sleep", "600")
    for case, (args, message) in REFUSED.items():
        said = work.tool("enroll", "--create", *args, status=2)
        assert message in said.err, case
        assert (said.out, said.err.count("\n")) == ("", 1), case
        assert names(work) == ["there", "two"], case
    assert work.rows("SELECT * FROM sessions WHERE enrolled = 1") == []
    for args in (["there", "--workdir", "/"], ["there", "--shell", "bash"]):
        assert "are for --create" in work.tool("enroll", *args, status=2).err


def test_a_dry_run_makes_nothing(work: Workplace) -> None:
    work.shell("there")
    new = ["--create", "there", "one", "--dry-run", "--workdir", work.home, "--json"]
    rows = {row["name"]: row for row in work.tool("enroll", *new).json}
    assert rows["one"]["status_reason"] == f"would be created in {work.home}"
    assert rows["there"]["enrolled"] is True
    assert names(work) == ["there"]
    assert work.tool("enroll", "--list", "--json").json == []


def test_lists_what_is_enrolled_and_by_what(work: Workplace) -> None:
    assert work.tool("enroll", "--list", "--json").json == []
    work.enrolled("one")
    work.shell("agent-1")
    work.shell("mine")
    work.environment["ASSIGNER_SESSIONS"] = "other agent-*"
    work.tool("scan")
    found = work.tool("enroll", "--list", "--json").json
    assert [(row["name"], row["by"]) for row in found] == [("agent-1", "agent-*"), ("one", "name")]
    assert work.tool("enroll", "--list").out.splitlines()[2].split()[:2] == ["agent-1", "agent-*"]
    assert "--list takes no NAME" in work.tool("enroll", "--list", "one", status=2).err


# --- agents -------------------------------------------------------------------------------------


def start_of(work: Workplace, *options: object) -> list[object]:
    line = " ".join(map(str, (work._standin(), "--log", work.path / "one.log", *options)))
    return ["--create", "one", "--provider", "standin", "--command", line, "--settle", 40]


def environment_of(pid: int) -> dict[str, str]:
    entries = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


def test_creates_an_agent_that_takes_prompts_and_trusts_its_directory(work: Workplace) -> None:
    place = work.path / "a 'b\" c.d"
    place.mkdir()
    (work.home / ".bash_profile").write_text("export MINE=1 PATH=/nowhere\ncd /\n")
    settings = work.home / ".standin.json"
    settings.write_text('{"mine":  [1,2],\n "projects": {"/x": {"trusted": false}}}\n')
    settings.chmod(0o640)
    new = [*start_of(work, "--asks-trust"), "--workdir", place, "--shell", "bash"]
    (row,) = work.tool("enroll", *new, "--json", env={"SECRET": "hush"}).json
    assert (row["status"], row["provider"], row["enrolled"]) == ("idle", "standin", True)
    assert (row["current_dir"], row["trusted_dirs"]) == (str(place), [str(place)])
    held = environment_of(row["pane_pid"])
    assert (held["MINE"], held["PATH"]) == ("1", work.environment["PATH"])
    assert "SECRET" not in held
    kept = settings.read_text()
    assert kept.startswith('{"mine":  [1,2],\n "projects": {"/x": {"trusted": false}')
    assert json.loads(kept)["projects"][str(place)] == {"trusted": True}
    assert settings.stat().st_mode & 0o777 == 0o640
    work.tool("send", "hello", "--target", "one")
    work.tick(until=30)
    assert work.prompt(1)["status"] == "completed"
    assert work.row("SELECT conversation FROM sessions")["conversation"]  # its hooks report


def test_an_agent_that_asks_something_is_left_to_a_person(work: Workplace) -> None:
    said = work.tool("enroll", *start_of(work, "--start-dialog"), status=1, cwd=work.path)
    assert said.err == (
        f"enroll: 'one' is not ready yet: asks: Do you trust the files in {work.path}?\n"
    )
    assert work.row("SELECT status, enrolled FROM sessions") == {"status": "waiting", "enrolled": 1}


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "nonsense --x",
            "cannot start standin: 'nonsense' is not on the PATH: install it, or give",
        ),
        ("'", "cannot start ''': No closing quotation"),
        ("env nonsense", "No such file or directory"),
        ("sh -c 'echo not logged in; exit 1'", "before standin was ready: not logged in"),
    ],
)
def test_an_agent_that_does_not_come_up_leaves_no_session(
    work: Workplace, command: str, message: str
) -> None:
    work.shell("other")
    work._standin()
    new = ["--create", "one", "--provider", "standin", "--command", command]
    said = work.tool("enroll", *new, status=1).err
    assert message in said
    assert said.count("\n") == 1
    assert names(work) == ["other"]
    assert work.rows("SELECT name FROM sessions WHERE enrolled = 1") == []
    assert not (work.state / "starts").exists() or not list((work.state / "starts").iterdir())


def test_codex_is_told_by_an_option_what_to_trust(work: Workplace) -> None:
    program = work.path / "bin" / "codex"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >{work.path}/argv\nexec sleep 600\n")
    program.chmod(0o755)
    place = work.path / "a 'b\" é"
    place.mkdir()
    path = {"PATH": f"{program.parent}:{work.environment['PATH']}"}
    new = ["--create", "one", "--provider", "codex", "--settle", 1, "--workdir", place]
    work.tool("enroll", *new, env=path, status=(0, 1))
    argv = wait_for(lambda: (work.path / "argv").read_text().splitlines())
    told = tomllib.loads(next(word for word in argv if word.startswith("projects=")))
    assert told == {"projects": {str(place): {"trust_level": "trusted"}}}


REFUSED_OF_AGENTS: dict[str, tuple[list[object], str]] = {
    "no directory": (["--trust", "/nowhere"], "--trust needs a directory: '/nowhere' is not one"),
    "nothing to trust": (["--provider", "opencode", "--trust", "/"], "cannot set which"),
    "a shell": (["--provider", "shell", "--trust", "/"], "are for agents: give --provider"),
    "no agent": (["--provider", "nonsense"], "nonsense"),
    "resume for ever": (["--resume"], "--resume needs --respawn or --keepalive"),
}


def test_create_refuses_what_no_agent_can_be(work: Workplace) -> None:
    work._standin()
    for case, (args, message) in REFUSED_OF_AGENTS.items():
        provider = [] if "--provider" in args else ["--provider", "standin"]
        said = work.tool("enroll", "--create", "one", *provider, *args, status=2)
        assert message in said.err, case
        assert (said.out, said.err.count("\n")) == ("", 1), case
    assert not work.servers()
    work.enrolled("two")
    assert "need --respawn" in work.tool("enroll", "two", "--trust", "/", status=2).err
    trust = ["--trust", "/", "--keepalive"]
    assert "--trust is for agents" in work.tool("enroll", "two", *trust, status=2).err


@pytest.mark.parametrize("attached", [False, True])
def test_a_session_is_made_on_a_server_with_windows_of_manual_size(
    work: Workplace, attached: bool
) -> None:
    """tmux up to 3.6a would crash, with all of its sessions."""
    work.shell("mine")
    work.tmux("set-option", "-g", "window-size", "manual")
    with work.attached("mine") if attached else nullcontext():
        done = work.tool("enroll", "--create", "new", status=int(attached))
    assert ("window-size manual" in done.err) == attached
    assert names(work) == (["mine"] if attached else ["mine", "new"])
    assert work.tmux("show-options", "-gwv", "window-size") == "manual"
