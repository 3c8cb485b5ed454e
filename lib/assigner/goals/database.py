"""The database of goals: ours, or another program's with a similar table `tasks`.

Of a foreign one only `tasks` is read, and only its statuses are written.  A temporary view, which
is not in the file, gives its table the columns of assigner's: the same statements read both.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from assigner.config import Settings
from assigner.errors import AssignerError, SetupError, UsageError
from assigner.store import database
from assigner.store.database import Row, Store
from assigner.system import private_files

PATIENCE = 3.0  # seconds: a pass holds up others meanwhile
_NEEDED = ("status", "project", "priority", "created_at")
_TEXTS = ("content", "description", "title", "task", "name")
# Columns that a foreign table does not have
_ABSENT = {
    "goal_id": "NULL", "after_id": "NULL", "target_session": "NULL", "target_provider": "NULL",
    "working_dir": "NULL", "git_branch": "NULL", "worktree": "0", "env_vars": "'{}'",
    "prerequisites": "'[]'", "metadata": "'{}'", "tags": "'[]'", "timeout_seconds": "NULL",
    "idempotent": "0", "attempts": "NULL", "max_attempts": "3", "not_before": "NULL",
    "prompt_id": "NULL", "error": "NULL", "check_command": "NULL", "check_timeout_seconds": "NULL",
}  # fmt: skip


class Refused(AssignerError):
    """The other program's rules forbid a status."""


@dataclass(frozen=True)
class Goals:
    """An open database of goals.  `key` names it among all; `id` is the foreign tasks' key."""

    store: Store
    key: str
    id: str | None = None

    @property
    def is_foreign(self) -> bool:
        return self.id is not None

    def own(self) -> Store:
        """The store, of which more than tasks is wanted.  UsageError where it is foreign."""
        if self.is_foreign:
            raise UsageError(
                f"'{self.store.settings.goals}' belongs to another program:"
                " assigner only reads its tasks and writes their statuses"
            )
        return self.store

    @contextlib.contextmanager
    def guarded(self) -> Iterator[Store]:
        """The store; its errors name this file.  AssignerError."""
        try:
            yield self.store
        except sqlite3.Error as error:
            raise database.failure(self.store.settings.goals, error) from None

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """One transaction, of our own goals; another program's triggers might end one for us.

        After an AssignerError nothing was changed there.
        """
        with self.guarded() as store:
            if self.is_foreign:
                yield
                return
            with store.transaction():
                yield

    def close(self) -> None:
        self.store.connection.close()

    def take(self, task: str, prompt: int, *, again: bool) -> None:
        """The task has become that prompt.  Done twice, it changes nothing more."""
        with self.guarded() as store:
            if self.is_foreign:
                closed = ("failed", "cancelled") if again else ()
                self.set_status(task, "in_progress", ("pending", *closed))
            else:
                store.run("tasks/take", id=task, prompt=prompt, again=int(again))

    def settle(
        self, task: str, prompt: int, status: str, *, error: str | None, at: str | None
    ) -> None:
        """The task's prompt has ended: its new status; pending, it is tried again at `at`."""
        with self.guarded() as store:
            if self.is_foreign:
                self.set_status(task, status, ("in_progress",))
            else:
                store.run(
                    "tasks/settle",
                    id=task, prompt=prompt, status=status, error=error, not_before=at,
                )  # fmt: skip

    def refuse(self, task: str, error: str) -> None:
        """The task cannot become a prompt."""
        with self.guarded() as store:
            if self.is_foreign:
                self.set_status(task, "failed", ("pending",))
            else:
                store.run("tasks/refuse", id=task, error=error)

    def set_status(self, task: str, status: str, known: tuple[str, ...]) -> bool:
        """Write the status of a foreign task which has one of `known`; whether it had.

        Refused where the other program's rules forbid it.
        """
        places = ", ".join("?" * len(known))
        statement = f"UPDATE main.tasks SET status = ? WHERE {self.id} = ? AND status IN ({places})"  # noqa: S608 - its own column
        try:
            return bool(self.store.connection.execute(statement, (status, task, *known)).rowcount)
        except sqlite3.IntegrityError as error:
            path = self.store.settings.goals
            raise Refused(f"'{path}' does not accept status '{status}': {error}") from None


