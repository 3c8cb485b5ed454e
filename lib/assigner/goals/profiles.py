"""Profiles: which sessions get goal tasks, which tasks, and when not.

One file, `$XDG_CONFIG_HOME/assigner/foundation.toml`, has a table for each.
"""

import re
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from assigner import config
from assigner.errors import SetupError, UsageError
from assigner.system import user_config

DEFAULT = "foundation"
GENERAL = (
    "No task is waiting. Look for the most useful small piece of work in this project, do it, run"
    " the tests, and say in a few lines what you did and what should be done next."
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}\Z")
_HOURS = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)\Z")


@dataclass(frozen=True)
class Profile:
    """How a session gets its work.  Durations are seconds.

    `projects`: parts of project names; the session gets tasks of matching projects; empty: of any.
    `general_prompt` None: the built-in one, for agents; empty: none.  `environment`, `port` and
    `data_dir` are in the environment of every prompt.  `timeout` applies to prompts without one.
    0 there, and for `tasks_per_hour`: no limit.
    """

    name: str
    session: str
    projects: tuple[str, ...] = ("week2", "research", "foundation")
    idle_threshold: float = 180.0
    every: float = 120.0
    general_prompt: str | None = None
    working_dir: str | None = None
    environment: str = "env_1"
    port: int = 8081
    data_dir: str | None = None
    timeout: float = 0.0
    tasks_per_hour: int = 0
    quiet_hours: tuple[str, ...] = ()

    def variables(self, settings: config.Settings) -> dict[str, str]:
        """The environment variables of every prompt of this profile."""
        return {
            "FEATURE_ENV": self.environment,
            "FEATURE_PORT": str(self.port),
            "FEATURE_DATA_DIR": self.data_dir
            or str(settings.foundation / "data" / self.environment),
        }

    def matches(self, project: str) -> bool:
        """Whether tasks of that project are for this session."""
        return not self.projects or any(p.lower() in project.lower() for p in self.projects)

    def is_quiet(self, at: float) -> bool:
        """Whether that time, in epoch seconds, is in its quiet hours, which are local time."""
        local = time.localtime(at)
        now = local.tm_hour * 60 + local.tm_min
        for hours in self.quiet_hours:
            begin, end = (int(part[:2]) * 60 + int(part[3:]) for part in hours.split("-"))
            if begin <= now < end or (begin > end and (now >= begin or now < end)):
                return True
        return False


def path() -> Path | None:
    """The file of profiles, whether there is one or not; None where no HOME is known."""
    return user_config.own("foundation.toml")


def load() -> list[Profile]:
    """All profiles; none where there is no file.  SetupError that names file, profile and key."""
    file = path()
    text = user_config.trusted_text(file) if file else None
    if file is None or text is None:
        return []
    profiles = [
        _profile(file, name, table) for name, table in user_config.table(file, text).items()
    ]
    for what in ("session", "environment", "port", "data_dir"):
        _refuse_shared(file, profiles, what)
    return profiles


def chosen(names: Sequence[str]) -> list[Profile]:
    """The profiles of these sessions, or of these names; without any, all, or the default one.

    Where there is no file, any session has the default profile.  UsageError, SetupError.
    """
    known = load()
    if not known:
        return [_default(name) for name in dict.fromkeys(names or [DEFAULT])]
    found = {}
    for name in names:
        profile = next((p for p in known if name in (p.session, p.name)), None)
        if profile is None:
            there = ", ".join(p.session for p in known)
            raise UsageError(f"no profile in '{path()}' is for session '{name}' (there: {there})")
        found[profile.name] = profile
    return list(found.values()) or known


def _default(session: str) -> Profile:
    if not _NAME.match(session):
        raise UsageError(f"session '{session}' needs a profile with a plain name, in '{path()}'")
    return Profile(session, session)


def _profile(file: Path, name: str, table: object) -> Profile:
    def fail(what: str) -> SetupError:
        return SetupError(f"'{file}': profile '{name}': {what}")

    if not isinstance(table, dict):
        raise SetupError(f"'{file}': '{name}' is outside of a profile: put it below [NAME]")
    if not _NAME.match(name):
        raise fail("use only letters, digits, - and _ in its name, at most 64")
    for key, value in table.items():
        if key not in _KINDS:
            raise fail(f"unknown key '{key}' (known: {', '.join(_KINDS)})")
        if problem := _problem(key, value):
            raise fail(f"'{key}' {problem}")
    if "session" not in table:
        raise fail('session is missing: add session = "NAME"')
    values: dict[str, Any] = {
        key: tuple(v) if isinstance(v, list) else v for key, v in table.items()
    }
    return Profile(name, **values)


_KINDS: Mapping[str, tuple[tuple[type, ...], str]] = {
    "session": ((str,), "a string"),
    "projects": ((list,), "an array of strings"),
    "idle_threshold": ((int, float), "a number of seconds"),
    "every": ((int, float), "a number of seconds"),
    "general_prompt": ((str,), "a string"),
    "working_dir": ((str,), "a string"),
    "environment": ((str,), "a string"),
    "port": ((int,), "a whole number"),
    "data_dir": ((str,), "a string"),
    "timeout": ((int, float), "a number of seconds"),
    "tasks_per_hour": ((int,), "a whole number"),
    "quiet_hours": ((list,), "an array of strings"),
}
assert set(_KINDS) == {f.name for f in fields(Profile)} - {"name"}


def _problem(key: str, value: Any) -> str | None:
    """What is wrong with the value of a key."""
    kinds, what = _KINDS[key]
    if type(value) not in kinds or (
        kinds == (list,) and not all(isinstance(item, str) for item in value)
    ):
        return f"must be {what}: {value!r}"
    if isinstance(value, int | float) and not 0 <= value < 1e9:
        return f"is out of range: {value}"
    if key == "port" and not 0 < value < 65536:
        return f"is not a port: {value}"
    if key in ("working_dir", "data_dir") and not value.startswith("/"):
        return f"must be an absolute path: '{value}'"
    if key == "environment" and not _NAME.match(value):
        return f"may have only letters, digits, - and _: '{value}'"
    if key == "projects" and "" in value:
        return "has an empty string: use [] for all projects"
    if key == "quiet_hours" and (bad := [hours for hours in value if not _HOURS.match(hours)]):
        return f"must look like '22:00-07:00': '{bad[0]}'"
    from assigner.queue import drafts

    try:
        if key == "session":
            drafts.check_target(value, None, ())
    except UsageError as error:
        return str(error)
    return None


def _refuse_shared(file: Path, profiles: Iterable[Profile], what: str) -> None:
    """Two profiles never share a session, an environment, a port or a data directory."""
    owners: dict[object, str] = {}
    for profile in profiles:
        value = getattr(profile, what)
        other = owners.setdefault(value, profile.name)
        if value is not None and other != profile.name:
            raise SetupError(
                f"'{file}': profiles '{other}' and '{profile.name}' have the same {what},"
                f" '{value}': give each its own"
            )
