"""A person's own configuration files: where they are, and how they are read."""

import os
import stat
from pathlib import Path
from typing import Any

from assigner.errors import SetupError


def xdg(variable: str, default: str) -> Path:
    """A user's directory: the variable's value, else `default` in HOME.

    Raises SetupError if neither the variable nor HOME is set.
    """
    value = os.environ.get(variable)
    if value and value.startswith("/"):
        return Path(value)
    home = os.environ.get("HOME")
    if not home:
        helps = "ASSIGNER_HOME" if variable == "XDG_STATE_HOME" else "HOME"
        raise SetupError(f"neither HOME nor {variable} is set: set {helps}")
    return Path(home) / default


def own(name: str) -> Path | None:
    """The user's own file or directory of that name; None if the environment names no place."""
    if not (os.environ.get("HOME") or os.environ.get("XDG_CONFIG_HOME")):
        return None
    return xdg("XDG_CONFIG_HOME", ".config") / "assigner" / name


def own_tables(kind: str) -> list[Path]:
    """The user's own TOML files of a kind, sorted.  SetupError if they cannot be listed."""
    directory = own(kind)
    try:
        found = [] if directory is None else list(directory.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise SetupError(f"cannot read '{directory}': {error.strerror}") from None
    return sorted(path for path in found if path.suffix == ".toml")


def table(path: Path, text: str) -> dict[str, Any]:
    """Parse `text`, the content of `path`, as TOML.  SetupError names the file if it is invalid."""
    import tomllib  # only needed to read such a file

    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise SetupError(f"'{path}' is not valid TOML: {error}") from None


def trusted_text(path: Path, *, built_in: bool = False) -> str | None:
    """The text of a file that decides what assigner runs; None if it does not exist.

    Raises SetupError for a file that others can write, unless it is `built_in`, or that cannot be
    read.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SetupError(f"'{path}' is not a regular file")
        others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if not built_in and (others or status.st_uid not in (os.geteuid(), 0)):
            raise SetupError(
                f"other users can write '{path}': chown it to yourself and chmod 600 it"
            )
        return path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    except UnicodeDecodeError:
        raise SetupError(f"'{path}' is not valid UTF-8") from None
    except OSError as error:
        raise SetupError(f"cannot read '{path}': {error.strerror}") from None
