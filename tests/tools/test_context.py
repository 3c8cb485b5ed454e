"""A session is brought into its prompt's context, or the prompt does not run."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from harness.workplace import PATH, Pane, Workplace, spoken, wait_for

HOSTILE = {
    "quotes": 'it\'s "odd"',
    "newline": "one\ntwo\n",
    "command": "$(touch marker)`touch marker`; touch marker",
    "equals": "=ls",
    "tilde": "~",
    "dash": "-n",
    "glob": "* ? [a-z] {a,b}",
    "history": "!! !$ ^a^b",
    "backslash": "\\n \\\\ \\",
    "format": "#{pid} #(touch marker) %s",
    "blank": "  x\t",
    "empty": "",
    "unicode": "é漢🙂",
    "long": "x y" * 3500,
    "bracket": "]",
}
DIRECTORIES = [
    "a b", "it's \"odd\"", "new\nline", "end\n", "-dash", "#{pid} #(touch marker)",
    "$(touch marker)", "`touch marker`", "=ls", "~", "*", "é漢", "\\n",
]  # fmt: skip
BRANCHES = [
    "feature/x", "it's\"odd\"", "$(touch${IFS}marker)", "`id`", "a;b&c|d>e", "#{pid}", "=ls", "é漢",
    "!x", "HEAD2", "branch.txt",
]  # fmt: skip


def send(work: Workplace, *prompts: dict[str, Any]) -> None:
    """Queue prompts, each tried once."""
    lines = [json.dumps({"max_attempts": 1, **prompt}) for prompt in prompts]
    work.tool("send", "--jsonl", "-", input="\n".join(lines))


def ran(work: Workplace, *prompts: dict[str, Any]) -> list[dict[str, Any]]:
    """Queue prompts, have them run, and return their last attempts with what prompts say."""
    send(work, *prompts)
    work.tick(until=40)
    rows = work.rows(
        "SELECT a.*, p.status, p.error, p.response FROM prompts p JOIN attempts a"
        " ON a.prompt_id = p.id AND a.number = p.attempts ORDER BY p.id"
    )
    return rows[-len(prompts) :]


def outcomes(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(row["failure_class"], row["step"], row["exit_status"]) for row in rows]


def responses(rows: list[dict[str, Any]]) -> list[str]:
    assert [row["error"] for row in rows] == [None] * len(rows)
    return [row["response"] for row in rows]


def markers(work: Workplace) -> list[Path]:
    return list(work.path.rglob("marker*"))


def git(top: Path, *args: str) -> str:
    done = subprocess.run(["git", *args], cwd=top, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_values_arrive_as_they_were_given(work: Workplace, shell: str) -> None:
    work.enrolled("one", shell)
    variables = {f"V_{name}": value for name, value in HOSTILE.items()}
    out = work.path / "out"
    (row,) = ran(work, {"content": f"env -0 >{out}", "env_vars": variables})
    assert row["error"] is None
    found = dict(entry.split("=", 1) for entry in out.read_text().split("\0") if entry)
    assert {name: found.get(name) for name in variables} == variables
    assert not markers(work)


def test_directories_of_any_name(work: Workplace, shell: str) -> None:
    work.enrolled("one", shell)
    places = [work.path / "places" / name for name in DIRECTORIES]
    for place in places:
        place.mkdir(parents=True)
    prompts = [{"content": "pwd -P >out", "working_dir": str(place)} for place in places]
    assert outcomes(ran(work, *prompts)) == [(None, None, 0)] * len(places)
    assert [(place / "out").read_text() for place in places] == [f"{place}\n" for place in places]
    assert not markers(work)


def test_branches_of_any_name(work: Workplace, shell: str) -> None:
    work.enrolled("one", shell)
    top = work.repo("a repo", branches=("main", *BRANCHES))
    below = top / "below"
    below.mkdir()
    rows = ran(
        work,
        *(
            {"content": "cat branch.txt", "working_dir": str(top), "git_branch": b}
            for b in BRANCHES
        ),
        {"content": "cat ../branch.txt", "working_dir": str(below), "git_branch": "main"},
    )
    assert responses(rows) == [*BRANCHES, "main"]
    (session,) = work.tool("sessions", "--json").json
    work.tool("tick")
    assert (session["current_dir"], session["git_branch"]) == (str(below), "main")
    assert not markers(work)


def test_a_tag_of_the_same_name_is_no_branch(work: Workplace, shell: str) -> None:
    work.enrolled("one", shell)
    top = work.repo()
    git(top, "tag", "feature", "main")
    on = {"content": "cat branch.txt", "working_dir": str(top)}
    rows = ran(work, {**on, "git_branch": "feature"}, {**on, "git_branch": "feature"})
    assert [response.splitlines()[-1] for response in responses(rows)] == ["feature", "feature"]


def test_git_of_the_session_is_that_of_its_directory(work: Workplace, shell: str) -> None:
    """GIT_DIR has git ask and check out another repository."""
    pane = work.enrolled("one", shell)
    top, other = work.repo(), work.repo("other", branches=("feature", "main"))
    pane.run(spoken(shell, f"export GIT_DIR={other}/.git", f"set -gx GIT_DIR {other}/.git"))
    pane.wait_for_prompt()
    on = {"content": "cat branch.txt", "working_dir": str(top)}
    rows = ran(work, {**on, "git_branch": "feature"}, on)
    assert outcomes(rows) == [("context", "git", 1), (None, None, 0)]
    assert "GIT_DIR or GIT_WORK_TREE is set in the session" in rows[0]["error"]


def test_a_rebase_is_left_alone(work: Workplace) -> None:
    """Also where it stopped on the branch that is wanted: its HEAD is none."""
    work.enrolled("one")
    top = work.repo()
    edit = {**os.environ, "GIT_SEQUENCE_EDITOR": "sed -i s/pick/edit/"}
    git(top, "checkout", "-q", "feature")
    subprocess.run(["git", "rebase", "-q", "-i", "HEAD~1"], cwd=top, env=edit, check=True,
                   capture_output=True)  # fmt: skip
    (row,) = ran(work, {"content": "true", "working_dir": str(top), "git_branch": "feature"})
    assert "a rebase is in progress" in row["error"]
    assert row["typed_at"] is None


def test_prerequisites_run_in_order_and_have_effect(work: Workplace, shell: str) -> None:
    work.enrolled("one", shell)
    rows = ran(
        work,
        {
            "content": 'echo "$VIRTUAL_ENV $STEPS"; tool; own',
            "prerequisites": [
                "mkdir -p venv/bin; printf '#!/bin/sh\\necho tool ran\\n' >venv/bin/tool",
                "chmod +x venv/bin/tool; " + spoken(shell, "STEPS=two", "set STEPS two"),
                spoken(
                    shell,
                    "export VIRTUAL_ENV=$PWD/venv; PATH=$VIRTUAL_ENV/bin:$PATH\n"
                    'STEPS="$STEPS three"',
                    "set -x VIRTUAL_ENV $PWD/venv; set PATH $VIRTUAL_ENV/bin $PATH\n"
                    "set -a STEPS three",
                ),
                spoken(shell, "own() { echo same shell; }", "function own; echo same shell; end"),
            ],
        },
        # Nothing of it stays in the session.
        {"content": "env | grep -c VIRTUAL_ENV; own"},
    )
    assert rows[0]["response"].splitlines() == [
        f"{work.home}/venv two three", "tool ran", "same shell",
    ]  # fmt: skip
    assert (rows[1]["exit_status"], rows[1]["response"].splitlines()[0]) == (127, "0")


def test_the_first_step_that_fails_ends_it(work: Workplace, shell: str) -> None:
    pane = work.enrolled("one", shell, rc=spoken(shell, "readonly FIXED=1", ""))
    fixed = spoken(shell, "FIXED", "fish_pid")  # fish has read-only variables of its own alone
    top = work.repo()
    there = {"content": "touch ran", "working_dir": str(work.home)}
    rows = ran(
        work,
        {**there, "prerequisites": ["true", "echo why >&2; sh -c 'exit 3'", "touch ran"]},
        {**there, "prerequisites": ["exit 4"]},
        {**there, "prerequisites": ["exit 0"]},
        {**there, "prerequisites": ["nonsense-that-is-no-command"]},
        {**there, "prerequisites": ["if then"]},
        {**there, "prerequisites": ["cd /"]},
        {**there, "env_vars": {"A": "b", fixed: "2"}},
        {**there, "working_dir": str(top), "git_branch": "missing"},
        {**there, "working_dir": str(top), "metadata": {"session_state": {"git_branch": "no"}}},
        {**there, "metadata": {"session_state": {"expected_cwd": "/usr"}}},
    )
    steps = outcomes(rows)
    assert steps[:2] == [("context", "prereq-2", 3), ("context", "prerequisites", 4)]
    assert steps[2:4] == [("context", "prerequisites", 0), ("context", "prereq-1", 127)]
    assert steps[4][:2] in [("context", "prereq-1"), ("context", "prerequisites")]
    assert steps[5] == ("context", "verify", 1)
    assert steps[6] == ("context", "env", 2 if shell == "dash" else 1)
    assert steps[7] == ("context", "branch", 128)
    assert steps[8:] == [("context", "session-state", 1)] * 2
    assert "prerequisite 'echo why >&2; sh -c 'exit 3'' failed" in rows[0]["error"]
    assert rows[0]["output"] == "why"
    assert "'missing'" in rows[7]["error"]
    assert [row["status"] for row in rows] == ["failed"] * len(rows)
    assert not list(work.path.rglob("ran"))
    assert (pane.command, pane.format("#{pane_pid}")) == (shell, str(pane.pid))


def test_without_validation_the_outcome_is_not_checked(work: Workplace, shell: str) -> None:
    work.enrolled("one", shell)
    rows = ran(
        work,
        {
            "content": "pwd",
            "working_dir": str(work.home),
            "prerequisites": ["cd /usr"],
            "validate_context": False,
            "metadata": {"session_state": {"expected_cwd": "/"}},
        },
        {"content": "pwd", "metadata": {"session_state": {"expected_cwd": str(work.home)}}},
    )
    assert responses(rows) == ["/usr", str(work.home)]


def test_nothing_is_typed_where_the_directory_is_unfit(work: Workplace) -> None:
    pane = work.enrolled("one")
    top = work.repo()
    (top / "branch.txt").write_text("conflict\n")
    git(top, "-c", "user.name=x", "-c", "user.email=x", "commit", "-aqm", "other")
    subprocess.run(["git", "rebase", "-q", "feature"], cwd=top, capture_output=True)
    file = work.path / "file"
    file.touch()
    closed = work.path / "closed"
    closed.mkdir(mode=0o000)
    prompts: list[dict[str, Any]] = [
        {"working_dir": str(work.path / "no" / "where")},
        {"working_dir": str(file)},
        {"working_dir": str(work.path), "git_branch": "main"},
        {"working_dir": str(top), "git_branch": "feature"},
        {"working_dir": str(closed)},
    ]
    steps = ["cd", "cd", "branch", "branch", "cd"]
    reasons = ["not exist", "not a directory", "not in a git", "a rebase is in", "permission"]
    if os.geteuid() == 0:  # nothing is closed to root
        del prompts[-1], steps[-1], reasons[-1]
    before = pane.screen()
    rows = ran(work, *({"content": "echo ran", **prompt} for prompt in prompts))
    assert [(row["failure_class"], row["step"]) for row in rows] == [("context", s) for s in steps]
    assert all(why in row["error"] for why, row in zip(reasons, rows, strict=True)), rows
    assert {row["typed_at"] for row in rows} == {None}
    assert pane.screen() == before


def test_uncommitted_changes_are_not_touched(work: Workplace, shell: str) -> None:
    work.enrolled("one", shell)
    top = work.repo()
    (top / "branch.txt").write_text("mine\n")
    on = {"content": "cat branch.txt", "working_dir": str(top)}
    rows = ran(work, {**on, "git_branch": "feature"}, {**on, "git_branch": "main"})
    assert outcomes(rows) == [("context", "dirty", 1), (None, None, 0)]
    assert rows[1]["response"] == "mine"
    git(top, "checkout", "-q", "--", "branch.txt")
    git(top, "rm", "-q", "--cached", "branch.txt")
    git(top, "-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "untracked")
    # feature would overwrite what is not tracked here
    assert outcomes(ran(work, {**on, "git_branch": "feature"})) == [("context", "branch", 1)]
    assert git(top, "rev-parse", "--abbrev-ref", "HEAD") == "main"


def test_path_may_be_anything(work: Workplace, shell: str) -> None:
    work.enrolled("one", shell)
    rows = ran(
        work,
        {"content": 'echo "$PATH"', "env_vars": {"PATH": "/nowhere"}},
        {
            "content": 'echo "$PATH"',
            "prerequisites": [spoken(shell, "PATH=/elsewhere", "set PATH /elsewhere")],
        },
        {"content": 'echo "$PATH"'},
    )
    assert responses(rows) == ["/nowhere", "/elsewhere", PATH]


def test_ifs_may_be_anything(work: Workplace) -> None:
    work.enrolled("one", rc="IFS=01.")
    prompts = [
        {"content": "(exit 101)", "env_vars": {"IFS": ifs}, "prerequisites": [command]}
        for ifs in ("0", "1.", "-") for command in ("true", "(exit 101)")
    ]  # fmt: skip
    rows = ran(work, *prompts, {"content": "(exit 101)"})
    assert [row["exit_status"] for row in rows] == [101] * 7
    assert [row["step"] for row in rows] == [None, "prereq-1"] * 3 + [None]


def test_variables_are_taken_back(work: Workplace, shell: str) -> None:
    rc = spoken(
        shell,
        "export OWN='my own'\nLOCAL=unexported\nEMPTY=",
        "set -gx OWN 'my own'; set -g LOCAL unexported; set -g EMPTY ''",
    )
    pane = work.enrolled("one", shell, rc=rc)
    show = 'env | grep -E "^(A|B|OWN|LOCAL|EMPTY)=" | sort'
    rows = ran(
        work,
        {"content": show, "env_vars": {"A": "1", "OWN": "2", "LOCAL": "3", "EMPTY": "4"}},
        {"content": show, "env_vars": {"B": "5", "OWN": "6"}},
        {"content": show},
    )
    assert [row.splitlines() for row in responses(rows)] == [
        ["A=1", "EMPTY=4", "LOCAL=3", "OWN=2"], ["B=5", "OWN=6"], ["OWN=my own"],
    ]  # fmt: skip
    pane.run('echo "[$LOCAL|$A|$B|$OWN]"')
    pane.wait_for("\n[unexported|||my own]")


def test_what_a_person_sets_meanwhile_stays(work: Workplace, shell: str) -> None:
    pane = work.enrolled("one", shell)
    show = 'env | grep -E "^(A|B|C)=" | sort'
    first = {"content": show, "env_vars": {"A": "1", "B": "2", "C": "3"}}
    assert responses(ran(work, first)) == ["A=1\nB=2\nC=3"]
    pane.run(spoken(shell, "export A=mine B=mine", "set -gx A mine; set -gx B mine"))
    pane.wait_for_prompt()
    rows = ran(work, {"content": show, "env_vars": {"B": "4"}}, {"content": show})
    assert responses(rows) == ["A=mine\nB=4", "A=mine\nB=mine"]


def test_a_variable_that_lets_no_program_start_harms_only_its_prompt(
    work: Workplace, shell: str
) -> None:
    work.enrolled("one", shell)
    bad = work.path / "bad"
    bad.mkdir()
    (bad / "libc.so.6").write_text("no library")
    rows = ran(work, {"content": "ls", "env_vars": {"LD_LIBRARY_PATH": str(bad)}},
               {"content": "echo fine"})  # fmt: skip
    assert [row["status"] for row in rows] == ["failed", "completed"]


RC = {
    "bash": "set -o noclobber; set -o history; CDPATH=/usr",
    "zsh": "setopt no_clobber err_return sh_word_split glob_subst hist_ignore_space; HISTSIZE=99",
    "dash": "set -C; CDPATH=/usr",
}
OWN = """
set -eu
IFS=/
trap 'echo >>~/trapped' EXIT
for name in cd mv git export exit tee; do alias $name="echo not $name"; done
"""
STATE = {
    "bash": "set -o; shopt; alias; typeset -f; trap -p",
    "zsh": "setopt; alias; typeset -f; trap",
    "dash": "set -o; alias; trap",
}


def told(pane: Pane, command: str) -> str:
    """What the person's own shell prints for a command."""
    file = pane.work.path / "told"
    posix, fish = f"{{ {command}; }} >|{file}.new", f"begin; {command}; end >{file}.new"
    pane.run(f"{spoken(pane.command, posix, fish)} 2>&1; ln {file}.new {file}")
    wait_for(file.exists, what=pane.screen)
    text = file.read_text()
    file.unlink()
    file.with_name("told.new").unlink()
    pane.wait_for_prompt()
    return text


