"""Wrong usage gets one clear line and exit status 2, and leaves nothing half done."""

from collections.abc import Iterator
from json import dumps
from pathlib import Path
from typing import Any

import pytest

from harness.workplace import Result, Workplace

MEGABYTES = "x" * 5_000_000
NO_UTF8 = "\udcff"  # a byte that argv can hold and UTF-8 cannot


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workplace]:
    """A workplace with a prompt in its queue, which no test here may change."""
    with Workplace(tmp_path_factory.mktemp("bad")) as workplace:
        workplace.tool("send", "echo hi")
        yield workplace


def contents(work: Workplace) -> dict[str, bytes]:
    """Every file of the state directory."""
    files = (path for path in work.state.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path): path.read_bytes() for path in files}


def refused(work: Workplace, message: str, name: str, *args: object, **where: Any) -> Result:
    """The tool says `message` in one line, prints nothing, and has changed nothing."""
    before = contents(work)
    where.setdefault("status", 2)
    result = work.tool(name, *args, **where)
    assert result.out == ""
    assert result.err.startswith(f"{name}: ")
    assert result.err.count("\n") == 1
    assert message in result.err
    assert contents(work) == before
    return result


SEND = {
    "nothing": ([], "give one of TEXT, --file and --jsonl"),
    "two prompts": (["x", "--file", "f"], "give one of TEXT, --file and --jsonl"),
    "two texts": (["x", "y"], "unexpected argument 'y': quote the prompt: send 'x y'; "),
    "an option of the prompt": (["make", "-j4"], "quote the prompt: send 'make -j4'; "),
    "many words": (["x"] * 99, "quote the prompt: send ...; "),
    "misspelled option": (["x", "--tagg", "y"], "unknown option '--tagg' (did you mean '--tag'?)"),
    "unknown option": (["--file", "x", "--zzz"], "unknown option '--zzz'; "),
    "no value": (["x", "--tag"], "--tag: expected one argument"),
    "empty": ([""], "content is empty"),
    "blank": ([" \n\t"], "content is empty"),
    "escape": (["a\x1b[31m"], r"content has the control character \x1b at position 1"),
    "carriage return": (["a\r\nb"], r"control character \r at position 1: convert it with tr"),
    "C1 control": (["a\x9b31m"], r"content has the control character \x9b"),
    "no UTF-8": ([NO_UTF8], "content is not valid UTF-8"),
    "word for a priority": (["x", "--priority", "high"], "'high' is not a whole number"),
    "fraction for a priority": (["x", "--priority", "1.5"], "'1.5' is not a whole number"),
    "huge priority": (["x", "--priority", "9" * 30], "is out of range"),
    "unknown provider": (["x", "--provider", "abacus"], "unknown provider 'abacus' (known: "),
    "unnamed session": (["x", "--target", ""], "target_session is empty"),
    "control character in a session": (["x", "--target", "\x1b[31m"], r"'\x1b[31m'"),
    "no UTF-8 in a session": (["x", "--target", NO_UTF8], "target_session is not valid UTF-8"),
    "unnamed directory": (["x", "--workdir", ""], "'' is not a directory"),
    "no UTF-8 in a directory": (["x", "--workdir", NO_UTF8], "working_dir is not valid UTF-8"),
    "branch of nothing": (["x", "--git-branch", "b"], "the repository of branch 'b' is unknown"),
    "no branch's name": (["x", "--workdir", "/", "--git-branch", "a..b"], "'a..b'"),
    "an option as branch": (["x", "--workdir", "/", "--git-branch=--orphan"], "'--orphan'"),
    "no variable's name": (["x", "--env", "1A=b"], "'1A' is not a variable name"),
    "a prompt's text": (["x", "--env", "PS1=$(x)"], "'PS1' controls the shell: set it"),
    "an attempt": (["x", "--env", "ASSIGNER_ATTEMPT=1"], "'ASSIGNER_ATTEMPT' is reserved"),
    "unnamed variable": (["x", "--env", "=b"], "'' is not a variable name"),
    "variable not set": (["x", "--env", "NOWHERE"], "variable 'NOWHERE' is not set"),
    "no UTF-8 in a variable": (["x", "--env", f"A={NO_UTF8}"], "the variable 'A' is not valid"),
    "no env file": (["x", "--env-file", "/nowhere"], "cannot read '/nowhere': No such file"),
    "empty prerequisite": (["x", "--prereq", " "], "a prerequisite is empty"),
    "control in a prerequisite": (["x", "--prereq", "a\x07"], r"control character \x07"),
    "metadata no JSON": (["x", "--metadata", "{a"], "metadata is not JSON"),
    "metadata no object": (["x", "--metadata", "[1]"], "metadata is not a JSON object: '[1]'"),
    "metadata not a number": (["x", "--metadata", '{"a": NaN}'], "NaN is not a JSON number"),
    "metadata endless": (["x", "--metadata", '{"a": 1e999}'], "metadata cannot be written as JSON"),
    "metadata deep": (["x", "--metadata", "[" * 99_999], "metadata is not JSON"),
    "metadata no UTF-8": (["x", "--metadata", f'{{"a": "{NO_UTF8}"}}'], "metadata is not valid"),
    "metadata's directory": (["x", "--metadata", '{"working_dir": "r"}'], "not an absolute path"),
    "metadata's kinds": (["x", "--metadata", '{"env_vars": []}'], "'env_vars' is not a JSON obj"),
    "metadata's state": (["x", "--metadata", '{"session_state": 1}'], "'session_state' is not"),
    "after nothing": (["x", "--after", "99"], "no prompt 99 to wait for"),
    "after a word": (["x", "--after", "it"], "'it' is not a whole number"),
    "after zero": (["x", "--after", "0"], "'0' is not a whole number above zero"),
    "no time": (["x", "--not-before", "tomorrow"], "'tomorrow' is not a time: write 2026-02-14T"),
    "no time that there is": (["x", "--not-before", f"+{'9' * 14}d"], "'+9999"),
    "no attempts": (["x", "--max-attempts", "0"], "'0' is not a whole number above zero"),
    "no seconds": (["x", "--timeout", "0"], "timeout is not a positive number of seconds"),
    "not a number of seconds": (["x", "--timeout", "nan"], "'nan' is not a number of seconds"),
    "score below zero": (["x", "--min-score", "-1"], "min_score is not a whole number from 0"),
    "empty tag": (["x", "--tag", ""], "tag is empty"),
    "no file": (["--file", "/nowhere"], "cannot read '/nowhere': No such file or directory"),
    "endless file": (["--file", "/dev/zero"], "'/dev/zero' has more than 536870912 bytes"),
    "directory for a file": (["--file", "/"], "cannot read '/': Is a directory"),
}


