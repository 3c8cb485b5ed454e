"""The state directory: who may access it, and the small files through which sessions report.

run/ATTEMPT/    an attempt's files: the file that a shell sources, the prompt
spool/          reports: the file name is the whole report, so that a full disk loses none
unknown/        screens of agents that no rule recognized (unknowns.py)
logs/           what the passes of timers have done (log.py)
secrets/        secret values of variables, which are stored nowhere else
starts/         what sessions that are being started run first
worktrees/      separate git working trees of prompts
"""

import contextlib
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from assigner import access, screen
from assigner.config import Settings
from assigner.errors import SetupError

# at most 18 digits: a database integer
_REPORT = re.compile(
    r"(\d{1,18})\.(begun|group|started|step|done|exit|checking|checked|said(?=\.(?:ok|fail|progress)\.\d))"
    r"(?:\.([a-z0-9-]+))?(?:\.(\d{1,18}))?\Z"
)
_SAID_SIZE = 4096
ODD_BYTES = "surrogateescape"  # as in os.fsdecode


# hook.PROVIDER.EVENT.SERVERPID.PANE.AGENTPID.PID
_HOOK = re.compile(
    r"hook\.([a-z0-9_-]+)\.([\w-]+)\.(\d{1,18}|-)\.(\d{1,18}|-)\.(\d{1,18})[\d.-]*\Z", re.ASCII
)
_LONGEST = 1 << 20  # bytes of a hook's report that are read at most
_LAST = 253402300000.0  # in the year 9999


@dataclass(frozen=True)
class Report:
    """One report from a session; `word` and `number` depend on `kind`.

    begun PID: the shell PID is sourcing the file.  group PID: the prompt's process group.
    step NAME STATUS: that step of the context failed.  started: the prompt runs.
    exit STATUS: all is over.  checking PID: the process PID runs its check.  checked WORD
    STATUS: the check has ended; WORD is exit, timeout or ended (by a signal).  said WORD PID:
    `report` was called, with `text`; WORD is ok, fail or progress.
    """

    path: str
    attempt: int
    kind: str
    word: str | None
    number: int | None
    at: float

    @cached_property
    def text(self) -> str:
        """The text given to `report`; '' if the file is gone."""
        with contextlib.suppress(FileNotFoundError):
            return _said(self.path)
        return ""


@dataclass(frozen=True)
class HookReport:
    """A report that an agent's hook left: the provider, the event, the pane if known, and the
    agent's process.
    """

    path: str
    provider: str
    event: str
    pane: tuple[int, str] | None
    process: int
    at: float

    def read(self) -> bytes:
        """The payload; nobody else could have written any part of it.  Raises OSError."""
        with access.own_file(self.path) as file:
            return file.read(_LONGEST)


def prepare(settings: Settings) -> None:
    """Make the state directory.  Raises SetupError, for instance if others can write to it."""
    home = settings.home
    try:
        access.make_private(home)
        status = home.stat()
        # a link to it is fine if the user owns the target
        if status.st_uid != os.geteuid() or home.lstat().st_uid not in (os.geteuid(), 0):
            raise SetupError(f"state directory '{home}' belongs to another user")
        if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise SetupError(f"other users can write to the state directory '{home}': chmod 700 it")
        own = (
            settings.unknown,
            settings.run,
            settings.spool,
            settings.logs,
            settings.secrets,
            settings.starts,
            settings.worktrees,
        )
        for directory in own:
            access.own_directory(directory)
    except FileExistsError:
        raise SetupError(
            f"state directory '{home}' is not a directory: move it away, or set ASSIGNER_HOME"
        ) from None
    except OSError as error:
        path = error.filename or home
        raise SetupError(f"cannot use the state directory: '{path}': {error.strerror}") from None


