"""Nothing is typed into a session in which a person has begun something."""

import json
import os
import shlex
import shutil
import signal
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import closing

import pytest

from assigner.tmux import keys as tmux_keys
from assigner.tmux import panes as tmux_panes
from harness.workplace import Pane, Workplace, spoken, wait_for

NOBODY = {"ASSIGNER_PERSON_ACTIVE": "0"}
SOMEBODY = {"ASSIGNER_PERSON_ACTIVE": "1000"}
PYTHON = f"{shlex.quote(sys.executable)} -q"
EDITOR = next(filter(shutil.which, ("vim.tiny", "vim", "vi")), "vi")
PRIVILEGED = os.geteuid() == 0  # shells show it in their prompts


def state(pane: Pane) -> tuple[str, str]:
    """All by which it shows that a person has done something."""
    facts = "#{cursor_x} #{cursor_y} #{pane_current_command} #{pane_in_mode} #{pane_input_off}"
    return pane.screen(), pane.format(facts)


def typed(text: str, *keys: str) -> Callable[[Pane], None]:
    def begin(pane: Pane) -> None:
        if text:
            pane.type(text)
            pane.wait_for(text)
        if keys:
            pane.keys(*keys)

    return begin


def lines(text: str) -> Callable[[Pane], None]:
    return lambda pane: pane.run(text)


def copy_mode(pane: Pane) -> None:
    pane.work.tmux("copy-mode", "-t", pane.id)


def switch_off(pane: Pane) -> None:
    pane.work.tmux("select-pane", "-d", "-t", pane.id)


# What a person does, and the keys by which it is left
CASES: dict[str, tuple[Callable[[Pane], None], list[str]]] = {
    "draft": (typed("rm -r x"), ["C-u"]),
    "home": (typed("rm -r x", "C-a"), ["C-k"]),
    "brackets": (typed("echo $(x)"), ["C-u"]),
    "more": (lines("echo 'one"), ["C-c"]),
    "search": (typed("", "C-r"), ["C-c"]),
    "copy": (copy_mode, ["q"]),
    "off": (switch_off, []),
    "vim": (lines(f"{EDITOR} -u NONE"), [":", "q", "!", "Enter"]),
    "less": (lines("less /etc/passwd"), ["q"]),
    "python": (lines(PYTHON), ["C-d"]),
    "raw": (lines(f"{PYTHON} -c 'import sys, tty; tty.setraw(0); sys.stdin.read(1)'"), ["q"]),
    "password": (lines(f"{PYTHON} -c 'import getpass; getpass.getpass()'"), ["Enter"]),
    "inner": (lines("bash --norc"), ["C-d"]),
    "busy": (lines("sleep 1000"), ["C-c"]),
    "reading": (lines("read -s x"), ["Enter"]),
}
ONE_SHELL: dict[str, dict[str, tuple[Callable[[Pane], None], list[str]]]] = {
    "bash": {"edit": (lines("read -e x"), ["C-c"])},
    "zsh": {
        "edit": (lines("vared -c x"), ["C-c"]),
        "below": (typed("", "M-Enter", "r", "m", "Up"), ["Down", "C-u", "C-h"]),
    },
    "dash": {
        "reading": (lines("read x"), ["Enter"]),
        "silent": (lines("stty -echo"), ["stty sane; clear", "Enter"]),
    },
    "fish": {
        "edit": (lines("read x"), ["Enter"]),
    },
}
NO_EDITOR = {"home", "search", "raw"}  # what only a shell with a line editor knows


def statuses(work: Workplace) -> dict[str, str]:
    work.tool("scan")
    return {row["name"]: row["status"] for row in work.tool("sessions", "--json").json}


def settled(work: Workplace, expected: dict[str, str]) -> None:
    """Wait until scan finds these statuses, and at least these."""
    seen: dict[str, str] = {}

    def as_expected() -> bool:
        seen.update(statuses(work))
        return expected.items() <= seen.items()

    def failed() -> str:
        known = work.rows(
            "SELECT name, status_reason, prompt_endings, prompt_learning FROM sessions"
        )
        return f"{expected}, seen: {seen}\n" + "\n".join(map(str, known))

    wait_for(as_expected, what=failed)