@pytest.mark.parametrize("case", SEND)
def test_send_refuses_options(place: Workplace, case: str) -> None:
    args, message = SEND[case]
    refused(place, message, "send", *args)


FILES: dict[str, tuple[str, bytes, str]] = {
    "5 MB": ("--file", MEGABYTES.encode(), "content has 5000000 bytes, the limit is 1000000"),
    "empty": ("--file", b"\n", "content is empty"),
    "NUL": ("--file", b"a\0b", "content has a NUL character"),
    "no UTF-8": ("--file", b"\xff", "is not valid UTF-8"),
    "lines no UTF-8": ("--jsonl", b'{"content": "\xff"}', "is not valid UTF-8"),
    "variables no UTF-8": ("--env-file", b"A=\xff", "is not valid UTF-8"),
    "variables that are none": ("--env-file", b"# all mine\nA=1\nB\n", "line 3 is not K=V"),
    "variable with NUL": ("--env-file", b"A=a\0b", "the variable 'A' has a NUL character"),
}


@pytest.mark.parametrize("case", FILES)
def test_send_refuses_files(place: Workplace, tmp_path: Path, case: str) -> None:
    option, data, message = FILES[case]
    file = tmp_path / "given"
    file.write_bytes(data)
    text = ["x"] if option == "--env-file" else []
    refused(place, message, "send", *text, option, file)