def directory_problem(directory: str) -> str | None:
    """Why no prompt can run in a directory, for people; None if one can."""
    path = Path(directory)
    try:
        if not path.exists():
            return f"directory '{directory}' does not exist"
        if not path.is_dir():
            return f"'{directory}' is not a directory"
        if not os.access(path, os.R_OK | os.X_OK):
            return f"cannot enter directory '{directory}': permission denied"
    except OSError as error:
        return f"cannot read directory '{directory}': {error.strerror}"
    return None


def write(path: Path, text: str) -> None:
    """Write a file with mode 0600, whatever the umask.  Raises OSError."""
    descriptor = access.open_own(path, os.O_WRONLY | os.O_CREAT)
    try:
        # the environment of a process need not be UTF-8
        with os.fdopen(descriptor, "w", encoding="utf-8", errors=ODD_BYTES, newline="") as file:
            os.ftruncate(descriptor, 0)
            os.fchmod(descriptor, 0o600)
            file.write(text)
    except OSError as error:  # a full disk
        path.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from None


def make_run(settings: Settings, attempt: int, contents: Mapping[str, str]) -> None:
    """Write an attempt's files to a temporary directory, because two passes may do this at once."""
    _make(_aside(settings, attempt), contents)


def _make(directory: Path, contents: Mapping[str, str]) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    access.make_private(directory)
    for name, text in contents.items():
        write(directory / name, text)


def place_run(settings: Settings, attempt: int) -> None:
    """Rename the directory from make_run to run/ATTEMPT.

    Called in the transaction that decides which pass types.  An existing directory is left over
    from a pass that died before its commit, and is replaced.
    """
    remove_run(settings, attempt)
    _aside(settings, attempt).rename(settings.run / str(attempt))


def _aside(settings: Settings, attempt: int) -> Path:
    return settings.run / f"{attempt}.{os.getpid()}"


def is_revoked(settings: Settings, attempt: int) -> bool:
    """Whether `revoke` has taken the attempt's token."""
    return (settings.run / str(attempt) / "revoked").exists()


def revoke(settings: Settings, attempt: int) -> bool:
    """Take the attempt's token.  Returns whether it was still there: then the prompt never runs.

    The sourced file begins by renaming the same token: only one of the two succeeds.
    """
    return _take(settings.run / str(attempt) / "go")


def _take(token: Path) -> bool:
    try:
        token.rename(token.with_name("revoked"))
    except FileNotFoundError:
        return token.with_name("revoked").exists()
    return True


def check_directory(settings: Settings, attempt: int) -> Path:
    """The directory of the files of an attempt's check."""
    return settings.run / str(attempt) / "check"


def make_check(settings: Settings, attempt: int, contents: Mapping[str, str]) -> None:
    """Write the files of an attempt's check to a temporary directory, as make_run does."""
    _make(_check_aside(settings, attempt), contents)


def place_check(settings: Settings, attempt: int) -> None:
    """Rename the directory from make_check to run/ATTEMPT/check; called as place_run is."""
    directory = check_directory(settings, attempt)
    shutil.rmtree(directory, ignore_errors=True)
    access.make_private(directory.parent)
    _check_aside(settings, attempt).rename(directory)


def discard_check(settings: Settings, attempt: int) -> None:
    """Remove the directory from make_check: another pass was faster."""
    shutil.rmtree(_check_aside(settings, attempt), ignore_errors=True)


def _check_aside(settings: Settings, attempt: int) -> Path:
    return settings.run / f"{attempt}.check.{os.getpid()}"


def revoke_check(settings: Settings, attempt: int) -> bool:
    """Take the token of an attempt's check, as `revoke` does.  Returns whether it never runs."""
    return _take(check_directory(settings, attempt) / "go")


def prompt_of(settings: Settings, attempt: int) -> str | None:
    """The text to type to an agent for an attempt; None if its files are gone."""
    try:
        with access.own_file(settings.run / str(attempt) / "prompt") as file:
            return file.read().decode()
    except (OSError, UnicodeDecodeError):
        return None


