"""Hostile input in every field arrives unchanged or is refused in one line, and does no harm.

No shell, tmux or git executes any of it, and none of it reaches a terminal unescaped.
"""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assigner import clock, config
from assigner.agents import registry, screen_rules
from assigner.agents.hooks import events
from assigner.agents.prompt_match import Typed
from assigner.agents.transcripts import find
from assigner.errors import SetupError, UsageError
from assigner.goals import profiles
from assigner.queue import drafts
from assigner.queue.drafts import Draft
from assigner.shells import fish, posix
from assigner.system import git, terminal_text
from campaigns.hostile.hostile import (
    GARBAGE,
    LINE,
    LINES,
    OBEYED,
    TEXT,
    accepted,
    as_argument,
    as_bytes,
    calls,
    each_piece,
    harmless,
    markers,
    tries,
)
from harness.workplace import Agent, Workplace, wait_for

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


# --- what is asked for ----------------------------------------------------------------------------


def takes(field: str, as_field: Callable[[str], Any] = str) -> Callable[[str], bool]:
    """Whether a field takes a text; what it does not, it refuses in one clear line."""
    nowhere = config.Settings(home=Path("/x"), database=Path("/x/db"), sockets=(), host="h")

    def does(text: str) -> bool:
        fields = {"content": "x", field: as_field(text)}
        try:
            drafts.check(Draft(**fields), nowhere, registry.names())
        except UsageError as error:
            line = terminal_text.visible(str(error))
            assert line and "\n" not in line and not OBEYED.search(line), fields
            return False
        return True

    return does


def takes_directory(text: str) -> bool:
    """Whether a directory can be called so."""
    return bool(text.strip(".")) and takes("working_dir", "/{}".format)(text) and (
        len(os.fsencode(text)) < 256
    )  # fmt: skip


def takes_branch(name: str) -> bool:
    """The toolkit takes no name that git does not."""
    taken = takes("git_branch")(name)
    if taken:
        subprocess.run(["git", "check-ref-format", "--branch", name], check=True, cwd="/",
                       capture_output=True)  # fmt: skip
    return taken and len(name.encode()) < 200


def as_branch(text: str) -> str:
    return re.sub(r"[\0-\x20\x7f~^:?*\\\[]", "", text)


CONTENT = accepted(takes("content"), LINES)
JOBS = st.fixed_dictionaries({
    "content": CONTENT,
    "value": accepted(takes("env_vars", lambda text: {"A": text})),
    "secret": accepted(takes("secret_vars", lambda text: {"KEY": text})),
    "tag": accepted(takes("tags", lambda text: [text])),
    "affinity": accepted(takes("affinity")),
    "key": accepted(takes("dedup_key", lambda text: f"{text} bash 99")),
    "directory": accepted(takes_directory, LINE.map(lambda text: text.replace("/", "_"))),
    "branch": (TEXT | LINE).map(as_branch).filter(takes_branch),
    "in_branch": st.booleans(),
})  # fmt: skip


@pytest.fixture
def recorders(work: Workplace) -> Workplace:
    """In each shell a command that writes down what reaches it."""
    recorder = work.path / "told" / "recorder.py"
    recorder.parent.mkdir()
    recorder.write_text(RECORDER)
    work.repo(branches=("main",))
    for shell in SHELLS:
        work.shell(shell, shell)
        work.tool("enroll", shell, "--command", f"{sys.executable} {recorder}")
    return work


