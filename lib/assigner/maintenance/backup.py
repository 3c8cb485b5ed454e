"""doctor --backup: a copy of each database, made while others write it; files that appear whole."""

import contextlib
import os
import signal
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from assigner.config import Settings
from assigner.errors import AssignerError, BusyError, SetupError, UsageError
from assigner.store import database as store_database
from assigner.store import databases
from assigner.store.database import Row
from assigner.store.databases import Database
from assigner.system.private_files import StrPath
from assigner.system.terminal_text import counted

STEP = 4096  # pages to copy before others may write again
RESTARTS = 3  # times that SQLite may begin again because others wrote; then they wait for us
TRIES = 3  # times db.PATIENCE, for a database that another process keeps locked
GOALS = ".goals"  # what the name of the goals' file adds to that of the queue's


def back_up(
    settings: Settings, target: str, *, force: bool, dry: bool, tell: Callable[[int, int], None]
) -> Row:
    """Write a checked copy of the queue to the file `target`, and of the goals to `target`.goals.

    Returns counts and sizes of the copies.  Calls `tell(done, total)` with pages of a database.

    Raises UsageError for a bad target, SetupError for a database that cannot be read,
    AssignerError where one is damaged or a copy cannot be written; no file is left then.
    """
    path = destination(settings, target, force=force)
    goals = databases.goals(settings)
    beside_it = path.with_name(path.name + GOALS)
    if goals:
        destination(settings, str(beside_it), force=force)
    with contextlib.ExitStack() as stack:

        def copy(database: Database, to: Path) -> Row:
            new = ":memory:" if dry else str(stack.enter_context(aside(to, force=force)))
            return _copy(database, to, new, tell)

        # The queue first: newer goals may name prompts that the copy of the queue lacks, but no
        # task that has run is pending in them.  In the other order a task could run twice.
        found = {"backup": str(path), **copy(databases.queue(settings), path)}
        found |= {"goals": None, "tasks": None, "goals_bytes": None}
        if goals:
            saved = copy(goals, beside_it)
            found |= {
                "goals": str(beside_it), "tasks": saved["tasks"], "goals_bytes": saved["bytes"],
            }  # fmt: skip
    return found


def describe(row: Row) -> str:
    """The outcome of a backup for people."""
    secrets = f"; the files with the secrets of {counted(row['secrets'], 'prompt')} are not in it"
    size = f"{row['bytes'] / 1e6:,.1f} MB"
    said = f"{counted(row['prompts'], 'prompt')}, {size} in '{row['backup']}'"
    said += secrets if row["secrets"] else ""
    if row["goals"]:
        tasks = counted(row["tasks"], "goal task")
        said += f"\n{tasks}, {row['goals_bytes'] / 1e6:,.1f} MB in '{row['goals']}'"
    return said


def destination(settings: Settings, target: str, *, force: bool | None = None) -> Path:
    """Where to write a new database: a path without links.  UsageError for a bad one.

    With `force` the file may exist; a tool without an option --force passes None.
    """
    if not target or "\0" in target:
        raise UsageError("the name of the new file is empty")
    try:
        path = Path(os.path.realpath(target))
        own = [Path(os.path.realpath(each)) for each in (settings.database, settings.goals)]
    except FileNotFoundError:
        raise UsageError("the current directory is gone: give an absolute path") from None
    taken = {settings.home / "lock", *own, *(file for each in own for file in beside(each))}
    if path in taken or (path.exists() and any(e.exists() and path.samefile(e) for e in own)):
        raise UsageError(f"'{target}' is the database itself, or belongs to it: name another file")
    if path.is_dir():
        raise UsageError(f"'{target}' is a directory: name a file in it")
    if os.path.lexists(path):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise UsageError(f"'{target}' is not a file")
        if not force:
            raise _taken(target, force)
    for other in beside(path):
        if other.exists():  # SQLite would take it for the journal of the new file
            raise UsageError(f"'{other}' exists beside it: name another file")
    return path


def _taken(target: StrPath, force: bool | None) -> UsageError:
    hint = "" if force is None else ", or give --force"
    return UsageError(f"'{target}' already exists: name another file{hint}")


def beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in store_database.JOURNALS]


