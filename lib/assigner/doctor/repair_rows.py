"""Repairs for what breaks the rules of sql/rules: one function for each kind of repair.

A prompt that may have run never runs again by itself: in doubt it becomes failed, with the reason.
Every repair passes the triggers, and leaves to them what they write themselves (counts).
"""

import json
from collections.abc import Callable, Iterator
from functools import partial

from assigner import clock, states
from assigner.queue import leases, prompts
from assigner.store import database, statements
from assigner.store.database import Row, Store
from assigner.store.rows import Prompt

Repairs = dict[str, Callable[[Store, Row], Iterator[Row]]]

LOST = "its attempt is lost, and may have run"
# One repair can break another rule: a session still names the prompt of an attempt that has ended
_PASSES = 5


def settle(store: Store, lost: str = LOST) -> Iterator[Row]:
    """Repair what breaks a rule; a row for each repair: check, what, before, after.

    `lost` is the error of prompts whose attempt is missing.  Call it in a transaction, with all
    triggers in place.  A second call finds nothing to repair.
    """
    repairs: Repairs = {**_REPAIRS, "fail prompt": partial(_fail_lost, error=f"unverified: {lost}")}
    yield from _name_instance(store)
    for _ in range(_PASSES):
        done: list[Row] = []
        for rule, statement in statements.rules().items():
            for broken in store.execute(statement).fetchall():
                if broken["repair"]:
                    done += repairs[broken["repair"]](store, {"rule": rule, **broken})
        yield from done
        if not done:
            break
    yield from _release_leases(store)
    yield from _hold_again(store)
    yield from _reset_heartbeats(store)


def repaired(check: str, what: object, before: str, after: str) -> Row:
    row = {"check": check, "what": str(what), "before": before, "after": after}
    return {**row, "command": ""}


def _fail_attempt(store: Store, broken: Row) -> Iterator[Row]:
    """End a live attempt that cannot be right, and fail its prompt."""
    return _give_up(store, broken, waits=False)


def _release_attempt(store: Store, broken: Row) -> Iterator[Row]:
    """End a live attempt that typed nothing: its prompt has not run, and waits again."""
    return _give_up(store, broken, waits=True)


def _fail_lost(store: Store, broken: Row, error: str) -> Iterator[Row]:
    """Fail a prompt whose outcome no attempt shows."""
    prompt = store.one("prompts/get", id=broken["id"])
    if prompt and prompt["status"] in ("assigned", "in_progress"):
        yield _fail(store, prompt["id"], prompt["status"], error)


def _end_check(store: Store, broken: Row) -> Iterator[Row]:
    """End a check whose attempt is over."""
    check = _running_check(store, broken["id"])
    if check:
        yield _cancel_check(store, check)


def _drop_retry(store: Store, broken: Row) -> Iterator[Row]:
    """Leave it to a person whether the prompt is tried again."""
    prompt = store.one("prompts/get", id=broken["id"])
    if prompt and prompt["retry_at"]:
        store.update("prompts", prompt["id"], retry_at=None)
        prompts.release_dependants(store, prompt["id"])
        before = f"{broken['wrong']}, at {prompt['retry_at']}"
        yield repaired(broken["rule"], f"prompt {prompt['id']}", before, "no planned retry")


def _name_prompt(store: Store, broken: Row) -> Iterator[Row]:
    """Have the session name the prompt of its live attempt."""
    session = store.execute(
        "SELECT name, (SELECT min(a.prompt_id) FROM attempts a WHERE a.host = s.host"
        " AND a.session = s.name AND a.outcome IS NULL) AS prompt FROM sessions s WHERE id = :id",
        {"id": broken["id"]},
    ).fetchone()
    store.update("sessions", broken["id"], current_task_id=session["prompt"])
    after = f"prompt {session['prompt']}" if session["prompt"] else "no prompt"
    yield repaired(broken["rule"], f"session {session['name']}", broken["wrong"], after)


def _hold(store: Store, broken: Row) -> Iterator[Row]:
    """Write down again what holds a pending prompt."""
    before = store.one("prompts/get", id=broken["id"])
    prompts.hold(store, broken["id"])
    after = store.one("prompts/get", id=broken["id"])
    if before and after and _holder(before) != _holder(after):
        yield repaired(broken["rule"], f"prompt {after['id']}", _holder(before), _holder(after))


def _reopen_work(store: Store, broken: Row) -> Iterator[Row]:
    """Have the next check of profiles settle the work when its prompt has ended."""
    number = store.execute(
        "UPDATE profile_work SET settled_at = NULL, retry_at = NULL, reported = 'again'"
        " WHERE prompt_id = :id AND settled_at IS NOT NULL",
        {"id": broken["id"]},
    ).rowcount
    if number:
        yield repaired(broken["rule"], f"prompt {broken['id']}", broken["wrong"], "open")


def _recount(store: Store, broken: Row) -> Iterator[Row]:
    """Count the prompts of a status again, on every host."""
    status = {"status": broken["id"]}
    store.execute("DELETE FROM prompt_counts WHERE status = :status", status)
    store.execute(
        "INSERT INTO prompt_counts (host, status, prompts)"
        " SELECT host, status, count(*) FROM prompts WHERE status = :status GROUP BY host, status",
        status,
    )
    text = "SELECT count(*) AS n FROM prompts WHERE status = :status"
    found = store.execute(text, status).fetchone()["n"]
    yield repaired(broken["rule"], f"{broken['id']} prompts", broken["wrong"], str(found))


_REPAIRS: Repairs = {
    "fail attempt": _fail_attempt,
    "release attempt": _release_attempt,
    "end check": _end_check,
    "drop retry": _drop_retry,
    "name prompt": _name_prompt,
    "hold": _hold,
    "reopen work": _reopen_work,
    "recount": _recount,
}
KINDS = {*_REPAIRS, "fail prompt"}