def test_prompts_wait_until_a_person_has_left(work: Workplace, shell: str) -> None:
    cases = CASES | ONE_SHELL[shell]
    if shell == "dash":
        cases = {name: case for name, case in cases.items() if name not in NO_EDITOR}
    panes = {name: work.shell(name, shell) for name in (*cases, "free")}
    work.tool("enroll", *panes)
    for name, (begin, _) in cases.items():
        before = state(panes[name])
        begin(panes[name])
        wait_for(lambda p=panes[name], was=before: state(p) != was, what=name)
    taken = dict.fromkeys(cases, "occupied") | {"busy": "busy", "reading": "busy"}
    if shell in ("dash", "fish"):  # it reads as it does at its prompt, but shows another
        taken["reading"] = "occupied"
    settled(work, taken | {"free": "idle"})

    prompts = [{"content": "echo ran", "target_session": name} for name in cases]
    prompts.append({"content": "echo ran", "priority": -1})
    work.tool("send", "--jsonl", "-", input="\n".join(map(json.dumps, prompts)))
    free = len(prompts)
    work.run_until(lambda: work.prompt(free)["status"] == "completed")
    work.tool("tick")
    assert [row["session"] for row in work.rows("SELECT session FROM attempts")] == ["free"]
    assert not [name for name in cases if "/ctx" in panes[name].screen()]
    held = {row["target_session"]: row["waits_for"] for row in work.tool("queue", "--json").json}
    assert held == {name: f"session {status}" for name, status in taken.items()}

    work.tmux("select-pane", "-e", "-t", panes["off"].id)
    for name, (_, keys) in cases.items():
        if keys:
            panes[name].keys(*keys)
    work.run_until(lambda: not work.rows("SELECT 1 FROM prompts WHERE status <> 'completed'"), 30)
    assert {row["number"] for row in work.rows("SELECT number FROM attempts")} == {1}


def test_a_draft_is_not_learnt_as_a_prompt(work: Workplace, shell: str) -> None:
    pane = work.shell("one", shell)
    typed("echo $(date)")(pane)
    assert "--at-prompt" in work.tool("enroll", "one", status=1).err
    assert statuses(work) == {"one": "unknown"}
    pane.keys("C-u")
    settled(work, {"one": "idle"})

    work.tool("send", "echo ran")
    work.run_until(lambda: work.prompt(1)["status"] == "completed")
    pane.wait_for_prompt()
    typed("echo $(date)")(pane)
    settled(work, {"one": "occupied"})


def test_enroll_at_prompt_takes_the_persons_word(work: Workplace, shell: str) -> None:
    rc = spoken(shell, "PS1='ready'", "function fish_prompt; echo -n ready; end")
    pane = work.shell("one", shell, rc=rc, prompt="ready")
    work.tool("enroll", "one", status=1)
    work.tool("enroll", "one", "--at-prompt")
    assert statuses(work) == {"one": "idle"}
    typed("ls")(pane)
    settled(work, {"one": "occupied"})


def test_a_person_at_the_keyboard(work: Workplace) -> None:
    work.enrolled("one")
    work.shell("two")
    # Clients may share a window through another session: `aside` sorts before `one`.
    work.tmux("new-session", "-d", "-t", "one", "-s", "aside")
    assert statuses(work) == {"one": "idle", "two": "idle"}
    work.tool("send", "echo ran")
    for session in ("one", "aside"):
        with work.attached(session):
            work.tool("tick", env=SOMEBODY)
            assert work.tool("sessions", "one", "--json").json[0]["status"] == "occupied"
            assert work.prompt(1)["status"] == "pending"
    with work.attached("two"):
        work.tool("tick", env=SOMEBODY)
        assert work.prompt(1)["status"] != "pending"


@pytest.mark.parametrize("session", ["one", "aside"])
def test_a_person_who_only_watches(work: Workplace, session: str) -> None:
    work.enrolled("one")
    work.tmux("new-session", "-d", "-t", "one", "-s", "aside")
    with work.attached(session):
        work.tool("send", "echo ran")
        work.tool("tick", "--until-idle", 10, env=NOBODY)
    assert work.prompt(1)["status"] == "completed"