@pytest.mark.parametrize("shell", list(RC))
def test_a_persons_shell_stays_as_it_is(work: Workplace, shell: str) -> None:
    pane = work.enrolled("one", shell, rc=RC[shell] + OWN)
    before = told(pane, STATE[shell])
    on = {"working_dir": str(work.repo()), "git_branch": "feature"}
    rows = ran(
        work,
        {**on, "content": "cat branch.txt", "env_vars": {"A": "1"}, "prerequisites": ["true"]},
        {**on, "content": "\\exit 3"},
        {**on, "content": "echo ran", "prerequisites": ["false"]},
        {**on, "content": "echo ran", "git_branch": "missing"},
        {"content": "\\cd /; set +eu; f() { :; }; alias a=b; trap 'echo bye' EXIT"},
        {"content": "false; echo ran"},
    )
    assert [row["exit_status"] for row in rows] == [0, 3, 1, 128, 0, 1]
    assert [row["output"] for row in rows[:3]] == ["feature", "", ""]
    assert ["ran" in row["output"] for row in rows] == [False] * 6
    assert told(pane, STATE[shell]) == before
    left = told(pane, "set; fc -l 2>&1 || :")
    assert not [line for line in left.splitlines() if "__assigner" in line and line[:2] != "_="]
    assert "/ctx" not in left
    assert not (work.home / "trapped").exists()


