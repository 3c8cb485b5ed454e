"""Reads the user's own files and replaces them atomically; keeps their mode and symlinks."""

import errno
import os
import stat
from pathlib import Path

from assigner.agents.hooks import json_edit
from assigner.errors import SetupError
from assigner.store import state_dir
from assigner.system import private_files


def read(path: Path) -> str | None:
    """The content of a file; None if it does not exist.  SetupError if it is not usable."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise SetupError(f"'{path}' is not a regular file")
        with path.open(encoding="utf-8", newline="") as file:
            text = file.read()
        if path.suffix == ".json":
            json_edit.load(text)
        return text
    except FileNotFoundError:
        if path.is_symlink():
            raise SetupError(f"'{path}' is a dangling symlink") from None
        return None
    except UnicodeDecodeError:
        raise SetupError(f"'{path}' is not valid UTF-8") from None
    except ValueError as error:
        raise SetupError(f"'{path}' is not JSON: {error}") from None
    except OSError as error:
        raise SetupError(f"cannot read '{path}': {error.strerror}") from None


def target(path: Path, directory: Path) -> Path:
    """The file that a path leads to, through symlinks that stay in that directory or in HOME.

    Raises SetupError if it leads elsewhere or cannot be written.
    """
    real = Path(os.path.realpath(path))
    near = [directory, Path(os.environ.get("HOME") or directory)]
    if not any(real.is_relative_to(os.path.realpath(place)) for place in near):
        raise SetupError(f"'{path}' is a symlink to '{real}': change that by hand")
    writable = real if real.exists() else _existing(real.parent)
    if not os.access(writable, os.W_OK) or not os.access(_existing(real.parent), os.W_OK):
        raise SetupError(f"cannot write '{path}': {os.strerror(errno.EACCES)}")
    return real


def _existing(directory: Path) -> Path:
    return next(path for path in (directory, *directory.parents) if path.exists())


def write(path: Path, text: str) -> None:
    """Replace a file atomically.  Keeps its mode; only the user can read a new file."""
    private_files.make_private(path.parent)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        state_dir.write(aside, text)
        if path.exists():
            aside.chmod(stat.S_IMODE(path.stat().st_mode))
        aside.rename(path)
    finally:
        aside.unlink(missing_ok=True)
