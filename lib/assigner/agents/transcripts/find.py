"""Finds a typed prompt in an agent's own transcript and reads its outcome.

Transcripts are needed because hooks may not be installed, and because some ends fire no hook: a
failure, a limit or an interruption in Codex, Escape in Claude Code.  Reading is bounded and never
blocks; missing, damaged or foreign files do not count as evidence.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath

from assigner.agents import provider as agents_provider
from assigner.agents.prompt_match import Typed
from assigner.agents.provider import Provider
from assigner.agents.transcripts import claude, codex, jsonl, opencode
from assigner.agents.transcripts.turn import Begun, Turn

_FILES = 8  # transcripts read in one search, the latest first
_ENTRIES = 5000  # directory entries examined in one search
_NEAR = 60.0  # seconds ambiguous if two conversations have equal prompts within this time
_LONG = 200  # Claude Code cuts a directory's name there and adds a hash


def find(
    provider: Provider,
    directory: str | None,
    typed: Typed,
    since: float,
    *,
    home: Mapping[str, str],
    path: str | None = None,
    offset: int = 0,
    conversation: str | None = None,
) -> Turn | None:
    """The turn whose prompt is the typed one, begun at `since` (epoch seconds) or just before.

    `directory` is where the agent was started, `home` its environment.  With `path`, and `offset`
    if known, reads only that transcript; without, all transcripts that this agent could be writing.
    With `conversation` only a turn of that one counts.
    None if no turn matches, or if the turns of two conversations do.
    """
    shape = provider.transcript
    if shape is None:
        return None
    place = _home(shape, home)
    if shape.format == "opencode":
        path = path or (opencode.database(place) if place else None)
        found = opencode.find(shape, path, directory, typed, since, offset) if path else []
        return _only(found, conversation)
    if path is None and place is None:
        return None
    read = claude.find if shape.format == "claude" else codex.find
    paths = [path] if path is not None else _candidates(shape, place, directory, since)
    mention = "" if typed.left else typed.mention
    begun = [
        turn
        for place in paths
        if (known := jsonl.read(place, offset if path else 0, mention=mention))
        and (turn := read(shape, place, known, typed, since)) is not None
    ]
    return _only(begun, conversation)


def _only(found: list[Begun], conversation: str | None) -> Turn | None:
    """The first of these turns, or None if another conversation has one at about the same time.

    A conversation that continues in another file has a copy of its turns there.
    """
    if conversation is not None:
        found = [begun for begun in found if begun.turn.conversation == conversation]
    if not found:
        return None
    first = min(begun.at for begun in found)
    near = [replace(b.turn, begun=b.at) for b in found if b.at <= first + _NEAR]
    if len({turn.turn or turn.path for turn in near}) > 1:
        return None
    return next((turn for turn in near if turn.state != "running"), near[0])


def _home(shape: agents_provider.Transcript, home: Mapping[str, str]) -> PurePath | None:
    """The agent's data directory; None if it is unknown."""
    if named := home.get(shape.home):
        return PurePath(named)
    return PurePath(home["HOME"], shape.default) if home.get("HOME") else None


def _candidates(
    shape: agents_provider.Transcript, place: PurePath | None, directory: str | None, since: float
) -> list[str]:
    """The transcripts that an agent in that directory has written to since, the latest first."""
    if place is None:
        return []
    files = _claude_files if shape.format == "claude" else _codex_files
    found = []
    for count, entry in enumerate(files(str(place), directory)):
        if count >= _ENTRIES:
            break
        try:
            changed = entry.stat().st_mtime
        except OSError:
            continue
        if entry.name.endswith(".jsonl") and changed >= since - 1 and jsonl.is_own(entry.path):
            found.append((changed, entry.path))
    latest = [path for _, path in sorted(found, reverse=True)]
    if shape.format == "codex":
        latest = [path for path in latest if _is_codex_session(path, directory)]
    return latest[:_FILES]


def _claude_files(place: str, directory: str | None) -> Iterator[os.DirEntry[str]]:
    """The transcripts of a directory.  Claude Code names their folder after the directory, with a
    dash for each character other than letters and digits.
    """
    projects = os.path.join(place, "projects")
    name = None
    if directory is not None:
        units = "".join(c if c <= "\uffff" else "--" for c in directory)
        name = re.sub(r"[^a-zA-Z0-9]", "-", units)
    for project in _entries(projects):
        same = name is None or project.name == name[:_LONG]
        if same or (
            name is not None and project.name.startswith(name[:_LONG] + "-") and len(name) > _LONG
        ):
            yield from _entries(project.path)


def _codex_files(place: str, _directory: str | None) -> Iterator[os.DirEntry[str]]:
    """The transcripts by day, the latest day first: the day on which a session began."""

    def below(path: str) -> list[os.DirEntry[str]]:
        return sorted(_entries(path), key=lambda entry: entry.name, reverse=True)

    for year in below(os.path.join(place, "sessions")):
        for month in below(year.path):
            for day in below(month.path):
                yield from below(day.path)


def _is_codex_session(path: str, directory: str | None) -> bool:
    """Whether the file is a user's session in that directory, and not a sub-agent's."""
    meta = jsonl.first(path)
    source = jsonl.get(meta, "payload", "source")
    if jsonl.get(meta, "type") != "session_meta" or isinstance(source, dict):
        return False
    if jsonl.get(meta, "payload", "thread_source") == "subagent":
        return False
    return directory is None or jsonl.get(meta, "payload", "cwd") == directory


def _entries(path: str) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(path) as found:
            yield from found
    except (OSError, ValueError):
        return
