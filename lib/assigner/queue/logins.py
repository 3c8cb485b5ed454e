"""Logins: an agent whose login has failed gets no prompts until it shows that it is logged in.
A one-shot command, which shows nothing, rests instead.

The first failure holds its session.  If a prompt fails so in a second session of the account, and
none was completed with that account in between, all sessions of the account are held.  Only this
module writes login_holds.  Call every function inside a transaction.
"""

from typing import NamedTuple

from assigner import clock
from assigner.queue import events, prompts, rests
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt, Session
from assigner.system import processes


class Holds(NamedTuple):
    """The failed logins, by session and by account."""

    sessions: dict[str, Row]
    accounts: dict[str, Row]

    def of(self, session: Session) -> Row | None:
        """The failed login that keeps a session from getting prompts."""
        return self.sessions.get(session["name"]) or self.accounts.get(account_of(session))


def held(store: Store) -> Holds:
    """The failed logins of this host."""
    rows = store.rows("login_holds/list")
    return Holds(*({r["name"]: r for r in rows if r["kind"] == k} for k in ("session", "account")))


def account_of(session: Session | LiveAttempt) -> str:
    """Whose login counts for a session: its account, or else its provider."""
    return session["account"] or session["provider"] or ""


def note_failed(store: Store, attempt: LiveAttempt, reason: str) -> None:
    """A login was refused: hold the session, and its account if that is the second one."""
    session, account = attempt["session"], account_of(attempt)
    if attempt["command"]:  # no agent stays that could show whether it is logged in
        rests.begin(store, session, reason, store.settings.rest)
        return
    agent = processes.front(attempt["pane_pid"])
    identity = None if agent is None else processes.identity(agent)
    _hold(store, "session", session, reason, identity)
    first = store.one("login_holds/others", session=session, account=account)
    if first and not store.one("attempts/completed_since", account=account, since=first["since"]):
        _hold(store, "account", account, reason, None)
    prompts.look_again(store)


def renew(store: Store, session: Session, at: float | None = None) -> None:
    """Release a session, and its account: it is logged in.

    `at` (epoch seconds) is when the session has shown that; None if a person says so.
    """
    hold = held(store).of(session)
    if hold is None or (at is not None and at <= clock.seconds(hold["since"])):
        return
    if _end(store, "session", session["name"]) | _end_account(store, account_of(session)):
        prompts.look_again(store)


def is_another(hold: Row, pane_pid: int) -> bool:
    """Whether the agent in a pane is another process than the one whose login failed."""
    agent = processes.front(pane_pid)
    identity = None if agent is None else processes.identity(agent)
    return hold["process"] is not None and identity not in (None, hold["process"])


def renew_account(store: Store, account: str) -> None:
    """A person says that an account is logged in: its sessions are held no longer.

    The caller looks again at the prompts.
    """
    _end(store, "account", account)
    _end_sessions(store, account)


def said(hold: Row | None) -> str:
    """Why a session gets no prompts, for people; empty if no login has failed."""
    if hold is None:
        return ""
    option = f"--account {hold['name']}" if hold["kind"] == "account" else hold["name"]
    return f"its login has failed: log in, then resume {option} ({hold['reason']})"


def _hold(store: Store, kind: str, name: str, reason: str, process: str | None) -> None:
    known = any(r["kind"] == kind and r["name"] == name for r in store.rows("login_holds/list"))
    store.run("login_holds/add", kind=kind, name=name, reason=reason, process=process)
    if not known:
        session = name if kind == "session" else None
        data = {"kind": kind, "name": name, "reason": reason}
        events.record(store, "login.held", data, session=session)


def _end(store: Store, kind: str, name: str) -> bool:
    if not store.run("login_holds/end", kind=kind, name=name):
        return False
    session = name if kind == "session" else None
    data = {"kind": kind, "name": name, "by": store.actor}
    events.record(store, "login.released", data, session=session)
    return True


def _end_account(store: Store, account: str) -> bool:
    """Release an account that is held, and with it all its sessions."""
    if not _end(store, "account", account):
        return False
    _end_sessions(store, account)
    return True


def _end_sessions(store: Store, account: str) -> None:
    for session in store.rows("sessions/list"):
        if account_of(session) == account:
            _end(store, "session", session["name"])
