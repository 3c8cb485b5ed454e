"""Conversations of one-shot agents: the prompts of one affinity go on where the last has ended."""

from collections.abc import Sequence

from assigner.db import Row, Store


def known(store: Store, provider: str, affinity: str) -> str | None:
    """The id of the conversation; None where there is none yet."""
    row = store.one("conversation", provider=provider, affinity=affinity)
    return str(row["conversation"]) if row else None


def keep(store: Store, provider: str, conversation: str | None, affinity: str) -> None:
    """The next prompt goes on with that one; without an id it begins afresh."""
    if conversation is None:
        store.run("forget_conversation", provider=provider, affinity=affinity)
    else:
        store.run(
            "keep_conversation", provider=provider, affinity=affinity, conversation=conversation
        )


def forget(store: Store, rows: Sequence[Row]) -> None:
    """Forget conversations, by the `provider` and `affinity` of each row."""
    store.run_many("forget_conversation", rows)
