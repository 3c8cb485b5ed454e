"""Edits JSON as text, so that a user's file keeps its own formatting.

Raises ValueError if a text is not JSON or has another structure than expected.  Pure.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_BLANK = re.compile(r"[ \t\r\n]*")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class _Part:
    """A member of an object or an element of an array: text[begin:end], its value from `start`."""

    key: str | None
    begin: int
    start: int
    end: int
    value: Any


def load(text: str) -> dict[str, Any]:
    """The object that a text contains; {} for an empty text."""
    try:
        value = json.loads(text) if text.strip() else {}
    except RecursionError:
        raise ValueError("it is too deeply nested") from None
    if not isinstance(value, dict):
        raise ValueError("it is not an object")
    return value


def beginning(text: str) -> dict[str, Any]:
    """The complete members of an object whose text may be truncated."""
    found = {}
    try:
        for part in _parts(text, _skip(text, 0)):
            found[part.key or ""] = part.value
    except (ValueError, IndexError, RecursionError):
        pass
    return found


def append(text: str, path: Sequence[str], value: object) -> str:
    """The text with the value appended to the array at `path`; creates missing containers."""
    load(text)
    text = text if text.strip() else "{}\n"
    at, missing = _skip(text, 0), list(path)
    while missing:
        _expect(text, at, "{", path)
        found = _member(text, at, missing[0])
        if found is None:
            break
        at = found.start
        missing.pop(0)
    if not missing:
        _expect(text, at, "[", path)
        return _insert(text, at, None, value)
    value = [value]
    for key in reversed(missing[1:]):
        value = {key: value}
    return _insert(text, at, missing[0], value)


def put(text: str, path: Sequence[str], value: object) -> str:
    """The text with the value as the member at `path`; creates missing objects."""
    load(text)
    text = text if text.strip() else "{}\n"
    at = end = _skip(text, 0)
    for number, key in enumerate(path, 1):
        _expect(text, at, "{", path)
        found = _member(text, at, key)
        if found is None:
            for inner in reversed(path[number:]):
                value = {inner: value}
            return _insert(text, at, key, value)
        at, end = found.start, found.end
    return text[:at] + json.dumps(value, ensure_ascii=False) + text[end:]


def remove(text: str, path: Sequence[str], unwanted: Callable[[Any], bool]) -> str:
    """The text without the unwanted elements of the array at `path` and containers left empty."""
    load(text)
    containers = [_skip(text, 0)] if text.strip() else []
    for key in path:
        found = _member(text, containers[-1], key) if containers else None
        if found is None:
            return text
        containers.append(found.start)
    if text[containers[-1]] != "[":
        return text
    for index in reversed(range(len(list(_parts(text, containers[-1]))))):
        parts = list(_parts(text, containers[-1]))
        if unwanted(parts[index].value):
            text = _cut(text, containers[-1], index)
            if len(parts) == 1:
                text = _cut_empty(text, containers, path)
    return text


def _cut_empty(text: str, containers: Sequence[int], path: Sequence[str]) -> str:
    """The text without containers that are now empty, innermost first; keeps the outermost."""
    for at, key in zip(reversed(containers[:-1]), reversed(path), strict=True):
        keys = [part.key for part in _parts(text, at)]
        text = _cut(text, at, keys.index(key))
        if len(keys) > 1:
            break
    return text


def _cut(text: str, at: int, index: int) -> str:
    parts = list(_parts(text, at))
    if len(parts) == 1:
        end = _skip(text, parts[0].end)
        return text[: at + 1] + text[end:]
    if index == 0:
        return text[: parts[0].begin] + text[parts[1].begin :]
    return text[: parts[index - 1].end] + text[parts[index].end :]


def _insert(text: str, at: int, key: str | None, value: object) -> str:
    """The text with one more part at the end of a container, formatted like its surroundings."""
    parts = list(_parts(text, at))
    name = "" if key is None else json.dumps(key, ensure_ascii=False) + ": "
    first = next(_parts(text, _skip(text, 0)), None)
    root_gap = text[_skip(text, 0) + 1 : first.begin] if first else "\n  "
    gap = text[at + 1 : parts[0].begin] if parts else root_gap
    if "\n" not in gap:
        added = name + json.dumps(value, ensure_ascii=False)
        if parts:
            return text[: parts[-1].end] + ", " + added + text[parts[-1].end :]
        return text[: at + 1] + added + text[at + 1 :]
    unit = root_gap.rpartition("\n")[2] or "  "
    line = "\r\n" if "\r\n" in gap else "\n"
    outer = re.match(r"[ \t]*", text[text.rfind("\n", 0, at) + 1 :])
    indent = gap.rpartition("\n")[2] if parts else (outer[0] if outer else "") + unit
    written = json.dumps(value, ensure_ascii=False, indent=unit).split("\n")
    added = line + indent + name + (line + indent).join(written)
    if parts:
        return text[: parts[-1].end] + "," + added + text[parts[-1].end :]
    closing = line + (outer[0] if outer else "")
    return text[: at + 1] + added + closing + text[_skip(text, at + 1) :]


def _member(text: str, at: int, key: str) -> _Part | None:
    """The member of that name; the last one if there are several, as in JSON parsers."""
    if text[at] != "{":
        return None
    return next((part for part in reversed(list(_parts(text, at))) if part.key == key), None)


def _parts(text: str, at: int) -> Iterator[_Part]:
    """The parts of the object or array that begins at `at`."""
    if text[at] not in "{[":
        raise ValueError("it is not an object")
    is_object = text[at] == "{"
    at = _skip(text, at + 1)
    while text[at] not in "}]":
        begin, key = at, None
        if is_object:
            if text[at] != '"':
                raise ValueError("a member has no name")
            key, at = _DECODER.raw_decode(text, at)
            at = _skip(text, at)
            if text[at] != ":":
                raise ValueError("a member has no value")
            at = _skip(text, at + 1)
        value, end = _DECODER.raw_decode(text, at)
        yield _Part(key, begin, at, end, value)
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)


def _skip(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, bracket: str, path: Sequence[str]) -> None:
    if text[at] != bracket:
        kind = "an object" if bracket == "{" else "an array"
        raise ValueError(f"'{'.'.join(path)}' is not {kind}, or is inside something that is not")
