"""One check of profiles: its shared state, results and problems."""

import sqlite3

from assigner import db, goalfiles
from assigner.db import Row, Store
from assigner.errors import AssignerError
from assigner.goalfiles import Goals


class Round:
    """One check: its results, its problems, and the goals, opened when they are needed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.rows: list[Row] = []
        self.problems: list[str] = []
        self.sessions = {row["name"]: row for row in store.rows("sessions")}
        self.paused = {row["provider"] for row in store.rows("pauses")}
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
                self._goals = goalfiles.connect(settings, self.store.actor, dry=dry, create=False)
            except sqlite3.Error as error:
                self.fail(db.failure(settings.goals, error))
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

    def tell(self, work: Row, outcome: str, reason: str) -> None:
        self.rows.append(
            {
                "session": work["session"],
                "outcome": outcome,
                "kind": work["kind"],
                "task": work["task"],
                "prompt": work["prompt_id"],
                "reason": reason,
            }
        )