def test_a_fish_stays_as_it_is(work: Workplace) -> None:
    rc = "for name in cd mv git exit tee sh; function $name; echo not $name; end; end"
    pane = work.enrolled("one", "fish", rc=rc)
    state = "functions -n; set -g; status is-full-job-control; echo $status"

    def kept() -> list[str]:
        volatile = (
            "CMD_DURATION", "history", "pipestatus", "status", "COLUMNS", "LINES", "PWD",
        )  # fmt: skip
        return [line for line in told(pane, state).splitlines() if not line.startswith(volatile)]

    before = kept()
    on = {"working_dir": str(work.repo()), "git_branch": "feature"}
    rows = ran(
        work,
        {**on, "content": "cat branch.txt", "env_vars": {"A": "1"}, "prerequisites": ["true"]},
        {**on, "content": "builtin exit 3"},
        {**on, "content": "echo ran", "prerequisites": ["false"]},
        {"content": "builtin cd /; set -g B 2; function f; end"},
        {"content": "false"},
        {"content": "echo there", "working_dir": str(work.path)},
    )
    assert [row["exit_status"] for row in rows] == [0, 3, 1, 0, 1, 0]
    assert [row["output"] for row in rows[:3]] == ["feature", "", ""]
    assert kept() == before
    assert pane.format("#{pane_current_path}") == str(work.path)


