"""Score how well a session's context matches a task.

The match counts directory, environment and branch; the bonus counts recent activity and the
preferred provider.  They are never added: the bonus only decides between equal matches.

A session is a mapping with any of the keys name, status, provider, current_dir, git_branch,
repository (top level of its git tree), env_vars (a mapping or its JSON text), idle_since and
last_activity.  A missing key does not match.  Directories are absolute and compared as text,
without access to the file system.
"""

import json
import os.path
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, Literal, TypedDict, TypeVar, Unpack

from assigner.config import DEFAULT, Weights

Session = Mapping[str, Any]
S = TypeVar("S", bound=Session)

RECENT_SECONDS = 300


class Required(TypedDict, total=False):
    """What a task requires: the keyword arguments of `score_parts`."""

    required_dir: str | None
    required_env: Mapping[str, str] | None
    required_branch: str | None
    required_repository: str | None


def calculate_context_match_score(
    session: Session, *, weights: Weights = DEFAULT, **required: Unpack[Required]
) -> int:
    """The match of `session` in points, 0 if nothing matches: the sum of `score_parts`."""
    return sum(score_parts(session, weights=weights, **required).values())


def score_parts(
    session: Session,
    *,
    required_dir: str | None = None,
    required_env: Mapping[str, str] | None = None,
    required_branch: str | None = None,
    required_repository: str | None = None,
    weights: Weights = DEFAULT,
) -> dict[str, int]:
    """The points of `session` for "directory", "environment" and "branch", zeros included.

    A branch counts only in the same repository, identified by the top level of its tree.  If one
    of the two is unknown, the branch counts for a session in, above or below the task's directory;
    for a task without a directory its name is enough.  Raises ValueError for env_vars that are
    not a JSON object.
    """
    relation = _relation(session.get("current_dir"), required_dir)
    repository = session.get("repository")
    if required_repository and repository:
        same_repository = _tidy(repository) == _tidy(required_repository)
    else:
        same_repository = relation is not None or not required_dir
    same_branch = bool(required_branch) and session.get("git_branch") == required_branch
    return {
        "directory": getattr(weights, relation) if relation else 0,
        "environment": weights.variable * _matching_variables(session, required_env),
        "branch": weights.branch if same_branch and same_repository else 0,
    }


def bonus(
    session: Session,
    *,
    now: float | None = None,
    preferred_provider: str | None = None,
    weights: Weights = DEFAULT,
) -> int:
    """Points that decide between sessions of equal match.

    `now` is in seconds since the epoch; without it recent activity does not count.  The
    session's last_activity is also epoch seconds, or ISO 8601 text, in UTC unless it has an
    offset.  Raises ValueError for text that is not a time.
    """
    last = session.get("last_activity")
    recent = now is not None and last is not None and now - _epoch(last) <= RECENT_SECONDS
    preferred = preferred_provider is not None and session.get("provider") == preferred_provider
    return weights.recent * recent + weights.provider * preferred


def preference(session: Session, points: int = 0) -> tuple[int, bool, str, str]:
    """Sort key among sessions of equal match; the smallest is the session to take first.

    The highest bonus (`points`), then the longest idle, then the name.  idle_since is ISO 8601
    text, in the same form for all sessions; a session without it sorts last.
    """
    idle_since = session.get("idle_since") or ""
    return -points, not idle_since, idle_since, session.get("name") or ""


def select_best_session_by_context(
    sessions: Iterable[S],
    *,
    min_score: int = 0,
    now: float | None = None,
    preferred_provider: str | None = None,
    weights: Weights = DEFAULT,
    **required: Unpack[Required],
) -> S | None:
    """The idle session of the best match, ties broken by `preference`; None if there is none.

    A session without a status counts as idle.  A session whose match is below `min_score` points
    is not a candidate.  For the other arguments and the errors see `score_parts` and `bonus`.
    """
    ranked = []
    for session in sessions:
        if session.get("status") not in (None, "idle"):
            continue
        match = calculate_context_match_score(session, weights=weights, **required)
        if match >= min_score:
            points = bonus(session, now=now, preferred_provider=preferred_provider, weights=weights)
            ranked.append(((-match, *preference(session, points)), session))
    return min(ranked, key=itemgetter(0))[1] if ranked else None


def _relation(
    session_dir: str | None, task_dir: str | None
) -> Literal["same_dir", "session_above", "session_below"] | None:
    """The weight that applies to the two directories; None if unrelated or unknown."""
    if not session_dir or not task_dir:
        return None
    here, there = _tidy(session_dir), _tidy(task_dir)
    if here == there:
        return "same_dir"
    if _contains(here, there):
        return "session_above"
    return "session_below" if _contains(there, here) else None


def _contains(outer: str, inner: str) -> bool:
    return inner.startswith(outer.rstrip("/") + "/")


@lru_cache(maxsize=4096)  # a pass compares every prompt with every session
def _tidy(path: str) -> str:
    tidy = os.path.normpath(path)
    return "/" + tidy.lstrip("/") if tidy.startswith("//") else tidy  # normpath keeps two


def _matching_variables(session: Session, required: Mapping[str, str] | None) -> int:
    if not required:
        return 0
    held = session.get("env_vars") or {}
    variables = _decode(held) if isinstance(held, str) else held
    return sum(name in variables and variables[name] == required[name] for name in required)


@lru_cache(maxsize=1024)
def _decode(text: str) -> Mapping[str, Any]:
    variables = json.loads(text)
    if variables is None:
        return {}
    if not isinstance(variables, dict):
        raise ValueError("env_vars is not a JSON object")  # text may have secrets
    return variables


def _epoch(time: str | float) -> float:
    if not isinstance(time, str):
        return time
    moment = datetime.fromisoformat(time)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
