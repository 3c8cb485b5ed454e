"""Settings: from the environment, else from one `.env` file that only its owner can write.

The file is `$XDG_CONFIG_HOME/assigner/.env`, else `.env` in the checkout; never one in the
current directory, which may belong to anyone.  `.env.example` documents each setting.
"""

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from assigner.errors import SetupError
from assigner.system import user_config


@dataclass(frozen=True)
class Weights:
    """The points that routing gives a session for each matching part of a prompt's context."""

    same_dir: int = 100
    session_above: int = 50  # the session's directory contains the task's
    session_below: int = 25  # the task's directory contains the session's
    variable: int = 20  # for each environment variable
    branch: int = 30
    recent: int = 5
    provider: int = 2


DEFAULT = Weights()


CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Settings:
    """All settings, checked.  Durations are in seconds unless named days; sizes are in bytes."""

    home: Path
    database: Path
    sockets: tuple[str, ...]
    host: str
    session_patterns: tuple[str, ...] = ()
    validate: bool = True
    tmux_timeout: float = 5.0
    context_wait: float = 60.0
    backoff_base: float = 30.0
    backoff_limit: float = 300.0
    kill_grace: float = 5.0
    start_wait: float = 10.0
    submit_wait: float = 300.0
    quiet: float = 5.0
    turn_lapse: float = 600.0
    untested: bool = True
    probation: float = 600.0
    person_active: float = 5.0
    limit_wait: float = 900.0
    limit_grace: float = 60.0
    rest_after: int = 3
    rest: float = 600.0
    outage_rest: float = 60.0
    tree_wait: float = 3600.0
    check_timeout: float = 600.0
    stuck_after: float = 1800.0
    max_content: int = 1_000_000
    max_output: int = 65_536
    preferred_provider: str | None = None
    keep_prompts_days: float = 365.0
    keep_output_days: float = 365.0
    keep_events_days: float = 365.0
    keep_reports_days: float = 1.0
    log_size: int = 1_000_000
    log_files: int = 4
    weights: Weights = field(default_factory=Weights)
    given_goals: Path | None = None

    @property
    def goals(self) -> Path:
        """The database of goals: ASSIGNER_GOALS, else next to the queue's."""
        return self.given_goals or self.database.with_name("goals.db")

    @property
    def foundation(self) -> Path:
        """States and work logs of sessions with a profile."""
        return self.home / "foundation"

    @property
    def run(self) -> Path:
        """The generated files, in one directory per attempt."""
        return self.home / "run"

    @property
    def spool(self) -> Path:
        """Reports from sessions that no pass has read yet."""
        return self.home / "spool"

    @property
    def logs(self) -> Path:
        """The logs of passes that a timer runs."""
        return self.home / "logs"

    @property
    def unknown(self) -> Path:
        """Screens of agents that no rule recognized."""
        return self.home / "unknown"

    @property
    def secrets(self) -> Path:
        """Files with the values of secret variables, which are stored nowhere else."""
        return self.home / "secrets"

    @property
    def starts(self) -> Path:
        """The files that start sessions."""
        return self.home / "starts"

    @property
    def worktrees(self) -> Path:
        """The git working trees made for prompts."""
        return self.home / "worktrees"


def load(database: str | None = None) -> Settings:
    """Load the settings; `database` is `--db`.  SetupError names an invalid setting."""
    values = {**env_file(), **{k: v for k, v in os.environ.items() if k in KNOWN and v}}
    for setting, value in values.items():
        _check(setting, value)
    home = _absolute(values, "ASSIGNER_HOME")
    chosen = Path(database).absolute() if database else _absolute(values, "ASSIGNER_DB")
    if chosen and not chosen.name:
        raise SetupError(f"'{chosen}' is not a file name: give one to --db or ASSIGNER_DB")
    if home is None:
        home = user_config.xdg("XDG_STATE_HOME", ".local/state") / "assigner"
        _check("the path of the state directory", str(home))
    plain = {
        name: _convert(setting, kind, values[setting])
        for name, setting, kind in _PLAIN
        if setting in values
    }
    weights = {
        name: _convert(setting, int, values[setting])
        for name, setting in _WEIGHTS
        if setting in values
    }
    return Settings(
        home=home,
        database=chosen or home / "assigner.db",
        sockets=_sockets(values.get("ASSIGNER_TMUX_SOCKETS")),
        host=values.get("ASSIGNER_HOST") or os.uname().nodename,
        session_patterns=tuple((values.get("ASSIGNER_SESSIONS") or "").replace(",", " ").split()),
        weights=Weights(**weights),
        given_goals=_absolute(values, "ASSIGNER_GOALS"),
        **plain,
    )


