"""Makes, places, revokes, reads and removes the files of an attempt and of its check."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from assigner.config import Settings
from assigner.store import state_dir
from assigner.system import private_files


def make_run(settings: Settings, attempt: int, contents: Mapping[str, str]) -> None:
    """Write an attempt's files (name: content) to a temporary directory of this process.

    Two passes may do this at once.  Raises OSError.
    """
    _make(_aside(settings, attempt), contents)


def _make(directory: Path, contents: Mapping[str, str]) -> None:
    shutil.rmtree(directory, ignore_errors=True)
    private_files.make_private(directory)
    for name, text in contents.items():
        state_dir.write(directory / name, text)


def place_run(settings: Settings, attempt: int) -> None:
    """Rename the directory from make_run to run/ATTEMPT.

    Call it in the transaction that decides which pass types.  Replaces an existing directory, which
    a pass left that died before its commit.
    """
    remove_run(settings, attempt)
    _aside(settings, attempt).rename(settings.run / str(attempt))


def _aside(settings: Settings, attempt: int) -> Path:
    return settings.run / f"{attempt}.{os.getpid()}"


def is_revoked(settings: Settings, attempt: int) -> bool:
    """Whether `revoke` has taken the attempt's token."""
    return (settings.run / str(attempt) / "revoked").exists()


def revoke(settings: Settings, attempt: int) -> bool:
    """Take the attempt's token.  Returns whether that succeeded: then the prompt never runs.

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
    """Rename the directory from make_check to run/ATTEMPT/check.  Call it as you call place_run."""
    directory = check_directory(settings, attempt)
    shutil.rmtree(directory, ignore_errors=True)
    private_files.make_private(directory.parent)
    _check_aside(settings, attempt).rename(directory)


def discard_check(settings: Settings, attempt: int) -> None:
    """Remove the directory from make_check: another pass was faster."""
    shutil.rmtree(_check_aside(settings, attempt), ignore_errors=True)


def _check_aside(settings: Settings, attempt: int) -> Path:
    return settings.run / f"{attempt}.check.{os.getpid()}"


def revoke_check(settings: Settings, attempt: int) -> bool:
    """Take the token of an attempt's check.  Returns whether that succeeded: it then never runs."""
    return _take(check_directory(settings, attempt) / "go")


def prompt_of(settings: Settings, attempt: int) -> str | None:
    """The text to type to an agent for an attempt; None if its files are gone."""
    try:
        with private_files.own_file(settings.run / str(attempt) / "prompt") as file:
            return file.read().decode()
    except (OSError, UnicodeDecodeError):
        return None


def output_of(settings: Settings, attempt: int, most: int) -> str | None:
    """The last `most` bytes of the output of the context's steps; None if there is no output."""
    try:
        with private_files.own_file(settings.run / str(attempt) / "output") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - most))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return None


def remove_run(settings: Settings, attempt: int) -> None:
    """Remove the files of an attempt."""
    shutil.rmtree(settings.run / str(attempt), ignore_errors=True)