def test_a_prompt_cannot_harm_its_session(work: Workplace, shell: str) -> None:
    pane = work.enrolled("one", shell)
    expected = {
        "exit 7": (7, ""),
        "return 5": (5, ""),
        "cd /; pwd": (0, "/"),
        "echo a\necho b\n\n# c\necho 'd\ne'": (0, "a\nb\nd\ne"),
        "exec sh -c 'echo x; exit 9'": (9, "x"),
        "no-such-command 2>/dev/null": (127, None),
        "sh -c 'kill -9 $$'": (137, None),
    }
    posix = {
        "set -e; false; echo no": (1, ""),
        "mv() { :; }; PATH=/none; /bin/sh -c 'exit 4'": (4, ""),
        "exec >/dev/null 2>&1 </dev/null; echo unseen": (0, ""),
        "trap 'echo bye' EXIT; exit 2": (2, "bye"),
        "set -u; set -f; set -C; IFS=0123456789; umask 777": (0, ""),
        "kill -INT $$x 2>/dev/null; f() { return 6; }; f": (6, ""),
    }
    fish = {
        "function f; exit 4; end; f; echo no": (4, None),
        "function mv; end; function exit; end; set PATH /none; /bin/sh -c 'exit 4'": (4, ""),
        "set -e PATH HOME; set -gx PWD /; false": (1, None),
        "status job-control none; trap 'echo bye' EXIT; exit 2": (2, "bye"),
        "while true; exec sh -c 'kill -TERM $$'; end": (143, None),
        "function f --on-event fish_exit; echo late; end": (0, "late"),
    }
    expected |= fish if shell == "fish" else posix
    rows = ran(work, *({"content": content} for content in expected), {"content": "if ("})
    found = [
        (row["exit_status"], row["response"] if wanted is not None else None)
        for row, (_, wanted) in zip(rows[:-1], expected.values(), strict=True)
    ]
    assert dict(zip(expected, found, strict=True)) == expected
    assert (rows[-1]["failure_class"], rows[-1]["exit_status"] != 0) == ("exit_status", True)
    assert "error" in rows[-1]["output"].lower()
    assert (pane.command, pane.format("#{pane_pid}")) == (shell, str(pane.pid))


