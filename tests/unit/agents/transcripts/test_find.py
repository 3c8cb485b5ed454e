"""Turns are read right from what the agents really wrote, however little of it is there yet."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assigner import clock
from assigner.agents import registry
from assigner.agents.prompt_match import Typed
from assigner.agents.transcripts import claude, codex, jsonl
from assigner.agents.transcripts import find as transcripts_find
from assigner.agents.transcripts.turn import Begun, Turn
from harness.workplace import ROOT

DATA = ROOT / "tests" / "data" / "transcripts"
EXPECTED: dict[str, list[dict[str, Any]]] = json.loads((DATA / "expected.json").read_text())
CASES = [(agent, case) for agent, cases in EXPECTED.items() for case in cases]
NAMES = [f"{agent} {case['name']}" for agent, case in CASES]
LINES = [(agent, case) for agent, case in CASES if agent != "opencode"]
DIRECTORY = "/home/tester/project"
PLACES = {"claude": ".claude", "codex": ".codex", "opencode": ".local/share/opencode"}
TABLES = {
    "session": "id TEXT PRIMARY KEY, parent_id, directory, title, version, time_created,"
    " time_updated",
    "message": "id TEXT PRIMARY KEY, session_id, time_created, time_updated, data",
    "part": "id TEXT PRIMARY KEY, message_id, session_id, time_created, time_updated, data",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home directory in which the agents have run."""
    place = tmp_path_factory.mktemp("home")
    for agent in ("claude", "codex"):
        shutil.copytree(DATA / agent, place / PLACES[agent])
    (place / PLACES["opencode"]).mkdir(parents=True)
    make_database(place / PLACES["opencode"] / "opencode.db")
    return place


def make_database(path: Path) -> None:
    """A database with the conversations that OpenCode had."""
    with sqlite3.connect(path) as database:
        for table, columns in TABLES.items():
            database.execute(f"CREATE TABLE {table} ({columns})")
        for file in sorted((DATA / "opencode").glob("*.jsonl")):
            for line in file.read_text().rstrip("\n").split("\n"):
                row = json.loads(line)
                table = row.pop("table")
                row.pop("rowid")
                names = ", ".join(f":{name}" for name in row)
                columns = ", ".join(row)
                database.execute(f"INSERT INTO {table} ({columns}) VALUES ({names})", row)
    database.close()


def find(agent: str, home: Path, case: dict[str, Any], **more: Any) -> Turn | None:
    provider = registry.agents()[agent]
    typed = Typed(more.pop("text", case["text"]), provider.manner, more.pop("left", None))
    given = {"directory": DIRECTORY, "since": clock.seconds(case["since"])} | more
    return transcripts_find.find(provider, typed=typed, home={"HOME": str(home)}, **given)


def read(agent: str, path: str, known: list[jsonl.Record], case: dict[str, Any]) -> Turn | None:
    """The same from some of the records."""
    reader = {"claude": claude.find, "codex": codex.find}[agent]
    shape = registry.agents()[agent].transcript
    assert shape is not None
    begun: Begun | None = reader(
        shape, path, known, Typed(case["text"]), clock.seconds(case["since"])
    )
    return begun.turn if begun else None


def told(turn: Turn | None) -> tuple[object, ...]:
    assert turn is not None
    return turn.state, turn.failure, turn.error, turn.reset, turn.message


@pytest.mark.parametrize(("agent", "case"), CASES, ids=NAMES)
def test_a_turn_is_told_as_it_was(home: Path, agent: str, case: dict[str, Any]) -> None:
    turn = find(agent, home, case)
    right = tuple(case.get(key) for key in ("state", "failure", "error", "reset", "message"))
    assert told(turn) == right
    assert turn is not None
    assert (turn.at is None) == (turn.state == "running")
    assert turn.conversation
    again = find(agent, home, case, path=turn.path, offset=turn.offset)
    assert again == turn


@pytest.mark.parametrize(("agent", "case"), LINES, ids=[f"{a} {c['name']}" for a, c in LINES])
def test_no_turn_has_ended_before_its_end(home: Path, agent: str, case: dict[str, Any]) -> None:
    """At every record it is either not there, or runs, or is what it will be for good."""
    whole = find(agent, home, case)
    assert whole is not None
    known = jsonl.read(whole.path)
    first = next(i for i, record in enumerate(known) if record.offset == whole.offset)
    seen = [read(agent, whole.path, known[:end], case) for end in range(first, first + 60)]
    states = [turn.state if turn else "absent" for turn in seen]
    order = ["absent", "running", whole.state]
    assert states == sorted(states, key=order.index)


