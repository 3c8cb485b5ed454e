"""Conversations of one-shot agents: prompts of one affinity continue the last conversation."""

from collections.abc import Sequence

from assigner.db import Row, Store


def known(store: Store, provider: str, affinity: str) -> str | None:
    """The id of the conversation; None if there is none yet."""
    row = store.one("conversation", provider=provider, affinity=affinity)
    return str(row["conversation"]) if row else None


def keep(store: Store, provider: str, conversation: str | None, affinity: str) -> None:
    """Have the next prompt continue that conversation; without an id it begins a new one."""
    if conversation is None:
        store.run("forget_conversation", provider=provider, affinity=affinity)
    else:
        store.run(
            "keep_conversation", provider=provider, affinity=affinity, conversation=conversation
        )


def forget(store: Store, rows: Sequence[Row]) -> None:
    """Forget conversations, by the `provider` and `affinity` of each row."""
    store.run_many("forget_conversation", rows)
