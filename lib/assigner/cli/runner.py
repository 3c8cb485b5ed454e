"""How every tool runs: the options that all share, and how a failure is reported.

Exit status: 0 done, 1 some item failed, 2 usage, 70 internal error, 75 another process is busy,
78 setup.
"""

import argparse
import contextlib
import gc
import io
import os
import shlex
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NoReturn

from assigner import config, errors
from assigner.agents import registry
from assigner.errors import AssignerError, BusyError, SetupError
from assigner.store import database, lock, log, state_dir
from assigner.system import terminal_text

Arguments = argparse.Namespace


# How usage lines name the program before the tool: `assigner` sets it when it runs one
usage_prefix = ""


class Parser(argparse.ArgumentParser):
    """Reports an error in one line, where argparse would print the whole usage first.

    `prompt_argument` names the positional argument that is a prompt, if the tool has one.
    """

    prompt_argument = ""

    def error(self, message: str) -> NoReturn:
        text = f"{self.prog}: {terminal_text.visible(message)}; see 'assigner {self.prog} --help'\n"
        self.exit(errors.USAGE, text)

    def parse_all(self) -> Arguments:
        """Parse the command line.  An unknown option or a surplus argument is an error."""
        args, surplus = self.parse_known_args()
        if not surplus:
            return args
        options = [word.partition("=")[0] for word in surplus if word.startswith("-")]
        known = [option for action in self._actions for option in action.option_strings]
        for option in options:
            if hint := nearest(option, known):
                self.error(f"unknown option '{option}'{hint}")
        if self.prompt_argument and (text := getattr(args, self.prompt_argument)):
            line = " ".join([text, *surplus])
            example = f"{self.prog} {shlex.quote(line if len(line) <= 60 else '...')}"
            self.error(f"unexpected argument '{surplus[0]}': quote the prompt: {example}")
        self.error(
            f"unknown option '{options[0]}'" if options else f"unexpected argument '{surplus[0]}'"
        )

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            problem = f"'{value}' is not one of {', '.join(choices)}"
            raise argparse.ArgumentError(action, problem + nearest(str(value), choices))


def nearest(word: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown word: the known one that is most like it, if any."""
    import difflib  # only a mistake needs it

    bare = {name.lstrip("-"): name for name in known if name.startswith("--") or name[0] != "-"}
    found = difflib.get_close_matches(word.lstrip("-"), bare, 1)
    return f" (did you mean '{bare[found[0]]}'?)" if found else ""


class _Formatter(argparse.RawDescriptionHelpFormatter):
    """Breaks no word at its hyphens: people copy options and lines from here."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(usage_prefix + prog, **options)

    def _split_lines(self, text: str, width: int) -> list[str]:
        import textwrap  # only printing a manual needs it

        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False)


