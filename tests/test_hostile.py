"""Hostile input in every field: it arrives as it is or is refused in one line, and does no more.

Nothing in it is carried out by a shell, tmux or git, and nothing of it reaches a terminal.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from assigner import (
    clock,
    config,
    drafting,
    fish,
    git,
    hearing,
    posix,
    profiles,
    providers,
    recognising,
    screen,
    transcripts,
)
from assigner.drafting import Draft
from assigner.errors import AssignerError, SetupError, UsageError
from hostile import CASES, OBEYED, calls, garbage, harmless, markers, texts
from support import Workplace, wait_for

_NOT_IN_ARGV = "[\0\ud800-\udc7f\udd00-\udfff]"
SHELLS = ("bash", "zsh", "dash", "fish")
RECORDER = """\
import json, os, sys
try:
    head = open(os.path.join(os.environ["TOP"], ".git/HEAD")).read().strip()
except (KeyError, OSError):
    head = ""
told = {"content": sys.stdin.buffer.read().decode(), "cwd": os.getcwd(), "A": os.environ.get("A"),
        "head": head.removeprefix("ref: refs/heads/"), "key": os.environ.get("KEY")}
with open(os.path.join(os.path.dirname(__file__), os.environ["ASSIGNER_ATTEMPT"]), "w") as file:
    json.dump(told, file)