@tries(6, shrinks=False)
@given(jobs=st.tuples(*(JOBS for _ in SHELLS)))
def test_every_field_of_a_prompt_reaches_every_shell_as_it_is(
    recorders: Workplace, jobs: tuple[dict[str, Any], ...]
) -> None:
    work = recorders
    number = len(work.rows("SELECT 1 FROM prompts"))
    sent = [_job(work, shell, job) for shell, job in zip(SHELLS, jobs, strict=True)]
    for job in sent:
        job["dedup_key"] += f" {job['target_session']} {number}"  # none of them is there twice
    secret = jobs[0]["secret"]
    lines = "\n".join(map(json.dumps, sent))
    given = work.tool("send", "--jsonl", "-", "--env", "KEY", input=lines, env={"KEY": secret})
    ids = [int(line) for line in given.out.split()]
    run_all(work)
    for id, job in zip(ids, sent, strict=True):
        row = work.prompt(id)
        assert row["status"] == "completed", (row["error"], job)
        attempt = work.row("SELECT id FROM attempts WHERE prompt_id = ?", id)["id"]
        told = json.loads((work.path / "told" / str(attempt)).read_text())
        assert told == {
            "content": job["content"],
            "A": job["env_vars"]["A"],
            "cwd": os.path.realpath(job["working_dir"]),
            "head": job.get("git_branch", told["head"]),
            "key": secret,
        }
        assert json.loads(row["tags"]) == job["tags"]
        assert (row["affinity"], row["dedup_key"]) == (job["affinity"], job["dedup_key"])
    assert not markers(work.path)
    _nothing_is_obeyed(work, ids)


def _job(work: Workplace, shell: str, drawn: dict[str, Any]) -> dict[str, Any]:
    """A prompt for that shell, as a line of `send --jsonl`."""
    top = work.path / shell
    job: dict[str, Any] = {
        "content": drawn["content"],
        "env_vars": {"A": drawn["value"], "TOP": str(top)},
        "tags": [drawn["tag"]],
        "affinity": drawn["affinity"],
        "dedup_key": drawn["key"],
        "metadata": {"note": drawn["content"]},
        "target_session": shell,
        "max_attempts": 1,
        # a word of the shell's own, in which the text is only quoted
        "prerequisites": [f": {(fish if shell == 'fish' else posix).quote(drawn['content'])}"],
    }
    if drawn["in_branch"]:
        shutil.rmtree(top, ignore_errors=True)
        shutil.copytree(work.path / "repo", top)
        subprocess.run(["git", "-C", top, "branch", drawn["branch"]], check=True)
        return job | {"working_dir": str(top), "git_branch": drawn["branch"]}
    name = drawn["directory"]
    if shell == "fish":  # it writes its directory as it is into its title, which spoils its screen
        name = OBEYED.sub("_", name.replace("\n", "_"))
    place = work.path / "places" / name
    place.mkdir(parents=True, exist_ok=True)
    return job | {"working_dir": str(place)}


@each_piece
@tries(60)
@given(text=TEXT)
def test_a_variable_has_a_name_that_every_shell_takes(text: str) -> None:
    for name in (text, f"A{text}", f"{text}A", f"A{text}=1", f"_{text[:1]}"):
        if takes("env_vars", lambda name: {name: "x"})(name):
            assert re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name)


def run_all(work: Workplace) -> None:
    """Passes until every prompt has ended, well or not."""
    open_ones = "SELECT 1 FROM prompts WHERE status NOT IN ('completed', 'failed', 'cancelled')"

    def ended() -> bool:
        work.tool("tick", "--until-idle", 30, status=(0, 1))
        return not work.rows(open_ones)

    wait_for(ended, 90)  # on a machine that is very busy


def _nothing_is_obeyed(work: Workplace, ids: list[int]) -> None:
    """All that people and programs are shown of it."""
    views: list[list[object]] = [["prompts"], ["queue"], ["sessions", "--all"], ["status"],
                                 ["cleanup-stale"], ["review"]]  # fmt: skip
    views += [["show", id] for id in ids]
    forms: list[list[object]] = [[], ["--json"], ["--verbose"]]
    for said in calls(work, [[*view, *form] for view in views for form in forms]):
        harmless(said)
        assert said.status == 0, said


@pytest.fixture
def agent(work: Workplace) -> Iterator[tuple[Workplace, Agent, list[str]]]:
    """An agent, and the contents that it was given; nearly all of them it has taken."""
    agent = work.agent("one", tells="hooks")
    work.tool("enroll", "one")
    work.environment["ASSIGNER_START_WAIT"] = "0.5"
    given: list[str] = []
    yield work, agent, given
    assert len(agent.prompts()) >= 0.9 * len(given)


