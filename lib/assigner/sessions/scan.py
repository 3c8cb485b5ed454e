"""scan: finds the sessions, and judges what each is doing."""

import contextlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import NamedTuple

from assigner import clock, states
from assigner.queue import agent_versions, attempts, limits, logins, prompts, rests, sessions
from assigner.sessions import known_panes, limit_seen
from assigner.sessions.look import look
from assigner.sessions.sight import Known, Sight
from assigner.store import attempt_files
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt, Session
from assigner.tmux import client
from assigner.tmux import panes as tmux_panes
from assigner.tmux.panes import PaneId


class Scan(NamedTuple):
    """The sessions whose status changed; `silent` has the reason for each unreachable socket."""

    changes: list[Row]
    silent: dict[str, str]


def scan(store: Store) -> Scan:
    """Look once at every pane of every configured server, and write the sessions.

    A session is offline if its own socket answers without listing it, or if its server's process is
    gone.  If a server cannot be asked, its sessions are unknown, and keep their prompts.
    """
    now = clock.now()
    limits.release_due(store)
    rests.release_due(store)
    panes, silent = known_panes.list_panes(store)
    rows = store.rows("sessions/list")
    answering = known_panes.servers(store, panes, silent, rows)
    live = {row["session"]: row for row in store.rows("attempts/live")}
    named = _match(panes, rows, live)
    by_name = {row["name"]: row for row in rows}

    wanted, known, ours = [], {}, known_panes.typed_last(store)
    for name, pane in named.items():
        row = by_name.get(name)
        if row and not _to_be_looked_at(row, pane, live.get(name), now):
            continue
        known[name] = pane
        wanted.append((pane, known_panes.expectations(row, live.get(name), ours.get(name))))
    sights = _look(store, wanted, silent, now)

    changes: list[Row] = []
    owners = _owners(rows)
    with store.transaction():
        held = limits.active(store)
        for row in rows:
            if row["name"] not in named:
                changes += _lose(store, row, live.get(row["name"]), answering, silent)
        for name, pane in known.items():  # two sessions may have swapped names
            owner = owners.get(pane.identity.place)
            if owner and owner["name"] != name:
                reason = "the pane has another name now"
                sessions.lose(store, owner, "offline", reason)
        for name, pane in known.items():
            if (pane.socket, pane.id) in sights:
                sight = sights[pane.socket, pane.id]
                owner = owners.get(sight.pane.identity.place)
                kept = owner["env_vars"] if owner and owner["pane_pid"] == sight.pane.pid else "{}"
                changes += _see(store, name, by_name.get(name), sight, held, now, kept)
        _renew_logins(
            store,
            [
                (by_name[name], sights[pane.socket, pane.id])
                for name, pane in known.items()
                if name in by_name and (pane.socket, pane.id) in sights
            ],
        )
        if changes:
            prompts.look_again(store)
    return Scan(changes, silent)


def _renew_logins(store: Store, looks: list[tuple[Session, Sight]]) -> None:
    """Release the sessions whose agent shows that it is logged in: another agent runs there, or its
    provider's words for a login stand below the last message.
    """
    held = logins.held(store)
    if not held.sessions and not held.accounts:
        return
    for session, sight in looks:
        hold = held.of(session)
        if (
            hold
            and sight.agent
            and (logins.is_another(hold, sight.pane.pid) or _shows_login(sight))
        ):
            logins.renew(store, session)


def _shows_login(sight: Sight) -> bool:
    if not sight.shown:
        return False
    from assigner.agents import registry, screen_rules

    return screen_rules.shows_login(registry.agent(sight.agent or ""), sight.shown.view)


def _match(
    panes: list[tmux_panes.Pane], rows: list[Session], live: dict[str, LiveAttempt]
) -> dict[str, tmux_panes.Pane]:
    """Map session names to panes: a known pane keeps its name."""
    owners = _owners(rows)
    named: dict[str, tmux_panes.Pane] = {}
    strangers = []
    for pane in panes:
        row = owners.get(pane.identity.place)
        if row and (_still_called(row["name"], pane.session) or row["name"] in live):
            named[row["name"]] = pane
        else:
            strangers.append(pane)
    sockets = {row["name"]: row["socket"] for row in rows if row["status"] != "offline"}
    taken = {pane.identity.place for pane in named.values()}
    for pane in strangers:
        if pane.identity.place in taken:
            continue  # its window is linked to several tmux sessions
        name = pane.session if pane.alone else f"{pane.session}:{pane.window}.{pane.index}"
        if name in named or sockets.get(name, pane.socket) != pane.socket:
            name = f"{name}@{pane.socket.rpartition('/')[2]}"
        if name not in named:
            named[name] = pane
            taken.add(pane.identity.place)
    return named


def _still_called(name: str, session: str) -> bool:
    return name == session or name.startswith((f"{session}:", f"{session}@"))


def _owners(rows: list[Session]) -> dict[tuple[str, int, int, str], Session]:
    """The sessions that are not offline, by the pane of each."""
    return {PaneId.of(row).place: row for row in rows if row["status"] != "offline"}


def _fingerprint(pane: tmux_panes.Pane) -> str:
    return " ".join(map(str, (
        pane.server_pid, pane.server_start, pane.id, pane.pid, pane.dead, pane.in_mode,
        pane.input_off, pane.cursor_x, pane.cursor_y, pane.activity, pane.attached,
        pane.client_activity,
    )))  # fmt: skip


