"""One check of profiles: its shared state, results and problems."""

import sqlite3

from assigner.errors import AssignerError
from assigner.goals import database
from assigner.goals.database import Goals
from assigner.states import Action
from assigner.store import database as store_database
from assigner.store.database import Row, Store


class Round:
    """One check: its results, its problems, and the goals, opened when they are needed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rows: list[Row] = []
        self.problems: list[str] = []
        self.sessions = {row["name"]: row for row in store.rows("sessions/list")}
        self.paused = {row["provider"] for row in store.rows("pauses/list")}
        self.has_failed = False
        self._goals: Goals | None = None

    def goals(self) -> Goals | None:
        """The goals; None where there are none, or they have failed in this round."""
        settings = self.store.settings
        if self._goals is None and not self.has_failed:
            if settings.given_goals is None and not settings.goals.exists():
                return None
            try:
                dry = self.store.dry
                self._goals = database.connect(settings, self.store.actor, dry=dry, create=False)
            except sqlite3.Error as error:
                self.fail(store_database.failure(settings.goals, error))
            except AssignerError as error:
                self.fail(error)
        return self._goals

    def fail(self, error: AssignerError) -> None:
        """The goals cannot be used: report that once, and do not try again in this round."""
        self.problems.append(str(error))
        self.has_failed = True
        self.close()

    def refused(self, task: object, error: object) -> None:
        """A task cannot become a prompt or get a status."""
        self.problems.append(f"task {task}: {error}")

    def close(self) -> None:
        if self._goals:
            self._goals.close()
        self._goals = None

    def tell(self, work: Row, action: Action, reason: str) -> None:
        self.rows.append(
            {
                "session": work["session"],
                "action": action,
                "kind": work["kind"],
                "task": work["task"],
                "prompt": work["prompt_id"],
                "reason": reason,
            }
        )