@tries(8, shrinks=False)
@given(content=CONTENT)
def test_every_text_reaches_an_agent_as_it_is(
    agent: tuple[Workplace, Agent, list[str]], content: str
) -> None:
    work, one, given = agent
    before = one.prompts()
    given.append(content)
    line = json.dumps({"content": content, "target_session": "one"})
    prompt = int(work.tool("send", "--jsonl", "-", input=line).out)
    run_all(work)
    row = work.prompt(prompt)
    if row["status"] != "completed":
        assert row["error"].startswith("not_accepted: "), row["error"]  # as where nothing is drawn
        assert one.prompts() == before
    else:
        assert one.prompts() == [*before, f" {content}" if content[0] in "/!#" else content]
    assert not markers(work.path)


# --- what tmux and the file system tell -----------------------------------------------------------


PANES = st.fixed_dictionaries(
    dict.fromkeys(("name", "window", "title", "shown", "program", "head"), TEXT)
)


def hostile_pane(work: Workplace, index: int, told: dict[str, str]) -> None:
    """A session with an odd name, window, title, program, directory, branch and screen."""
    odd = re.sub(r"[/\0\ud800-\udfff]", "_", told["title"])[:60]
    place = work.path / "panes" / f"{odd}{index}"
    (place / ".git").mkdir(parents=True)
    (place / ".git" / "HEAD").write_bytes(b"ref: refs/heads/" + as_bytes(told["head"]) + b"\n")
    screenful = work.path / f"screen{index}"
    title, window, shown = (as_bytes(told[word]) for word in ("title", "window", "shown"))
    screenful.write_bytes(b"\x1b]2;%b\x07\x1bk%b\x1b\\%b" % (title, window, shown * 3))
    line = 'cat "$0"; exec -a "$1" sleep 1000'
    program = as_argument(told["program"], "?") or "x"
    name = re.sub(r"[#\0\ud800-\udfff]", "", told["name"])[:80]
    # what tmux itself refuses is nobody's session
    subprocess.run(
        ["tmux", "-u", "-S", work.socket, "-f", "/dev/null", "new-session", "-d",
         "-s", f"{name}{index}", "--", "bash", "-c", line, screenful, os.fsencode(program)],
        cwd=place, env={**work.environment, "TERM": "xterm-256color"},
        capture_output=True, check=False, timeout=20,
    )  # fmt: skip


@pytest.fixture
def panes(work: Workplace) -> Iterator[tuple[Workplace, list[int]]]:
    """A server that lets programs name its windows; and how many of each four panes were seen."""
    work.shell("first")
    work.tmux("set-option", "-g", "allow-rename", "on")
    work.tmux("set-option", "-g", "set-titles", "off")
    seen: list[int] = []
    yield work, seen
    assert sum(seen) > 0.7 * 4 * len(seen)  # tmux refuses some names


@tries(4, shrinks=False)
@given(told=st.lists(PANES, min_size=4, max_size=4))
def test_what_is_told_of_panes_is_only_told(
    panes: tuple[Workplace, list[int]], told: list[dict[str, str]]
) -> None:
    work, seen = panes
    for index, pane in enumerate(told):
        hostile_pane(work, 4 * len(seen) + index, pane)
    work.tool("scan")
    names = [row["name"] for row in work.rows("SELECT name FROM sessions WHERE pane_id IS NOT NULL"
                                              " AND status <> 'offline'")]  # fmt: skip
    assert len(names) == work.tmux("list-panes", "-a", "-F", "x").count("x")
    seen.append(len(names) - 1)
    looks: list[list[object]] = [["scan"], ["sync-context"], ["sessions", "--all"], ["status"],
                                 ["doctor", "--quick"], ["enroll", "--list"]]  # fmt: skip
    looks += [[tool, name] for name in names for tool in ("inspect", "sessions")]
    forms: list[list[object]] = [[], ["--json"], ["--verbose"]]
    acts: list[list[object]] = [["enroll", "--at-prompt", "--", name] for name in names]
    acts += [["send", "touch marker", f"--target={name}"] for name in names if name != "first"]
    acts += [["tick", "--settle", 0], ["tick"], ["queue"], ["queue", "--json"], ["pause", *names],
             ["resume", *names], ["prompts", "--json"], ["assign-next", "--explain"]]  # fmt: skip
    for said in calls(work, [*([*look, *form] for look in looks for form in forms), *acts]):
        harmless(said)
    assert work.rows("SELECT 1 FROM attempts WHERE typed_at IS NOT NULL") == []
    assert not [path for path in markers(work.path) if path.name == "marker"]
    for id in work.tmux("list-sessions", "-F", "#{session_id}").split()[1:]:
        work.tmux("kill-session", "-t", id)