def parser(doc: str | None, *, changes: bool = False, is_pass: bool = False) -> Parser:
    """A parser whose manual is the tool's docstring.

    `changes` adds --dry-run; `is_pass` adds that and how to wait for other passes.
    """
    if doc is None:
        name = os.path.basename(sys.argv[0])
        print(f"{name}: PYTHONOPTIMIZE=2 removes the manuals: unset it", file=sys.stderr)
        raise SystemExit(errors.SETUP)
    name, _, manual = doc.strip().partition(" - ")
    made = Parser(
        prog=name,
        description=f"{name} - {manual}",
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    made.add_argument("--json", action="store_true", help="print JSON, with column names as keys")
    made.add_argument(
        "--db", metavar="FILE", help="the database (default: assigner.db in the state directory)"
    )
    made.add_argument(
        "--verbose",
        action="store_true",
        help="print the database's path, and the stack of an internal error",
    )
    if changes or is_pass:
        made.add_argument(
            "--dry-run",
            action="store_true",
            help="show what would happen, without changing anything",
        )
    if is_pass:
        made.add_argument(
            "--quiet", action="store_true", help="exit silently if another pass is running"
        )
        made.add_argument(
            "--wait", type=seconds, default=5.0, metavar="SECONDS",
            help="wait this long for another pass to end (default 5)",
        )  # fmt: skip
        made.add_argument(
            "--log", action="store_true",
            help=f"log to logs/{name}.log in the state directory instead of printing",
        )  # fmt: skip
    return made


_noted: list[Parser] | None = None


@contextlib.contextmanager
def parsers_only() -> Iterator[list[Parser]]:
    """In this context `run` runs no tool; it adds the tool's parser to the yielded list."""
    global _noted
    _noted = []
    try:
        yield _noted
    finally:
        _noted = None


def run(main: Callable[[Arguments], None], made: Parser) -> None:
    """Parse, call `main`, and turn a failure into one line and an exit status."""
    if _noted is not None:
        _noted.append(made)
        return
    gc.freeze()  # imported modules live to the end: keep the collector from scanning them
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Ctrl-C ends a pass like a kill, which is safe; a KeyboardInterrupt may get lost
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    _make_streams_safe()
    try:
        status = _status(main, made)
    finally:
        flush()
    raise SystemExit(status)


def flush() -> None:
    """Print buffered output; drop a stream that nobody reads, or Python fails on it at exit."""
    for name in ("stdout", "stderr"):
        try:
            getattr(sys, name).flush()
        except OSError:
            setattr(sys, name, None)


def _status(main: Callable[[Arguments], None], made: Parser) -> int:
    args = made.parse_all()
    args.prog = made.prog
    args.failed = False
    args.log = getattr(args, "log", False)
    if args.log and (args.json or args.dry_run):
        made.error("--log excludes --json and --dry-run")
    status = _outcome(main, args)
    quiet = args.log and args.quiet and status == errors.BUSY
    if args.log and status and not quiet:
        say(args, f"exit status {status}")
    return status


def _outcome(main: Callable[[Arguments], None], args: Arguments) -> int:
    quiet = getattr(args, "quiet", False)
    try:
        main(args)
        return errors.FAILED if args.failed else 0
    except AssignerError as error:
        if not (quiet and isinstance(error, BusyError)):
            say(args, str(error))
        return error.status
    except sqlite3.Error as error:
        failure = _database_failure(args, error)
        say(args, str(failure))
        return failure.status
    except BrokenPipeError:
        return 128 + 13
    except OSError as error:
        about = f"'{error.filename}': " if error.filename else ""
        say(args, f"{about}{error.strerror or error}")
        return errors.FAILED
    except ImportError as error:  # an unreadable file, or a package that has been removed
        say(args, f"cannot load a part of the program: {error}")
        return errors.SETUP
    except Exception as error:  # a bug in assigner: print one line, no stack
        if args.verbose:
            raise
        # not the error's repr, which may contain a whole text, even secrets
        fault = f"{type(error).__name__}: {error}"
        say(args, f"internal error, please report it: {fault} (--verbose shows the stack)")
        return 70


@contextlib.contextmanager
def opened(args: Arguments, *, create: bool = True) -> Iterator[database.Store]:
    """Open the database, without the lock of passes."""
    settings = _settings(args)
    dry = getattr(args, "dry_run", False)
    if dry:
        from assigner.store import rehearsal

        store = rehearsal.connect(settings, args.prog, create=create)
    else:
        store = database.connect(settings, args.prog, create=create)
    if args.verbose:
        say(args, f"database {settings.database}")
    try:
        yield store
    finally:
        store.connection.close()


@contextlib.contextmanager
def locked(args: Arguments, *, old: bool = False) -> Iterator[database.Store]:
    """Open the database under the lock that lets one pass run at a time; a dry run needs no lock.

    A pass that completes records its heartbeat.  SetupError if the database was restored from a
    backup, unless it may be `old`: it does not know what has been typed since.
    """
    settings = _settings(args)
    with contextlib.ExitStack() as stack:
        if not args.dry_run:
            stack.enter_context(lock.held(settings, args.wait))
        store = stack.enter_context(opened(args))
        if not old:
            _refuse_old(store)
        yield store
        if not args.dry_run:
            with store.transaction():
                store.run("heartbeats/beat", script=args.prog)


def _refuse_old(store: database.Store) -> None:
    last = state_dir.last_attempt(store)
    known = database.last_attempt(store) if last else 0
    if last > known:
        raise SetupError(
            f"the database '{store.settings.database}' is older than the last pass: it knows"
            f" attempts up to {known}, but attempt {last} was claimed: run"
            " 'assigner doctor --renew-instance'"
        )


def _settings(args: Arguments) -> config.Settings:
    settings = config.load(args.db)
    registry.check_preferred(settings)
    state_dir.prepare(settings)
    return settings


def say(args: Arguments, text: str) -> None:
    """Print one line for people, to stderr or to the log."""
    line = f"{args.prog}: {terminal_text.visible(text)}"
    if not logged(args, [line]):
        print(line, file=sys.stderr)


def logged(args: Arguments, lines: Iterable[str]) -> bool:
    """Log the lines if --log is given; whether they were logged.  stderr shows why not."""
    if not args.log:
        return False
    try:
        settings = config.load(args.db)
        state_dir.prepare(settings)
        log.write(settings, args.prog, lines)
        return True
    except SetupError:  # most likely the very error to be logged
        return False
    except OSError as error:
        problem = f"cannot write the log in '{settings.logs}': {error.strerror}"
        print(f"{args.prog}: {terminal_text.visible(problem)}", file=sys.stderr)
        return False


def complain(args: Arguments, text: str) -> None:
    """Report a failed item; the others continue, and the exit status becomes 1."""
    say(args, text)
    args.failed = True


def seconds(value: str) -> float:
    """Convert to a number of seconds >= 0, for argparse."""
    with contextlib.suppress(ValueError):
        if 0 <= (number := float(value)) < 1e9:
            return number
    raise argparse.ArgumentTypeError(f"'{value}' is not a number of seconds")


def whole(value: str) -> int:
    """Convert to a whole number, for argparse."""
    try:
        number = int(value)
    except ValueError:
        raise argparse.ArgumentTypeError(f"'{value}' is not a whole number") from None
    if abs(number) < 2**31:
        return number
    raise argparse.ArgumentTypeError(f"'{value}' is out of range")


def positive(value: str) -> int:
    """Convert to a whole number above zero, for argparse."""
    if (number := whole(value)) > 0:
        return number
    raise argparse.ArgumentTypeError(f"'{value}' is not a whole number above zero")


def limit(value: str) -> int:
    """Convert to a maximum number of rows, for argparse: 0 means all, -1 in SQL."""
    if (number := whole(value)) >= 0:
        return number or -1
    raise argparse.ArgumentTypeError(f"'{value}' is not a number of rows")


def directory(value: str) -> str:
    """Convert to an absolute path, from the current directory, for argparse."""
    try:
        path = os.path.abspath(os.path.expanduser(value))
    except OSError:
        raise argparse.ArgumentTypeError("the current directory no longer exists") from None
    if not value:
        raise argparse.ArgumentTypeError("'' is not a directory")
    return path


_MOST = 1 << 29  # bytes read from a file: some, such as /dev/zero, never end


def named(path: str) -> str:
    """A file's name for messages; `-` is standard input."""
    return "standard input" if path == "-" else f"'{path}'"


def text_of(path: str) -> str:
    """The text of a file, or of standard input for `-`, without a byte order mark at its beginning
    and one final newline.
    """
    try:
        with contextlib.nullcontext(sys.stdin.buffer) if path == "-" else open(path, "rb") as file:
            data = file.read(_MOST + 1)
        if len(data) > _MOST:
            raise errors.UsageError(f"{named(path)} has more than {_MOST} bytes")
        return data.decode("utf-8-sig").removesuffix("\n")
    except UnicodeDecodeError:
        raise errors.UsageError(f"{named(path)} is not valid UTF-8") from None
    except OSError as error:
        raise errors.UsageError(f"cannot read {named(path)}: {error.strerror}") from None


def _make_streams_safe() -> None:
    """Replace closed streams by /dev/null, and escape what stdout cannot encode."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _database_failure(args: Arguments, error: sqlite3.Error) -> AssignerError:
    try:
        path = str(config.load(args.db).database)
    except SetupError:
        path = args.db
    return database.failure(path, error)
