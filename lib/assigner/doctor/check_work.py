"""doctor: what waits for attention: leftovers, reports, secrets, sessions, timers."""

import shlex
from collections.abc import Iterator

from assigner import clock
from assigner.agents import detect
from assigner.doctor.case import BAD, OK, SHOWN, WARN, Case, Check, examples, finding
from assigner.doctor.check_database import store_of, violations
from assigner.maintenance import cleanup
from assigner.outcomes import checks
from assigner.sessions import look
from assigner.store import spool
from assigner.store.database import Row
from assigner.store.rows import Session
from assigner.system.terminal_text import counted

CHAIN = ("scan", "sync-context", "observe", "retry-failed", "assign-next", "deliver")
# Seconds after which a delay is a finding
NOTHING_RAN, NOT_CLEANED, UNREAD = 600.0, 86400.0, 3600.0


def check_left_over(case: Case) -> Iterator[Row]:
    """What cleanup-stale would fix."""
    store, settings = store_of(case), case.settings
    clean = case.command("cleanup-stale", "--apply")
    if not all(d.is_dir() for d in (settings.run, settings.spool, settings.secrets)):
        return  # said of the state directory
    found = cleanup.clean(store, apply=False)
    wanted = [row for row in found if row["kind"] in ("claim", "lease", "hold", "target")]
    waits = [f"{row['subject']}: {row['detail']}" for row in wanted if row["kind"] == "target"]
    stuck = [f"{row['subject']}: {row['detail']}" for row in wanted if row["kind"] != "target"]
    lost = violations(
        case,
        "SELECT 'session ' || s.name || ': attempt ' || a.id || ' of prompt ' || a.prompt_id"
        " FROM attempts a JOIN sessions s ON s.host = a.host AND s.name = a.session"
        " WHERE a.outcome IS NULL AND s.status = 'offline'"
        " AND a.stage NOT IN ('claimed', 'preparing', 'prepared')",
    )
    if stuck:
        yield finding("left over", WARN, examples(stuck), clean)
    if waits:
        detail = f"no such session: {examples(waits)}"
        yield finding(
            "targets", WARN, detail, case.command("cleanup-stale", "--apply", "--retarget")
        )
    if lost:
        detail = f"its session is offline: {examples(lost)}"
        yield finding("live attempts", WARN, detail, case.command("tick"))
    remains = [row for row in found if row["kind"] in ("run", "spool", "secret")]
    if remains:
        kinds = [f"{row['kind']} {row['subject']}" for row in remains]
        yield finding("leftovers", WARN, f"files that nothing needs: {examples(kinds)}", clean)
    if not (stuck or waits or lost or remains):
        yield finding("left over", OK, "nothing")


def check_checks(case: Case) -> Iterator[Row]:
    """Checks that should have begun or ended long ago."""
    store, late, seen = store_of(case), [], 0
    for attempt in store.rows("attempts/live"):
        seen += attempt["check_state"] is not None
        since = attempt["check_wanted_at"]
        if attempt["check_state"] in ("wanted", "starting"):
            if case.now() - clock.seconds(since) > NOTHING_RAN:
                late.append((attempt["prompt_id"], f"should have begun at {since}"))
        elif attempt["check_state"] == "running" and checks.is_overdue(store, attempt, case.now()):
            late.append(
                (attempt["prompt_id"], f"has been running since {attempt['check_started_at']}")
            )
    for prompt, what in late[:SHOWN]:
        detail = f"the check of prompt {prompt} {what}"
        yield finding("checks", WARN, detail, case.command("tick"))
    if not late:
        yield finding("checks", OK, f"{seen} under way, none overdue" if seen else "none under way")


def check_spool(case: Case) -> Iterator[Row]:
    settings = case.settings
    try:
        unread = [r for r in spool.reports(settings) if case.now() - r.at > UNREAD]
    except FileNotFoundError:
        return  # said elsewhere
    if unread:
        detail = f"{counted(len(unread), 'report')} unread for an hour"
        yield finding("reports", WARN, detail, case.command("observe"))
    else:
        yield finding("reports", OK, "none is overdue")


def check_secrets(case: Case) -> Iterator[Row]:
    named = store_of(case).execute(
        "SELECT secrets, min(id) AS id, count(*) AS prompts, min(completed_at IS NOT NULL) AS over"
        " FROM prompts WHERE secrets IS NOT NULL"
        " AND (status <> 'completed' OR review = 'wanted') GROUP BY secrets"
    )
    there = case.settings.secrets
    gone = [row for row in named if not (there / str(row["secrets"])).is_file()]
    if gone:
        verdict = WARN if all(row["over"] for row in gone) else BAD
        prompts = [f"prompt {row['id']}" for row in gone]
        detail = f"values of secret variables are lost; send the prompts again: {examples(prompts)}"
        command = case.command("cancel", *[str(r["id"]) for r in gone if not r["over"]][:20])
        yield finding("secrets", verdict, detail, command if verdict == BAD else "")
    else:
        yield finding("secrets", OK, "no file is missing")