def test_a_prompt_is_matched_as_the_agent_wrote_it(home: Path) -> None:
    for agent, case in CASES:
        assert find(agent, home, case | {"text": f" {case['text']}\n"}) is not None
        assert find(agent, home, case | {"text": case["text"] + "."}) is None
        assert find(agent, home, case | {"text": case["text"].strip()[:-1]}) is None


def test_of_equal_prompts_the_next_one_is_meant(home: Path) -> None:
    for agent, cases in EXPECTED.items():
        first, second = (find(agent, home, c) for c in cases if c["name"].startswith("equal"))
        assert first and second and first.turn != second.turn, agent
        assert first.offset < second.offset


def test_nothing_from_before_or_elsewhere_is_taken(home: Path) -> None:
    for agent, case in CASES:
        assert find(agent, home, case, since=clock.seconds("2100-01-01")) is None
        assert find(agent, home, case, directory="/home/tester/other") is None
        assert find(agent, home / "none", case) is None


def test_sub_agents_are_no_turns(home: Path) -> None:
    inner = {"text": "case inner: say hello", "since": "2026-11-21T00:00:00Z"}
    for agent in EXPECTED:
        assert find(agent, home, inner) is None


def test_two_conversations_with_the_prompt_leave_it_open(home: Path, tmp_path: Path) -> None:
    """One that goes on in another file is still the same."""
    case = next(case for case in EXPECTED["codex"] if case["name"] == "quota")
    turn = find("codex", home, case)
    assert turn is not None
    shutil.copytree(home / ".codex", tmp_path / ".codex")
    original = tmp_path / Path(turn.path).relative_to(home)
    other = original.with_name("rollout-2026-11-21T15-59-00-copy.jsonl")
    shutil.copy(original, other)
    assert told(find("codex", tmp_path, case)) == told(turn)
    assert turn.turn
    other.write_text(original.read_text().replace(turn.turn, "another"))
    assert find("codex", tmp_path, case) is None
    assert find("codex", tmp_path, case, path=str(original)) is not None


def files(home: Path) -> Iterator[tuple[str, dict[str, Any], Path]]:
    for agent, cases in EXPECTED.items():
        turn = find(agent, home, cases[0])
        assert turn is not None
        yield agent, cases[0], Path(turn.path)


def test_what_cannot_be_read_tells_nothing(home: Path, tmp_path: Path) -> None:
    loop, fifo, other = tmp_path / "loop", tmp_path / "fifo", tmp_path / "other"
    loop.symlink_to(loop)
    os.mkfifo(fifo)
    other.write_bytes(b"\x00" * 1000)
    for agent, case, path in files(home):
        size = path.stat().st_size
        for wrong in (tmp_path, tmp_path / "gone", loop, fifo, other, Path("/dev/zero"), "a\0b"):
            assert find(agent, home, case, path=str(wrong)) is None, wrong
        assert find(agent, home, case, path=str(path), offset=size + 1) is None
        if os.geteuid() == 0:
            shutil.copy(path, tmp_path / "theirs")
            os.chown(tmp_path / "theirs", 12345, 12345)
            assert find(agent, home, case, path=str(tmp_path / "theirs")) is None


def test_a_line_is_read_once_it_is_whole(home: Path, tmp_path: Path) -> None:
    case = next(case for case in EXPECTED["codex"] if case["name"] == "good")
    turn = find("codex", home, case)
    assert turn is not None
    data = Path(turn.path).read_bytes()
    end = data.index(b"\n", data.index(b'"task_complete"'))
    copy = tmp_path / "copy.jsonl"
    for part, state in ((data[: end - 1], "running"), (data[:end], "running"),
                        (data[: end + 1], "completed")):  # fmt: skip
        copy.write_bytes(part)
        found = find("codex", home, case, path=str(copy))
        assert found is not None
        assert found.state == state


