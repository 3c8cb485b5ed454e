"""Prompts: queue, hold, release, retry."""

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from assigner import clock
from assigner.config import Settings
from assigner.errors import UsageError
from assigner.queue import events
from assigner.store import secrets as store_secrets
from assigner.store.database import Row, Store

if TYPE_CHECKING:
    from assigner.queue.drafts import Draft

_JSON = json.JSONEncoder(ensure_ascii=False)  # json.dumps would make a new one for each value
SECRETS_GONE = "the secret values of the parent are no longer kept"
_NOT_HELD: Row = {"held_by": None, "held_on": None}


def queue(store: Store, drafts: Iterable["Draft"]) -> list[int]:
    """Queue checked drafts in one transaction.  Returns their ids.  On UsageError queues none.

    Does not queue a draft whose key an existing prompt has, and returns that prompt's id for it.
    """
    settings, now = store.settings, clock.text(clock.now())
    ids: list[int] = []
    saved: dict[str, str] = {}
    lanes: dict[tuple[str | None, str | None], Row] = {}  # the cause that holds a whole lane
    with _kept_if_committed(settings, saved), store.transaction():
        for draft in drafts:
            if draft.dedup_key and (known := store.one("prompts/by_key", key=draft.dedup_key)):
                ids.append(known["id"])
                continue
            if draft.parent_id and not store.one("prompts/get", id=draft.parent_id):
                raise UsageError(f"no prompt {draft.parent_id} to inherit from")
            secrets = draft.secrets
            if secrets:
                if not (settings.secrets / secrets).exists():
                    raise UsageError(f"{SECRETS_GONE}: give them again")
            elif draft.secret_vars:
                key = json.dumps(draft.secret_vars, sort_keys=True)
                if key not in saved:
                    saved[key] = (
                        "-"
                        if store.dry
                        else store_secrets.save_secrets(settings, draft.secret_vars)
                    )
                secrets = saved[key]
            earlier = [_earlier(store, after, ids) for after in draft.after]
            if draft.git_branch and not draft.working_dir:
                _branch_needs_directory(store, draft)
            lane = draft.target_session, draft.target_provider
            row = _row(draft, settings, now, store.actor)
            row["secrets"] = secrets
            if draft.not_before and draft.not_before > now:
                row |= {"held_by": "time", "held_on": draft.not_before}
            elif lane in lanes:
                row |= lanes[lane]
            prompt = store.insert("prompts", row)
            ids.append(prompt)
            for after in dict.fromkeys(earlier):
                store.insert("dependencies", {"prompt_id": prompt, "after_id": after})
            if lane not in lanes:
                lanes[lane] = store.one("prompts/hold_of", id=prompt) or _NOT_HELD
                hold(store, prompt)
            elif draft.after:
                hold(store, prompt)
    return ids


def _earlier(store: Store, after: int | str, ids: Sequence[int]) -> int:
    """The id of the prompt to wait for, given by id, by key, or as -N: the Nth before this one."""
    if isinstance(after, str):
        if known := store.one("prompts/by_key", key=after):
            return int(known["id"])
        raise UsageError(f"no prompt with the key '{after}' to wait for: queue that one first")
    if after < 0:
        if -after <= len(ids):
            return ids[after]
        raise UsageError(f"after {after}: only {len(ids)} prompts come before that one")
    if not store.one("prompts/get", id=after):
        raise UsageError(f"no prompt {after} to wait for")
    return after


def hold(store: Store, prompt: int) -> None:
    """Find out and record the cause that holds a waiting prompt: dependency, time or another.

    Records that nothing holds it if there is no cause.
    """
    row = store.one("prompts/get", id=prompt)
    if row is None or row["status"] != "pending":
        return
    if blockers := store.rows("dependencies/blockers", id=prompt):
        held_by = "dependency"
        held_on = ", ".join(_blocker(blocker) for blocker in blockers[:3])
    elif row["not_before"] and row["not_before"] > clock.text(clock.now()):
        held_by, held_on = "time", row["not_before"]
    else:
        found = store.one("prompts/hold_of", id=prompt) or _NOT_HELD
        held_by, held_on = found["held_by"], found["held_on"]
    if (held_by, held_on) != (row["held_by"], row["held_on"]):
        hold_on(store, prompt, held_by, held_on)


