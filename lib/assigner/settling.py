"""What contradicts the rules of sql/rules, led back to a state from which passes go on.

What may have run does not run again by itself: in doubt a prompt becomes failed, and says why.
Nothing here goes past the triggers but what they themselves write (counts).
"""

import json
from collections.abc import Iterator

from assigner import attempts, clock, db, prompts, states
from assigner.db import Row, Store

LOST = "its attempt is lost, and may have run"


def settle(store: Store, why: str = LOST) -> Iterator[Row]:
    """Mend what contradicts itself; a row for each: check, what, before, after.

    `why` is what prompts say that have lost their attempt.  Called in a transaction, with all
    triggers in place.  Done twice, it finds nothing the second time.
    """
    yield from _instance(store)
    for step in (
        _checks, _attempts, lambda s: _prompts(s, why), _retries, _sessions, _leases, _held,
        _foundation, _counts, _heartbeats,
    ):  # fmt: skip
        yield from step(store)


def mended(check: str, what: object, before: str, after: str) -> Row:
    row = {"check": check, "what": str(what), "before": before, "after": after}
    return {**row, "command": ""}


def _all(store: Store, text: str, **values: object) -> list[Row]:
    return store.execute(text, values).fetchall()


def _instance(store: Store) -> Iterator[Row]:
    """Without it no stamp in a pane can be read: what was being typed may have been."""
    if store.one("instance"):
        return
    name = db.new_instance()
    store.insert("meta", {"name": "instance", "value": name})
    yield mended("instance", "instance", "lost", name)
    for attempt in _all(
        store, "SELECT * FROM attempts WHERE outcome IS NULL AND stage = 'typing' ORDER BY id"
    ):
        yield from _give_up(store, attempt, "it was being typed when the instance was lost")


def _checks(store: Store) -> Iterator[Row]:
    """A check that goes on without its attempt, and one that has ended without it."""
    for row in _all(
        store,
        "SELECT c.id, c.state FROM checks c JOIN attempts a ON a.id = c.id"
        " WHERE c.ended_at IS NULL AND a.outcome IS NOT NULL ORDER BY c.id",
    ):
        _end_check(store, row["id"])
        yield mended("verdicts", f"check of attempt {row['id']}", row["state"], "cancelled")
    for attempt in _all(
        store,
        "SELECT a.*, c.state AS check_state FROM checks c JOIN attempts a ON a.id = c.id"
        " WHERE c.ended_at IS NOT NULL AND a.outcome IS NULL ORDER BY c.id",
    ):
        reason = f"its check has {attempt['check_state']}, and what followed is lost"
        yield from _give_up(store, attempt, reason)
    for attempt in _all(
        store,
        "SELECT a.* FROM checks c JOIN attempts a ON a.id = c.id"
        " JOIN prompts p ON p.id = a.prompt_id WHERE c.ended_at IS NULL AND a.outcome IS NULL"
        " AND p.status <> 'in_progress' ORDER BY c.id",
    ):
        yield from _give_up(store, attempt, "it was being checked, and is not in progress")


def _attempts(store: Store) -> Iterator[Row]:
    """Live attempts that do not fit to their prompt, their session, their tree, or each other."""
    live = _all(
        store,
        "SELECT a.*, p.status, p.assigned_session, p.host AS prompt_host, p.git_branch,"
        " l.branch, l.host AS lease_host,"
        " (SELECT count(*) FROM attempts b WHERE b.outcome IS NULL AND b.prompt_id = a.prompt_id)"
        " AS of_prompt, (SELECT count(*) FROM attempts b WHERE b.outcome IS NULL"
        " AND b.host = a.host AND b.session = a.session) AS of_session"
        " FROM attempts a JOIN prompts p ON p.id = a.prompt_id"
        " LEFT JOIN leases l ON l.id = a.lease_id WHERE a.outcome IS NULL ORDER BY a.id",
    )
    typed = {a["prompt_id"] for a in live if a["stage"] not in states.UNTYPED}
    for attempt in live:
        fits = attempt["status"] == "assigned" or (
            attempt["status"] == "in_progress" and attempt["stage"] == "submitted"
        )
        if attempt["of_prompt"] > 1:
            reason = f"its prompt has {attempt['of_prompt']} live attempts"
        elif attempt["of_session"] > 1:
            reason = f"its session has {attempt['of_session']} live attempts"
        elif not fits:
            reason = f"it is {attempt['stage']}, its prompt {attempt['status']}"
        elif attempt["assigned_session"] != attempt["session"]:
            reason = f"its prompt names session '{attempt['assigned_session']}'"
        elif attempt["prompt_host"] != attempt["host"]:
            reason = f"its prompt is of host '{attempt['prompt_host']}'"
        elif attempt["lease_id"] and attempt["lease_host"] != attempt["host"]:
            reason = "its tree is of another host"
        elif attempt["lease_id"] and attempt["git_branch"] not in (None, attempt["branch"]):
            reason = f"its tree is kept on branch '{attempt['branch']}'"
        else:
            continue
        yield from _give_up(store, attempt, reason, attempt["prompt_id"] not in typed)


