"""What `show`, `review` and `status` print: one prompt with its history, and the whole state."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from assigner import clock
from assigner.cli.output import home_short, painted
from assigner.outcomes.reviews import Awaiting
from assigner.store.database import Row, Store
from assigner.store.rows import Attempt, Check, Evidence, Prompt
from assigner.system import terminal_text

# Keys of metadata that repeat the prompt's context
_CONTEXT = ("working_dir", "env_vars", "git_branch", "prerequisites")


class Story(Prompt):
    """A prompt with its history."""

    after: list[int]
    attempts_made: list[Attempt]
    checks: list[Check]
    events: list[Row]


def story(store: Store, prompt: int) -> Story | None:
    """A prompt's row with attempts, checks, events and dependencies; None if unknown."""
    row = store.one("prompts/get", id=prompt)
    if row is None:
        return None
    return {
        **row,
        "after": [r["after_id"] for r in store.rows("dependencies/of_prompt", id=prompt)],
        "attempts_made": store.rows("attempts/of_prompt", id=prompt),
        "checks": store.rows("checks/of_prompt", id=prompt),
        "events": store.rows("task_events/of_prompt", id=prompt),
    }


def describe(prompt: Story) -> str:
    """A prompt for people: its result, the request, then its history."""
    attempts = prompt["attempts_made"]
    last = attempts[-1] if attempts else None
    held = f" (held: {held_text(prompt)})" if prompt["held_by"] else ""
    lines = [*_upshot(prompt, last), "", *_indented(prompt["content"]), "", "context"]
    metadata = json.loads(prompt["metadata"])
    facts = {
        "priority": prompt["priority"],
        "target": prompt["target_session"] or prompt["target_provider"],
        "directory": home_short(prompt["working_dir"]),
        "branch": prompt["git_branch"],
        "working tree": "its own" if prompt["worktree"] else None,
        "variables": variables(json.loads(prompt["env_vars"])),
        "prerequisites": "; ".join(json.loads(prompt["prerequisites"])),
        "after": ", ".join(str(other) for other in prompt["after"]),
        "not before": prompt["not_before"],
        "timeout": f"{prompt['timeout_seconds']:g} s" if prompt["timeout_seconds"] else None,
        "tags": ", ".join(json.loads(prompt["tags"])),
        "parent": prompt["parent_id"],
        "key": prompt["dedup_key"],
        "affinity": prompt["affinity"],
        "sentinel": "required" if prompt["sentinel"] else None,
        "check": prompt["check_command"],
        "review": prompt["review"],
        "raw": "yes" if prompt["raw"] else None,
        "metadata": _pairs({k: v for k, v in metadata.items() if k not in _CONTEXT}),
        "idempotent": "yes" if prompt["idempotent"] else None,
    }
    lines += _facts({name: value for name, value in facts.items() if value not in (None, "")})
    if prompt["feedback"] and prompt["status"] != "completed":
        lines += ["", "feedback", *_indented(prompt["feedback"])]
    checks = {check["id"]: check for check in prompt["checks"]}
    for attempt in attempts:
        shown_above = attempt is last and _is_short(attempt["output"])
        lines += ["", *_attempt(attempt, with_output=not shown_above)]
        if attempt["id"] in checks:
            lines += check(checks[attempt["id"]])
    lines += ["", "events"]
    for event in prompt["events"]:
        data = " ".join(f"{key}={value}" for key, value in json.loads(event["data"]).items())
        session = f" {event['session']}" if event["session"] else ""
        lines.append(f"  {event['created_at']}  {event['type']:<20}{session}  {data}")
    head = f"prompt {prompt['id']}: {painted(prompt['status'], prompt['status'])}{_safe(held)}"
    return "\n".join([head, *(line if line == "" else _safe(line) for line in lines)])


def stage(attempt: Attempt, checks: Sequence[Check]) -> str:
    """The stage of a live attempt; its check comes last."""
    mine = next((c for c in checks if c["id"] == attempt["id"]), None)
    if mine is None:
        return ": waiting for ".join(
            filter(None, (attempt["stage"], tasks(json.loads(attempt["evidence"]))))
        )
    since = f" since {mine['started_at']}" if mine["started_at"] else ""
    return f"being checked{since}" if mine["ended_at"] is None else str(attempt["stage"])


def tasks(evidence: Evidence) -> str:
    """What an attempt still waits for although its turn has ended: tasks, or the end of a limit."""
    turn = evidence.get("turn", {})
    if turn.get("background"):
        return "background tasks of the turn"
    if (until := turn.get("limited_until", "")) > clock.text(clock.now()):
        return f"the end of the limit at {until[:16]}Z: the agent may go on by itself"
    return ""


def check(row: Check) -> list[str]:
    """A check for people."""
    facts = {
        "check": row["command"],
        "result": row["state"] + (f": {row['reason']}" if row["reason"] else ""),
        "in": home_short(row["directory"]),
        "started": row["started_at"],
        "ended": row["ended_at"],
    }
    lines = _facts({name: value for name, value in facts.items() if value is not None})
    if row["output"]:
        lines += ["  output of the check:", *_indented(row["output"], 4)]
    return lines