def test_send_refuses_standard_input(place: Workplace) -> None:
    refused(place, "content is empty", "send", "-")
    refused(place, "limit is 1000000", "send", "-", input=MEGABYTES)
    refused(place, "standard input line 1: not JSON", "send", "--jsonl", "-", input="{")


LINES: dict[str, tuple[object, str]] = {
    "no object": ([], "not a JSON object"),
    "no content": ({}, "key 'content' is missing"),
    "empty content": ({"content": ""}, "content is empty"),
    "NUL": ({"content": "a\0b"}, "content has a NUL character"),
    "half a character": ({"content": "\ud800"}, "content is not valid UTF-8"),
    "5 MB": ({"content": MEGABYTES}, "content has 5000000 bytes, the limit is 1000000"),
    "unknown key": ({"content": "x", "color": 1}, "unknown key 'color' (known: content, "),
    "a key not to be set": ({"content": "x", "status": "failed"}, "unknown key 'status'"),
    "number for content": ({"content": 1}, "'content' is not a string: 1"),
    "text for a priority": ({"content": "x", "priority": "1"}, "'priority' is not a whole number"),
    "truth for a priority": ({"content": "x", "priority": True}, "not a whole number: true"),
    "fraction for a priority": ({"content": "x", "priority": 1.0}, "not a whole number: 1.0"),
    "huge priority": ({"content": "x", "priority": 10**30}, "priority is not a whole number from"),
    "relative directory": ({"content": "x", "working_dir": "r"}, "not an absolute path: 'r'"),
    "list for variables": ({"content": "x", "env_vars": ["A"]}, "'env_vars' is not an object"),
    "number in a variable": (
        {"content": "x", "env_vars": {"A": 1}},
        "variable 'A' is not a string",
    ),
    "number for a command": ({"content": "x", "prerequisites": [1]}, "a prerequisite is empty"),
    "number for a tag": ({"content": "x", "tags": [1]}, "tag is not a string: '1'"),
    "text for tags": ({"content": "x", "tags": "a"}, "'tags' is not an array"),
    "no number of seconds": ({"content": "x", "timeout_seconds": True}, "not a number: true"),
    "endless": ({"content": "x", "timeout_seconds": 1e300}, "not a positive number of seconds"),
    "no time": ({"content": "x", "not_before": "later"}, "'later' is not a time"),
    "unknown provider": ({"content": "x", "target_provider": "y"}, "unknown provider 'y'"),
    "odd session": ({"content": "x", "target_session": "a\nb"}, "has a control character"),
    "no branch's name": ({"content": "x", "git_branch": "-b"}, "'-b' is not a branch name"),
    "after a word": ({"content": "x", "after": [1.5]}, "after is not a prompt: 1.5"),
    "after a truth": ({"content": "x", "after": [True]}, "after is not a whole number"),
    "after no key": ({"content": "x", "after": ["1"]}, "no prompt with the key '1' to wait for"),
    "after itself": ({"content": "x", "after": [99]}, "no prompt 99 to wait for"),
    "after what no database holds": ({"content": "x", "after": [10**30]}, "not a whole number"),
}


@pytest.mark.parametrize("case", LINES)
def test_one_bad_line_queues_none(place: Workplace, case: str) -> None:
    bad, message = LINES[case]
    lines = [dumps({"content": "good"}), "", dumps(bad), dumps({"content": "good"})]
    result = refused(place, message, "send", "--jsonl", "-", input="\n".join(lines))
    assert "standard input line 3: " in result.err


@pytest.mark.parametrize("waits_for", [2, 3, 4], ids=["itself", "the next", "nothing"])
def test_dependencies_make_no_cycle(place: Workplace, waits_for: int) -> None:
    """Prompt 1 is there; the two lines here would be 2 and 3."""
    lines = [dumps({"content": "x", "after": [1, waits_for]}), dumps({"content": "y"})]
    refused(
        place, f"no prompt {waits_for} to wait for", "send", "--jsonl", "-", input="\n".join(lines)
    )


