"""What prompts have shown about each version of an agent; only this module writes agent_versions.

The first prompt on an untested version is its probation: others for that provider and version wait
until it has ended as it should.  Call every function inside a transaction.
"""

from typing import Any

from assigner import clock
from assigner.queue import events, prompts
from assigner.store.database import Row, Store
from assigner.store.rows import Evidence, LiveAttempt, Session

# Failures that show a turn of the agent, rightly judged
_TURNS = ("exit_status", "check", "timeout", "context")
_IN_A_ROW = 2  # unverified ends, after which a trusted version is held


def begin(store: Store, session: Session, prompt: int) -> None:
    """A prompt has claimed a session: it is the probation of an untested version."""
    if not session["agent_untested"] or not session["agent_version"]:
        return
    provider, version = str(session["provider"]), session["agent_version"]
    known = store.one("agent_versions/get", provider=provider, version=version)
    if known is None or known["state"] == "probation":
        until = clock.text(clock.now() + store.settings.probation)
        _set(store, provider, version, "probation", prompt_id=prompt, probation_until=until)


def end(
    store: Store,
    attempt: LiveAttempt,
    outcome: str,
    failure_class: str | None,
    evidence: Evidence,
) -> None:
    """An attempt has ended: its version is trusted or held, or the end says nothing about it.

    An end before typing, by a limit, a login, an outage or a person says nothing: the next prompt
    is then the probation.
    """
    provider, version = attempt["provider"], attempt["agent_version"]
    if not version or not provider:
        return
    known = store.one("agent_versions/get", provider=provider, version=version)
    on_probation = known is not None and known["prompt_id"] == attempt["prompt_id"]
    typed = attempt["stage"] in ("typed", "submitted")
    by_person = "foreign_prompt_at" in evidence.get("turn", {})
    if outcome == "unverified" and not by_person:
        times = (known["unverified"] if known else 0) + 1
        if on_probation or times >= _IN_A_ROW:
            how = "its first prompt" if on_probation else f"{times} prompts in a row"
            _hold(store, provider, version, f"{how} ended unverified")
        elif known is None or known["state"] == "trusted":
            _set(store, provider, version, "trusted", unverified=times)
    elif failure_class == "not_accepted" and typed and on_probation:
        _hold(store, provider, version, "its first prompt was not submitted")
    elif outcome == "completed" or (
        outcome == "failed" and attempt["stage"] == "submitted" and failure_class in _TURNS
    ):
        if on_probation or (known is not None and known["unverified"]):
            _set(store, provider, version, "trusted")
    elif on_probation:
        store.run("agent_versions/forget", provider=provider, version=version)


def release(store: Store, provider: str) -> int:
    """Trust the versions of a provider that are held.  Returns their number."""
    rows = [row for row in store.rows("agent_versions/list") if row["provider"] == provider]
    held = [row for row in rows if row["state"] == "held"]
    for row in held:
        _set(store, provider, row["version"], "trusted")
    if held:
        prompts.look_again(store)
    return len(held)


def refuse(store: Store, provider: str, version: str) -> None:
    """Hold an untested version because the settings allow none."""
    if store.one("agent_versions/get", provider=provider, version=version) is None:
        _hold(store, provider, version, "it is untested, and ASSIGNER_UNTESTED is no")


def _hold(store: Store, provider: str, version: str, reason: str) -> None:
    _set(store, provider, version, "held", reason=reason)
    prompts.look_again(store)


def _set(store: Store, provider: str, version: str, state: str, **values: Any) -> None:
    row: Row = {"prompt_id": None, "probation_until": None, "unverified": 0, "reason": None}
    row |= values
    known = store.one("agent_versions/get", provider=provider, version=version)
    store.run("agent_versions/set", provider=provider, version=version, state=state, **row)
    if known is None or known["state"] != state:
        data = {"provider": provider, "version": version, "reason": row["reason"]}
        match state:
            case "probation":
                events.record(store, "version.probation", data, prompt=row["prompt_id"])
            case "held":
                events.record(store, "version.held", data)
            case _:
                events.record(store, "version.trusted", data)


def said(store: Store) -> dict[tuple[str, str], str]:
    """What is to be said of versions, by provider and version: why they get no prompts."""
    found = {}
    for row in store.rows("agent_versions/list"):
        key = row["provider"], row["version"]
        if row["state"] == "held":
            found[key] = f"{' '.join(key)} is held: {row['reason']}"
        elif row["state"] == "probation":
            found[key] = f"prompt {row['prompt_id']} tries {' '.join(key)}"
    return found
