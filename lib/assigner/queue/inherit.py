"""What a prompt inherits from its parent: everything that it does not set itself."""

import json
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from assigner.errors import UsageError
from assigner.queue import drafts, prompts
from assigner.queue.drafts import Draft
from assigner.store import secrets
from assigner.store.database import Store
from assigner.store.rows import Prompt

# Never inherited; variables and metadata are inherited one by one
_OWN = {
    "content", "not_before", "deadline", "after", "parent_id", "dedup_key", "secrets", "given",
    "env_vars", "secret_vars", "metadata",
}  # fmt: skip
_TARGET = {"target_session", "target_provider"}
_RESULTS = {"extractions"}  # metadata from the parent's run


def inherit(store: Store, draft: Draft) -> None:
    """Complete an unchecked draft from the parent that it names.

    A field that is not in `given` and has its default is inherited.  UsageError for an unknown
    parent, or if the values of its secret variables have been deleted.
    """
    parent = _row(store, draft.parent_id)
    columns: Mapping[str, Any] = parent
    said = {
        name
        for field in fields(draft)
        if (name := field.name) in draft.given
        or (name in drafts.CONTEXT and draft.metadata.get(name) is not None)
        or getattr(draft, name) != _default(field)
    }
    if said & _TARGET:
        said |= _TARGET
    for field in fields(draft):
        if field.name in columns and field.name not in said | _OWN:
            setattr(draft, field.name, _value(columns[field.name], _default(field)))
    taken = {
        key: value
        for key, value in json.loads(parent["metadata"]).items()
        if key not in drafts.CONTEXT and key not in _RESULTS
    }
    draft.metadata = {**taken, **draft.metadata}
    _variables(store, draft, parent)


def _row(store: Store, parent: object) -> Prompt:
    if type(parent) is int and 0 < parent < 2**31 and (row := store.one("prompts/get", id=parent)):
        return row
    raise UsageError(f"no prompt {parent} to inherit from")


def _variables(store: Store, draft: Draft, parent: Prompt) -> None:
    """Inherit the variables that the draft does not set; share the parent's file of secrets."""
    own = draft.env_vars or draft.metadata.get("env_vars") or {}
    if not isinstance(own, dict):
        return  # drafts.check refuses this
    taken: dict[str, str | None] = {
        name: value
        for name, value in json.loads(parent["env_vars"]).items()
        if name not in own and name not in draft.secret_vars
    }
    hidden = [name for name, value in taken.items() if value is None]
    draft.env_vars = {**{k: v for k, v in taken.items() if v is not None}, **own}
    if not hidden:
        return
    try:
        kept = secrets.load_secrets(store.settings, parent["secrets"] or "")
        values = {name: kept[name] for name in hidden}
    except (OSError, ValueError, KeyError):
        again = " ".join(f"--env {name}" for name in hidden)
        raise UsageError(f"{prompts.SECRETS_GONE}: give {again}") from None
    if not draft.secret_vars:
        draft.secrets = parent["secrets"]
    draft.secret_vars = {**values, **draft.secret_vars}


def _default(field: Any) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default


def _value(stored: Any, default: Any) -> Any:
    """The value of a column in the type that a draft has."""
    if isinstance(default, bool):
        return bool(stored)
    return json.loads(stored) if isinstance(default, list) else stored
