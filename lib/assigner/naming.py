"""The names of an agent's programs: all that must be read from its file to recognize it."""

import os
from collections.abc import Mapping
from typing import Any


def programs(table: Mapping[str, Any]) -> tuple[str, ...]:
    """The path endings of an agent's programs: those its file lists, or else its start command.

    Raises TypeError if `programs` is not a list of strings.
    """
    start = table.get("start", "")
    given = table.get("programs")
    if given is None:
        given = [os.path.basename(start.partition(" ")[0])] if start else []
    if not isinstance(given, list) or not all(isinstance(program, str) for program in given):
        raise TypeError("programs")
    return tuple(given)
