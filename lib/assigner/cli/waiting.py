"""Why the open prompts of the queue wait, for people."""

import json
from typing import NamedTuple

from assigner import clock
from assigner.cli import output, show
from assigner.queue import agent_versions, logins, outages, rests
from assigner.routing import assign
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt, Prompt, Session


class Lanes(NamedTuple):
    """Lanes by whether a session serves them, or a pause or rests keep them from being served."""

    served: set[assign.Lane]
    paused: set[assign.Lane]
    resting: set[assign.Lane]
    versions: dict[tuple[str, str], str]  # why versions of agents get no prompts
    causes: dict[tuple[str, str], str]  # what is to be said of held_by and held_on


def _reason(
    row: Prompt,
    trees: dict[str, Row],
    sessions: dict[str, Session],
    lanes: Lanes,
    live: dict[int, LiveAttempt],
) -> str:
    if row["held_by"] == "tree in use":
        holder = trees.get(row["held_on"])
        behind = f"behind prompt {holder['prompt_id']}: " if holder else ""
        return f"{behind}tree in use, {output.home_short(row['held_on'])}"
    if row["held_by"] in ("rest", "login", "outage"):
        return lanes.causes.get((row["held_by"], row["held_on"]), show.held_text(row))
    if row["held_by"]:
        return show.held_text(row)
    if row["status"] == "pending":
        target = sessions.get(row["target_session"] or "")
        return _unserved(row, target, lanes) or _tried(row, target, lanes.versions)
    if row["cancel_requested_at"]:
        return "being cancelled"
    attempt = live.get(row["id"])
    if attempt is None:
        return ""
    return "its check" if attempt["check_state"] else show.tasks(json.loads(attempt["evidence"]))


def _unserved(row: Prompt, target: Session | None, lanes: Lanes) -> str:
    """Why no session can take an otherwise free prompt; empty if one can."""
    lane = row["target_session"], row["target_provider"]
    if lane in lanes.paused:
        return "pause: all matching sessions"
    if lane in lanes.resting:
        return "rest: all matching sessions"
    wanted = row["target_provider"] or ("" if target else "shell")
    if lane not in lanes.served and wanted:
        if not target:
            return f"provider missing: no session runs {wanted}"
        if target["provider"] != wanted:
            return f"provider missing: {target['name']} runs {target['provider']}, not {wanted}"
    return f"session {target['status']}" if target and target["status"] != "idle" else ""


def _tried(row: Prompt, target: Session | None, versions: dict[tuple[str, str], str]) -> str:
    """Which prompt tries the version of an agent first; empty if none does."""
    if target:
        return versions.get((str(target["provider"]), str(target["agent_version"])), "")
    found = (text for (name, _), text in versions.items() if name == row["target_provider"])
    return next(found, "")


def _causes(store: Store) -> dict[tuple[str, str], str]:
    """Why sessions, accounts and providers take no prompts, by held_by and held_on."""
    said = {
        ("rest", row["name"]): f"session {row['name']} {rests.said(row)}"
        for row in store.rows("sessions/list")
        if row["resting_until"]
    }
    for kind, holds in logins.held(store)._asdict().items():
        for name, hold in holds.items():
            place = f"{kind.removesuffix('s')} {name}"
            said["login", place] = f"{place}: {logins.said(hold)}"
    for provider, row in outages.known(store).items():
        said["outage", provider] = outages.said(row)
    return said


def open_prompts(store: Store, limit: int) -> list[Row]:
    """The open prompts in their order, at most `limit`, each with the reason in `waits_for`."""
    trees = {row["tree"]: row for row in store.rows("tree_leases/list")}
    sessions = {row["name"]: row for row in store.rows("sessions/list")}
    served, paused = assign.lanes_by_pause(store)
    awake, _ = assign.lanes_by_pause(store, clock.text(clock.now()))
    lanes = Lanes(served, paused, served - awake, agent_versions.said(store), _causes(store))
    live = {row["prompt_id"]: row for row in store.rows("attempts/live")}
    return [
        {**row, "waits_for": _reason(row, trees, sessions, lanes, live)}
        for row in store.rows("prompts/open", limit=limit)
    ]