def _give_up(store: Store, attempt: Row, reason: str, untyped: bool = False) -> Iterator[Row]:
    """End a live attempt that cannot be right, and fail its prompt unless that is over.

    Where nothing was typed for the prompt, it has not run, and waits again.
    """
    id, prompt = attempt["id"], attempt["prompt_id"]
    check = store.execute(
        "SELECT state, ended_at FROM checks WHERE id = :id", {"id": id}
    ).fetchone()
    if check and check["ended_at"] is None:
        _end_check(store, id)
        yield mended("verdicts", f"check of attempt {id}", check["state"], "cancelled")
    row = store.one("prompt", id=prompt)
    assert row is not None
    waits = untyped and row["status"] in ("pending", "assigned")
    if row["status"] == "pending" and not waits:  # by the one way that leads to failed
        store.execute(
            "UPDATE prompts SET status = 'assigned', assigned_session = :session, held_by = NULL,"
            " held_on = NULL, updated_at = :now, updated_by = :by WHERE id = :id",
            {"session": attempt["session"], "id": prompt},
        )
    is_failed = bool(check and check["state"] == "failed")
    outcome = "failed" if is_failed else "released" if waits else "unverified"
    evidence = {**json.loads(attempt["evidence"]), "repaired": reason}
    store.execute(
        "UPDATE attempts SET outcome = :outcome, failure_class = :class, finished_at = :now,"
        " lease_id = NULL, evidence = :evidence, updated_at = :now, updated_by = :by"
        " WHERE id = :id AND outcome IS NULL",
        {
            "outcome": outcome, "class": "check" if is_failed else None,
            "evidence": json.dumps(evidence), "id": id,
        },
    )  # fmt: skip
    yield mended("attempts", f"attempt {id}", f"{attempt['stage']}: {reason}", outcome)
    others = store.execute(
        "SELECT 1 FROM attempts WHERE prompt_id = :id AND outcome IS NULL", {"id": prompt}
    ).fetchone()
    if others:
        return  # the last of them decides
    if row["status"] == "assigned" and waits:
        store.run("release_prompt", id=prompt)
        prompts.hold(store, prompt)
        yield mended("prompts", f"prompt {prompt}", "assigned", "pending")
    elif row["status"] in states.OPEN and not waits:
        yield _fail(store, prompt, row["status"], f"unverified: {reason}")


def _end_check(store: Store, attempt: int) -> None:
    store.execute(
        "UPDATE checks SET state = 'cancelled', ended_at = :now, work = NULL,"
        " updated_at = :now, updated_by = :by WHERE id = :id",
        {"id": attempt},
    )


def _fail(store: Store, prompt: int, was: str, error: str) -> Row:
    now = clock.text(clock.now())
    store.run(
        "finish_prompt", id=prompt, status="failed", error=error, exit_status=None, response=None,
        feedback=None, at=now, retry_at=None,
    )  # fmt: skip
    prompts.release_dependants(store, prompt)
    return mended("prompts", f"prompt {prompt}", was, f"failed: {error}")


def _prompts(store: Store, why: str) -> Iterator[Row]:
    """Given to a session, and no attempt tells what became of it."""
    for row in _all(
        store,
        "SELECT id, status FROM prompts p WHERE status IN ('assigned', 'in_progress')"
        " AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.prompt_id = p.id AND a.outcome IS NULL)"
        " ORDER BY id",
    ):
        yield _fail(store, row["id"], row["status"], f"unverified: {why}")


def _retries(store: Store) -> Iterator[Row]:
    for row in _all(
        store,
        "SELECT id, retry_at FROM prompts p WHERE retry_at IS NOT NULL"
        " AND (attempts >= max_attempts OR EXISTS"
        " (SELECT 1 FROM attempts a WHERE a.prompt_id = p.id"
        " AND (a.outcome IS NULL OR a.outcome = 'unverified')"
        " AND NOT EXISTS (SELECT 1 FROM attempts b"
        " WHERE b.prompt_id = p.id AND b.number > a.number))) ORDER BY id",
    ):
        store.update("prompts", row["id"], retry_at=None)
        prompts.release_dependants(store, row["id"])
        before = f"to be tried again at {row['retry_at']}"
        yield mended("retries", f"prompt {row['id']}", before, "not tried again by itself")