@contextlib.contextmanager
def aside(path: Path, *, force: bool | None = None) -> Iterator[Path]:
    """A new file of mode 0600, which becomes `path` at the end, or is removed after an error."""
    new = path.with_name(f".{path.name[:200]}.{os.getpid()}")

    def remove() -> None:
        for file in (new, *beside(new)):
            file.unlink(missing_ok=True)

    try:
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        os.fchmod(descriptor, 0o600)
        os.close(descriptor)
    except OSError as error:
        raise AssignerError(f"cannot write '{path}': {error.strerror}") from None
    with on_signals(remove):
        try:
            yield new
            _sync(new)
            _place(new, path, force)
            _sync(path.parent)
        except OSError as error:
            raise AssignerError(f"cannot write '{path}': {error.strerror}") from None
        finally:
            remove()


def _place(new: Path, path: Path, force: bool | None) -> None:
    if not force:
        try:
            os.link(new, path)  # unlike a rename it never replaces a file made since
            return
        except FileExistsError:
            raise _taken(path, force) from None
        except OSError:  # a file system without hard links
            if path.exists():
                raise _taken(path, force) from None
    new.rename(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def on_signals(remove: Callable[[], None]) -> Iterator[None]:
    """Ctrl-C and TERM end this process as usual, but `remove` runs first."""

    def end(number: int, frame: FrameType | None) -> None:
        remove()
        if callable(outer := before[signal.Signals(number)]):
            outer(number, frame)
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    before = {n: signal.signal(n, end) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _damaged(database: Database, why: str) -> AssignerError:
    shown = " ".join(why.split())[:200]
    return AssignerError(
        f"'{database.path}' is damaged, no backup was made: {shown}; --recover may help"
    )


def _copy(database: Database, path: Path, new: str, tell: Callable[[int, int], None]) -> Row:
    source = _open(database)
    copy = sqlite3.connect(new, isolation_level=None)
    copy.set_progress_handler(lambda: 0, 100_000)  # lets a signal interrupt a long check
    try:
        copy.execute("PRAGMA synchronous = OFF")  # the whole file is synced at the end
        _copy_pages(database, source, copy, tell)
        copy.execute("PRAGMA journal_mode = DELETE")
        found = [row[0] for row in copy.execute("PRAGMA integrity_check(3)")]
        if found != ["ok"]:
            raise _damaged(database, "; ".join(found))
        (pages,) = copy.execute("PRAGMA page_count").fetchone()
        (size,) = copy.execute("PRAGMA page_size").fetchone()
        counts = {
            name: copy.execute(text).fetchone()[0] for name, text in _COUNTS[database.name].items()
        }
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname.startswith("SQLITE_CORRUPT"):
            raise _damaged(database, str(error)) from None
        raise AssignerError(f"cannot write '{path}': {error}") from None
    finally:
        source.close()
        copy.close()
    return {**counts, "bytes": pages * size}


_COUNTS = {
    "queue": {
        "prompts": "SELECT count(*) FROM prompts",
        "secrets": "SELECT count(*) FROM prompts WHERE secrets IS NOT NULL",
    },
    "goals": {"tasks": "SELECT count(*) FROM tasks"},
}


def _open(database: Database) -> sqlite3.Connection:
    """Open the database as it is; like every reader, roll back what a killed pass left."""
    path = database.path
    if not path.exists():
        raise SetupError(f"no database at '{path}'")
    source = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=store_database.PATIENCE)
    try:
        tables = {row[0] for row in source.execute("SELECT name FROM sqlite_master")}
    except sqlite3.DatabaseError as error:
        source.close()
        if error.sqlite_errorname.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            raise _damaged(database, str(error)) from None
        raise
    if not database.tables <= tables:
        source.close()
        raise SetupError(f"'{path}' is a database, but not one of assigner")
    return source


class _Beaten(Exception):
    """Others write so often that the copy begins again and again."""


def _copy_pages(
    database: Database,
    source: sqlite3.Connection,
    copy: sqlite3.Connection,
    tell: Callable[[int, int], None],
) -> None:
    """In steps, so that others can write between them; in one step if they never stop."""
    left = restarts = busy = 0

    def watch(status: int, remaining: int, total: int) -> None:
        nonlocal left, restarts, busy
        restarts += remaining > left
        busy += status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        left = remaining
        tell(total - remaining, total)
        if busy >= TRIES:
            raise BusyError(f"another process keeps '{database.path}' locked: try again")
        if restarts > RESTARTS:
            raise _Beaten

    try:
        source.backup(copy, pages=STEP, progress=watch)
    except _Beaten:
        restarts = -RESTARTS  # all in one step
        source.backup(copy, pages=-1, progress=watch)