def test_a_state_directory_of_any_name(work: Workplace, shell: str) -> None:
    work.state = work.path / "it's go.go $(touch marker)"
    work.database = work.state / "assigner.db"
    work.environment["ASSIGNER_HOME"] = str(work.state)
    work.enrolled("one", shell)
    assert responses(ran(work, {"content": "echo ran"})) == ["ran"]
    assert not markers(work)


def test_secrets_reach_the_prompt_alone(work: Workplace, shell: str) -> None:
    pane = work.enrolled("one", shell, rc=spoken(shell, "set -xv", "set -g fish_trace 1"))
    key, word = "k3y-$(touch marker)'", 'p4ss "word" two'
    file = work.path / "secrets.env"
    file.write_text(f"# a comment\nexport WORD='{word}'\n\nPLAIN=x\n")
    show = 'printf "%s\\n" "$KEY" "$WORD" "$PLAIN"'
    content = f"sh -c '{show}' >out; cat /proc/*/cmdline >argv; read x <go"
    os.mkfifo(work.home / "go")
    options = ("--env", "KEY", "--env-file", file, "--env", "PLAIN=shown")
    work.tool("send", content, *options, env={"KEY": key})
    work.run_until(lambda: (work.home / "argv").exists() and work.prompt(1)["started_at"])
    views = [("show", 1), *((tool, "--json") for tool in ("prompts", "queue", "sessions"))]
    shown = [work.tool(*map(str, view)).out for view in views]
    files = [path for path in work.state.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    (work.home / "go").write_text("\n")
    work.tick()
    assert (work.home / "out").read_text().splitlines() == [key, word, "shown"]
    shown += [work.tool(*map(str, view)).out for view in views]
    places = [p.read_bytes() for p in (work.database, work.home / "argv")]
    places += [text.encode() for text in shown]
    assert not [place for place in places if b"k3y" in place or b"p4ss" in place]
    files = [path for path in work.state.rglob("*") if path.is_file()]
    (kept,) = (path for path in files if b"k3y" in path.read_bytes())
    assert (kept.parent.name, kept.parent.stat().st_mode & 0o777) == ("secrets", 0o700)
    assert "KEY=(secret)" in shown[0]
    if shell != "fish":
        assert {"v", "x"} <= set(told(pane, "echo $-"))
    assert not markers(work)


def test_a_one_shot_command_reads_the_prompt(work: Workplace, shell: str) -> None:
    work.shell("one", shell)
    command = "sh -c 'cat >got; echo \"$A for $(cat got | wc -c)\"; echo unheard >&2; exit $B'"
    work.tool("enroll", "one", "--command", command)
    content = 'it\'s\n\t$(touch marker) `x` \\ "é漢" %s\n\n'
    rows = ran(
        work,
        *(
            {
                "content": content,
                "target_provider": "command",
                "env_vars": {"A": "answer", "B": status},
                "working_dir": str(work.home),
            }
            for status in "03"
        ),
    )
    assert (work.home / "got").read_text() == content
    assert [row["exit_status"] for row in rows] == [0, 3]
    assert [row["response"] for row in rows] == [f"answer for {len(content.encode())}"] * 2
    assert "unheard" in rows[0]["output"]
    assert not markers(work)


def test_variables_are_taken_back_under_another_name(work: Workplace) -> None:
    """What was exported is known of the shell, not of its session's name."""
    work.enrolled("one")
    send(work, {"content": "true", "env_vars": {"A": "1"}})
    work.tool("send", "true", "--env", "KEY", env={"KEY": "secret"})
    work.tick()
    work.tmux("rename-session", "-t", "one", "other")
    work.tool("scan")
    work.tool("enroll", "other")
    (row,) = ran(work, {"content": 'echo "[$A$KEY]"'})
    assert row["response"] == "[]"
    assert work.row("SELECT env_vars FROM sessions WHERE name = 'other'")["env_vars"] == "{}"