def review(row: Awaiting) -> str:
    """What a reviewer looks at."""
    facts = {
        "completed": f"{row['completed_at']}, {row['waits_since']} ago",
        "session": row["assigned_session"],
        "directory": home_short(row["directory"]),
        "dependent prompts": ", ".join(map(str, row["dependants"])),
    }
    parts = (
        ("response", row["response"]),
        ("changes", row["changes"]),
        ("commits since the prompt started", "\n".join(row["commits"] or [])),
    )
    lines = [f"prompt {row['id']} awaits a review"]
    lines += [*_facts({k: v for k, v in facts.items() if v}), "", *_indented(row["content"])]
    for title, text in parts:
        if text:
            lines += ["", title, *_indented(text)]
    if row["check"]:
        lines += ["", "check", *check(row["check"])]
    return "\n".join(line if line == "" else _safe(line) for line in lines)


def variables(values: Mapping[str, str | None]) -> str:
    """Variables for people; secret ones without their values."""
    return ", ".join(
        f"{name}=(secret)" if value is None else f"{name}={value}" for name, value in values.items()
    )


_TAIL = 10  # lines of output shown at the top


def _upshot(prompt: Story, last: Attempt | None) -> list[str]:
    """The result of a prompt, or its progress."""
    session = last["session"] if last else None
    facts: Row = {
        "error": prompt["error"],
        "exit status": prompt["exit_status"],
        "attempts": f"{prompt['attempts']} of {prompt['max_attempts']}"
        + (f", the last in {session}" if session else ""),
        "stage": stage(last, prompt["checks"]) if last and last["outcome"] is None else None,
        "retry at": prompt["retry_at"],
        "ended": prompt["completed_at"],
    }
    lines = _facts({name: value for name, value in facts.items() if value not in (None, "")})
    if last and last["output"]:
        shown = last["output"].rstrip("\n").split("\n")
        left_out = "" if _is_short(last["output"]) else f", last {_TAIL} of {len(shown)} lines"
        lines += [f"  output{left_out}:", *(" " * 4 + line for line in shown[-_TAIL:])]
    return lines


def _is_short(output: str | None) -> bool:
    return len((output or "").rstrip("\n").split("\n")) <= _TAIL


def held_text(prompt: Prompt) -> str:
    """The reason why a prompt is held."""
    named = prompt["held_on"]
    if prompt["held_by"] == "pause" and named != "everything":
        kind = "session" if named == prompt["target_session"] else "provider"
        named = f"{kind} {named}"
    return f"{prompt['held_by']}: {named}"


def listed(found: Row) -> str:
    """An object for people, one line per key."""
    return "\n".join(_safe(line) for line in _facts(found))


def _attempt(attempt: Attempt, *, with_output: bool) -> list[str]:
    end = attempt["outcome"] or f"running, at stage {attempt['stage']}"
    failure = f" ({attempt['failure_class']})" if attempt["failure_class"] else ""
    lines = [
        f"attempt {attempt['number']} (id {attempt['id']}) in {attempt['session']}: {end}{failure}"
    ]
    evidence: Evidence = json.loads(attempt["evidence"])
    claim = evidence.get("claim", {})
    facts: dict[str, Any] = {
        "score": f"{attempt['score']} {_pairs(claim.get('parts', {}))}",
        "context switch": "yes" if attempt["context_switch"] else "no",
        "claimed": attempt["claimed_at"],
        "typed": attempt["typed_at"],
        "submitted": attempt["submitted_at"],
        "finished": attempt["finished_at"],
        "exit status": attempt["exit_status"],
        "step": attempt["step"],
        "stop signal": attempt["stop_signal"],
    }
    for kind, report in evidence.get("reports", {}).items():
        rest = " ".join(str(v) for k, v in report.items() if k != "at")
        facts[f"report {kind}"] = f"{report['at']} {rest}".strip()
    facts["vanished"] = evidence.get("vanished")
    facts["released"] = evidence.get("released")
    lines += _facts({name: value for name, value in facts.items() if value is not None})
    if attempt["output"] and with_output:
        lines += ["  output:", *_indented(attempt["output"], 4)]
    return lines


def _facts(facts: Row) -> list[str]:
    width = max(map(len, facts), default=0) + 2
    return [f"  {name + ':':<{width}}{_plain(value)}" for name, value in facts.items()]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return _pairs(value)
    if isinstance(value, list):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _pairs(values: Row) -> str:
    return " ".join(f"{key}={value}" for key, value in values.items())


def _indented(text: str, by: int = 2) -> list[str]:
    return [" " * by + line for line in text.split("\n")]


def _safe(line: str) -> str:
    return terminal_text.visible(line.replace("\t", "    "))
