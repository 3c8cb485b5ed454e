"""assigner: queued prompts for the AI agents and shells that people keep open in tmux.

This is the Python interface; it does the same as the command line.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from assigner.api import (
        get_session_context,
        get_session_state,
        get_sessions_with_env,
        send_prompt,
        update_session_context,
    )
    from assigner.routing.score import (
        calculate_context_match_score,
        select_best_session_by_context,
    )

__all__ = [
    "calculate_context_match_score",
    "get_session_context",
    "get_session_state",
    "get_sessions_with_env",
    "select_best_session_by_context",
    "send_prompt",
    "update_session_context",
]


def __getattr__(name: str) -> Any:
    """Import a function on first use, so that a pass does not pay for unused ones."""
    if name not in __all__:
        raise AttributeError(f"module 'assigner' has no attribute '{name}'")
    from importlib import import_module

    pure = name in ("calculate_context_match_score", "select_best_session_by_context")
    return getattr(import_module("assigner.routing.score" if pure else "assigner.api"), name)
