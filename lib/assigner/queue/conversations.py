"""Conversations of one-shot agents: which one the prompts of an affinity key continue."""

from collections.abc import Sequence

from assigner.store.database import Row, Store


def known(store: Store, provider: str, affinity: str) -> str | None:
    """The id of a provider's conversation for an affinity key; None if there is none yet."""
    row = store.one("conversations/get", provider=provider, affinity=affinity)
    return str(row["conversation"]) if row else None


def keep(store: Store, provider: str, conversation: str | None, affinity: str) -> None:
    """Have the next prompt continue that conversation; without an id it begins a new one."""
    if conversation is None:
        store.run("conversations/forget", provider=provider, affinity=affinity)
    else:
        store.run(
            "conversations/keep", provider=provider, affinity=affinity, conversation=conversation
        )


def forget(store: Store, rows: Sequence[Row]) -> None:
    """Forget conversations, by the `provider` and `affinity` of each row."""
    store.run_many("conversations/forget", rows)
