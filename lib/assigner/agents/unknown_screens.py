"""Keeps a few screens of agents that no rule recognized, so that the user can add a rule.

Each is a file in STATE/unknown, named by a digest of the screen with all numbers made equal: a
screen with another clock or counter is the same screen.
"""

import contextlib
import hashlib
import json
import os
import re

from assigner.agents.screen_rules import View
from assigner.config import Settings
from assigner.errors import UsageError
from assigner.store import state_dir
from assigner.store.database import Row
from assigner.system import private_files

MOST = 40  # screens to keep, the latest ones
_NAME = re.compile(r"[0-9a-f]{12}\Z")


def keep(settings: Settings, provider: str, session: str, view: View, now: str) -> None:
    """Keep a screen seen at the time `now`, and at most MOST in all.  Ignores OSError."""
    name = hashlib.sha256(re.sub(r"\d+", "0", f"{provider}\n{view.text}").encode()).hexdigest()[:12]
    screen = {
        "id": name, "provider": provider, "session": session, "seen_at": now,
        "screen": view.text, "ansi": view.colored, "meta": dict(view.meta),
    }  # fmt: skip
    with contextlib.suppress(OSError):
        state_dir.write(settings.unknown / name, json.dumps(screen, ensure_ascii=False))
        for old in _names(settings)[MOST:]:
            os.unlink(settings.unknown / old)


def kept(settings: Settings) -> list[Row]:
    """The kept screens, the latest first."""
    found = []
    for name in _names(settings):
        with (
            contextlib.suppress(OSError, ValueError),
            private_files.own_file(settings.unknown / name) as file,
        ):
            found.append(json.loads(file.read()))
    return found


def one(settings: Settings, name: str) -> Row:
    """The kept screen whose id begins with `name`.  UsageError if not exactly one does."""
    found = [row for row in kept(settings) if name and row["id"].startswith(name)]
    if len(found) != 1:
        raise UsageError(f"'{name}' matches no or several kept screens: see 'inspect --unknown'")
    return found[0]


def _names(settings: Settings) -> list[str]:
    try:
        entries = [entry for entry in os.scandir(settings.unknown) if _NAME.match(entry.name)]
    except FileNotFoundError:
        return []
    return [e.name for e in sorted(entries, key=lambda e: e.stat().st_mtime_ns, reverse=True)]
