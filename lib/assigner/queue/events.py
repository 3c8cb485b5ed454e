"""The audit trail: what happened to prompts, attempts and sessions beyond their columns.

Changes of status are recorded by the schema itself.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from assigner.states import EventType
from assigner.store.database import Row, Store


def record(
    store: Store,
    type: EventType,
    data: Mapping[str, Any],
    *,
    prompt: int | None = None,
    attempt: int | None = None,
    session: str | None = None,
) -> None:
    """Write an event about a prompt, an attempt or a session.  Call it inside a transaction.

    Raises sqlite3.IntegrityError for a type that the table event_types lacks.
    """
    store.run(
        "task_events/record",
        prompt_id=prompt,
        attempt_id=attempt,
        session=session,
        type=type,
        data=text(data),
    )


def text(data: Mapping[str, Any]) -> str:
    """An event's data as the text in the database; equal data give equal texts."""
    return json.dumps(data, ensure_ascii=False)


def delete(store: Store, rows: Sequence[Row]) -> None:
    """Delete events, by the `id` of each row.  Call it inside a transaction."""
    store.run_many("task_events/delete", rows)


def delete_of_prompts(store: Store, rows: Sequence[Row]) -> None:
    """Delete the events of prompts, by the `id` of each row.  Call it inside a transaction."""
    store.run_many("task_events/delete_of_prompt", rows)
