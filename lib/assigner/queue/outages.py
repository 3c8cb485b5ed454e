"""Outages: a provider whose model cannot be reached rests, so that no prompt pays for that.

Two different prompts in a row that do not reach the model let the provider rest.  Then one prompt
at a time tries it, another one each time where there is one.  Only this module writes outages.
Call every function inside a transaction.
"""

from typing import Any

from assigner import clock
from assigner.agents import registry
from assigner.errors import SetupError
from assigner.queue import events, prompts
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt, Session

_LONGEST = 3600.0  # seconds
# Ends of a submitted prompt that show that the agent has reached its model
_REACHED = ("auth", "check", "context")


def provider_of(session: Session | LiveAttempt) -> str:
    """What an outage of a session's model is recorded for: its provider, or of a one-shot command
    its account.
    """
    name = session["provider"] or ""
    return (session["account"] or name) if name == "command" else name


def is_one(attempt: LiveAttempt, failure_class: str | None, error: str) -> bool:
    """Whether a failed attempt did not reach the model, by the words of its agent."""
    if failure_class != "api":
        return False
    try:
        once = registry.once(attempt["command"])
        name = once[0] if once else attempt["provider"]
        pattern = registry.agent(name).outage if name in registry.files() else None
    except SetupError:
        return False
    return bool(pattern and pattern.search(error))


def note(store: Store, attempt: LiveAttempt, error: str) -> bool:
    """A prompt did not reach the model of its provider.

    Returns whether its attempt does not count, because the provider is out of reach for all.
    """
    provider, prompt = provider_of(attempt), attempt["prompt_id"]
    known = store.one("outages/get", provider=provider)
    if known is None:
        _set(store, provider, "suspected", prompt, reason=error)
        return False
    if known["state"] == "suspected":
        if known["prompt_id"] == prompt:
            return False
        _rest(store, provider, prompt, 1, error)
        _forgive(store, known["prompt_id"])
        events.record(store, "outage.began", {"provider": provider, "reason": error})
    elif known["state"] == "due" or known["prompt_id"] == prompt:
        _rest(store, provider, prompt, known["rests"] + 1, error)
    return True


def note_end(store: Store, attempt: LiveAttempt, outcome: str, failure_class: str | None) -> None:
    """An attempt has ended otherwise: the model was reached, or the end does not show whether."""
    provider, prompt = provider_of(attempt), attempt["prompt_id"]
    known = store.one("outages/get", provider=provider)
    if known is None:
        return
    reached = outcome in ("completed", "limited") or (
        outcome == "failed"
        and attempt["stage"] == "submitted"
        and (failure_class in _REACHED or failure_class == "api")
    )
    if reached:
        store.run("outages/end", provider=provider)
        if known["state"] != "suspected":
            events.record(store, "outage.ended", {"provider": provider, "by": store.actor})
            prompts.look_again(store)
    elif known["state"] == "probing" and known["prompt_id"] == prompt:
        _let_try(store, known)


def begin(store: Store, session: Session, prompt: int) -> None:
    """A prompt has claimed a session of a provider: after a rest it tries the provider."""
    provider = provider_of(session)
    known = store.one("outages/get", provider=provider)
    if known and known["state"] == "due":
        kept = {"rests": known["rests"], "reason": known["reason"]}
        _set(store, provider, "probing", prompt, **kept)


def release_due(store: Store) -> None:
    """Let one prompt try each provider whose rest is over."""
    due = store.rows("outages/due")
    if due:
        with store.transaction():
            for row in due:
                _let_try(store, row)


def resume(store: Store, provider: str) -> None:
    """A person says that a provider can be reached: prompts are typed there again."""
    if store.run("outages/end", provider=provider):
        events.record(store, "outage.ended", {"provider": provider, "by": store.actor})
        prompts.look_again(store)


def known(store: Store) -> dict[str, Row]:
    """The providers that could not be reached, apart from those merely suspected."""
    rows = store.rows("outages/list")
    return {row["provider"]: row for row in rows if row["state"] != "suspected"}


def said(row: Row | None) -> str:
    """Why a provider gets no prompts, for people; empty if it does."""
    if row is None:
        return ""
    if row["state"] == "probing":
        when = f"prompt {row['prompt_id']} tries it"
    else:
        when = f"rests until {row['resting_until'][:16]}Z" if row["resting_until"] else "is tried"
    return f"{row['provider']} could not be reached, {when}: {row['reason']}"


def _let_try(store: Store, row: Row) -> None:
    kept = {"rests": row["rests"], "reason": row["reason"]}
    _set(store, row["provider"], "due", row["prompt_id"], **kept)
    prompts.look_again(store)


def _rest(store: Store, provider: str, prompt: int, rests: int, reason: str) -> None:
    settings = store.settings
    doubled = settings.outage_rest * 2.0 ** min(rests - 1, 20)
    pause = min(doubled, max(_LONGEST, settings.outage_rest))
    until = clock.text(clock.now() + pause)
    _set(store, provider, "resting", prompt, rests=rests, resting_until=until, reason=reason)
    prompts.look_again(store)


def _forgive(store: Store, prompt: int) -> None:
    """Do not count the failed attempt of the prompt that met the outage first."""
    if store.run("prompts/forgive", id=prompt):
        prompts.requeue(store, prompt, reset_attempts=False)


def _set(store: Store, provider: str, state: str, prompt: int, **values: Any) -> None:
    row: Row = {"rests": 0, "resting_until": None, **values}
    store.run("outages/set", provider=provider, state=state, prompt_id=prompt, **row)