@pytest.fixture
def spoilt(work: Workplace) -> Iterator[tuple[Workplace, Agent, list[str]]]:
    """An agent that has a prompt to come, and the options by which is known what was typed."""
    agent = work.agent("one", tells="hooks")
    work.tool("enroll", "one")
    instance = work.row("SELECT value FROM meta WHERE name = 'instance'")["value"]
    work.tool("send", "hello", "--target", "one")
    options = [f"@assigner_{name}_{instance}{end}" for name in ("typed", "entered", "respawned")
               for end in ("", "_pid")]  # fmt: skip
    yield work, agent, options
    assert agent.prompts() == []
    for option in options:
        work.tmux("set-option", "-p", "-u", "-t", agent.id, option)
    work.tick(until=30)
    assert agent.prompts() == ["hello"]
    assert not markers(work.path)


@example(text="1 2")
@example(text="1\n%0\t1\t1")
@example(text="abc")
@example(text="1,2}")
@tries(6, shrinks=False)
@given(text=TEXT)
def test_a_pane_whose_stamps_are_spoilt_is_not_typed_into(
    spoilt: tuple[Workplace, Agent, list[str]], text: str
) -> None:
    work, agent, options = spoilt
    for option in options:
        work.tmux("set-option", "-p", "-t", agent.id, "--", option, f"{as_argument(text)}~")
    asked: list[list[object]] = [["scan"], ["tick", "--settle", 0], ["inspect", "one"]]
    for said in calls(work, asked):
        harmless(said)
    assert agent.prompts() == []


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

EVENTS = [
    (name, event)
    for name, agent in registry.agents().items()
    if agent.hooks
    for event in sorted({word.split()[0] for word in agent.hooks.events})
]
KINDS = ("begun", "said.ok", "exit", "checked.exit", "step.cd", "group")


@pytest.fixture
def spooling(work: Workplace) -> Workplace:
    """A queue that has a prompt, which nobody is given."""
    work.tool("send", "x", "--not-before", "+9d")
    return work


@tries(6)
@given(
    payloads=st.lists(st.tuples(st.sampled_from(EVENTS), GARBAGE), max_size=10),
    texts=st.lists(st.tuples(st.sampled_from(KINDS), TEXT), max_size=10),
)
def test_whatever_hooks_leave_and_whatever_it_is_called(
    spooling: Workplace,
    payloads: list[tuple[tuple[str, str], bytes]],
    texts: list[tuple[str, str]],
) -> None:
    work, spool = spooling, spooling.state / "spool"
    for index, ((name, event), payload) in enumerate(payloads):
        place = f"{index % 3 or '-'}.{index % 5 or '-'}"
        (spool / f"hook.{name}.{event}.{place}.1.{index}").write_bytes(payload)
        events.parse(registry.agents()[name], event, payload)
    for kind, text in texts:
        odd = re.sub(rb"[/\0]", b"_", as_bytes(text))[:200]
        for data in (odd, b"hook." + odd, b"hook.claude.Stop." + odd, b"1." + odd,
                     f"1.{kind}.".encode() + odd):  # fmt: skip
            if data not in (b".", b".."):
                with open(os.path.join(os.fsencode(spool), data), "wb") as file:
                    file.write(as_bytes(text))
    views: list[list[object]] = [["observe"], ["observe", "--json"], ["tick", "--verbose"],
                                 ["show", 1], ["doctor", "--quick"],
                                 ["doctor", "--quick", "--json"], ["cleanup-stale"],
                                 ["cleanup-stale", "--json"]]  # fmt: skip
    for said in calls(work, views):
        harmless(said)
        assert said.status == 0 or said.argv[0] == "doctor", said
    read = re.compile(r"hook\.\w+\.\w+\.[\d-]+\.[\d-]+\.1\.")
    assert not [path for path in spool.iterdir() if read.match(path.name)]