def _to_be_looked_at(
    row: Session, pane: tmux_panes.Pane, attempt: LiveAttempt | None, now: float
) -> bool:
    """Whether a pane may have changed since the last look; tmux's times are whole seconds."""
    return bool(
        attempt
        or row["prompt_learning"] != "off"
        or row["start_file"]
        or row["status"] in ("occupied", "unknown", "waiting", "limited")
        or (row["status"] == "busy" and (row["turn_began_at"] or row["turn_ended_at"]))
        or row["pane_fingerprint"] != _fingerprint(pane)
        or pane.activity >= int(clock.seconds(row["looked_at"])) - 1
    )


def _look(
    store: Store, wanted: list[tuple[tmux_panes.Pane, Known]], silent: dict[str, str], now: float
) -> dict[tuple[str, str], Sight]:
    try:
        return look(store, wanted, now)
    except (client.NoServer, client.Unreachable) as error:
        for pane, _ in wanted:
            silent.setdefault(pane.socket, str(error))
        return {}


def _see(
    store: Store,
    name: str,
    row: Session | None,
    sight: Sight,
    held: dict[str, Row],
    now: float,
    exported: str,
) -> Iterator[Row]:
    """Write the result of a look; yields the session if its status changed.

    `held` are the limits in force, by account; a new one is added.  `exported` are the known
    variables of the process under another name.
    """
    pane, at = sight.pane, clock.text(now)
    patterns = store.settings.session_patterns
    if row and row["pane_pid"] != pane.pid:
        row = {**row, "idle_since": None}  # another process
    provider = _provider(row, sight)
    account = (row and row["account"]) or provider
    sight = limit_seen.apply(store, sight, known_panes.expectations(row, None), held, now)
    status, reason, until = sight.status, sight.reason, sight.limited_until
    if status == "limited" and account and until and account not in held:
        limits.note(store, account, until, reason)
        held |= limits.active(store)
    shown = sight.shown
    if shown and row and row["enrolled"] and shown.verdict.rule is None and status == "unknown":
        from assigner.agents import unknown_screens

        unknown_screens.keep(store.settings, sight.agent or "", name, shown.view, at)
    endings = row["prompt_endings"] if row else "[]"
    if sight.ending:
        is_whole = sight.ending.shape == ""
        kept = [e for e in json.loads(endings) if not is_whole or e.get("shape") != ""]
        learned = [*kept, asdict(sight.ending)][-8:]
        endings = json.dumps(learned, ensure_ascii=False)
    wanted = any(fnmatchcase(name, p) for p in patterns) and not (row and row["opted_out"])
    enrolled = bool(row and row["enrolled"] and not _is_another(name, row, pane)) or wanted
    is_seen = sight.agent or status in ("idle", "offline")
    was_idle = row and row["status"] == "idle" and row["idle_since"]
    values = {
        "provider": provider,
        "status": status,
        "status_reason": reason,
        "limited_until": until,
        **pane.identity._asdict(),
        "pane_tty": pane.tty,
        "pane_fingerprint": _fingerprint(pane),
        "looked_at": at,
        "prompt_endings": endings,
        "prompt_learning": (row["prompt_learning"] if status != "idle" else "off") if row else "on",
        "enrolled": int(enrolled),
        "agent_version": sight.version if sight.agent or row is None else row["agent_version"],
        "agent_untested": int(
            sight.is_untested if sight.agent or row is None else row["agent_untested"]
        ),
        "start_file": row["start_file"] if row and not is_seen else None,
        "env_vars": exported,
        "current_dir": sight.directory or (row["current_dir"] if row else None),
        "last_activity": clock.text(pane.activity),
        "idle_since": (was_idle or at) if status == "idle" else None,
    }
    if sight.is_untested and not store.settings.untested and sight.agent and sight.version:
        agent_versions.refuse(store, sight.agent, sight.version)
    if row is None:
        sessions.add(store, name, values)
    else:
        sessions.see(store, row, values)
    if row is None or (row["status"], row["status_reason"]) != (status, reason):
        yield {"name": name, **values}


def _is_another(name: str, row: Session, pane: tmux_panes.Pane) -> bool:
    """Whether a new split of a window has the name of an enrolled pane that is gone."""
    server = (row["server_pid"], row["server_start"])
    is_part = name != pane.session and not name.startswith(f"{pane.session}@")
    return is_part and server == (pane.server_pid, pane.server_start) and row["pane_id"] != pane.id


def _provider(row: Session | None, sight: Sight) -> str | None:
    """The provider of a session: the user's choice, else the one seen now, else the earlier one.

    An agent that has exited to its shell remains the provider: its prompts are not for a shell.
    """
    if row and row["provider_given"]:
        return str(row["provider"])
    if sight.agent:
        return sight.agent
    if row and row["provider"] and (row["enrolled"] or not sight.shell):
        return str(row["provider"])
    return "shell" if sight.shell else None


def _lose(
    store: Store,
    row: Session,
    attempt: LiveAttempt | None,
    answering: dict[str, int],
    silent: dict[str, str],
) -> Iterator[Row]:
    """Record that a session was not found, and release a claim that was never typed.

    Yields the session if its status changed.
    """
    if row["status"] == "offline":
        return
    status, reason = known_panes.absence(store, row, answering, silent)
    if sessions.lose(store, row, status, reason):
        yield {**row, "status": status, "status_reason": reason}
    if status == "offline" and attempt and attempt["stage"] in states.UNTYPED:
        with contextlib.suppress(OSError):
            attempt_files.revoke(store.settings, attempt["id"])
        vanished = attempts.Verdict(attempt, "released", evidence={"vanished": reason})
        attempts.finish(store, vanished)
