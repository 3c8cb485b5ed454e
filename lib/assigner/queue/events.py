"""The audit trail: what happened to prompts, attempts and sessions beyond their columns.

Changes of status are recorded by the schema itself.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from assigner.store.database import Row, Store


def record(
    store: Store,
    type: str,
    data: Mapping[str, Any],
    *,
    prompt: int | None = None,
    attempt: int | None = None,
    session: str | None = None,
) -> None:
    """Write an event, in a transaction, with the prompt, attempt and session that it is about."""
    store.run(
        "task_events/record",
        prompt_id=prompt,
        attempt_id=attempt,
        session=session,
        type=type,
        data=text(data),
    )


def text(data: Mapping[str, Any]) -> str:
    """The data of an event as the database keeps it: two events that say the same are equal."""
    return json.dumps(data, ensure_ascii=False)


def delete(store: Store, rows: Sequence[Row]) -> None:
    """Delete events, in a transaction, by the `id` of each row."""
    store.run_many("task_events/delete", rows)


def delete_of_prompts(store: Store, rows: Sequence[Row]) -> None:
    """Delete the events of prompts, in a transaction, by the `id` of each row."""
    store.run_many("task_events/delete_of_prompt", rows)
