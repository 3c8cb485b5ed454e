"""How every tool is called: the flags that all share, and what becomes of a failure.

Exit status: 0 done, 1 some item failed, 2 usage, 70 a fault of ours, 75 somebody else is at work,
78 set-up.
"""

import argparse
import contextlib
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from assigner import config, db, errors, files, lock, screen
from assigner.errors import AssignerError, BusyError, SetupError

Arguments = argparse.Namespace


def parser(doc: str, *, changes: bool = False, is_pass: bool = False) -> argparse.ArgumentParser:
    """A parser whose manual is the tool's docstring.

    `changes` adds --dry-run; `is_pass` adds that and how to wait for other passes.
    """
    name, _, manual = doc.strip().partition(" - ")
    made = argparse.ArgumentParser(
        prog=name,
        description=f"{name} - {manual}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    made.add_argument("--json", action="store_true", help="print JSON, keys named as the columns")
    made.add_argument("--db", metavar="FILE", help="the database (default: see .env.example)")
    made.add_argument("--verbose", action="store_true", help="say more on stderr")
    if changes or is_pass:
        made.add_argument(
            "--dry-run", action="store_true", help="show what would happen, and change nothing"
        )
    if is_pass:
        made.add_argument("--quiet", action="store_true", help="no word when another pass runs")
        made.add_argument(
            "--wait", type=seconds, default=5.0, metavar="SECONDS",
            help="how long to wait for another pass to end (default 5)",
        )  # fmt: skip
    return made


def run(main: Callable[[Arguments], None], made: argparse.ArgumentParser) -> None:
    """Parse, call `main`, and turn a failure into one line and its exit status."""
    args = made.parse_args()
    args.prog = made.prog
    args.failed = False
    quiet = getattr(args, "quiet", False)
    try:
        main(args)
        sys.stdout.flush()
        status = errors.FAILED if args.failed else 0
    except AssignerError as error:
        if not (quiet and isinstance(error, BusyError)):
            say(args, str(error))
        status = error.status
    except sqlite3.Error as error:
        message, status = _database_failure(args, error)
        say(args, message)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 128 + 13
    except KeyboardInterrupt:
        status = 128 + 2
    except OSError as error:
        about = f" '{error.filename}'" if error.filename else ""
        say(args, f"{error.strerror or error}{about}")
        status = errors.FAILED
    except Exception as error:  # a fault of ours: a person gets one line, no stack
        if args.verbose:
            raise
        say(args, f"internal error, please report it: {error!r} (--verbose tells more)")
        status = 70
    raise SystemExit(status)


@contextlib.contextmanager
def opened(args: Arguments, *, create: bool = True) -> Iterator[db.Store]:
    """The database; no pass is kept waiting."""
    settings = config.load(args.db)
    files.prepare(settings)
    dry = getattr(args, "dry_run", False)
    store = db.connect(settings, args.prog, dry=dry, create=create)
    if args.verbose:
        say(args, f"database {settings.database}")
    try:
        yield store
    finally:
        store.connection.close()


@contextlib.contextmanager
def locked(args: Arguments) -> Iterator[db.Store]:
    """The database, with the lock that lets one pass run at a time; a dry run needs none."""
    settings = config.load(args.db)
    files.prepare(settings)
    with contextlib.ExitStack() as stack:
        if not args.dry_run:
            stack.enter_context(lock.held(settings, args.wait))
        yield stack.enter_context(opened(args))


def say(args: Arguments, text: str) -> None:
    """One line to the person, on stderr."""
    print(f"{args.prog}: {screen.visible(text)}", file=sys.stderr)


def complain(args: Arguments, text: str) -> None:
    """An item failed; the rest go on, and the exit status tells at the end."""
    say(args, text)
    args.failed = True


def seconds(value: str) -> float:
    """A number of seconds, for argparse."""
    number = float(value)
    if not 0 <= number < 1e9:
        raise argparse.ArgumentTypeError(f"'{value}' is not a number of seconds")
    return number


def positive(value: str) -> int:
    """A whole number above zero, for argparse."""
    number = int(value)
    if not 0 < number < 2**31:
        raise argparse.ArgumentTypeError(f"'{value}' is not a whole number above zero")
    return number


def text_of(path: str) -> str:
    """What a file, or `-` for standard input, says; one final newline is left out."""
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return data.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise errors.UsageError(f"'{path}' is not valid UTF-8") from None
    except OSError as error:
        raise errors.UsageError(f"cannot read '{path}': {error.strerror}") from None


def _database_failure(args: Arguments, error: sqlite3.Error) -> tuple[str, int]:
    text = str(error)
    try:
        path = str(config.load(args.db).database)
    except SetupError:
        path = args.db
    if "locked" in text:
        return f"'{path}' is busy: {text}; try again", errors.BUSY
    if "full" in text:
        return f"'{path}': {text}: free some space; nothing was changed", errors.FAILED
    if "readonly" in text:
        return f"'{path}' cannot be written: make it and its directory writable", errors.SETUP
    if "not a database" in text or "malformed" in text:
        return f"'{path}' is damaged or no database: {text}", errors.SETUP
    if "unable to open" in text:
        return f"cannot open '{path}': is it a file that you can read and write?", errors.SETUP
    return f"'{path}': {text}", errors.FAILED