@contextlib.contextmanager
def opened(
    settings: Settings, actor: str, *, dry: bool = False, create: bool = True
) -> Iterator[Goals]:
    """The database of goals; its errors name the file.

    A missing one beside the queue is created; one that a setting names only with
    `create`.  SetupError, BusyError, AssignerError.
    """
    try:
        goals = connect(settings, actor, dry=dry, create=create or settings.given_goals is None)
        with contextlib.closing(goals):
            yield goals
    except sqlite3.Error as error:
        raise database.failure(settings.goals, error) from None


def connect(settings: Settings, actor: str, *, dry: bool = False, create: bool = True) -> Goals:
    """As `opened`, to be closed by the caller; sqlite3.Error where the file is damaged or busy."""
    path = settings.goals
    if not create and not path.exists():
        raise SetupError(f"no goals at '{path}': run 'goals init' to create them")
    if path.exists() and not path.is_file():
        raise SetupError(f"'{path}' is not a file")
    private_files.refuse_foreign(path, shared=settings.given_goals is not None)
    tables = _tables(settings)
    if not tables or "_sqlite_migrations" in tables:
        if "prompts" in tables:
            raise SetupError(f"'{path}' is the queue: goals need a database of their own")
        store = Store(
            database.connection_to(path, "goals", dry=dry, patience=PATIENCE),
            settings,
            actor,
            dry=dry,
        )
        return Goals(store, store.instance)
    connection = sqlite3.connect(
        f"{path.as_uri()}?mode=rw", uri=True, timeout=PATIENCE, isolation_level=None
    )
    try:
        if dry:
            copy = sqlite3.connect(":memory:", isolation_level=None)
            connection.backup(copy)
            connection.close()
            connection = copy
        id = disguise(settings, connection)
    except BaseException:
        connection.close()
        raise
    store = Store(connection, settings, actor, dry=dry)
    return Goals(store, hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8], id)


def _tables(settings: Settings) -> set[str]:
    """The names of the file's tables; none where it is missing or empty."""
    if not settings.goals.exists():
        return set()
    uri = f"{settings.goals.as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE)) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}


def disguise(settings: Settings, connection: sqlite3.Connection) -> str:
    """Have `tasks` mean a view with our columns; the quoted column that is the table's key."""
    columns = {str(row[1]).lower(): str(row[1]) for row in connection.execute(
        "PRAGMA main.table_info(tasks)"
    )}  # fmt: skip
    if not columns:
        raise SetupError(f"'{settings.goals}' is a database, but has no table 'tasks'")
    missing = [name for name in _NEEDED if name not in columns]
    texts = [name for name in _TEXTS if name in columns]
    if missing or not texts:
        wanted = missing or [f"one of {', '.join(_TEXTS)}"]
        raise SetupError(f"'{settings.goals}': the table 'tasks' has no column {wanted[0]}")
    quoted = {name: '"' + own.replace('"', '""') + '"' for name, own in columns.items()}
    id = quoted.get("id", "rowid")
    shown = {
        "id": id,
        "content": _text(quoted),
        "title": quoted.get("title", _text(quoted)),
        "status": quoted["status"],
        "project": f"coalesce({quoted['project']}, '')",
        "priority": quoted["priority"],
        "created_at": quoted["created_at"],
        **_ABSENT,
    }
    # bytes are text there, too, as far as they can be
    connection.text_factory = lambda data: data.decode("utf-8", "replace")
    selected = ", ".join(
        f"{value} AS {name}"
        if name in _ABSENT
        else f"CASE typeof({value}) WHEN 'blob' THEN CAST({value} AS TEXT) ELSE {value} END"
        f" AS {name}"
        for name, value in shown.items()
    )
    connection.execute(f"CREATE TEMP VIEW tasks AS SELECT {selected} FROM main.tasks")  # noqa: S608 - its own columns
    return id


def _text(quoted: dict[str, str]) -> str:
    """What a foreign task says: its content, else its title and, beneath it, its description."""
    if "content" in quoted:
        return quoted["content"]
    if "title" in quoted and "description" in quoted:
        title, more = quoted["title"], quoted["description"]
        return (
            f"CASE WHEN coalesce({more}, '') IN ('', {title}) THEN {title}"
            f" ELSE coalesce({title} || char(10) || char(10), '') || {more} END"
        )
    return next(quoted[name] for name in _TEXTS if name in quoted)


def title(task: Row) -> str:
    """A task's first line."""
    return (str(task.get("title") or task["content"] or "").strip() or "(empty)").splitlines()[0]
