"""The Python interface, used by a separate program as people write it."""

import json
import subprocess
import sys
from typing import Any

import pytest

from harness.workplace import PIPES, Workplace


def python(work: Workplace, program: str, status: int = 0) -> Any:
    """What `program`, with the interface imported, leaves in `answer`."""
    text = f"import json\nfrom assigner import *\n{program}\nprint(json.dumps(answer))"
    done = subprocess.run(
        [sys.executable, "-c", text], env=work.environment, cwd=work.path, timeout=60, **PIPES
    )
    assert done.returncode == status, done.stderr
    return json.loads(done.stdout) if status == 0 else done.stderr.splitlines()[-1]


def test_prompt_is_queued_as_by_send(work: Workplace) -> None:
    context = {
        "priority": 3, "target_session": "one", "env_vars": {"A": "1"}, "git_branch": "main",
        "prerequisites": ["true"], "metadata": {"k": [1]}, "min_score": 5, "timeout_seconds": 2,
        "max_attempts": 2, "idempotent": True, "tags": ["t"], "not_before": "2199-01-01T00:00Z",
    }  # fmt: skip
    assert python(work, f"answer = send_prompt('true', working_dir='sub', **{context})") == 1
    work.tool(
        "send", "true", "--workdir", "sub", "--priority", 3, "--target", "one", "--env", "A=1",
        "--git-branch", "main", "--prereq", "true", "--metadata", '{"k": [1]}', "--min-score", 5,
        "--timeout", 2, "--max-attempts", 2, "--idempotent", "--tag", "t",
        "--not-before", "2199-01-01T00:00Z", cwd=work.path,
    )  # fmt: skip
    mine, sent = work.prompt(1), work.prompt(2)
    own = {"id", "created_at", "ready_at", "updated_at", "updated_by"}
    assert {key: mine[key] for key in mine.keys() - own} == {
        key: sent[key] for key in sent.keys() - own
    }
    assert (mine["updated_by"], mine["working_dir"]) == ("python", f"{work.path}/sub")


def test_secrets_and_dependencies(work: Workplace) -> None:
    first = "one = send_prompt('echo 1')\n"
    assert python(work, f"{first}answer = send_prompt('2', after=[one], secret_vars={{'T': 'x'}})")
    assert work.prompt(2)["held_on"] == "prompt 1"
    assert json.loads(work.prompt(2)["env_vars"]) == {"T": None}


def test_parents_and_keys(work: Workplace) -> None:
    first = "one = send_prompt('1', priority=5, secret_vars={'T': 'x'}, dedup_key='k')\n"
    child = "two = send_prompt('2', parent_id=one, tags=['t'])\n"
    again = "answer = [one, two, send_prompt('3', dedup_key='k')]"
    assert python(work, first + child + again) == [1, 2, 1]
    mine = work.prompt(2)
    assert (mine["parent_id"], mine["priority"], mine["tags"]) == (1, 5, '["t"]')
    assert mine["secrets"] == work.prompt(1)["secrets"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("send_prompt('')", "content is empty"),
        ("send_prompt(5)", "content is not a string: '5'"),
        ("send_prompt('x', priority='high')", "priority is not a whole number"),
        ("send_prompt('x', timeout_seconds='1')", "timeout is not a positive number"),
        ("send_prompt('x', target_provider='abacus')", "unknown provider 'abacus'"),
        ("send_prompt('x', metadata={'a': {1}})", "metadata cannot be written as JSON"),
        ("send_prompt('x', tags=[1])", "tag is not a string"),
        ("send_prompt('x', parent_id=9)", "no prompt 9 to inherit from"),
        ("send_prompt('x', parent_id='1')", "no prompt 1 to inherit from"),
        ("send_prompt('x', dedup_key=5)", "dedup_key is not a string: '5'"),
        ("send_prompt('x', after=[1.5])", "after is not a prompt"),
        ("send_prompt('x', not_before='soon')", "'soon' is not a time"),
        ("send_prompt('x', git_branch=5, working_dir='/')", "git_branch is not a string"),
        ("get_session_state('nowhere')", "no session 'nowhere'"),
        ("get_session_context('nowhere')", "no session 'nowhere'"),
        ("update_session_context('nowhere', git_branch='b')", "no session 'nowhere'"),
    ],
)
def test_what_cannot_be_meant_is_refused(work: Workplace, call: str, message: str) -> None:
    said = python(work, f"answer = {call}", status=1)
    assert said.startswith(f"assigner.errors.UsageError: {message}")
    assert not work.database.exists() or work.rows("SELECT id FROM prompts") == []


def test_unfit_state_directory(work: Workplace) -> None:
    work.state.mkdir()
    work.state.chmod(0o777)
    said = python(work, "answer = send_prompt('x')", status=1)
    assert said.startswith(
        "assigner.errors.SetupError: other users can write to the state directory"
    )


def test_sessions_and_their_context(work: Workplace) -> None:
    top = work.repo()
    work.enrolled("one")
    work.enrolled("two")
    program = f"answer = send_prompt('true', target_session='one', working_dir={str(top)!r}, "
    python(work, f"{program} git_branch='feature', env_vars={{'A': '1'}})")
    work.tick()
    work.tool("sync-context")
    context = {"current_dir": str(top), "git_branch": "feature", "env_vars": {"A": "1"}}
    assert python(work, "answer = get_session_context('one')") == context
    assert python(work, "answer = get_session_state('one')") == {
        **context, "idle": True, "status": "idle", "status_reason": "at its empty prompt",
    }  # fmt: skip
    names = "[row['name'] for row in get_sessions_with_env({})]"
    for given, found in (("'A'", ["one"]), ("'A', '1'", ["one"]), ("'A', '2'", []), ("'B'", [])):
        assert python(work, f"answer = {names.format(given)}") == found
    changed = "update_session_context('two', env_vars={'A': '2'}, git_branch='x')"
    assert python(work, f"{changed}\nanswer = get_session_context('two')") == {
        "current_dir": str(work.home), "git_branch": "x", "env_vars": {"A": "2"},
    }  # fmt: skip
    said = python(work, "answer = update_session_context('two', current_dir='x')", status=1)
    assert said.endswith("current_dir is not an absolute path: 'x'")


def test_scores_need_no_database(work: Workplace) -> None:
    program = """
session = {"name": "a", "current_dir": "/api", "git_branch": "main", "env_vars": {"A": "1"}}
other = {"name": "b", "current_dir": "/", "git_branch": None, "env_vars": {}}
wanted = {"required_dir": "/api", "required_env": {"A": "1"}, "required_branch": "main"}
answer = [
    calculate_context_match_score(session, **wanted),
    calculate_context_match_score(other, **wanted),
    select_best_session_by_context([other, session], **wanted)["name"],
    select_best_session_by_context([other, session], **wanted, min_score=500),
]"""
    assert python(work, program) == [150, 50, "a", None]
    assert not work.state.exists()
