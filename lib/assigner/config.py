"""Settings: from the environment, else from one `.env` file that only its owner can write.

The file is `$XDG_CONFIG_HOME/assigner/.env`, else `.env` in the checkout; never one in the
current directory, which may be anybody's.  `.env.example` documents each setting.
"""

import os
import re
import stat
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from assigner.errors import SetupError
from assigner.matching import Weights

CHECKOUT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Settings:
    """All settings, checked.  Durations are seconds, sizes are bytes."""

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
    max_content: int = 1_000_000
    max_output: int = 65_536
    preferred_provider: str | None = None
    weights: Weights = field(default_factory=Weights)

    @property
    def run(self) -> Path:
        """One directory per attempt: the generated files."""
        return self.home / "run"

    @property
    def spool(self) -> Path:
        """Reports from sessions, waiting to be read."""
        return self.home / "spool"

    @property
    def secrets(self) -> Path:
        """Values of variables that appear nowhere else."""
        return self.home / "secrets"


def load(database: str | None = None) -> Settings:
    """The settings in force; `database` is `--db`.  Raises SetupError that names a bad setting."""
    values = {**_env_file(), **{k: v for k, v in os.environ.items() if k.startswith("ASSIGNER_")}}
    home = Path(values.get("ASSIGNER_HOME") or _xdg("XDG_STATE_HOME", ".local/state") / "assigner")
    if not home.is_absolute():
        raise SetupError(f"ASSIGNER_HOME is not an absolute path: '{home}'")
    if any(ord(c) < 32 or ord(c) == 127 for c in str(home)):
        raise SetupError(f"ASSIGNER_HOME has a control character: {str(home)!r}")
    chosen = database or values.get("ASSIGNER_DB")
    plain = {
        name: _convert(setting, kind, values[setting])
        for name, setting, kind in _PLAIN
        if values.get(setting)
    }
    weights = {
        f.name: _convert(setting, int, values[setting])
        for f in fields(Weights)
        if values.get(setting := f"ASSIGNER_SCORE_{f.name.upper()}")
    }
    return Settings(
        home=home,
        database=Path(chosen).absolute() if chosen else home / "assigner.db",
        sockets=_sockets(values.get("ASSIGNER_TMUX_SOCKETS")),
        host=values.get("ASSIGNER_HOST") or os.uname().nodename,
        session_patterns=tuple((values.get("ASSIGNER_SESSIONS") or "").replace(",", " ").split()),
        weights=Weights(**weights),
        **plain,
    )


_PLAIN = [
    (f.name, f"ASSIGNER_{f.name.upper()}", f.type)
    for f in fields(Settings)
    if f.type in (bool, int, float) or f.name == "preferred_provider"
]


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
            raise SetupError(f"{setting} is not a number: '{value}'") from None
        if not 0 <= number < 1e12:
            raise SetupError(f"{setting} is out of range: '{value}'")
        return number
    return value


def _sockets(value: str | None) -> tuple[str, ...]:
    if value:
        sockets = tuple(dict.fromkeys(part for part in value.split(":") if part))
        for socket in sockets:
            if not socket.startswith("/"):
                raise SetupError(f"ASSIGNER_TMUX_SOCKETS has a relative path: '{socket}'")
        return sockets
    directory = os.environ.get("TMUX_TMPDIR") or "/tmp"  # noqa: S108 - where tmux looks, tmux(1)
    return (f"{directory}/tmux-{os.getuid()}/default",)


def _xdg(variable: str, default: str) -> Path:
    value = os.environ.get(variable)
    if value and value.startswith("/"):
        return Path(value)
    home = os.environ.get("HOME")
    if not home:
        raise SetupError(f"neither HOME nor {variable} is set: set ASSIGNER_HOME")
    return Path(home) / default


def _env_file() -> dict[str, str]:
    candidates = [CHECKOUT / ".env"]
    if os.environ.get("HOME") or os.environ.get("XDG_CONFIG_HOME"):
        candidates.insert(0, _xdg("XDG_CONFIG_HOME", ".config") / "assigner" / ".env")
    for path in candidates:
        try:
            status = path.stat()
        except OSError:
            continue
        if status.st_uid not in (os.geteuid(), 0) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise SetupError(f"others can write '{path}': chown and chmod 600 it")
        from dotenv import dotenv_values  # costs 20 ms, and only who has the file pays

        found = dotenv_values(path, interpolate=False)
        for name in found:
            if not re.fullmatch(r"ASSIGNER_[A-Z_]+", name):
                raise SetupError(f"unknown setting '{name}' in '{path}'")
        return {name: value for name, value in found.items() if value is not None}
    return {}