def test_spoilt_lines_are_left_out(home: Path, tmp_path: Path) -> None:
    junk = [b"", b"\xff\xfe", b"[" * 100_000, b"[]", b"null", b"{}", b'{"type":', b"1" * 5000,
            b'{"type":"user","uuid":[],"timestamp":{}}', b"\r", b'{"type":"event_msg"}',
            b'{"type":"event_msg","payload":[1]}']  # fmt: skip
    for agent, case, path in files(home):
        if agent == "opencode":
            continue
        copy = tmp_path / path.name
        lines = path.read_bytes().splitlines(keepends=True)
        copy.write_bytes(
            b"".join(junk[i % len(junk)] + b"\n" + line for i, line in enumerate(lines))
        )
        assert told(find(agent, home, case, path=str(copy))) == told(find(agent, home, case))


def spoilt(value: Any) -> Iterator[Any]:
    """A record, each time with something else in place of one of its values."""
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        kept = value[key]
        for wrong in (None, 7, "x", [], {}, [None], {"x": []}, -1e300):
            value[key] = wrong
            yield
        value[key] = kept
        yield from spoilt(kept)


def test_records_of_other_shapes_do_no_harm(home: Path) -> None:
    for agent, case, path in files(home):
        if agent == "opencode":
            continue
        known = jsonl.read(str(path))[:40]
        for record in known:
            for _ in spoilt(record.fields):
                read(agent, str(path), known, case)


def test_of_a_huge_file_begin_and_end_are_read(home: Path, tmp_path: Path) -> None:
    for agent, case, path in files(home):
        if agent == "opencode":
            continue
        copy = tmp_path / path.name
        copy.write_bytes(b"")
        os.truncate(copy, 300 * 2**20)
        with copy.open("ab") as file:
            file.write(b"\n" + path.read_bytes())
        turn = find(agent, home, case, path=str(copy))
        assert told(turn) == told(find(agent, home, case))
        assert turn is not None
        assert find(agent, home, case, path=str(copy), offset=turn.offset) == turn


def test_a_turn_longer_than_what_is_read_is_found_to_end(tmp_path: Path) -> None:
    path = tmp_path / "long.jsonl"
    case = {"text": "go", "since": "2026-01-01T00:00:00Z"}
    long = {"role": "user", "content": [{"type": "tool_result", "content": "x" * 100_000}]}
    end = {"role": "assistant", "stop_reason": "end_turn",
           "content": [{"type": "text", "text": "done"}]}  # fmt: skip
    messages = [("user", {"role": "user", "content": "go"}), *[("user", long)] * 90]
    with path.open("w") as file:
        for number, (kind, message) in enumerate([*messages, ("assistant", end)]):
            record = {"uuid": f"{number}", "parentUuid": f"{number - 1}", "type": kind,
                      "timestamp": f"2026-01-01T00:00:{number % 60:02}Z"}  # fmt: skip
            if number == len(messages):
                record["timestamp"] = "2026-01-01T01:00:00Z"
            file.write(json.dumps(record | {"message": message}) + "\n")
    turn = find("claude", tmp_path, case, path=str(path))
    assert turn is not None
    assert (turn.state, turn.message) == ("completed", "done")


def test_spoilt_databases_do_no_harm(home: Path, tmp_path: Path) -> None:
    case = EXPECTED["opencode"][0]
    whole, copy = home / PLACES["opencode"] / "opencode.db", tmp_path / "copy.db"
    for column in ("message SET data", "message SET time_created", "part SET data"):
        for value in ("{", "[]", '{"role": "user"}', b"\xff", None, 7, '{"time": 3, "error": []}'):
            shutil.copy(whole, copy)
            with sqlite3.connect(copy) as database:
                database.execute(f"UPDATE {column} = ?", (value,))
            database.close()
            found = find("opencode", home, case, path=str(copy))
            assert found is None or found.state == "running", (column, value)
    with sqlite3.connect(copy) as database:
        database.execute("DROP TABLE part")
    database.close()
    assert find("opencode", home, case, path=str(copy)) is None
    copy.write_bytes(whole.read_bytes()[:5000])
    assert find("opencode", home, case, path=str(copy)) is None