def test_branch_without_directory_names_the_line_it_came_from(place: Workplace) -> None:
    line = dumps({"content": "x", "git_branch": "main"})
    message = "standard input line 1: the repository of branch 'main' is unknown"
    refused(place, message, "send", "--jsonl", "-", input=line)


def test_secrets_go_with_what_was_not_queued(place: Workplace) -> None:
    args = ["x", "--env", "TOKEN", "--after", "99"]
    refused(place, "no prompt 99", "send", *args, env={"TOKEN": "hush"})
    assert list((place.state / "secrets").iterdir()) == []


OTHERS: dict[str, tuple[list[object], str]] = {
    "unknown session to enroll": (["enroll", "nowhere"], "no session 'nowhere': run scan"),
    "unknown sessions to enroll": (["enroll", *"zyxwvutsrq"], "no session 'z'"),
    "unknown session to list": (["sessions", "nowhere"], "no session 'nowhere'"),
    "unknown session to inspect": (["inspect", "nowhere"], "no session 'nowhere'"),
    "nothing to inspect": (["inspect"], "give SESSION, or --provider P --screen FILE"),
    "two things to inspect": (["inspect", "a", "--screen", "/f"], "give SESSION, or --provider"),
    "a screen of nobody": (["inspect", "--screen", "/f"], "--screen needs --provider (known: "),
    "a screen of a stranger": (
        ["inspect", "--provider", "abacus", "--screen", "/f"],
        "unknown provider 'abacus'",
    ),
    "no screen": (["inspect", "--provider", "shell", "--screen", "/nowhere"], "cannot read"),
    "enroll and not": (
        ["enroll", "a", "--remove", "--at-prompt"],
        "--remove takes no other option",
    ),
    "nobody to enroll": (["enroll"], "required: NAME"),
    "unknown prompt to show": (["show", 9], "no prompt 9"),
    "unknown prompt to cancel": (["cancel", 1, 9], "no prompt 9"),
    "unknown prompt to retry": (["retry", 1, 9], "no prompt 9"),
    "word for a prompt": (["show", "it"], "'it' is not a whole number"),
    "huge id": (["show", 10**30], "is out of range"),
    "nothing to cancel": (["cancel"], "required: ID"),
    "nothing to retry": (["retry"], "give ids, or --all"),
    "all and one to retry": (["retry", "--all", 1], "give ids, or --all"),
    "unknown status": (["prompts", "--status", "odd"], "'odd' is not one of pending, "),
    "negative limit": (["prompts", "--limit", "-1"], "'-1' is not a number of rows"),
    "no limit": (["queue", "--limit", "all"], "'all' is not a whole number"),
    "negative wait": (["scan", "--wait", "-1"], "'-1' is not a number of seconds"),
    "endless wait": (["tick", "--until-idle", "inf"], "'inf' is not a number of seconds"),
    "none at most": (["assign-next", "--limit", 0], "'0' is not a whole number above zero"),
    "clean and look": (["cleanup-stale", "--apply", "--verify-only"], "not allowed with"),
    "look and free": (["cleanup-stale", "--verify-only", "--retarget"], "and --retarget"),
    "look and retry": (["cleanup-stale", "--verify-only", "--retry-failed"], "changes nothing"),
    "trust nothing": (["hooks", "show", "--trust"], "--trust is for install"),
    "word for new goals": (["goals", "init", "extra"], "init takes no argument"),
    "unknown tool": (["assigner", "dig"], "unknown tool 'dig'"),
    "misspelled tool": (["assigner", "sned"], "unknown tool 'sned' (did you mean 'send'?)"),
    "misspelled option": (["queue", "--jsno"], "unknown option '--jsno' (did you mean '--json'?)"),
    "unknown option": (["queue", "--zzz"], "unknown option '--zzz'; see 'assigner queue --help'"),
    "misspelled action": (["review", "approv", 1], "(did you mean 'approve'?)"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_tools_refuse(place: Workplace, case: str) -> None:
    (name, *args), message = OTHERS[case]
    refused(place, message, str(name), *args)


@pytest.mark.parametrize(
    ("text", "message"), [("{", "is not JSON"), ("[]", "is not a JSON object"), ("\xff", "UTF-8")]
)
def test_inspect_refuses_what_does_not_describe_a_pane(
    place: Workplace, tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "meta").write_text(text, encoding="latin-1")
    (tmp_path / "screen").write_text("$ ")
    screen = ["--provider", "shell", "--screen", tmp_path / "screen"]
    refused(place, message, "inspect", *screen, "--meta", tmp_path / "meta")


def test_unknown_target_is_held_and_runs_when_it_comes(work: Workplace) -> None:
    work.tool("send", "true", "--target", "later")
    assert work.prompt(1)["held_by"] == "target missing"
    work.enrolled("later")
    assert work.prompt(1)["held_by"] is None
    work.tick()
    assert work.prompt(1)["status"] == "completed"


def test_directories_are_warned_of_and_fail_when_their_turn_comes(work: Workplace) -> None:
    """Nothing is typed for them: the session's screen stays as it was."""
    pane = work.enrolled("one")
    file = work.path / "file"
    file.touch()
    cases: list[tuple[list[object], str, str]] = [
        (["--workdir", work.path / "nowhere"], "does not exist\n", "does not exist"),
        (["--workdir", "nowhere"], "directory '/nowhere' does not exist\n", "does not exist"),
        (["--workdir", file], "is not a directory\n", "is not a directory"),
        (["--workdir", work.path, "--git-branch", "main"], "", "is not in a git working tree"),
    ]
    for options, warning, _ in cases:
        said = work.tool("send", "true", *options).err
        assert said.startswith("send: warning: ") == bool(warning)
        assert said.endswith(warning)
    before = pane.screen()
    work.tick()
    for number, (_, _, error) in enumerate(cases, 1):
        assert work.prompt(number)["status"] == "failed"
        assert error in work.prompt(number)["error"]
    attempts = work.rows("SELECT failure_class, typed_at FROM attempts")
    assert attempts == [{"failure_class": "context", "typed_at": None}] * len(cases)
    assert pane.screen() == before


def test_branch_that_does_not_exist_fails_before_the_prompt(work: Workplace, shell: str) -> None:
    top = work.repo()
    work.enrolled("one", shell)
    work.tool("send", "touch ran", "--workdir", top, "--git-branch", "nowhere")
    work.tick()
    assert work.prompt(1)["status"] == "failed"
    assert "cannot check out branch 'nowhere'" in work.prompt(1)["error"]
    assert not (top / "ran").exists()
    assert (top / ".git/HEAD").read_text() == "ref: refs/heads/main\n"


def test_enroll_refuses_all_for_one_unknown(work: Workplace) -> None:
    work.shell("one")
    assert work.tool("enroll", "one", "nowhere", status=2).err.endswith("(known sessions: one)\n")
    for command in ("", "a\x1b[m"):
        said = work.tool("enroll", "one", "--command", command, status=2).err
        assert "the command is empty or has a control character" in said
    assert work.row("SELECT enrolled, command FROM sessions") == {"enrolled": 0, "command": None}


def test_enroll_refuses_what_is_gone(work: Workplace) -> None:
    work.shell("stays")
    gone = work.enrolled("one")
    gone.kill()
    result = work.tool("enroll", "one", status=2)
    assert result.err == "enroll: session 'one' is offline: tmux no longer lists the session\n"


def test_no_traceback_whatever_the_locale(work: Workplace) -> None:
    work.tool("send", "echo …", "--tag", "ü")
    environment = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    assert work.tool("prompts", "--json", env=environment).json[0]["content"] == "echo …"
    assert r"echo \u2026" in work.tool("prompts", env=environment).out