def _sessions(store: Store) -> Iterator[Row]:
    live = (
        "(SELECT min(a.prompt_id) FROM attempts a WHERE a.host = s.host AND a.session = s.name"
        " AND a.outcome IS NULL)"
    )
    for row in _all(
        store,
        f"SELECT id, name, current_task_id, {live} AS prompt FROM sessions s"  # noqa: S608
        f" WHERE coalesce(current_task_id, 0) <> coalesce({live}, 0) ORDER BY id",
    ):
        store.update("sessions", row["id"], current_task_id=row["prompt"])
        yield mended(
            "sessions", f"session {row['name']}", _prompt(row["current_task_id"]),
            _prompt(row["prompt"]),
        )  # fmt: skip


def _prompt(id: int | None) -> str:
    return f"prompt {id}" if id else "no prompt"


def _leases(store: Store) -> Iterator[Row]:
    for row in _all(
        store,
        "SELECT id, tree FROM leases l WHERE NOT EXISTS"
        " (SELECT 1 FROM attempts a WHERE a.lease_id = l.id) ORDER BY id",
    ):
        attempts.release_lease(store, row["id"])
        yield mended("left over", row["tree"], "kept for nobody", "free")


def _held(store: Store) -> Iterator[Row]:
    """What waits for what it need not wait for, or does not wait for what it has to."""
    for row in _all(
        store,
        "SELECT p.id, p.held_by, p.held_on FROM prompts p WHERE p.held_by IS NOT NULL"
        " AND p.status = 'pending' AND p.host = :host"
        " UNION SELECT p.id, p.held_by, p.held_on FROM prompts p JOIN dependencies d"
        " ON d.prompt_id = p.id WHERE p.status = 'pending' AND p.host = :host ORDER BY 1",
    ):
        if row["held_by"] == "tree in use" and store.one("lease_of_tree", tree=row["held_on"]):
            continue
        prompts.hold(store, row["id"])
        now = store.one("prompt", id=row["id"])
        assert now is not None
        if (before := _hold(row)) != (after := _hold(now)):
            yield mended("held", f"prompt {row['id']}", before, after)


def _hold(row: Row) -> str:
    return f"held by {row['held_by']}: {row['held_on']}" if row["held_by"] else "free"


def _foundation(store: Store) -> Iterator[Row]:
    for row in _all(
        store,
        "SELECT w.prompt_id, p.status FROM foundation_work w JOIN prompts p ON p.id = w.prompt_id"
        " WHERE w.settled_at IS NOT NULL AND p.status IN ('pending', 'assigned', 'in_progress')"
        " ORDER BY w.prompt_id",
    ):
        store.execute(
            "UPDATE foundation_work SET settled_at = NULL, retry_at = NULL, told = 'again'"
            " WHERE prompt_id = :id",
            {"id": row["prompt_id"]},
        )
        before = f"settled, and {row['status']}"
        yield mended("foundation", f"prompt {row['prompt_id']}", before, "open")


def _counts(store: Store) -> Iterator[Row]:
    wrong = _all(
        store,
        "SELECT host, status, sum(kept) AS kept, sum(there) AS there FROM"
        " (SELECT host, status, prompts AS kept, 0 AS there FROM prompt_counts UNION ALL"
        "  SELECT host, status, 0, count(*) FROM prompts GROUP BY host, status) AS listed"
        " GROUP BY host, status HAVING sum(kept) <> sum(there) ORDER BY host, status",
    )
    for row in wrong:
        store.execute(
            "INSERT INTO prompt_counts (host, status, prompts) VALUES (:of, :status, :there)"
            " ON CONFLICT (host, status) DO UPDATE SET prompts = :there",
            {"of": row["host"], "status": row["status"], "there": row["there"]},
        )
        yield mended("counts", f"{row['status']} prompts", str(row["kept"]), str(row["there"]))


def _heartbeats(store: Store) -> Iterator[Row]:
    """A pass that has its last run before it is not due for long."""
    for row in _all(
        store, "SELECT * FROM heartbeats WHERE finished_at > :now ORDER BY host, script"
    ):
        store.execute(
            "UPDATE heartbeats SET finished_at = :now WHERE host = :of AND script = :script",
            {"of": row["host"], "script": row["script"]},
        )
        yield mended("timers", f"last {row['script']}", row["finished_at"], clock.text(clock.now()))