def hold_on(store: Store, prompt: int, held_by: str | None, held_on: str | None) -> None:
    """Record the cause that holds a waiting prompt; None if nothing does."""
    store.run("prompts/hold", id=prompt, held_by=held_by, held_on=held_on)


def look_again(store: Store) -> int:
    """Hold and release the waiting prompts by what sessions, accounts and providers allow now.

    Prompts with the same targets are looked at together.  Call it after each change of that.
    Returns the number of released prompts.
    """
    released = 0
    for lane in store.rows("prompts/held_lanes"):
        changed = store.run("prompts/hold_lane", **lane)
        released += changed if lane["held_by"] is None else 0
    for lane in store.rows("prompts/ready_lanes"):
        store.run("prompts/hold_ready", **lane)
    return released


def release_misheld(store: Store) -> None:
    """Release the prompts whose cause is over, although no other change has released them."""
    if store.rows("prompts/held_lanes"):
        with store.transaction():
            look_again(store)


def release_tree(store: Store, tree: str) -> None:
    """A working tree is free: release the prompts that wait for it."""
    store.run("prompts/release_held", held_by="tree in use", held_on=tree)


def free_from_target(store: Store, session: str, provider: str) -> None:
    """Let the prompts that wait for a missing session run in any session of its provider."""
    store.run("prompts/retarget", name=session, provider=provider)
    look_again(store)


def retarget(store: Store, prompt: int, *, session: str | None, provider: str | None) -> None:
    """Give a waiting prompt another target, or none."""
    store.run("prompts/target", id=prompt, session=session, provider=provider)
    hold(store, prompt)


def put_off(store: Store, prompt: int, until: str) -> None:
    """Let a waiting prompt run no sooner than `until`, an ISO 8601 time."""
    store.run("prompts/put_off", id=prompt, until=until)
    hold(store, prompt)


def start(store: Store, prompt: int, at: float) -> None:
    """Record that an assigned prompt began to run at `at` (epoch seconds)."""
    store.run("prompts/start", id=prompt, at=clock.text(at))


def cancel(store: Store, prompt: int) -> None:
    """Cancel a prompt if it is pending or failed."""
    if store.run("prompts/cancel", id=prompt):
        release_dependants(store, prompt)


def request_cancel(store: Store, prompt: int) -> None:
    """Ask later passes to stop a prompt in its session, unless that was asked already."""
    store.run("prompts/request_cancel", id=prompt)


def approve(store: Store, prompt: int) -> None:
    """Approve a completed prompt that awaits a review."""
    store.run("prompts/approve", id=prompt)
    release_dependants(store, prompt)


def reject(store: Store, prompt: int, feedback: str) -> None:
    """Put a completed prompt that awaits a review back in the queue, with no attempts counted."""
    store.run("prompts/reject", id=prompt, feedback=feedback)
    hold(store, prompt)
    release_dependants(store, prompt)


def give_feedback(store: Store, prompt: int, feedback: str) -> None:
    """Give the first attempt of a waiting prompt the feedback on earlier work."""
    store.run("prompts/give_feedback", id=prompt, feedback=feedback)


def delete(store: Store, rows: Sequence[Row]) -> None:
    """Delete prompts with their attempts and events, by the `id` of each row."""
    events.delete_of_prompts(store, rows)
    store.run_many("prompts/delete", rows)


def forget_responses(store: Store, rows: Sequence[Row]) -> None:
    """Empty the responses of prompts (`prompt_id` of each row) that ended before `before`."""
    store.run_many("prompts/empty_response", rows)


def release_dependants(store: Store, prompt: int) -> None:
    """A prompt has ended: release the prompts that depend on it, or hold them if it failed."""
    for row in store.rows("dependencies/dependents", id=prompt):
        hold(store, row["id"])


def requeue(store: Store, prompt: int, *, reset_attempts: bool) -> bool:
    """Put a failed or cancelled prompt back in the queue; `reset_attempts` sets its count to 0.

    Returns whether the prompt was failed or cancelled.
    """
    if not store.run("prompts/requeue", id=prompt, reset_attempts=int(reset_attempts)):
        return False
    hold(store, prompt)
    release_dependants(store, prompt)
    return True