"""


def acceptable(work: Workplace, **fields: Any) -> bool:
    """Whether such a prompt is queued; what is refused is refused in one clear line."""
    settings = config.Settings(home=work.state, database=work.database, sockets=(), host="h")
    draft = Draft(**{"content": "x", **fields})
    try:
        drafting.check(draft, settings, providers.names())
    except UsageError as error:
        line = screen.visible(str(error))
        assert line and "\n" not in line and not OBEYED.search(line), fields
        return False
    return True


def good(work: Workplace, field: str, number: int, as_field: Callable[[str], Any]) -> list[str]:
    """So many hostile texts of those that the field takes."""
    found = [
        text
        for text in texts(field, 8 * number + 40)
        if acceptable(work, **{field: as_field(text)})
    ]
    return found[:number]


def directories(work: Workplace, number: int) -> list[Path]:
    """Directories with hostile names, as far as a file system takes them."""
    found = []
    for text in texts("working_dir", 8 * number + 40):
        path = work.path / "places" / text.replace("/", "_")
        if not text.strip("/.") or not acceptable(work, working_dir=str(path)):
            continue
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError:  # too long
            continue
        found.append(path)
    return found[:number]


def branches(work: Workplace, number: int) -> list[str]:
    """Branches with hostile names, of those that git itself takes; the toolkit takes no others."""
    found = []
    for text in texts("git_branch", 12 * number + 40):
        name = re.sub(r"[\0-\x20\x7f~^:?*\\\[]", "", text) or "x"
        taken = acceptable(work, git_branch=name, working_dir="/")
        with_git = subprocess.run(
            ["git", "check-ref-format", "--branch", re.sub(_NOT_IN_ARGV, "", name)],
            capture_output=True, cwd=work.path, check=False,
        ).returncode == 0  # fmt: skip
        assert with_git or not taken, name  # where it is taken no byte was left out
        if taken and name not in found and len(name.encode()) < 200:
            found.append(name)
    return found[:number]


def test_every_field_of_a_prompt_reaches_every_shell_as_it_is(work: Workplace) -> None:
    number = CASES or 5  # of each field in each shell
    top = work.repo(branches=("main",))
    recorder = work.path / "told" / "recorder.py"
    recorder.parent.mkdir()
    recorder.write_text(RECORDER)
    total = number * len(SHELLS)
    contents = good(work, "content", total, str)
    values = good(work, "env_vars", total, lambda text: {"A": text})
    secrets = good(work, "secret_vars", total, lambda text: {"KEY": text})
    tags = good(work, "tags", total, lambda text: [text])
    keys = good(work, "affinity", total, str)
    places, names = directories(work, total), branches(work, total)
    refs = "".join(f"create refs/heads/{name} {_head(top)}\n" for name in names)
    made = subprocess.run(["git", "-C", top, "update-ref", "--stdin"], input=refs.encode(),
                          capture_output=True, check=False)  # fmt: skip
    assert made.returncode == 0, made.stderr
    for shell in SHELLS:
        work.shell(shell, shell)
        work.tool("enroll", shell, "--command", f"{sys.executable} {recorder}")
    jobs: list[dict[str, Any]] = []
    for index in range(total):
        job: dict[str, Any] = {
            "content": contents[index % len(contents)],
            "env_vars": {"A": values[index % len(values)], "TOP": str(top)},
            "tags": [tags[index % len(tags)]],
            "affinity": keys[index % len(keys)],
            "metadata": {"note": contents[index % len(contents)]},
            "target_session": SHELLS[index % len(SHELLS)],
            "max_attempts": 1,
            "dedup_key": f"{index}{keys[index % len(keys)]}",
            # a word of the shell's own, in which the text is only quoted
            "prerequisites": [f": {_word(contents[index % len(contents)], index)}"],
        }
        if index % 2:
            job["working_dir"] = str(places[index % len(places)])
        else:
            job |= {"working_dir": str(top), "git_branch": names[index % len(names)]}
        jobs.append(job)
    file = work.path / "jobs"
    file.write_text("\n".join(map(json.dumps, jobs)))
    (work.path / "env").write_text("KEY='x'\n")
    for job, secret in zip(jobs[:3], secrets, strict=False):  # the rest by JSON cannot be secret
        work.tool("send", "--jsonl", "-", "--env", "KEY", input=json.dumps(job),
                  env={"KEY": secret})  # fmt: skip
    lines = "\n".join(map(json.dumps, jobs[3:]))
    work.tool("send", "--jsonl", "-", "--env-file", work.path / "env", input=lines)
    run_all(work, 60 + 30 * number)  # on a machine that is very busy
    rows = work.rows("SELECT prompts.*, attempts.id AS attempt FROM prompts JOIN attempts"
                     " ON prompt_id = prompts.id ORDER BY prompts.id")  # fmt: skip
    assert {row["status"] for row in rows} == {"completed"}, [
        (row["status"], row["error"], row["content"])
        for row in rows
        if row["status"] != "completed"
    ]
    for index, (row, job) in enumerate(zip(rows, jobs, strict=True)):
        told = json.loads((recorder.parent / str(row["attempt"])).read_text())
        assert told == {
            "content": job["content"],
            "A": job["env_vars"]["A"],
            "cwd": os.path.realpath(job["working_dir"]),
            "head": job.get("git_branch", told["head"]),
            "key": secrets[index] if index < 3 else "x",
        }
        assert json.loads(row["tags"]) == job["tags"] and row["affinity"] == job["affinity"]
    assert not markers(work.path)
    _nothing_is_obeyed(work, [row["id"] for row in rows][:: max(1, len(rows) // 20)])


def _word(text: str, index: int) -> str:
    """The text as one word for the shell that this prompt is for."""
    return (fish if SHELLS[index % len(SHELLS)] == "fish" else posix).quote(text)


def run_all(work: Workplace, seconds: float) -> None:
    """Passes until every prompt has ended, well or not."""
    over = ("completed", "failed", "cancelled")

    def ended() -> bool:
        work.tool("tick", "--until-idle", 30, status=(0, 1))
        return all(row["status"] in over for row in work.rows("SELECT status FROM prompts"))

    wait_for(ended, seconds)


def _head(top: Path) -> str:
    done = subprocess.run(["git", "-C", top, "rev-parse", "HEAD"], capture_output=True, check=True)
    return done.stdout.decode().strip()


def _nothing_is_obeyed(work: Workplace, ids: list[int]) -> None:
    """All that people and programs are shown of it."""
    views: list[list[object]] = [["prompts"], ["queue"], ["sessions", "--all"], ["status"],
                                 ["cleanup-stale"], ["review"]]  # fmt: skip
    views += [["show", id] for id in ids]
    forms: list[list[object]] = [[], ["--json"], ["--verbose"]]
    for said in calls(work, [[*view, *form] for view in views for form in forms]):
        harmless(said)
        assert said.status == 0, said


def test_every_text_reaches_an_agent_as_it_is(work: Workplace) -> None:
    number = CASES or 8
    agent = work.agent("one", tells="hooks")
    work.tool("enroll", "one")
    work.environment["ASSIGNER_START_WAIT"] = "0.5"
    contents = good(work, "content", number, str)
    lines = (json.dumps({"content": text, "target_session": "one"}) for text in contents)
    work.tool("send", "--jsonl", "-", input="\n".join(lines))
    run_all(work, 60 + 30 * number)  # on a machine that is very busy
    rows = work.rows("SELECT status, error, content FROM prompts ORDER BY id")
    taken = [row["content"] for row in rows if row["status"] == "completed"]
    refused = [row for row in rows if row["status"] != "completed"]
    assert [row for row in refused if not (row["error"] or "").startswith("rejected: ")] == []
    typed = [f" {text}" if text[0] in "/!#" else text for text in taken]
    assert agent.prompts() == typed
    assert len(taken) >= 0.9 * len(contents), [row["error"] for row in refused]
    assert not markers(work.path)


# --- what tmux and the file system tell -----------------------------------------------------------


def hostile_panes(work: Workplace, number: int) -> Iterator[None]:
    """Sessions with odd names, windows, titles, programs, directories, branches and screens."""
    what = texts("panes", 6 * number)
    for index in range(number):
        name, window, title, shown, program, head = what[6 * index : 6 * index + 6]
        place = work.path / "panes" / (re.sub(r"[/\0\ud800-\udfff]", "_", title)[:60] + str(index))
        (place / ".git").mkdir(parents=True)
        (place / ".git" / "HEAD").write_bytes(b"ref: refs/heads/" + _bytes(head) + b"\n")
        screenful = work.path / f"screen{index}"
        screenful.write_bytes(
            b"\x1b]2;%b\x07\x1bk%b\x1b\\%b" % (_bytes(title), _bytes(window), _bytes(shown) * 3)
        )
        line = 'cat "$0"; exec -a "$1" sleep 1000'
        arguments = ["bash", "-c", line, str(screenful), program.replace("\0", "") or "x"]
        named = re.sub(r"[#\0\ud800-\udfff]", "", name)[:80]
        # what tmux itself refuses is nobody's session
        subprocess.run(
            ["tmux", "-u", "-S", work.socket, "-f", "/dev/null", "new-session", "-d",
             "-s", f"{named}{index}", "--", *map(os.fsencode, map(_printable, arguments))],
            cwd=place, env={**work.environment, "TERM": "xterm-256color"},
            capture_output=True, check=False, timeout=20,
        )  # fmt: skip
        yield


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _printable(text: str) -> str:
    return re.sub(_NOT_IN_ARGV, "?", text)


def test_what_is_told_of_panes_is_only_told(work: Workplace) -> None:
    number = CASES or 12
    work.shell("first")
    work.tmux("set-option", "-g", "allow-rename", "on")
    work.tmux("set-option", "-g", "set-titles", "off")
    made = sum(1 for _ in hostile_panes(work, number))
    assert made == number
    work.tool("scan")
    names = [row["name"] for row in work.rows("SELECT name FROM sessions")]
    panes = work.tmux("list-panes", "-a", "-F", "x").count("x")
    assert len(names) == panes > 0.7 * number
    looks: list[list[object]] = [["scan"], ["sync-context"], ["sessions", "--all"], ["status"],
                                 ["doctor", "--quick"], ["enroll", "--list"]]  # fmt: skip
    some = names[:: max(1, len(names) // 40)]
    looks += [["inspect", name] for name in some] + [["sessions", name] for name in some]
    forms: list[list[object]] = [[], ["--json"], ["--verbose"]]
    for said in calls(work, [[*look, *form] for look in looks for form in forms]):
        harmless(said)
    acts: list[list[object]] = [["enroll", "--at-prompt", "--", name] for name in names]
    acts += [["send", "touch marker", f"--target={name}"] for name in names if name != "first"]
    acts += [["tick", "--settle", 0], ["tick"], ["queue"], ["queue", "--json"], ["pause", *names],
             ["resume", *names], ["prompts", "--json"], ["assign-next", "--explain"]]  # fmt: skip
    for said in calls(work, acts):
        harmless(said)
    assert work.rows("SELECT 1 FROM attempts WHERE typed_at IS NOT NULL") == []
    assert not [path for path in markers(work.path) if path.name == "marker"]


def test_any_option_of_a_pane(work: Workplace) -> None:
    """Those by which is known what was typed; a pane whose stamp is spoilt is not typed into."""
    agent = work.agent("one", tells="hooks")
    work.tool("enroll", "one")
    instance = work.row("SELECT value FROM meta WHERE name = 'instance'")["value"]
    work.tool("send", "hello", "--target", "one")
    options = [f"@assigner_{name}_{instance}{end}" for name in ("typed", "entered", "respawned")
               for end in ("", "_pid")]  # fmt: skip
    for text in [*texts("options", CASES or 6), "1 2", "1\n%0\t1\t1", "abc", "1,2}"]:
        value = re.sub(_NOT_IN_ARGV, "", text)
        for option in options:
            work.tmux("set-option", "-p", "-t", agent.id, "--", option, f"{value}~")
        asked: list[list[object]] = [["scan"], ["tick", "--settle", 0], ["inspect", "one"]]
        for said in calls(work, asked):
            harmless(said)
    assert agent.prompts() == []
    for option in options:
        work.tmux("set-option", "-p", "-u", "-t", agent.id, option)
    work.tick(until=30)
    assert agent.prompts() == ["hello"]
    assert not markers(work.path)


def test_what_a_repository_names_is_not_run_by_looking(work: Workplace) -> None:
    top, evil, tree = work.repo(), work.path / "evil", str(work.path / "tree")
    evil.write_text(f"#!/bin/sh\ntouch {work.path}/marker\n")
    evil.chmod(0o755)

    def run(*words: str) -> None:
        subprocess.run(["git", "-C", top, *words], check=True, capture_output=True)

    run("worktree", "add", "-q", tree, "feature")
    for key in ("core.fsmonitor", "diff.external", "core.pager", "core.editor", "alias.status"):
        run("config", key, str(evil))
    (Path(tree) / "branch.txt").write_text("changed")
    assert git.is_clean(tree) is False
    assert git.changes(tree) and git.commits(tree, "2000-01-01")
    (Path(tree) / "branch.txt").write_text("feature\n")
    place = git.made_tree(tree)
    assert place and git.remove_tree(place) is None
    assert not markers(work.path)


# --- what is left in the spool --------------------------------------------------------------------


def test_whatever_hooks_leave_and_whatever_it_is_called(work: Workplace) -> None:
    work.tool("send", "x", "--not-before", "+9d")
    spool = work.state / "spool"
    events = [
        (name, event)
        for name, agent in providers.agents().items()
        if agent.hooks
        for event in {word.split()[0] for word in agent.hooks.events}
    ]
    for index, payload in enumerate(garbage("payloads", max(CASES, 60))):
        name, event = events[index % len(events)]
        (
            spool / f"hook.{name}.{event}.{index % 3 or '-'}.{index % 5 or '-'}.1.{index}"
        ).write_bytes(payload)
        assert hearing.hear(providers.agents()[name], event, payload) is None or index
    kinds = ("begun", "said.ok", "exit", "checked.exit", "step.cd", "group")
    for index, text in enumerate(texts("spool", max(CASES, 60))):
        odd = re.sub(rb"[/\0]", b"_", _bytes(text))[:200]
        for data in (odd, b"hook." + odd, b"hook.claude.Stop." + odd, b"1." + odd,
                     f"1.{kinds[index % 6]}.".encode() + odd):  # fmt: skip
            if data not in (b".", b".."):
                with open(os.path.join(os.fsencode(spool), data), "wb") as file:
                    file.write(_bytes(text))
    views: list[list[object]] = [["observe"], ["observe", "--json"], ["tick", "--verbose"],
                                 ["show", 1], ["doctor", "--quick"],
                                 ["doctor", "--quick", "--json"], ["cleanup-stale"],
                                 ["cleanup-stale", "--json"]]  # fmt: skip
    for said in calls(work, views):
        harmless(said)
        assert said.status == 0 or said.argv[0] == "doctor", said
    assert not [path for path in spool.iterdir() if re.match(r"hook\.\w+\.\w+\.[\d-]+\.[\d-]+\.1\.",
                                                             path.name)]  # fmt: skip


# --- screens, transcripts -------------------------------------------------------------------------

SCREENS = Path(__file__).parent / "data" / "screens-agents"


def test_any_screen_is_judged(tmp_path: Path) -> None:
    """Nothing is raised, nothing is looked for too long, nothing is obeyed when it is told."""
    recorded = sorted(SCREENS.rglob("*.ansi"))
    huge = [piece * 20_000 for piece in ("\x1b]", "[", "\x1b[", "a ", "❯ ", "1. ", "─", "\n", "▷")]
    everything = [*texts("screens", max(CASES, 60)), *huge]
    for index, text in enumerate(everything):
        base = recorded[index % len(recorded)].read_text() if recorded else ""
        at = (index * 131) % (len(base) + 1)
        for coloured in (text, base[:at] + text + base[at:]):
            tellable = coloured.encode("utf-8", "replace").decode()
            for provider in providers.agents().values():
                meta = {"cursor": f"{index % 200},{index % 60}", "pane_title": text,
                        "cursor_flag": "1"}  # fmt: skip
                view = recognising.View.from_coloured(tellable, meta)
                verdict = recognising.judge(provider, view)
                recognising.failure(provider, view, text)
                assert not OBEYED.search(screen.visible(f"{verdict.reason}{verdict.draft}"))
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", screen.clean(text))


def test_any_transcript_is_read(tmp_path: Path) -> None:
    file = tmp_path / "t.jsonl"
    good_ones = [
        path.read_bytes()
        for path in sorted((SCREENS.parent / "transcripts").rglob("*"))
        if path.is_file()
    ]
    for index, data in enumerate(garbage("transcripts", max(CASES, 60))):
        whole = good_ones[index % len(good_ones)]
        at = (index * 997) % (len(whole) + 1)
        for content in (data, whole[:at] + data + whole[at:]):
            file.write_bytes(content)
            for provider in providers.agents().values():
                if provider.transcript:
                    found = transcripts.find(
                        provider, "/", "good turn here", 0.0, home={}, path=str(file)
                    )
                    assert found is None or found.state


# --- what a person writes into files and variables ------------------------------------------------


def one_line(error: AssignerError, place: object = "") -> None:
    line = screen.visible(str(error))
    assert line and not OBEYED.search(line) and str(place) in str(error)


def written(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o600)


def test_any_file_of_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    own = tmp_path / "assigner"
    number = max(CASES, 40)
    standin = (Path(__file__).parent / "data" / "standin.toml").read_text()
    lines = standin.splitlines()
    keys = sorted(config.KNOWN)
    for index, text in enumerate(texts("settings", number)):
        spoilt = "\n".join([*lines[: index % len(lines)], text, *lines[index % len(lines) :]])
        quoted = json.dumps(text.encode("utf-8", "replace").decode())
        key = keys[index % len(keys)]
        for data in (text, f"{key}={text}", f'export {key}="{text}"', f"{key}={quoted}"):
            written(own / ".env", _bytes(data))
            try:
                config.load()
            except SetupError as error:
                one_line(error)
        (own / ".env").unlink()
        named = f"[a]\nsession = {quoted}\nprojects = [{quoted}]\nworking_dir = {quoted}\n"
        named += f"environment = {quoted}"
        for data in (text, f"[{quoted}]\nsession = {quoted}", named):
            written(own / "foundation.toml", _bytes(data))
            try:
                profiles.load()
            except SetupError as error:
                one_line(error, own)
        (own / "foundation.toml").unlink()
        changed = re.sub(r'= "[^"]*"|= \'[^\']*\'', lambda _, q=quoted: f"= {q}", standin, count=3)
        for data in (text, spoilt, changed):
            written(own / "providers" / "odd.toml", _bytes(data))
            for cached in (providers.agent, providers.programs, providers.files):
                cached.cache_clear()
            try:
                providers.agents()
            except SetupError as error:
                one_line(error, own)
        (own / "providers" / "odd.toml").unlink()
    assert not markers(tmp_path)
    for cached in (providers.agent, providers.programs, providers.files):
        cached.cache_clear()


def test_any_variable_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for setting in sorted(config.KNOWN):
        for text in texts(setting, max(CASES, 20)):
            value = re.sub(_NOT_IN_ARGV, "", text)
            monkeypatch.setenv(setting, value)
            try:
                config.load()
            except SetupError as error:
                one_line(error)
        monkeypatch.delenv(setting)


# --- what is given to tools -----------------------------------------------------------------------

TEMPLATES: list[list[object]] = [
    ["send", None], ["send", "x", "--workdir", None], ["send", "x", "--env", None],
    ["send", "x", "--target", None], ["send", "x", "--provider", None], ["send", "--file", None],
    ["send", "--jsonl", None], ["send", "x", "--env-file", None], ["send", "x", "--prereq", None],
    ["send", "x", "--workdir", "/", "--git-branch", None], ["send", "x", "--metadata", None],
    ["send", "x", "--tag", None], ["send", "x", "--affinity", None], ["send", "x", "--key", None],
    ["send", "x", "--check", None], ["send", "x", "--check", "x", "--check-timeout", None],
    ["send", "x", "--not-before", None], ["send", "x", "--priority", None],
    ["send", "x", "--after", None], ["send", None, "--dry-run", "--json"],
    ["queue", "--limit", None], ["queue", "--db", None], ["prompts", "--tag", None],
    ["prompts", "--target", None, "--json"], ["prompts", "--session", None],
    ["prompts", "--git-branch", None], ["prompts", "--status", None], ["show", None],
    ["sessions", None], ["sessions", "--env", None], ["sessions", "--dir", None, "--json"],
    ["sessions", "--branch", None], ["inspect", None], ["inspect", "--provider", None],
    ["inspect", "--provider", "claude", "--screen", None], ["enroll", None],
    ["enroll", "one", "--command", None, "--dry-run"], ["enroll", "--create", None, "--dry-run"],
    ["enroll", "--create", "x", "--workdir", None, "--dry-run"], ["cancel", None], ["retry", None],
    ["enroll", "--create", "x", "--shell", None, "--dry-run"], ["reassign", 1, "--to", None],
    ["reassign", 1, "--provider", None], ["pause", None], ["pause", "--provider", None],
    ["resume", None], ["context", "save", None], ["context", "save", None, "one"],
    ["context", "show", None], ["context", "restore", None, "one"], ["context", "drop", None],
    ["review", "reject", 1, "--dry-run", "--comment", None], ["review", None],
    ["goals", "add-vision", None], ["goals", "add-goal", None], ["goals", "add-task", None],
    ["goals", "add-goal", "x", "--project", None], ["goals", "add-task", "x", "--project", None],
    ["goals", "generate", "--template", None], ["goals", "show", None], ["goals", None],
    ["foundation-check", None], ["foundation-check", "--profile", None], ["providers", None],
    ["hooks", "show", None], ["completion", None], ["cleanup-stale", None], ["clear", None],
    ["doctor", "--dry-run", "--backup", None], ["doctor", "--dry-run", "--recover", None],
    ["scan", "--wait", None], ["tick", "--until-idle", None], ["assign-next", "--limit", None],
    [None],
]  # fmt: skip


def test_any_argument_of_any_tool(work: Workplace) -> None:
    work.enrolled("one")
    work.tool("send", "echo done", "--review")
    work.tick()
    asked: list[list[object]] = []
    for index, template in enumerate(TEMPLATES):
        for text in texts(f"argument {index}", CASES or 2):
            value = re.sub(_NOT_IN_ARGV, "", text)
            words = [value if word is None else word for word in template]
            asked.append(words if words != [value] else ["assigner", value])
    lists: list[list[object]] = [["goals", "list", what] for what in ("tasks", "goals", "visions")]
    lists += [["prompts"], ["queue"], ["context", "show"], ["show", 1], ["sessions"]]
    asked += [[*words, *form] for words in lists for form in ([], ["--json"])]
    for said in calls(work, asked):
        if said.argv[0] == "assigner" or "--help" in said.argv:
            assert said.status in (0, 2) and not OBEYED.search(said.err.replace("\n", "")), said
        else:
            harmless(said)
    assert not [path for path in markers(work.path) if path.name == "marker"]


# --- goals ----------------------------------------------------------------------------------------


def test_any_row_of_another_programs_goals(work: Workplace) -> None:
    number = max(CASES, 30)
    goals = work.path / "theirs.db"
    with sqlite3.connect(goals) as connection:
        connection.execute(
            "CREATE TABLE tasks (id, content, status, project, priority, created_at)"
        )
        for index, text in enumerate(texts("goals", number)):
            value: Any = text.encode("utf-8", "replace").decode()
            kinds: list[Any] = [value, value.encode(), index, None, 1.5, b"\xff\x00"]
            row = [value if column != index % 6 else kinds[index % 5] for column in range(6)]
            row[2] = "pending" if index % 3 else row[2]
            connection.execute("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?)", row)
    connection.close()
    work.enrolled("foundation")
    work.environment["ASSIGNER_GOALS"] = str(goals)
    idle = work.row("SELECT idle_since FROM sessions")["idle_since"]
    later = {"ASSIGNER_NOW": clock.text(clock.seconds(idle) + 400)}
    views: list[list[object]] = [["goals", "list"], ["goals", "list", "--json"]]
    views += [["foundation-check"], ["foundation-check", "--json"],
              ["foundation-check", "--status"], ["prompts"], ["prompts", "--json"], ["queue"],
              ["goals", "list"]]  # fmt: skip
    for said in calls(work, views, **later):
        harmless(said)
    assert not markers(work.path)
