"""How an agent is set up for a trial: the table [trial] of its provider file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from assigner.agents import registry
from assigner.errors import SetupError, UsageError

KEY = "sk-made-up-0000000000000000000000000000000"
_KEYS = {"leave": str, "files": dict, "variables": dict}


@dataclass(frozen=True)
class Setup:
    """What a trial of an agent needs.

    `files` are written below its HOME, `variables` added to its environment; in both `{port}`
    stands for the port of the model on loopback, `{key}` for the made-up key, and `{key_end}` for
    the last 20 characters of that.  `leave` is what a person types to end the agent.
    """

    leave: str
    files: Mapping[str, str]
    variables: Mapping[str, str]

    def environment(self, port: int) -> dict[str, str]:
        """The variables for a model on that port."""
        return {name: _filled(text, port) for name, text in self.variables.items()}

    def write(self, home: Path, port: int) -> None:
        """Write the files, for a model on that port, below an agent's HOME.  OSError."""
        for name, text in self.files.items():
            path = home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(_filled(text, port))


def read(name: str) -> Setup:
    """How the agent of that name is set up.

    UsageError if its provider file has no table [trial], SetupError if the file is not as it
    should be.
    """
    path, table = registry.files()[name], registry.table(name).get("trial")
    if table is None:
        raise UsageError(f"'{path}' has no table [trial], which says how to set {name} up")
    for key, value in table.items():
        if key not in _KEYS:
            raise _wrong(path, key, f"is not a key (known: {', '.join(_KEYS)})")
        if not isinstance(value, _KEYS[key]):
            raise _wrong(path, key, "is not text" if _KEYS[key] is str else "is not a table")
    return Setup(
        table.get("leave", "/exit"),
        _texts(path, "files", table.get("files", {})),
        _texts(path, "variables", table.get("variables", {})),
    )


def _texts(path: Path, key: str, table: Mapping[str, Any]) -> Mapping[str, str]:
    for name, value in table.items():
        if not isinstance(value, str):
            raise _wrong(path, f"{key}.{name}", "is not text")
        inside = PurePosixPath(name)
        if key == "files" and (inside.is_absolute() or ".." in inside.parts):
            raise _wrong(path, f"{key}.{name}", "is not a path below HOME")
    return table


def _wrong(path: Path, key: str, what: str) -> SetupError:
    return SetupError(f"'{path}': 'trial.{key}' {what}")


def _filled(text: str, port: int) -> str:
    for name, value in (("port", str(port)), ("key", KEY), ("key_end", KEY[-20:])):
        text = text.replace(f"{{{name}}}", value)
    return text
