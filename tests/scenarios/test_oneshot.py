"""One-shot agents in shell sessions: their command lines, outcomes and conversations.

The programs are stand-ins that print what the real ones printed.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.workplace import ROOT, Workplace

DATA = ROOT / "tests" / "data" / "once"
LINES = {"claude": "claude -p", "codex": "codex exec -s read-only", "opencode": "opencode run"}
# The prompt's first line names what it prints; a conversation that is not known is `gone`
AGENT = """#!/bin/sh
cd '{place}' || exit 125
number=$(($(ls -d run.* 2>/dev/null | wc -l) + 1))
mkdir run.$number
printf '%s\\n' "$@" >run.$number/argv
cat >run.$number/stdin
name=$(head -n 1 run.$number/stdin)
[ -e "answers/$name.out" ] || name=good
case "$*" in *GONE*) name=gone ;; esac
cat "answers/$name.out"
cat "answers/$name.err" >&2
exit "$(cat "answers/$name.status")"
"""


class Agent:
    """A stand-in, and how it was called."""

    def __init__(self, work: Workplace, name: str, place: Path) -> None:
        self.work, self.name, self.place = work, name, place
        (place / "answers").mkdir(parents=True)
        for kind, run in json.loads((DATA / f"{name}.json").read_text()).items():
            for part, text in run.items():
                (place / "answers" / f"{kind}.{part}").write_text(str(text))
        program = place / name
        program.write_text(AGENT.format(place=place))
        program.chmod(0o755)

    def calls(self) -> list[tuple[list[str], str]]:
        """The arguments and the standard input of each call."""
        runs = sorted(self.place.glob("run.*"), key=lambda path: int(path.suffix[1:]))
        return [
            ((run / "argv").read_text().splitlines(), (run / "stdin").read_text()) for run in runs
        ]

    def enroll(self, session: str, shell: str = "bash") -> None:
        self.work.shell(session, shell)
        command = LINES[self.name].partition(" ")[2]
        self.work.tool("enroll", session, "--command", f"'{self.place / self.name}' {command}")

    def give(self, *contents: str, **keys: Any) -> list[dict[str, Any]]:
        """The prompts, once they are over."""
        given = {"target_provider": "command", "max_attempts": 1, **keys}
        lines = [json.dumps({"content": content, **given}) for content in contents]
        self.work.tool("send", "--jsonl", "-", input="\n".join(lines))
        self.work.tick(until=30)
        return self.work.rows("SELECT * FROM prompts ORDER BY id")[-len(contents) :]


@pytest.fixture
def work(work: Workplace) -> Iterator[Workplace]:
    work.environment["ASSIGNER_BACKOFF_BASE"] = "0"
    yield work


@pytest.fixture
def claude(work: Workplace, tmp_path: Path) -> Agent:
    return Agent(work, "claude", tmp_path / "an agent")


@pytest.mark.parametrize("name", ["claude", "codex", "opencode"])
def test_the_answer_is_the_response_and_a_failure_has_its_error(
    work: Workplace, tmp_path: Path, name: str
) -> None:
    agent = Agent(work, name, tmp_path / "agent")
    agent.enroll("one")
    good, wrong_key = agent.give("good", "fail401")
    assert (good["status"], good["error"]) == ("completed", None)
    assert good["response"].startswith("MOCK-OK sha=")
    assert (wrong_key["status"], wrong_key["attempts"]) == ("pending", 0)
    reason = work.row("SELECT rest_reason FROM sessions")["rest_reason"]
    assert reason.startswith("auth: ") and "invalid api key" in reason
    work.tool("cancel", wrong_key["id"])
    work.tool("resume", "one")
    (limited,) = agent.give("ratelimit")
    assert (limited["status"], limited["held_by"]) == ("pending", "limit")
    assert limited["attempts"] == 0
    classes = work.rows("SELECT failure_class FROM attempts ORDER BY id")
    assert [row["failure_class"] for row in classes] == [None, "auth", None]


def test_a_prompt_reaches_it_whole_and_only_on_standard_input(
    claude: Agent, shell: str, work: Workplace
) -> None:
    claude.enroll("one", shell)
    big = "\"x\" 'y' $(id) `id` \\ ! %s\n" * 800
    contents = [big, "-v --help", "@file x", "!ls", "/help me"]
    rows = claude.give(*contents)
    assert [row["status"] for row in rows] == ["completed"] * len(contents)
    assert [argv for argv, _ in claude.calls()] == [["-p", "--output-format", "json"]] * 5
    assert [text for _, text in claude.calls()] == [*contents[:-1], " /help me"]


@pytest.mark.parametrize(
    ("name", "resumed"),
    [
        ("claude", ["-p", "--output-format", "json", "--resume", "{id}"]),
        ("codex", ["exec", "-s", "read-only", "--json", "resume", "{id}", "-"]),
        ("opencode", ["run", "--format", "json", "--session", "{id}"]),
    ],
)
def test_prompts_of_one_affinity_share_a_conversation(
    work: Workplace, tmp_path: Path, name: str, resumed: list[str]
) -> None:
    agent = Agent(work, name, tmp_path / "agent")
    agent.enroll("one")
    agent.give("good", "good", affinity="story")
    agent.give("good", affinity="another")
    agent.give("good")
    first, second, third, fourth = (argv for argv, _ in agent.calls())
    known = work.row("SELECT * FROM conversations WHERE affinity = 'story'")
    assert known["provider"] == name
    assert second == [word.replace("{id}", known["conversation"]) for word in resumed]
    assert first == third == fourth
    assert known["conversation"] not in first


def test_a_conversation_that_is_gone_is_begun_afresh(work: Workplace, claude: Agent) -> None:
    claude.enroll("one")
    good = claude.place / "answers" / "good.out"
    kept = good.read_text()
    identity = json.loads(kept)["session_id"]
    good.write_text(kept.replace(identity, "GONE"))
    claude.give("good", affinity="story")
    good.write_text(kept)
    (row,) = claude.give("good", affinity="story", max_attempts=2)
    assert (row["status"], row["attempts"]) == ("completed", 2)
    assert ["--resume" in argv for argv, _ in claude.calls()] == [False, True, False]
    assert work.row("SELECT conversation FROM conversations") == {"conversation": identity}
    told = work.tool("show", row["id"]).out
    assert "No conversation found" in told


def test_a_conversation_has_one_prompt_at_a_time(work: Workplace, claude: Agent) -> None:
    for session in ("one", "two"):
        claude.enroll(session)
    work.tool("send", "good", "--target", "one", "--affinity", "story")
    work.tool("send", "good", "--target", "two", "--affinity", "story")
    work.tool("assign-next")
    released, typed = sorted(work.tool("deliver", "--json").json, key=lambda row: row["action"])
    assert (released["action"], typed["action"]) == ("released", "typed")
    assert released["reason"] == f"prompt {typed['prompt']} is in the same conversation"
    work.tick(until=20)
    assert [row["status"] for row in work.rows("SELECT status FROM prompts")] == ["completed"] * 2
    assert ["--resume" in argv for argv, _ in claude.calls()] == [False, True]


def test_another_command_is_called_as_it_stands(work: Workplace) -> None:
    work.shell("one")
    work.tool("enroll", "one", "--command", "cat; false")
    prompt = work.tool("send", "/x", "--target", "one", "--affinity", "k", "--max-attempts", 1)
    work.tick()
    row = work.prompt(int(prompt.out))
    assert (row["response"], row["error"]) == ("/x", "exit_status: 1")
    assert work.rows("SELECT * FROM conversations") == []


def test_an_agent_is_told_of_the_sentinel(work: Workplace, claude: Agent) -> None:
    claude.enroll("one")
    good = claude.place / "answers" / "good.out"
    (row,) = claude.give("good", sentinel=True)
    assert row["status"] == "failed" and row["error"].startswith("unverified: ")
    good.write_text(
        good.read_text().replace(
            "MOCK-OK sha=d02f289e chars=14 lines=4", "Done.\\nASSIGNER-DONE ok it is there"
        )
    )
    (row,) = claude.give("good", sentinel=True)
    assert (row["status"], row["response"]) == ("completed", "Done.\nASSIGNER-DONE ok it is there")
    assert all("the word ASSIGNER-DONE" in text for _, text in claude.calls())


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        ("format = 'json'", "'once' 'command' is missing or empty"),
        ("command = 'x'\nformat = 'xml'", "'once' 'format' is not one of json, text: 'xml'"),
        ("command = 'x'\nformat = 'json'", "'once' 'message' is missing"),
        ("command = '('\nformat = 'text'", "'once' 'command' is not a regular expression"),
        ("command = 'x'\nformat = 'text'\nodd = 1", "'once' 'odd' is not a key"),
        ("command = 'x'\nformat = 'text'\nresume = '-r'", "'once' 'resume' needs"),
        ("command = 'x'\nformat = 'text'\nreset = 'at .*'", "'once' 'reset' needs a group"),
        ("command = 'x'\nformat = 'text'\nerror = 1", "'once' 'error' is not a table"),
        ("command = 'x'\nformat = 'text'\nerror = {}", "'once' 'error' 'where' is not a table"),
        (
            "command = 'x'\nformat = 'text'\nerror = { where = { a = [] } }",
            "'once' 'error' 'where' has a value",
        ),
        (
            "command = 'x'\nformat = 'text'\nerror = { where = { a = 1 }, value = 'x' }",
            "'once' 'error' 'value' is not a list of strings",
        ),
    ],
)
def test_a_bad_table_is_told_in_one_line(
    work: Workplace, tmp_path: Path, table: str, fault: str
) -> None:
    own = tmp_path / "assigner" / "providers" / "robot.toml"
    own.parent.mkdir(parents=True)
    own.write_text(f"[once]\n{table}\n")
    said = work.tool("providers", env={"XDG_CONFIG_HOME": str(tmp_path)}, status=78).err
    assert said.startswith(f"providers: '{own}': {fault}") and said.count("\n") == 1


def test_a_bad_file_concerns_its_own_agent_only(work: Workplace, claude: Agent) -> None:
    claude.enroll("one")
    own = work.home / ".config" / "assigner" / "providers"
    own.mkdir(parents=True)
    (own / "codex.toml").write_text("nonsense = 1\n")
    (good,) = claude.give("good")
    assert (good["status"], good["error"]) == ("completed", None)
    (own / "codex.toml").rename(own / "claude.toml")
    (bad,) = claude.give("good")
    where = f"context: command: '{own}/claude.toml': "
    assert bad["error"].startswith(f"{where}'nonsense' is not a key")
    assert len(claude.calls()) == 1