PROMPTS = {
    "bash": {
        "plain": ("PS1='$ '", "$ "),
        "lines": (r"PS1='\w\n> '", "> "),
        "moving": (r"PS1='\t \w \$ '", "# " if PRIVILEGED else "$ "),
        "wide": (r"PS1='\[\e[1;32m\]漢字é \w\[\e[0m\] ❯ '", "❯ "),
        "modal": ("set -o vi; PS1='$ '", "$ "),
        "git": ("PS1='\\w $(git branch --show-current 2>/dev/null) > '", "> "),
    },
    "zsh": {
        "plain": ("PS1='%% '", "% "),
        "lines": ("PS1=$'%~\\n> '", "> "),
        "moving": ("PS1='%* %~ %# '", "# " if PRIVILEGED else "% "),
        "wide": ("PS1='%B%F{green}漢字é %~%f%b ❯ '", "❯ "),
        "right": ("PS1='> '; RPROMPT='%~ %*'", "> "),
        "modal": ("bindkey -v; PS1='%% '", "% "),
        "git": (
            "setopt prompt_subst; PS1='%~ $(git branch --show-current 2>/dev/null) > '", "> ",
        ),
    },
    "dash": {
        "plain": ("PS1='$ '", "$ "),
        "moving": ("PS1='$PWD % '", "% "),
        "wide": ("PS1='漢字é ❯ '", "❯ "),
    },
    "fish": {
        "plain": ("function fish_prompt; echo -n '$ '; end", "$ "),
        "lines": ("function fish_prompt; prompt_pwd; echo -n '> '; end", "> "),
        "own": ("functions -e fish_prompt", "> "),
        "right": (
            "function fish_prompt; echo -n '❯ '; end; function fish_right_prompt; date; end", "❯ ",
        ),
    },
}  # fmt: skip


def test_prompts_of_all_shapes(work: Workplace, shell: str) -> None:
    shapes = PROMPTS[shell]
    panes = {n: work.shell(n, shell, rc=rc, prompt=end) for n, (rc, end) in shapes.items()}
    work.tool("enroll", "--at-prompt", *panes)
    settled(work, dict.fromkeys(panes, "idle"))
    for number, directory in enumerate(("a $ b", "c/d"), 1):
        (work.home / directory).mkdir(parents=True)
        prompts = [
            {"content": "pwd", "target_session": n, "working_dir": str(work.home / directory)}
            for n in panes
        ]
        work.tool("send", "--jsonl", "-", input="\n".join(map(json.dumps, prompts)))
        work.tick(until=20)
        done = work.rows("SELECT response FROM prompts WHERE status = 'completed'")
        assert len(done) == number * len(panes)
        assert done[-1]["response"] == str(work.home / directory)
    for pane in panes.values():
        typed("ls")(pane)
    settled(work, dict.fromkeys(panes, "occupied"))


ROBBY = (
    "setopt prompt_subst; branch() { git branch --show-current 2>/dev/null | sed 's/.*/git:(&) /' }"
    "\nPS1='➜  %c $(branch)'"
)  # as oh-my-zsh's own theme has it: it ends otherwise beside a repository


def test_a_prompt_that_does_not_always_end_so(work: Workplace) -> None:
    top = work.repo()
    pane = work.shell("one", "zsh", rc=f"cd {top}\n{ROBBY}", prompt="git:(main) ")
    work.tool("enroll", "one")
    assert statuses(work) == {"one": "idle"}
    work.tool("send", "pwd", "--workdir", work.home)
    work.tick(until=20)
    settled(work, {"one": "idle"})  # learnt behind a line of ours
    pane.run(f"clear; cd {top}")
    pane.wait_for_prompt("git:(main) ")
    settled(work, {"one": "idle"})
    pane.run("clear; cd")
    pane.wait_for_prompt("~ ")
    for text in ("touch marker $(date)", "touch {marker}", "touch marker:"):
        typed(text)(pane)
        pane.type(" ")
        settled(work, {"one": "occupied"})
        pane.keys("C-u")
        settled(work, {"one": "idle"})


def test_a_new_prompt_in_the_second_of_its_sessions_creation(work: Workplace) -> None:
    """tmux counts the creation of a session as an activity of a person."""
    work.enrolled("one")
    work.tool("send", "printf 'one$ x'")
    for tool in ("scan", "assign-next", "deliver"):
        work.tool(tool)
    wait_for(lambda: work.tool("observe") and work.prompt(1)["status"] == "completed")
    created = int(work.tmux("display-message", "-p", "-t", "one", "#{session_created}"))
    with closing(sqlite3.connect(work.database)) as connection, connection:
        at = time.strftime("%Y-%m-%dT%H:%M:%S.500Z", time.gmtime(created))
        connection.execute("UPDATE prompts SET started_at = ?", [at])
    settled(work, {"one": "idle"})


