"""The reports that generated files and hooks leave in the spool directory."""

import contextlib
import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from assigner.config import Settings
from assigner.system import private_files, terminal_text

# at most 18 digits: a database integer
_REPORT = re.compile(
    r"(\d{1,18})\.(begun|group|started|step|done|exit|checking|checked|said(?=\.(?:ok|fail|progress)\.\d))"
    r"(?:\.([a-z0-9-]+))?(?:\.(\d{1,18}))?\Z"
)
_SAID_SIZE = 4096


# hook.PROVIDER.EVENT.SERVERPID.PANE.AGENTPID.PID
_HOOK = re.compile(
    r"hook\.([a-z0-9_-]+)\.([\w-]+)\.(\d{1,18}|-)\.(\d{1,18}|-)\.(\d{1,18})[\d.-]*\Z", re.ASCII
)
_LONGEST = 1 << 20  # bytes of a hook's report that are read at most
_LAST = 253402300000.0  # epoch seconds, in the year 9999


@dataclass(frozen=True)
class Report:
    """One report from a session; `word` and `number` depend on `kind`.

    begun PID: the shell PID is sourcing the file.  group PID: the prompt's process group.
    step NAME STATUS: that step of the context failed.  started: the prompt runs.
    exit STATUS: the file has ended.  checking PID: the process PID runs its check.  checked WORD
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
        """The payload, from a file that only the user could write.  Raises OSError."""
        with private_files.own_file(self.path) as file:
            return file.read(_LONGEST)


def reports(settings: Settings) -> list[Report]:
    """The reports of sessions, the oldest attempt first; ignores other files."""
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
                # written at the time of the report; the other files are made beforehand
                _written_at(status) if kind == "said" else status.st_ctime,
            )
        )
    return sorted(found, key=lambda report: (report.attempt, _ORDER.index(report.kind), report.at))


def _spooled(
    settings: Settings, named: re.Pattern[str]
) -> Iterator[tuple[str, re.Match[str], os.stat_result]]:
    """The user's own files in the spool with such names; another user's file is not a report."""
    with os.scandir(settings.spool) as entries:
        for entry in entries:
            if match := named.match(entry.name):
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode) and status.st_uid == os.geteuid():
                        yield entry.path, match, status


def _written_at(status: os.stat_result) -> float:
    """When a file was written, in epoch seconds; 0 for an impossible time."""
    return status.st_mtime if 0 <= status.st_mtime < _LAST else 0.0


def _said(path: str) -> str:
    """The text given to `report`, on one line.  Raises OSError."""
    with private_files.own_file(path) as file:
        data = file.read(_SAID_SIZE)
    return " ".join(terminal_text.clean(data.decode("utf-8", "replace")).split())


def hook_reports(settings: Settings) -> list[HookReport]:
    """The reports that agents' hooks left, the oldest first; ignores other files."""
    found = []
    for path, match, status in _spooled(settings, _HOOK):
        provider, event, server, pane, process = match.groups()
        place = (int(server), f"%{pane}") if server != "-" and pane != "-" else None
        report = HookReport(path, provider, event, place, int(process), _written_at(status))
        found.append((status.st_mtime_ns, report))
    return [report for _, report in sorted(found, key=lambda item: (item[0], item[1].path))]


def reported(settings: Settings) -> set[int]:
    """The attempts that have any report; faster than reading the reports."""
    return {int(match[1]) for _, match, _ in _spooled(settings, _REPORT)}


_ORDER = (
    "begun", "group", "step", "started", "said", "done", "exit", "checking", "checked",
)  # fmt: skip
