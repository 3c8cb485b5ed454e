"""Settings: from the environment, else from one `.env` file that only its owner can write.

The file is `$XDG_CONFIG_HOME/assigner/.env`, else `.env` in the checkout; never one in the
current directory, which may be anybody's.  `.env.example` documents each setting.
"""

import io
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from assigner.errors import SetupError
from assigner.matching import Weights

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Settings:
    """All settings, checked.  Durations are seconds, but for days; sizes are bytes."""

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
    person_active: float = 5.0
    limit_wait: float = 900.0
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
        """The database of goals: one that was named, else beside the queue's."""
        return self.given_goals or self.database.with_name("goals.db")

    @property
    def foundation(self) -> Path:
        """States and work logs of the sessions that have a profile."""
        return self.home / "foundation"

    @property
    def run(self) -> Path:
        """One directory per attempt: the generated files."""
        return self.home / "run"

    @property
    def spool(self) -> Path:
        """Reports from sessions, waiting to be read."""
        return self.home / "spool"

    @property
    def logs(self) -> Path:
        """What the passes of timers have done."""
        return self.home / "logs"

    @property
    def unknown(self) -> Path:
        """Screens of agents that no rule recognised."""
        return self.home / "unknown"

    @property
    def secrets(self) -> Path:
        """Values of variables that appear nowhere else."""
        return self.home / "secrets"

    @property
    def starts(self) -> Path:
        """The files by which sessions are being started."""
        return self.home / "starts"

    @property
    def worktrees(self) -> Path:
        """git working trees of prompts' own."""
        return self.home / "worktrees"


def load(database: str | None = None) -> Settings:
    """The settings in force; `database` is `--db`.  Raises SetupError that names a bad setting."""
    values = {**env_file(), **{k: v for k, v in os.environ.items() if k in KNOWN and v}}
    for setting, value in values.items():
        _check(setting, value)
    home = _absolute(values, "ASSIGNER_HOME")
    chosen = Path(database).absolute() if database else _absolute(values, "ASSIGNER_DB")
    if chosen and not chosen.name:
        raise SetupError(f"'{chosen}' is no file for a database: give one to --db or ASSIGNER_DB")
    if home is None:
        home = xdg("XDG_STATE_HOME", ".local/state") / "assigner"
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
# Every setting that there is
KNOWN = {
    *(f"ASSIGNER_{name}" for name in _PLACES),
    *(setting for _, setting, _ in _PLAIN),
    *(setting for _, setting in _WEIGHTS),
}
# Zero would mean: wait for ever; or, to one person, keep for ever, to another, keep nothing
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
                raise SetupError(f"ASSIGNER_TMUX_SOCKETS has no absolute path: '{socket}'")
        return sockets
    return (socket_below(os.environ.get("TMUX_TMPDIR") or "/tmp"),)  # noqa: S108 - tmux(1)


def socket_below(directory: str) -> str:
    """Where tmux has its default socket if TMUX_TMPDIR is that directory, tmux(1)."""
    return f"{directory}/tmux-{os.getuid()}/default"


def _absolute(values: Mapping[str, str], setting: str) -> Path | None:
    path = Path(values[setting]) if setting in values else None
    if path and not path.is_absolute():
        raise SetupError(f"{setting} is not an absolute path: '{path}'")
    return path


def xdg(variable: str, default: str) -> Path:
    """A person's own directory: where the variable says, else `default` in HOME.  SetupError."""
    value = os.environ.get(variable)
    if value and value.startswith("/"):
        return Path(value)
    home = os.environ.get("HOME")
    if not home:
        helps = "ASSIGNER_HOME" if variable == "XDG_STATE_HOME" else "HOME"
        raise SetupError(f"neither HOME nor {variable} is set: set {helps}")
    return Path(home) / default


def own(name: str) -> Path | None:
    """A person's own file or directory of that name; None where nothing tells where that is."""
    if not (os.environ.get("HOME") or os.environ.get("XDG_CONFIG_HOME")):
        return None
    return xdg("XDG_CONFIG_HOME", ".config") / "assigner" / name


def own_tables(kind: str) -> list[Path]:
    """A person's own TOML files of a kind, sorted.  SetupError where they cannot be listed."""
    directory = own(kind)
    try:
        found = [] if directory is None else list(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise SetupError(f"cannot read '{directory}': {error.strerror}") from None
    return sorted(path for path in found if path.suffix == ".toml")


def table(path: Path, text: str) -> dict[str, Any]:
    """What the TOML says that was read from that file.  SetupError."""
    import tomllib  # only who reads such a file pays

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SetupError(f"'{path}' is not TOML: {error}") from None


def env_files() -> list[Path]:
    """Where `.env` may stand; the first that exists is read."""
    mine = own(".env")
    return [*([mine] if mine else []), CHECKOUT / ".env"]


def env_file() -> dict[str, str]:
    """The settings that the one `.env` file has which counts."""
    for path in env_files():
        text = trusted_text(path)
        if text is not None:
            return _parse(path, text)
    return {}


def trusted_text(path: Path, *, built_in: bool = False) -> str | None:
    """What a file says that decides what is run; None where there is none.

    Raises SetupError for one that others can write, unless it is `built_in`, or that cannot be
    read.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SetupError(f"'{path}' is not a file")
        others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not built_in and (others or status.st_uid not in (os.geteuid(), 0)):
            raise SetupError(f"others can write '{path}': chown and chmod 600 it")
        return path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise SetupError(f"'{path}' is not valid UTF-8") from None
    except OSError as error:
        raise SetupError(f"cannot read '{path}': {error.strerror}") from None


def _parse(path: Path, text: str) -> dict[str, str]:
    """The settings that a file of `NAME=value` lines gives a value."""
    from dotenv.parser import parse_stream  # costs 20 ms, and only who has the file pays

    found = {}
    for line in parse_stream(io.StringIO(text)):
        original = line.original.string
        blank = original[: len(original) - len(original.lstrip())].count("\n")
        place = f"'{path}' line {line.original.line + blank}"
        if line.error or (line.key and line.value is None):
            raise SetupError(f"{place} is not NAME=value")
        if line.key and line.key not in KNOWN:
            raise SetupError(f"{place}: unknown setting '{line.key}' (.env.example has them all)")
        if line.key and line.value:
            found[line.key] = line.value
    return found
