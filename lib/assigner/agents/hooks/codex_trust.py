"""Codex's trust in hooks: for each trusted hook, config.toml has a digest of the hook.

Codex identifies a hook by its file, event and position; the digest covers its JSON with sorted
keys and all defaults filled in (Codex 0.169.0; `hooks/list` of its app server shows both).
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from assigner.errors import SetupError
from assigner.system.user_config import table

# Codex rewrites the file and may insert its own tables anywhere: each entry has assigner's mark
_ENTRY = r'\[hooks\.state\."[^\n]*"\]\ntrusted_hash = "[^"\n]*" # assigner'
_OURS = re.compile(rf"^{_ENTRY}\n", re.MULTILINE)
_OUR_LAST = re.compile(rf"\n{_ENTRY}\Z")  # if the file does not end with a newline


def identity(path: Path, event: str, index: int, hook: Mapping[str, Any]) -> tuple[str, str]:
    """Codex's name for a hook that is alone in the group `index` of its event, and its digest."""
    name = re.sub(r"(?<!^)([A-Z])", r"_\1", event).lower()
    whole = {"async": False, "timeout": 600, **hook}
    text = json.dumps(
        {"event_name": name, "hooks": [whole]},
        sort_keys=True, separators=(",", ":"), ensure_ascii=False,
    )  # fmt: skip
    return f"{path}:{name}:{index}:0", f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def trusts(config: Path, text: str | None, keys: Mapping[str, str]) -> bool:
    """Whether Codex trusts these hooks (name: digest).  SetupError if the text is not TOML."""
    known = _state(config, text or "")
    return all(
        isinstance(known.get(key), dict) and known[key].get("trusted_hash") == digest
        for key, digest in keys.items()
    )


def trusting(config: Path, text: str | None, keys: Mapping[str, str]) -> str:
    """The text with entries appended that make Codex trust the hooks.  SetupError if impossible."""
    base = without(text) or ""
    known = _state(config, base)
    made = base
    for key, digest in keys.items():
        if key not in known:
            entry = f"[hooks.state.{json.dumps(key, ensure_ascii=False)}]\n"
            entry += f'trusted_hash = "{digest}" # assigner'
            made += f"{entry}\n" if made.endswith("\n") or not made else f"\n{entry}"
    try:
        done = trusts(config, made, keys)
    except SetupError:
        done = False
    if not done:
        raise SetupError(
            f"'{config}' already has an entry for these hooks in 'hooks.state': remove it"
        )
    return made


def without(text: str | None) -> str | None:
    """The text without the entries that `trusting` added."""
    return None if text is None else _OUR_LAST.sub("", _OURS.sub("", text))


def value(found: object) -> str:
    """JSON-like data as an inline TOML value."""
    if isinstance(found, dict):
        members = (f"{json.dumps(key, ensure_ascii=False)}={value(v)}" for key, v in found.items())
        return "{" + ",".join(members) + "}"
    if isinstance(found, list):
        return "[" + ",".join(map(value, found)) + "]"
    return json.dumps(found, ensure_ascii=False)


def _state(path: Path, text: str) -> Mapping[str, Any]:
    hooks = table(path, text).get("hooks")
    state = hooks.get("state") if isinstance(hooks, dict) else None
    return state if isinstance(state, dict) else {}
