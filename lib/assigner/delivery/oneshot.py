"""The files of a one-shot command.

An agent gets options that make it report its outcome, and continues its affinity's conversation.
"""

import json

from assigner.agents import oneshot, registry
from assigner.outcomes import sentinel
from assigner.queue import conversations
from assigner.store.database import Store
from assigner.store.rows import LiveAttempt


def hindrance(store: Store, attempt: LiveAttempt) -> str | None:
    """Why the attempt cannot run now: another prompt is in its conversation; or None."""
    found = _resumable(attempt)
    if found is None:
        return None
    for other in store.rows(
        "attempts/in_conversation", id=attempt["id"], affinity=attempt["affinity"]
    ):
        agent = registry.once(other["command"])
        if agent and agent[0] == found:
            return f"prompt {other['prompt_id']} is in the same conversation"
    return None


def contents(store: Store, attempt: LiveAttempt) -> dict[str, str]:
    """The contents of the attempt's files for its command, by file name."""
    command, prompt = attempt["command"], attempt["content"]
    found = registry.once(command)
    if found is None:
        return {"command": f"{command}\n", "response": ""}
    name, once = found
    conversation = None
    if _resumable(attempt):
        conversation = conversations.known(store, name, attempt["affinity"])
    if attempt["feedback"] and not attempt["raw"]:
        prompt = f"{attempt['feedback']}\n\n{prompt}"
    if attempt["sentinel"]:
        prompt = f"{prompt}\n\n{sentinel.instruction()}"
    return {
        "command": oneshot.line(once, command, conversation) + "\n",
        "prompt": prompt if attempt["raw"] else oneshot.text(once, prompt),
        "response": "",
        "once": json.dumps({"provider": name, "conversation": conversation}),
    }


def _resumable(attempt: LiveAttempt) -> str | None:
    """The agent that has conversations for the attempt's affinity; None if there can be none."""
    found = registry.once(attempt["command"]) if attempt["affinity"] is not None else None
    if found and oneshot.resumes(found[1], attempt["command"]):
        return found[0]
    return None
