"""doctor --backup: a copy of the database, made while others write it; files that appear whole."""

import contextlib
import os
import signal
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

from assigner import db
from assigner.access import StrPath
from assigner.checking import counted
from assigner.config import Settings
from assigner.db import Row
from assigner.errors import AssignerError, BusyError, SetupError, UsageError

STEP = 4096  # pages that are copied before others may write again
RESTARTS = 3  # what others wrote makes SQLite begin again; after so many they wait for us
TRIES = 3  # times db.PATIENCE, for a database that somebody keeps locked


def back_up(
    settings: Settings, target: str, *, force: bool, dry: bool, tell: Callable[[int, int], None]
) -> Row:
    """Write a checked copy of the database to the file `target`; what is in it.

    `tell` is called with how many pages are done, of how many.

    Raises UsageError for a target that cannot be meant, SetupError for a database that cannot be
    read, AssignerError where it is damaged or the copy cannot be written; nothing is left then.
    """
    path = destination(settings, target, force=force)
    if dry:
        return {"backup": str(path), **_copy(settings, path, ":memory:", tell)}
    with aside(path, force=force) as new:
        return {"backup": str(path), **_copy(settings, path, str(new), tell)}


def told(row: Row) -> str:
    """The outcome of a backup for people."""
    secrets = f"; files with the secrets of {counted(row['secrets'], 'prompt')} are not in it"
    return (
        f"{counted(row['prompts'], 'prompt')}, {row['bytes'] / 1e6:,.1f} MB in '{row['backup']}'"
        f"{secrets if row['secrets'] else ''}"
    )


def destination(settings: Settings, target: str, *, force: bool | None = None) -> Path:
    """Where a new database is to be written: a path without links.  UsageError for a bad one.

    With `force` it may be there; None where nobody can be told to ask for that.
    """
    if not target or "\0" in target:
        raise UsageError("the name of the new file is empty")
    try:
        path, database = Path(os.path.realpath(target)), Path(os.path.realpath(settings.database))
    except FileNotFoundError:
        raise UsageError("the current directory is gone: give an absolute path") from None
    own = {database, settings.home / "lock", *(beside(database))}
    same = path in own or (path.exists() and database.exists() and path.samefile(database))
    if same:
        raise UsageError(f"'{target}' is the database itself, or belongs to it: name another file")
    if path.is_dir():
        raise UsageError(f"'{target}' is a directory: name a file in it")
    if os.path.lexists(path):
        if not stat.S_ISREG(path.lstat().st_mode):
            raise UsageError(f"'{target}' is not a file")
        if not force:
            raise _taken(target, force)
    for other in beside(path):
        if other.exists():  # SQLite would take it for the journal of what is written now
            raise UsageError(f"'{other}' lies beside it: name another file")
    return path


def _taken(target: StrPath, force: bool | None) -> UsageError:
    hint = "" if force is None else ", or give --force"
    return UsageError(f"'{target}' is there already: name another file{hint}")


def beside(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in db.JOURNALS]


@contextlib.contextmanager
def aside(path: Path, *, force: bool | None = None) -> Iterator[Path]:
    """A new file of mode 0600, which becomes `path` at the end; else nothing is left of it."""
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
            os.link(new, path)  # unlike a rename it never replaces what has come meanwhile
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
    """Ctrl-C and TERM end us as ever, but first what is half done is removed."""

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


def _damaged(settings: Settings, why: str) -> AssignerError:
    shown = " ".join(why.split())[:200]
    return AssignerError(
        f"'{settings.database}' is damaged, no backup was made: {shown}; --recover may help"
    )


def _copy(settings: Settings, path: Path, new: str, tell: Callable[[int, int], None]) -> Row:
    source = _open(settings)
    copy = sqlite3.connect(new, isolation_level=None)
    copy.set_progress_handler(lambda: 0, 100_000)  # lets a signal be heard in a long check
    try:
        copy.execute("PRAGMA synchronous = OFF")  # the whole file is synced at the end
        _copy_pages(settings, source, copy, tell)
        copy.execute("PRAGMA journal_mode = DELETE")
        found = [row[0] for row in copy.execute("PRAGMA integrity_check(3)")]
        if found != ["ok"]:
            raise _damaged(settings, "; ".join(found))
        (prompts,) = copy.execute("SELECT count(*) FROM prompts").fetchone()
        (secrets,) = copy.execute(
            "SELECT count(*) FROM prompts WHERE secrets IS NOT NULL"
        ).fetchone()
        (pages,) = copy.execute("PRAGMA page_count").fetchone()
        (size,) = copy.execute("PRAGMA page_size").fetchone()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorname.startswith("SQLITE_CORRUPT"):
            raise _damaged(settings, str(error)) from None
        raise AssignerError(f"cannot write '{path}': {error}") from None
    finally:
        source.close()
        copy.close()
    return {"prompts": prompts, "bytes": pages * size, "secrets": secrets}


def _open(settings: Settings) -> sqlite3.Connection:
    """The database as it is; what a killed pass left is rolled back, as every reader does."""
    path = settings.database
    if not path.exists():
        raise SetupError(f"no database at '{path}'")
    source = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, timeout=db.PATIENCE)
    try:
        tables = {row[0] for row in source.execute("SELECT name FROM sqlite_master")}
    except sqlite3.Error:
        source.close()
        raise
    if not {"prompts", "_sqlite_migrations"} <= tables:
        source.close()
        raise SetupError(f"'{path}' is a database, but not one of assigner")
    return source


class _Beaten(Exception):
    """Others write so often that the copy begins again and again."""


def _copy_pages(
    settings: Settings,
    source: sqlite3.Connection,
    copy: sqlite3.Connection,
    tell: Callable[[int, int], None],
) -> None:
    """In steps, so that others can write meanwhile; at last, if they keep writing, at once."""
    left = restarts = busy = 0

    def watch(status: int, remaining: int, total: int) -> None:
        nonlocal left, restarts, busy
        restarts += remaining > left
        busy += status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
        left = remaining
        tell(total - remaining, total)
        if busy >= TRIES:
            raise BusyError(f"'{settings.database}' is kept locked by somebody: try again")
        if restarts > RESTARTS:
            raise _Beaten

    try:
        source.backup(copy, pages=STEP, progress=watch)
    except _Beaten:
        restarts = -RESTARTS  # all in one step
        source.backup(copy, pages=-1, progress=watch)
