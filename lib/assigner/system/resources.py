"""Finds the package's data files: beside it in a checkout, inside it when installed."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]


def data(name: str) -> Path:
    """The path of a file or directory at the checkout's top level (see pyproject.toml)."""
    installed = _PACKAGE / f"_{name.removeprefix('.')}"
    return installed if installed.exists() else _PACKAGE.parents[1] / name
