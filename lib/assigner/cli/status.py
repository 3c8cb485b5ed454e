"""The `status` tool: the state of the queue, its sessions and its passes on one screen."""

from collections.abc import Iterator
from typing import Any

from assigner import clock, states
from assigner.cli.output import excerpt, painted, table
from assigner.queue import logins, outages, pauses, rests
from assigner.store.database import Row, Store


def state(store: Store) -> Row:
    """Counts, sessions, pauses, running prompts, and what needs attention."""
    counts = {row["status"]: row["prompts"] for row in store.rows("prompt_counts/list")}
    sessions = [row for row in store.rows("sessions/list") if row["enrolled"]]
    stopped = pauses.providers_paused(store)
    held, out = logins.held(store), outages.known(store)
    return {
        "prompts": {status: counts.get(status, 0) for status in states.PROMPT_STATUSES},
        "sessions": [
            {
                **{key: row[key] for key in ("name", "status", "status_reason", "current_task_id")},
                "paused": bool(pauses.why(row, stopped)),
                "given_up_reason": row["given_up_reason"],
                "resting_until": row["resting_until"],
                "rest_reason": row["rest_reason"],
                "held": logins.said(held.of(row))
                or outages.said(out.get(outages.provider_of(row))),
                "stuck": row["status"] == "busy"
                and row["stuck_reported_for"] == row["last_activity"],
            }
            for row in sessions
        ],
        "pauses": pauses.listed(store),
        "running": [
            {
                "prompt": row["prompt_id"],
                "session": row["session"],
                "stage": "checking" if row["check_state"] else row["stage"],
                "since": row["submitted_at"] or row["claimed_at"],
                "content": row["content"],
            }
            for row in store.rows("attempts/live")
        ],
        "held": store.rows("prompts/held_summary"),
        "reviews": [row["id"] for row in store.rows("prompts/reviews", limit=100)],
        "failed": store.rows("prompts/recent_failed", limit=5),
    }


def screenful(now: Row) -> str:
    """The state for people."""
    counts = now["prompts"].items()
    lines = ["  ".join(painted(f"{n} {name}", name if n else "") for name, n in counts)]
    at = clock.now()
    rows: list[tuple[Any, ...]]
    if now["sessions"]:
        rows = [
            (
                s["name"],
                s["status"],
                s["current_task_id"],
                "; ".join(filter(None, _looks(s))),
            )
            for s in now["sessions"]
        ]
        lines += ["", table(rows, ("session", "status", "prompt", "reason"))]
    if now["pauses"]:
        rows = [
            (pauses.named(p), clock.ago(p["paused_at"], at), p["paused_by"]) for p in now["pauses"]
        ]
        lines += ["", table(rows, ("paused", "for", "by"))]
    if now["running"]:
        rows = [
            (
                r["prompt"],
                r["session"],
                r["stage"],
                clock.ago(r["since"], at),
                excerpt(r["content"]),
            )
            for r in now["running"]
        ]
        lines += ["", table(rows, ("prompt", "session", "stage", "for", "content"))]
    if now["held"]:
        lines += [
            "",
            table([(h["held_by"], h["prompts"]) for h in now["held"]], ("held", "prompts")),
        ]
    if now["reviews"]:
        lines += ["", f"awaiting a review: {', '.join(map(str, now['reviews']))}"]
    if now["failed"]:
        rows = [(f["id"], excerpt(f["error"] or "", 70)) for f in now["failed"]]
        lines += ["", table(rows, ("failed", "error"))]
    return "\n".join(lines)


def _looks(session: Row) -> Iterator[str | None]:
    """Remarks about a session."""
    yield "paused" if session["paused"] else None
    yield rests.said(session)
    yield session["held"]
    yield session["given_up_reason"]
    yield "stuck: no output for a long time" if session["stuck"] else None
    yield session["status_reason"]
