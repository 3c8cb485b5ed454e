"""doctor: independent checks of an installation, which change nothing.

A check is a function that yields findings.  An error in one is a finding, and the next check runs:
people run this when everything else fails.
"""

import os
import pwd
import shlex
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from assigner import clock, config
from assigner.agents import registry
from assigner.config import Settings
from assigner.errors import AssignerError, SetupError
from assigner.store.database import Row, Store

OK, WARN, BAD = "ok", "warn", "bad"


SHOWN = 3  # examples in one row


@dataclass
class Case:
    """What the checks share.  `store` is None where the database cannot be read."""

    settings: Settings
    explicit: str | None = None  # --db
    quick: bool = False
    store: Store | None = None
    openable: bool = True
    located: bool = True  # whether the place of the state directory is known
    rows: list[Row] = field(default_factory=list)

    def now(self) -> float:
        try:
            return clock.now()
        except SetupError:
            return time.time()

    def command(self, *words: str) -> str:
        """The command line of a tool, for the same database."""
        chosen = ("--db", self.explicit) if self.explicit else ()
        return shlex.join(("assigner", *words, *chosen))

    @property
    def repair(self) -> str:
        """The command that fixes whatever can be fixed in place."""
        return self.command("doctor", "--repair")

    @property
    def recover(self) -> str:
        """The command that writes all readable rows to new files."""
        return self.command("doctor", "--recover", f"{self.settings.database}.new")


Check = Callable[[Case], Iterator[Row]]


def finding(check: str, verdict: str, detail: str, command: str = "") -> Row:
    return {"check": check, "verdict": verdict, "detail": detail, "command": command}


def examples(found: list[str]) -> str:
    """Some of many, on one line."""
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(found[:SHOWN]) + more


def describe(rows: list[Row]) -> list[str]:
    """A line for each row, never cut, since the command is at its end."""
    width = max((len(row["check"]) for row in rows), default=0)
    return [
        f"{row['verdict']:4}  {row['check']:{width}}  {row['detail']}"
        + (f"  -> {row['command']}" if row["command"] else "")
        for row in rows
    ]


def carry_out(case: Case, checks: dict[str, Check]) -> None:
    """Add what each check finds to the case."""
    for name, check in checks.items():
        try:
            case.rows.extend(check(case))
        except sqlite3.DatabaseError as error:
            fix = case.recover if error.sqlite_errorname.startswith("SQLITE_CORRUPT") else ""
            case.rows.append(finding(name, BAD, f"cannot be checked: {error}", fix))
        except (AssignerError, OSError, ImportError) as error:
            case.rows.append(finding(name, BAD, f"cannot be checked: {error}"))
        except Exception as error:  # noqa: BLE001 - an unforeseen error is a finding, too
            case.rows.append(finding(name, BAD, f"cannot be checked: {error!r}"))


def begin(database: str | None, quick: bool) -> Case:
    """A case with the settings; where they are bad, with what can be checked without them."""
    located = True
    try:
        settings = config.load(database)
        registry.check_preferred(settings)
        row = finding("settings", OK, f"database {settings.database}")
    except SetupError as error:
        settings = _guessed(database)
        places = (os.environ.get(name, "") for name in ("ASSIGNER_HOME", "XDG_STATE_HOME"))
        located = bool(os.environ.get("HOME")) or any(path[:1] == "/" for path in places)
        about = f"; what follows is for {settings.home}" if located else ""
        row = finding("settings", BAD, f"{error}{about}")
    case = Case(settings, database, quick, openable=located, located=located)
    case.rows.append(row)
    return case


def _guessed(database: str | None) -> Settings:
    home = os.environ.get("ASSIGNER_HOME", "")
    if not home.startswith("/"):
        state = os.environ.get("XDG_STATE_HOME", "")
        state = state if state.startswith("/") else f"{os.environ.get('HOME', '/')}/.local/state"
        home = f"{state}/assigner"
    chosen = database or os.environ.get("ASSIGNER_DB") or f"{home}/assigner.db"
    directory = os.environ.get("TMUX_TMPDIR") or "/tmp"  # noqa: S108 - where tmux looks, tmux(1)
    given = [s for s in os.environ.get("ASSIGNER_TMUX_SOCKETS", "").split(":") if s[:1] == "/"]
    return Settings(
        home=Path(home),
        database=Path(chosen).absolute(),
        sockets=tuple(given) or (config.socket_below(directory),),
        host=os.environ.get("ASSIGNER_HOST") or os.uname().nodename,
    )


def of_somebody_else(path: Path, uid: int) -> tuple[str, str]:
    try:
        owner = pwd.getpwuid(uid).pw_name
    except KeyError:
        owner = f"uid {uid}"
    command = shlex.join(["chown", str(os.geteuid()), str(path)])
    return f"'{path}' belongs to {owner}", command


def open_to_others(check: str, verdict: str, path: Path, mode: int, wanted: int) -> Row:
    detail = f"'{path}' has mode {stat.S_IMODE(mode):04o}: other users can read it"
    return finding(check, verdict, detail, shlex.join(["chmod", f"{wanted:o}", str(path)]))
