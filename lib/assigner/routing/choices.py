"""The sessions that a prompt may run in, as far as its targets and its earlier attempts decide."""

from dataclasses import dataclass

from assigner.queue import outages
from assigner.routing import pairing
from assigner.store.database import Store
from assigner.store.rows import Prompt, Session


@dataclass
class Option:
    """A prompt with a session that it may run in, and the score of the pair."""

    prompt: Prompt
    session: Session
    parts: dict[str, int]
    bonus: int
    candidate: pairing.Candidate
    chosen: bool = False


def may_take(prompt: Prompt, session: Session) -> bool:
    """Whether a prompt's targets allow a session."""
    if prompt["target_session"] not in (None, session["name"]):
        return False
    if prompt["target_provider"] not in (None, session["provider"]):
        return False
    return bool(prompt["target_session"] or prompt["target_provider"]) or takes_any(session)


def takes_any(session: Session) -> bool:
    """Whether a prompt that names neither session nor provider may go there.

    Such a prompt is a script for a shell; a one-shot command would read it as data.
    """
    return bool(session["provider"] == "shell")


class Elsewhere:
    """Where else a prompt may run that has failed in a session, looked up once per pass."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._working: list[Session] | None = None

    def options(self, prompt: Prompt, found: list[Option], waited: float) -> list[Option]:
        """The options of a prompt, without the sessions in which it has failed.

        It waits for another session while one works, at most ASSIGNER_REST seconds; `waited` is how
        long it has.  Returns all options if there is no other session.
        """
        if not prompt["attempts"] or not found:
            return found
        rows = self._store.rows("attempts/failed_in", prompt_id=prompt["id"])
        failed = {row["session"] for row in rows}
        fresh = [option for option in found if option.session["name"] not in failed]
        if fresh or waited >= self._store.settings.rest:
            return fresh or found
        waits = any(
            session["name"] not in failed and may_take(prompt, session)
            for session in self._working_sessions()
        )
        return [] if waits else found

    def _working_sessions(self) -> list[Session]:
        """The enrolled sessions that work on a prompt and would take another one."""
        if self._working is None:
            held = {row["name"] for row in self._store.rows("sessions/held")}
            self._working = [
                row
                for row in self._store.rows("sessions/list")
                if row["enrolled"]
                and row["current_task_id"] is not None
                and row["status"] in ("idle", "busy")
                and not row["paused"]
                and row["name"] not in held
            ]
        return self._working


def leave_probes(
    store: Store, sessions: list[Session], waiting: list[tuple[Prompt, list[Option]]]
) -> list[tuple[Prompt, list[Option]]]:
    """Leave the try of a provider that could not be reached to another prompt than the last one,
    which may itself be the cause, if another one waits.
    """
    due = [row for row in outages.known(store).values() if row["state"] == "due"]
    for row in due:
        names = {s["name"] for s in sessions if outages.provider_of(s) == row["provider"]}
        others = any(
            prompt["id"] != row["prompt_id"] and any(o.session["name"] in names for o in options)
            for prompt, options in waiting
        )
        if others:
            waiting = [
                (prompt, [o for o in options if o.session["name"] not in names])
                if prompt["id"] == row["prompt_id"]
                else (prompt, options)
                for prompt, options in waiting
            ]
    return waiting
