"""How the programs of an agent are called; all that has to be read of its file to know it."""

import os
from collections.abc import Mapping
from typing import Any


def programs(table: Mapping[str, Any]) -> tuple[str, ...]:
    """How the paths of an agent's programs end: what its file says, else what it is started by.

    TypeError where that is no list of texts.
    """
    start = table.get("start", "")
    given = table.get("programs")
    if given is None:
        given = [os.path.basename(start.partition(" ")[0])] if start else []
    if not isinstance(given, list) or not all(isinstance(program, str) for program in given):
        raise TypeError("programs")
    return tuple(given)