def test_a_locked_database_is_not_waited_for(home: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    make_database(copy)
    with sqlite3.connect(copy) as database:
        database.execute("PRAGMA locking_mode = EXCLUSIVE")
        database.execute("BEGIN EXCLUSIVE")
        assert find("opencode", home, EXPECTED["opencode"][0], path=str(copy)) is None
    database.close()


def test_older_codex_versions_are_read(tmp_path: Path) -> None:
    """They tell what is submitted, and an error, by events of their own, and no turn's id."""
    case = {"text": "fix it", "since": "2026-01-01T00:00:00Z"}

    def state(*payloads: dict[str, Any]) -> Turn | None:
        stamp = {"timestamp": "2026-01-01T00:00:01Z", "type": "event_msg"}
        events = [{"type": "user_message", "message": "fix it"}, *payloads]
        lines = [json.dumps(stamp | {"payload": payload}) + "\n" for payload in events]
        path = tmp_path / "rollout.jsonl"
        path.write_text("".join(lines))
        return find("codex", tmp_path, case, path=str(path))

    done = {"type": "task_complete", "last_agent_message": "fixed"}
    nothing = {"type": "task_complete", "last_agent_message": None}
    error = {"type": "error", "message": "too much", "codex_error_info": "usage_limit_exceeded"}
    used = {"used_percent": 100.0, "resets_at": 1_800_000_000}
    limits = {"type": "token_count", "rate_limits": {"primary": used, "secondary": None}}
    assert told(state({"type": "agent_message", "message": "well"}))[0] == "running"
    assert told(state(done)) == ("completed", None, None, None, "fixed")
    assert told(state(nothing))[:2] == ("failed", "api")
    assert told(state(error, done))[0] == "completed"
    reset = "2027-01-15T08:00:00.000Z"
    assert told(state(limits, error, nothing)) == ("failed", "limited", "too much", reset, None)
    assert told(state({"type": "turn_aborted", "reason": "interrupted"}))[0] == "interrupted"


def test_the_end_of_another_turn_of_codex_is_not_ours(tmp_path: Path) -> None:
    events = [{"type": "user_message", "message": "fix it", "turn_id": "ours"},
              {"type": "turn_aborted", "turn_id": "before"}]  # fmt: skip
    stamp = {"timestamp": "2026-01-01T00:00:01Z", "type": "event_msg"}
    path = tmp_path / "rollout.jsonl"
    path.write_text("".join(json.dumps(stamp | {"payload": event}) + "\n" for event in events))
    turn = find("codex", tmp_path, {"text": "fix it", "since": "2026-01-01"}, path=str(path))
    assert turn is not None
    assert turn.state == "running"


def test_a_compaction_is_no_end_in_opencode(home: Path, tmp_path: Path) -> None:
    case = next(case for case in EXPECTED["opencode"] if case["name"] == "context 3")
    whole = find("opencode", home, case)
    assert whole is not None
    with sqlite3.connect(whole.path) as database:
        order = "SELECT id FROM message WHERE session_id = ? ORDER BY time_created"
        ids = [id for (id,) in database.execute(order, (whole.conversation,))]
    database.close()
    states = []
    for end in range(2, len(ids)):
        copy = tmp_path / "copy.db"
        shutil.copy(whole.path, copy)
        with sqlite3.connect(copy) as database:
            database.executemany("DELETE FROM message WHERE id = ?", [(id,) for id in ids[end:]])
        database.close()
        turn = find("opencode", home, case, path=str(copy))
        states.append(turn.state if turn else "absent")
    assert states == ["absent"] + ["running"] * 9 + ["completed"] * 2


@pytest.mark.parametrize(
    ("error", "message", "failure", "reset"),
    [
        ("rate_limit", "Claude AI usage limit reached|1800000000", "limited",
         "2027-01-15T08:00:00.000Z"),
        ("rate_limit", "You've hit your session limit · resets 5:10pm (Europe/Paris)", "limited",
         "5:10pm (Europe/Paris)"),
        ("billing_error", "Credit balance is too low", "limited", None),
        ("invalid_request", "Prompt is too long", "context", None),
        ("authentication_failed", "Not logged in · Please run /login", "auth", None),
        ("server_error", "API Error: 500 429 files are too many", "api", None),
        (None, "", "api", None),
    ],
)  # fmt: skip
def test_errors_of_claude_have_classes(
    error: str | None, message: str, failure: str, reset: str | None
) -> None:
    shape = registry.agents()["claude"].transcript
    assert shape is not None
    turn = Turn("running", None, None, "", 0).failed(shape, 1.0, message, error, None)
    assert (turn.failure, turn.reset) == (failure, reset)