# --- screens, transcripts -------------------------------------------------------------------------

DATA = Path(__file__).parents[2] / "data"
SCREENS = sorted((DATA / "screens-agents").rglob("*.ansi"))
TRANSCRIPTS = sorted(path for path in (DATA / "transcripts").rglob("*") if path.is_file())
HUGE = [piece * 20_000 for piece in ("\x1b]", "[", "\x1b[", "a ", "❯ ", "1. ", "─", "\n", "▷")]


@each_piece
@tries(60)
@given(text=TEXT | st.sampled_from(HUGE))
def test_any_screen_is_judged(text: str) -> None:
    """Nothing is raised, nothing is looked for too long, nothing is obeyed when it is told."""
    chance = zlib.crc32(as_bytes(text))
    base = SCREENS[chance % len(SCREENS)].read_text()
    at = chance % (len(base) + 1)
    for colored in (text, base[:at] + text + base[at:]):
        tellable = colored.encode("utf-8", "replace").decode()
        for provider in registry.agents().values():
            meta = {"cursor": f"{chance % 200},{chance % 60}", "pane_title": text,
                    "cursor_flag": "1"}  # fmt: skip
            view = screen_rules.View.from_colored(tellable, meta)
            verdict = screen_rules.judge(provider, view)
            screen_rules.failure(provider, view, text)
            assert not OBEYED.search(terminal_text.visible(f"{verdict.reason}{verdict.draft}"))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", terminal_text.clean(text))


@tries(60)
@given(data=GARBAGE, recorded=st.sampled_from(TRANSCRIPTS), part=st.floats(0, 1))
def test_any_transcript_is_read(tmp_path: Path, data: bytes, recorded: Path, part: float) -> None:
    file, whole = tmp_path / "t.jsonl", recorded.read_bytes()
    at = int(part * len(whole))
    for content in (data, whole[:at] + data + whole[at:]):
        file.write_bytes(content)
        for provider in registry.agents().values():
            if provider.transcript:
                found = find.find(
                    provider, "/", Typed("good turn here"), 0.0, home={}, path=str(file)
                )
                assert found is None or found.state


# --- what a person writes into files and variables ------------------------------------------------


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The person's directory of settings."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    yield tmp_path / "assigner"
    assert not markers(tmp_path)
    _forget()


def _forget() -> None:
    for cached in (registry.agent, registry.programs, registry.files):
        cached.cache_clear()


def one_line(read: Callable[[], object], place: object = "") -> None:
    """It is read, or refused in one clear line."""
    try:
        read()
    except SetupError as error:
        line = terminal_text.visible(str(error))
        assert line and not OBEYED.search(line) and str(place) in str(error)


@contextmanager
def written(path: Path, text: str) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(as_bytes(text))
    path.chmod(0o600)
    yield
    path.unlink()


def quoted(text: str) -> str:
    """As a string of TOML, JSON or a shell."""
    return json.dumps(text.encode("utf-8", "replace").decode())


@each_piece
@tries(40)
@given(text=TEXT)
def test_any_file_of_variables(own: Path, text: str) -> None:
    keys = sorted(config.KNOWN)
    key = keys[zlib.crc32(as_bytes(text)) % len(keys)]
    for data in (text, f"{key}={text}", f'export {key}="{text}"', f"{key}={quoted(text)}"):
        with written(own / ".env", data):
            one_line(config.load)