def check_sessions(case: Case) -> Iterator[Row]:
    rows = [row for row in store_of(case).rows("sessions/list") if row["enrolled"]]
    ready = 0
    for row in rows:
        name, reason = row["name"], row["status_reason"] or ""
        if row["status"] == "offline":
            yield finding("session", WARN, f"'{name}' is offline: {reason}", _back(case, row))
        elif row["status"] == "unknown" or (row["status"] != "busy" and _is_new(row)):
            learn = look.lacks_prompt(row) or row["status"] != "unknown"
            words = ("enroll", name, "--at-prompt") if learn else ("inspect", name)
            detail = f"'{name}' is {row['status']}, and was never ready: {reason}"
            if not _is_new(row):
                detail = f"'{name}' is unknown: {reason}"
            yield finding("session", WARN, detail, case.command(*words))
        else:
            ready += 1
    if not rows:
        yield finding("session", WARN, "none is enrolled", case.command("enroll", "NAME"))
    elif ready:
        yield finding("session", OK, f"{ready} of {len(rows)} enrolled can run prompts")


def _is_new(row: Session) -> bool:
    """Whether assigner has never recorded the shell's empty prompt; agents need no recording."""
    return row["prompt_endings"] == "[]" and not detect.is_agent(row["provider"])


def _back(case: Case, row: Session) -> str:
    """The command that restarts an offline session, or removes one of several panes."""
    name, sockets = row["name"], case.settings.sockets
    if row["keepalive"]:
        return case.command(*(("resume", name) if row["given_up_reason"] else ("keepalive",)))
    if look.is_there(row):  # its agent has left it
        return case.command("inspect", name)
    socket = row["socket"] or sockets[0]
    if ":" in name or name.endswith(f"@{socket.rpartition('/')[2]}"):  # as only scan calls it
        return case.command("enroll", "--remove", name)
    socket = socket if socket in sockets else sockets[0]
    return shlex.join(["tmux", "-S", socket, "new-session", "-d", "-s", name])


def check_heartbeats(case: Case) -> Iterator[Row]:
    store, now = store_of(case), case.now()
    last = {
        row["script"]: clock.seconds(row["finished_at"])
        for row in store.execute("SELECT * FROM heartbeats WHERE host = :host")
    }
    tick = last.get("tick", 0.0)
    late = {name: max(last.get(name, 0.0), tick) for name in CHAIN}
    late = {name: at for name, at in late.items() if now - at > NOTHING_RAN}
    waiting = store.execute(
        "SELECT 1 AS n FROM prompts WHERE completed_at IS NULL LIMIT 1"
    ).fetchone()
    if late and waiting:
        newest = max(late.values())
        ran = f"have not run since {clock.text(newest)}" if newest else "never ran"
        detail = f"prompts are open, but {', '.join(late)} {ran}"
        yield finding("timers", WARN, detail, case.command("timers", "install", "cron"))
    else:
        newest = max(last.values(), default=0.0)
        detail = f"the last pass was {clock.text(newest)}" if newest else "no pass has run yet"
        yield finding("timers", OK, detail)
    cleaned = last.get("cleanup-stale", 0.0)
    if now - cleaned > NOT_CLEANED and (waiting or tick):
        ran = f"has not run since {clock.text(cleaned)}" if cleaned else "has never run"
        detail = f"cleanup-stale {ran}"
        yield finding("clean-up", WARN, detail, case.command("cleanup-stale", "--apply"))
    else:
        detail = clock.text(cleaned) if cleaned else "nothing to clean up yet"
        yield finding("clean-up", OK, detail)


def check_versions(case: Case) -> Iterator[Row]:
    """Versions of agents that are held, or newer than the recorded screens."""
    store = store_of(case)
    held = [row for row in store.rows("agent_versions/list") if row["state"] == "held"]
    for row in held:
        text = f"{row['provider']} {row['version']} is held: {row['reason']}"
        fix = case.command("resume", "--provider", row["provider"])
        yield finding("agent version", WARN, text, fix)
    rows = [row for row in store.rows("sessions/list") if row["agent_untested"]]
    names = {f"{row['provider']} {row['agent_version']}" for row in rows if row["enrolled"]}
    untested = sorted(names - {f"{row['provider']} {row['version']}" for row in held})
    if untested:
        detail = f"{examples(untested)}: newer than the screens that the rules were recorded on"
        yield finding("agent version", WARN, detail)
    elif not held:
        yield finding("agent version", OK, "none is held or untested")


WORK: dict[str, Check] = {
    "left over": check_left_over,
    "checks": check_checks,
    "reports": check_spool,
    "secrets": check_secrets,
    "session": check_sessions,
    "agent version": check_versions,
    "timers": check_heartbeats,
}