def session_is_there(store: Store, name: str) -> bool:
    """Whether the session of that name is enrolled and not offline."""
    session = store.one("sessions/get", name=name)
    return bool(session and session["enrolled"] and session["status"] != "offline")


def secret_names(env_vars: str) -> list[str]:
    """The names of the variables with secret values, which are stored elsewhere."""
    return [name for name, value in json.loads(env_vars).items() if value is None]


@contextlib.contextmanager
def _kept_if_committed(settings: Settings, saved: Mapping[str, str]) -> Iterator[None]:
    """Remove the new files of secrets if the transaction does not commit."""
    try:
        yield
    except BaseException:
        for name in saved.values():
            (settings.secrets / name).unlink(missing_ok=True)
        raise


def _row(draft: "Draft", settings: Settings, now: str, actor: str) -> Row:
    shown = {**draft.env_vars, **dict.fromkeys(draft.secret_vars)}
    context = {
        "working_dir": draft.working_dir,
        "env_vars": shown,
        "git_branch": draft.git_branch,
        "prerequisites": draft.prerequisites,
    }
    metadata = {**draft.metadata, **{key: value for key, value in context.items() if value}}
    return {
        "host": settings.host,
        "content": draft.content,
        "priority": draft.priority,
        "target_session": draft.target_session,
        "target_provider": draft.target_provider,
        "metadata": _JSON.encode(metadata),
        "working_dir": draft.working_dir,
        "git_branch": draft.git_branch,
        "worktree": int(draft.worktree),
        "env_vars": _JSON.encode(shown),
        "prerequisites": _JSON.encode(draft.prerequisites),
        "prefer_context_match": int(draft.prefer_context_match),
        "validate_context": int(draft.validate_context),
        "min_score": draft.min_score,
        "max_attempts": draft.max_attempts,
        "idempotent": int(draft.idempotent),
        "timeout_seconds": draft.timeout_seconds,
        "not_before": draft.not_before,
        "tags": _JSON.encode(draft.tags),
        "parent_id": draft.parent_id,
        "dedup_key": draft.dedup_key,
        "affinity": draft.affinity,
        "sentinel": int(draft.sentinel),
        "check_command": draft.check_command,
        "check_timeout_seconds": draft.check_timeout_seconds,
        "review": "wanted" if draft.review else None,
        "raw": int(draft.raw),
        "created_at": now,
        "ready_at": now,
        "updated_at": now,
        "updated_by": actor,
    }


def directory_is_known(store: Store, target: str | None) -> bool:
    """Whether a prompt without a directory gets the known one of its target session."""
    session = store.one("sessions/get", name=target) if target is not None else None
    return bool(session and session["current_dir"])


def _branch_needs_directory(store: Store, draft: "Draft") -> None:
    if directory_is_known(store, draft.target_session):
        return
    raise UsageError(
        f"the repository of branch '{draft.git_branch}' is unknown: give --workdir,"
        " or a --target in a repository"
    )


def _blocker(row: Row) -> str:
    if row["status"] == "completed":
        return f"prompt {row['id']} awaits a review"
    ended = row["status"] == "cancelled" or (row["status"] == "failed" and not row["retry_at"])
    return f"prompt {row['id']} {row['status']}" if ended else f"prompt {row['id']}"


def retry_due(store: Store, limit: int = 1000) -> list[Row]:
    """Requeue the failed prompts that are due; a row for each."""
    # the longest possible delay: a retry later than that means that the clock was set back
    furthest = clock.text(clock.now() + 2 * store.settings.backoff_limit)
    due = store.rows("prompts/due_retries", furthest=furthest, limit=limit)
    if not due:
        return []
    with store.transaction():
        return [
            {
                "prompt": row["id"],
                "attempts": row["attempts"],
                "max_attempts": row["max_attempts"],
                "last_session": row["assigned_session"],
            }
            for row in due
            if requeue(store, row["id"], reset_attempts=False)
        ]