_PLAIN = [
    (f.name, f"ASSIGNER_{f.name.upper()}", f.type)
    for f in fields(Settings)
    if f.type in (bool, int, float) or f.name == "preferred_provider"
]
_WEIGHTS = [(f.name, f"ASSIGNER_SCORE_{f.name.upper()}") for f in fields(Weights)]
_PLACES = ("HOME", "DB", "GOALS", "TMUX_SOCKETS", "SESSIONS", "HOST")
# All settings
KNOWN = {
    *(f"ASSIGNER_{name}" for name in _PLACES),
    *(setting for _, setting, _ in _PLAIN),
    *(setting for _, setting in _WEIGHTS),
}
# Zero is ambiguous: wait forever or not at all, keep forever or keep nothing
_ABOVE_ZERO = {
    "ASSIGNER_TMUX_TIMEOUT",
    "ASSIGNER_CHECK_TIMEOUT",
    *(setting for _, setting, _ in _PLAIN if setting.endswith("_DAYS")),
}


def _check(name: str, value: str) -> None:
    if any(ord(c) < 32 or ord(c) == 127 or 0xD800 <= ord(c) < 0xE000 for c in value):
        raise SetupError(f"{name} has a control character or is not UTF-8: {value!a}")


def _convert(setting: str, kind: object, value: str) -> Any:
    if kind is bool:
        if value.lower() in ("1", "true", "yes", "on"):
            return True
        if value.lower() in ("0", "false", "no", "off"):
            return False
        raise SetupError(f"{setting} is neither yes nor no: '{value}'")
    if kind in (int, float):
        try:
            number = int(value) if kind is int else float(value)
        except ValueError:
            kinds = "whole number" if kind is int else "number"
            raise SetupError(f"{setting} is not a {kinds}: '{value}'") from None
        if not 0 <= number < 1e12 or (number == 0 and setting in _ABOVE_ZERO):
            raise SetupError(f"{setting} is out of range: '{value}'")
        return number
    return value


def _sockets(value: str | None) -> tuple[str, ...]:
    if value:
        sockets = tuple(dict.fromkeys(part for part in value.split(":") if part)) or ("",)
        for socket in sockets:
            if not socket.startswith("/"):
                raise SetupError(
                    f"ASSIGNER_TMUX_SOCKETS has a path that is not absolute: '{socket}'"
                )
        return sockets
    return (socket_below(os.environ.get("TMUX_TMPDIR") or "/tmp"),)  # noqa: S108 - tmux(1)


def socket_below(directory: str) -> str:
    """The path of tmux's default socket if TMUX_TMPDIR is this directory (tmux(1))."""
    return f"{directory}/tmux-{os.getuid()}/default"


def _absolute(values: Mapping[str, str], setting: str) -> Path | None:
    path = Path(values[setting]) if setting in values else None
    if path and not path.is_absolute():
        raise SetupError(f"{setting} is not an absolute path: '{path}'")
    return path


def env_files() -> list[Path]:
    """The possible paths of `.env`; the first that exists is read."""
    mine = user_config.own(".env")
    return [*([mine] if mine else []), CHECKOUT / ".env"]


def env_file() -> dict[str, str]:
    """The settings in the first `.env` file that exists; {} without one.  SetupError."""
    for path in env_files():
        text = user_config.trusted_text(path)
        if text is not None:
            return _parse(path, text)
    return {}


def _parse(path: Path, text: str) -> dict[str, str]:
    """The settings in the text of a file of `NAME=value` lines.  SetupError names a bad line."""
    from dotenv.parser import parse_stream  # costs 20 ms, and is needed only if the file exists

    found = {}
    for line in parse_stream(io.StringIO(text)):
        original = line.original.string
        blank = original[: len(original) - len(original.lstrip())].count("\n")
        place = f"'{path}' line {line.original.line + blank}"
        if line.error or (line.key and line.value is None):
            raise SetupError(f"{place} is not NAME=value")
        if line.key and line.key not in KNOWN:
            raise SetupError(f"{place}: unknown setting '{line.key}' (.env.example lists all)")
        if line.key and line.value:
            found[line.key] = line.value
    return found
