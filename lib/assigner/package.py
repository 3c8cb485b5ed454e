"""Where the package keeps what is no module: in a checkout beside it, installed within it."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def data(name: str) -> Path:
    """A file or directory of the checkout's top level, as pyproject.toml has it installed."""
    installed = _PACKAGE / f"_{name.removeprefix('.')}"
    return installed if installed.exists() else _PACKAGE.parents[1] / name
