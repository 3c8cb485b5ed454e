"""Hostile input in every field: it arrives byte by byte or is refused in one line, and does no more.

Nothing in it is carried out by a shell, tmux or git, and nothing of it reaches a terminal.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from assigner import (
    config,
    drafting,
    hearing,
    profiles,
    prompts,
    providers,
    recognising,
    screen,
    transcripts,
)
from assigner.drafting import Draft
from assigner.errors import AssignerError, SetupError, UsageError
from hostile import CASES, OBEYED, calls, garbage, harmless, markers, texts
from support import Workplace

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
            ["git", "check-ref-format", "--branch", name.encode("utf-8", "surrogateescape")
             if not re.search("[\ud800-\udbff]", name) else b"\x80\0".strip(b"\0")],
            capture_output=True, cwd=work.path, check=False,
        ).returncode == 0  # fmt: skip
        assert with_git or not taken, name
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
    commands = good(work, "prerequisites", total, lambda text: [f": {text}"])
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
            "prerequisites": [f": {shlex.quote('x')}"],
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
    work.tick("--settle", 2, until=60 + 6 * number)
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
    del commands  # what runs them is told by the next test
    assert not markers(work.path)
    _nothing_is_obeyed(work, [row["id"] for row in rows][:: max(1, len(rows) // 20)])


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
    work.tool("tick", "--until-idle", 60 + 4 * number, status=(0, 1))
    rows = work.rows("SELECT status, error, content FROM prompts ORDER BY id")
    taken = [row["content"] for row in rows if row["status"] == "completed"]
    refused = [row for row in rows if row["status"] != "completed"]
    assert [row for row in refused if not (row["error"] or "").startswith("rejected: ")] == []
    typed = [f" {text}" if text[0] in "/!#" else text for text in taken]
    assert agent.prompts() == typed
    assert len(taken) >= 0.9 * len(contents), [row["error"] for row in refused]
    assert not markers(work.path)