def output_of(settings: Settings, attempt: int, most: int) -> str | None:
    """The end of the output of a context's steps; None if there is none."""
    try:
        with access.own_file(settings.run / str(attempt) / "output") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - most))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return None


def remove_run(settings: Settings, attempt: int) -> None:
    """Remove the files of an attempt."""
    shutil.rmtree(settings.run / str(attempt), ignore_errors=True)


def reports(settings: Settings) -> list[Report]:
    """The reports of sessions, oldest attempt first; leaves other files alone."""
    found = []
    for path, match, status in _spooled(settings, _REPORT):
        attempt, kind, word, number = match.groups()
        if number is None and word is not None and word.isdigit():
            word, number = None, word
        found.append(
            Report(
                path,
                int(attempt),
                kind,
                word,
                int(number) if number is not None else None,
                # made at the time of the report; the others are made beforehand
                _told_at(status) if kind == "said" else status.st_ctime,
            )
        )
    return sorted(found, key=lambda report: (report.attempt, _ORDER.index(report.kind), report.at))


def _spooled(
    settings: Settings, named: re.Pattern[str]
) -> Iterator[tuple[str, re.Match[str], os.stat_result]]:
    """Our own files in the spool with such names; a file of somebody else is not a report."""
    with os.scandir(settings.spool) as entries:
        for entry in entries:
            if match := named.match(entry.name):
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
                        yield entry.path, match, status


def _told_at(status: os.stat_result) -> float:
    """When a file was written, in epoch seconds; 0 for a time that no clock shows."""
    return status.st_mtime if 0 <= status.st_mtime < _LAST else 0.0


def _said(path: str) -> str:
    """The text given to `report`, on one line.  Raises OSError."""
    with access.own_file(path) as file:
        data = file.read(_SAID_SIZE)
    return " ".join(screen.clean(data.decode("utf-8", "replace")).split())


def hook_reports(settings: Settings) -> list[HookReport]:
    """The reports that agents' hooks left, oldest first."""
    found = []
    for path, match, status in _spooled(settings, _HOOK):
        provider, event, server, pane, process = match.groups()
        place = (int(server), f"%{pane}") if server != "-" and pane != "-" else None
        report = HookReport(path, provider, event, place, int(process), _told_at(status))
        found.append((status.st_mtime_ns, report))
    return [report for _, report in sorted(found, key=lambda item: (item[0], item[1].path))]


def reported(settings: Settings) -> set[int]:
    """The attempts that have any report; faster than reading the reports."""
    return {int(match[1]) for _, match, _ in _spooled(settings, _REPORT)}


_ORDER = (
    "begun", "group", "step", "started", "said", "done", "exit", "checking", "checked",
)  # fmt: skip


def save_secrets(settings: Settings, values: Mapping[str, str]) -> str:
    """Save secret values of variables in a separate file.  Returns its name."""
    name = os.urandom(8).hex()
    write(settings.secrets / name, json.dumps(dict(values)))
    return name


def variables(settings: Settings, prompt: Mapping[str, Any]) -> dict[str, str]:
    """A prompt's variables with their values, the secret ones too.  Raises OSError, KeyError or
    ValueError if the secret values are gone.
    """
    found: dict[str, Any] = json.loads(prompt["env_vars"])
    if prompt["secrets"]:
        kept = load_secrets(settings, prompt["secrets"])
        found = {name: kept[name] if value is None else value for name, value in found.items()}
    if any(value is None for value in found.values()):
        raise KeyError("a value is missing")
    return found


def load_secrets(settings: Settings, name: str) -> dict[str, str]:
    """The values saved under that name.  Raises OSError if they are gone."""
    if not re.fullmatch(r"[0-9a-f]{16}", name):
        raise FileNotFoundError(name)
    with access.own_file(settings.secrets / name) as file:
        values = json.loads(file.read().decode())
    return {str(key): str(value) for key, value in values.items()}