@each_piece
@tries(40)
@given(text=TEXT)
def test_any_file_of_profiles(own: Path, text: str) -> None:
    word = quoted(text)
    named = f"[a]\nsession = {word}\nprojects = [{word}]\nworking_dir = {word}\n"
    for data in (text, f"[{word}]\nsession = {word}", f"{named}environment = {word}"):
        with written(own / "foundation.toml", data):
            one_line(profiles.load, own)


@each_piece
@tries(40)
@given(text=TEXT)
def test_any_file_of_a_provider(own: Path, text: str) -> None:
    standin = (DATA / "standin.toml").read_text()
    lines, word = standin.splitlines(), quoted(text)
    at = zlib.crc32(as_bytes(text)) % len(lines)
    spoilt = "\n".join([*lines[:at], text, *lines[at:]])
    changed = re.sub(r'= "[^"]*"|= \'[^\']*\'', lambda _: f"= {word}", standin, count=3)
    for data in (text, spoilt, changed):
        with written(own / "providers" / "odd.toml", data):
            _forget()
            one_line(registry.agents, own)


@each_piece
@tries(20)
@given(text=TEXT)
def test_any_variable_of_ours(own: Path, text: str) -> None:
    for setting in sorted(config.KNOWN):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(setting, as_argument(text))
            one_line(config.load)


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


@pytest.fixture
def used(work: Workplace) -> Workplace:
    """A workplace where something can be named: a session, and a prompt to be reviewed."""
    work.enrolled("one")
    work.tool("send", "echo done", "--review")
    work.tick()
    return work


@tries(3, shrinks=False)
@given(text=TEXT)
def test_any_argument_of_any_tool(used: Workplace, text: str) -> None:
    value = as_argument(text)
    asked = [[value if word is None else word for word in template] for template in TEMPLATES]
    asked[-1] = ["assigner", value]
    lists: list[list[object]] = [["goals", "list", what] for what in ("tasks", "goals", "visions")]
    lists += [["prompts"], ["queue"], ["context", "show"], ["show", 1], ["sessions"]]
    asked += [[*words, *form] for words in lists for form in ([], ["--json"])]
    for said in calls(used, asked):
        if said.argv[0] == "assigner" or "--help" in said.argv:
            assert said.status in (0, 2) and not OBEYED.search(said.err.replace("\n", "")), said
        else:
            harmless(said)
    assert not [path for path in markers(used.path) if path.name == "marker"]


# --- goals ----------------------------------------------------------------------------------------

VALUES = (
    TEXT.map(lambda text: text.encode("utf-8", "replace").decode())
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.none()
    | st.sampled_from([b"\xff\x00", b"text"])
)


@pytest.fixture
def worked(work: Workplace) -> Workplace:
    """A session that is idle for long, and another program's goals for it."""
    work.enrolled("foundation")
    work.environment["ASSIGNER_GOALS"] = str(work.path / "theirs.db")
    idle = work.row("SELECT idle_since FROM sessions")["idle_since"]
    work.environment["ASSIGNER_NOW"] = clock.text(clock.seconds(idle) + 400)
    return work


@tries(6)
@given(
    tasks=st.lists(
        st.tuples(VALUES, VALUES, VALUES | st.just("pending"), VALUES, VALUES, VALUES), max_size=12
    )
)
def test_any_row_of_another_programs_goals(
    worked: Workplace, tasks: list[tuple[object, ...]]
) -> None:
    with closing(sqlite3.connect(worked.path / "theirs.db")) as connection, connection:
        connection.execute("DROP TABLE IF EXISTS tasks")
        connection.execute(
            "CREATE TABLE tasks (id, content, status, project, priority, created_at)"
        )
        connection.executemany("INSERT INTO tasks VALUES (?, ?, ?, ?, ?, ?)", tasks)
    views: list[list[object]] = [["goals", "list"], ["goals", "list", "--json"],
                                 ["foundation-check"], ["foundation-check", "--json"],
                                 ["foundation-check", "--status"], ["prompts"],
                                 ["prompts", "--json"], ["queue"], ["goals", "list"]]  # fmt: skip
    for said in calls(worked, views):
        harmless(said)
    assert not markers(worked.path)