@pytest.mark.parametrize(
    ("shell", "rc", "prompt", "line"),
    [
        ("zsh", "PS1='❯ '; PS2='%_… ❯ '", "❯ ", "for i in 1 2; do"),
        ("bash", "PS1='$ '; PS2='… $ '", "$ ", "cat <<END"),
        ("bash", r"PS1='\w $ '; PS2='… $ '", "$ ", "if true"),
    ],
)
def test_the_rest_of_a_command_is_awaited_by_a_prompt_of_the_same_end(
    work: Workplace, shell: str, rc: str, prompt: str, line: str
) -> None:
    pane = work.shell("one", shell, rc=rc, prompt=prompt)
    work.tool("enroll", "one")
    assert statuses(work) == {"one": "idle"}
    pane.run(line)
    pane.wait_for("… ")
    settled(work, {"one": "occupied"})


def test_a_draft_that_goes_on_in_the_next_line(work: Workplace, shell: str) -> None:
    pane = work.shell("one", shell, columns=60)
    work.tool("enroll", "one")
    pane.type("echo " + 70 * "a" + " one$ ")
    pane.wait_for("a one$")
    settled(work, {"one": "occupied"})
    pane.keys("C-u")
    settled(work, {"one": "idle"})


@pytest.mark.parametrize("left", ["# Title", "one$ x", "%d) "])
def test_a_prompt_behind_what_a_program_has_left_on_its_line(work: Workplace, left: str) -> None:
    pane = work.enrolled("one")
    work.tool("send", f"printf '{left}'")
    work.tool("send", "echo second")
    work.tick(until=20)
    assert work.prompt(2)["status"] == "completed"
    settled(work, {"one": "idle"})
    pane.type("x one$ ")
    pane.wait_for("x one$")
    settled(work, {"one": "occupied"})


def test_a_login_shell_with_its_own_prompt(work: Workplace, shell: str) -> None:
    pane = work.pane("one", shell, "-l")
    wait_for(lambda: pane.screen().endswith(tuple("$#%>")), what=pane.screen)
    work.tool("enroll", "one")
    work.tool("send", "pwd")
    work.tick()
    assert work.prompt(1)["response"] == str(work.home)


def test_what_is_typed_after_the_look_is_respected(work: Workplace, shell: str) -> None:
    pane = work.shell("one", shell)
    socket = str(work.socket)
    (seen,) = tmux_panes.panes(socket, 5)
    line = tmux_keys.line(
        1, seen, tmux_panes.cursor_lines(socket, 5, [seen])[seen.id], " echo once"
    )
    typed("x")(pane)
    assert tmux_keys.press(socket, 5, "test", [line])[1].startswith("refused")
    pane.keys("C-u")
    wait_for(lambda: tmux_panes.panes(socket, 5)[0].cursor_x == seen.cursor_x)
    assert tmux_keys.press(socket, 5, "test", [line])[1] == "typed"
    pane.wait_for("\nonce")
    pane.run("clear")
    wait_for(lambda: tmux_panes.panes(socket, 5)[0].cursor_y == seen.cursor_y)
    assert tmux_keys.press(socket, 5, "test", [line])[1].startswith("refused")
    assert tmux_keys.stamps(socket, 5, "test") == {pane.id: (1, pane.pid)}


def test_another_queue_types_into_the_same_pane(work: Workplace) -> None:
    """What it typed is not drawn yet, and is known."""
    pane, socket = work.shell("one"), str(work.socket)
    (seen,) = tmux_panes.panes(socket, 5)
    lines = tmux_panes.cursor_lines(socket, 5, [seen])
    os.kill(pane.pid, signal.SIGSTOP)
    line = tmux_keys.line(1, seen, lines[seen.id], " echo once")
    assert tmux_keys.press(socket, 5, "ours", [line])[1] == "typed"
    assert tmux_keys.press(socket, 5, "theirs", [line])[1].startswith("refused")
    os.kill(pane.pid, signal.SIGCONT)
    pane.wait_for("\nonce")
    pane.wait_for_prompt()
    assert pane.screen().count("\nonce") == 1