def _give_up(store: Store, broken: Row, *, waits: bool) -> Iterator[Row]:
    """End a live attempt; the last one of a prompt decides what becomes of the prompt.

    With `waits` a prompt that has not begun waits again; any other open prompt fails.
    """
    attempt = store.execute(
        "SELECT * FROM attempts WHERE id = :id AND outcome IS NULL", {"id": broken["id"]}
    ).fetchone()
    if attempt is None:  # a rule before has ended it
        return
    id, prompt = attempt["id"], attempt["prompt_id"]
    if check := _running_check(store, id):
        yield _cancel_check(store, check)
    row = store.one("prompts/get", id=prompt)
    assert row is not None
    waits = waits and row["status"] in ("pending", "assigned")
    if row["status"] == "pending" and not waits:  # the triggers let only this way lead to failed
        store.execute(
            "UPDATE prompts SET status = 'assigned', assigned_session = :session, held_by = NULL,"
            " held_on = NULL, updated_at = :now, updated_by = :by WHERE id = :id",
            {"session": attempt["session"], "id": prompt},
        )
    check = store.execute("SELECT state FROM checks WHERE id = :id", {"id": id}).fetchone()
    is_failed = bool(check and check["state"] == "failed")
    outcome = "failed" if is_failed else "released" if waits else "unverified"
    evidence = {**json.loads(attempt["evidence"]), "repaired": broken["wrong"]}
    store.execute(
        "UPDATE attempts SET outcome = :outcome, failure_class = :class, finished_at = :now,"
        " lease_id = NULL, evidence = :evidence, updated_at = :now, updated_by = :by"
        " WHERE id = :id AND outcome IS NULL",
        {
            "outcome": outcome, "class": "check" if is_failed else None,
            "evidence": json.dumps(evidence), "id": id,
        },
    )  # fmt: skip
    yield repaired(broken["rule"], f"attempt {id}", broken["wrong"], outcome)
    others = store.execute(
        "SELECT 1 FROM attempts WHERE prompt_id = :id AND outcome IS NULL", {"id": prompt}
    ).fetchone()
    if others:
        return
    if row["status"] == "assigned" and waits:
        store.run("prompts/release", id=prompt)
        prompts.hold(store, prompt)
        yield repaired("prompts", f"prompt {prompt}", "assigned", "pending")
    elif row["status"] in states.OPEN and not waits:
        yield _fail(store, prompt, row["status"], f"unverified: {broken['wrong']}")


def _running_check(store: Store, attempt: int) -> Row | None:
    check: Row | None = store.execute(
        "SELECT id, state FROM checks WHERE id = :id AND ended_at IS NULL", {"id": attempt}
    ).fetchone()
    return check


def _cancel_check(store: Store, check: Row) -> Row:
    store.execute(
        "UPDATE checks SET state = 'cancelled', ended_at = :now, pending_result = NULL,"
        " updated_at = :now, updated_by = :by WHERE id = :id",
        {"id": check["id"]},
    )
    return repaired("verdicts", f"check of attempt {check['id']}", check["state"], "cancelled")


def _fail(store: Store, prompt: int, was: str, error: str) -> Row:
    now = clock.text(clock.now())
    store.run(
        "prompts/finish", id=prompt, status="failed", error=error, exit_status=None, response=None,
        feedback=None, at=now, retry_at=None,
    )  # fmt: skip
    prompts.release_dependants(store, prompt)
    return repaired("prompts", f"prompt {prompt}", was, f"failed: {error}")


def _holder(row: Prompt) -> str:
    return f"held by {row['held_by']}: {row['held_on']}" if row["held_by"] else "not held"


def _name_instance(store: Store) -> Iterator[Row]:
    """Give the database an instance if it lost its own.

    Without the old one no mark in a pane can be read, so text that was being typed may have run.
    """
    if store.one("meta/instance"):
        return
    name = database.new_instance()
    store.insert("meta", {"name": "instance", "value": name})
    yield repaired("instance", "instance", "lost", name)
    typing = "SELECT id FROM attempts WHERE outcome IS NULL AND stage = 'typing' ORDER BY id"
    for attempt in store.execute(typing).fetchall():
        wrong = f"attempt {attempt['id']} was being typed when the instance was lost"
        yield from _fail_attempt(store, {"rule": "attempts", "wrong": wrong, **attempt})


def _release_leases(store: Store) -> Iterator[Row]:
    for lease in store.rows("tree_leases/list"):
        if lease["prompt_id"] is None:
            leases.release(store, lease["id"])
            yield repaired("left over", lease["tree"], "leased, but no attempt uses it", "released")


def _hold_again(store: Store) -> Iterator[Row]:
    """Release prompts from pauses, sessions and trees that no longer hold them."""
    for row in store.rows("prompts/held"):
        if row["held_by"] == "tree in use" and store.one(
            "tree_leases/of_tree", tree=row["held_on"]
        ):
            continue
        yield from _hold(store, {"rule": "held", **row})


def _reset_heartbeats(store: Store) -> Iterator[Row]:
    """A pass whose last run is in the future would not be due for a long time."""
    late = "SELECT host, script, finished_at FROM heartbeats WHERE finished_at > :now"
    for row in store.execute(f"{late} ORDER BY host, script").fetchall():
        store.execute(
            "UPDATE heartbeats SET finished_at = :now WHERE host = :of AND script = :script",
            {"of": row["host"], "script": row["script"]},
        )
        now = clock.text(clock.now())
        yield repaired("timers", f"last {row['script']}", row["finished_at"], now)
