"""The plugin for OpenCode, under Node.js: which reports the events of OpenCode 1.18.33 make."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from assigner.agents.hooks import install

NODE = shutil.which("node")
pytestmark = pytest.mark.skipif(NODE is None, reason="Node.js is not installed")

DRIVER = """
import { AssignerReports } from "./plugin.mjs"
const plugin = await AssignerReports({ directory: "/project" })
for (const step of JSON.parse(process.argv[2])) {
  if (step.text !== undefined)
    await plugin["chat.message"](
      { sessionID: "s" },
      { message: { id: step.id }, parts: [{ type: "text", text: step.text }] },
    )
  else await plugin.event({ event: step })
}
"""
OVERFLOW = {"name": "ContextOverflowError", "data": {"message": "too long"}}
PROMPT = {"id": "m1", "text": "do it"}
IDLE = {"type": "session.idle", "properties": {"sessionID": "s"}}
COMPACTED = {"type": "session.compacted", "properties": {"sessionID": "s"}}


def error(what: dict[str, Any]) -> dict[str, Any]:
    return {"type": "session.error", "properties": {"sessionID": "s", "error": what}}


def answer(id: str, parent: str, text: str, **more: object) -> list[dict[str, Any]]:
    info = {"id": id, "role": "assistant", "sessionID": "s", "parentID": parent, **more}
    part = {"type": "text", "id": f"p{id}", "sessionID": "s", "messageID": id, "text": text}
    return [
        {"type": "message.updated", "properties": {"info": info}},
        {"type": "message.part.updated", "properties": {"part": part}},
        {"type": "message.updated", "properties": {"info": {**info, "finish": "stop"}}},
    ]


COMPACTION = [*answer("a2", "c1", "the summary", summary=True), COMPACTED]


def reports(tmp_path: Path, *events: dict[str, Any]) -> list[tuple[str, str, str]]:
    """What the plugin reports of a conversation `s`: event, turn, and text or error."""
    spool = tmp_path / "spool"
    spool.mkdir()
    source = Path(install.__file__).with_name("opencode.js").read_text()
    (tmp_path / "plugin.mjs").write_text(source.replace("@SPOOL@", str(spool)))
    (tmp_path / "driver.mjs").write_text(DRIVER)
    assert NODE is not None
    subprocess.run(
        [NODE, "driver.mjs", json.dumps([PROMPT, *events])], cwd=tmp_path, check=True, timeout=60
    )
    files = sorted(spool.iterdir(), key=lambda path: int(path.name.rpartition(".")[2]))
    told = [(file.name.split(".")[2], json.loads(file.read_text())) for file in files]
    return [
        (event, body["turn"], body.get("error") or body["text"])
        for event, body in told
        if event.startswith("session-")
    ]


def test_a_turn_that_goes_on_after_an_overflow_ends_with_its_answer(tmp_path: Path) -> None:
    events = [error(OVERFLOW), *COMPACTION, *answer("a3", "m2", "done"), IDLE]
    assert reports(tmp_path, *events) == [("session-idle", "m1", "done")]


@pytest.mark.parametrize(
    "tail", [[], COMPACTION, [error(OVERFLOW)], [*COMPACTION, error(OVERFLOW)]]
)
def test_an_overflow_without_a_later_answer_fails(
    tmp_path: Path, tail: list[dict[str, Any]]
) -> None:
    events = [error(OVERFLOW), *tail, IDLE]
    assert reports(tmp_path, *events) == [("session-error", "m1", "ContextOverflowError")]


def test_another_error_after_an_overflow_fails_at_once(tmp_path: Path) -> None:
    refused = {"name": "APIError", "data": {"statusCode": 401, "message": "no key"}}
    events = [error(OVERFLOW), *COMPACTION, error(refused)]
    assert reports(tmp_path, *events) == [("session-error", "m1", "APIError 401")]


def test_a_turn_without_an_overflow_is_reported_as_ever(tmp_path: Path) -> None:
    assert reports(tmp_path, *answer("a1", "m1", "fine"), IDLE) == [("session-idle", "m1", "fine")]
