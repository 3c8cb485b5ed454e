"""foundation-check: record in the goals how the prompts of profiles ended, then count them.

All ends are recorded in one transaction of the goals, then counted in one of the queue.  Killed
between them, the next check records them again, which changes nothing, and counts.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from assigner import clock, states
from assigner.errors import AssignerError
from assigner.goals import database, worklog
from assigner.goals.database import Goals
from assigner.goals.round import Round
from assigner.queue import attempts, backoff
from assigner.store.database import Row, Store
from assigner.store.rows import Tried

_ENDED = ("completed", "failed", "cancelled")


@dataclass(frozen=True)
class Fate:
    """How a prompt ended; `retry_at` is when its task is retried."""

    work: Row
    status: str
    ended: bool
    reason: str
    retry_at: str | None = None


def settle(this: Round) -> None:
    """Record in the goals how prompts ended, then count each once."""
    fates = [_fate(this.store, work) for work in this.store.rows("profile_work/open")]
    news = [fate for fate in fates if fate.ended or _is_unreported(fate.work)]
    reported = _report(this, [fate for fate in news if fate.work["kind"] == "goal"])
    news = [fate for fate in news if fate in reported or fate.work["kind"] != "goal"]
    if not news:
        return
    with this.store.transaction():
        _mark_reported(this.store, [fate.work for fate in reported])
        counted = [fate for fate in news if fate.ended and _count(this.store, fate)]
    for fate in counted:
        again = f"retry at {fate.retry_at}: " if fate.retry_at else ""
        this.tell(fate.work, states.action_of(fate.status), f"{again}{fate.reason}")


def tell_taken(this: Round, goals: Goals, works: Iterable[Row]) -> None:
    """Record in the goals which prompts their tasks became.  AssignerError."""
    works = list(works)
    if not works:
        return
    with goals.together():
        for work in works:
            _take(this, goals, work)
    with this.store.transaction():
        _mark_reported(this.store, works)


def _is_unreported(work: Row) -> bool:
    """Whether the goals do not know yet that the task has become this prompt."""
    return bool(work["kind"] == "goal" and work["reported"] != "in_progress")


def _fate(store: Store, work: Row) -> Fate:
    status = work["status"] or work["outcome"] or "failed"
    reason = work["error"] or (
        "" if work["status"] or work["outcome"] else "its prompt was deleted"
    )
    if status not in _ENDED or work["prompt_retry_at"]:
        return Fate(work, status, False, reason)
    if work["kind"] != "goal" or status != "failed" or not _is_tried_again(work):
        return Fate(work, status, True, reason)
    settings = store.settings
    pause = backoff.delay(work["number"], base=settings.backoff_base, limit=settings.backoff_limit)
    return Fate(work, status, True, reason, clock.text(clock.now() + pause))


def _is_tried_again(work: Row) -> bool:
    failure = work["failure_class"]  # of its last attempt, if that was judged and is remembered
    if not failure or work["tries_left"] <= 0:
        return False
    last: Tried = {
        "stage": work["stage"],
        "evidence": work["evidence"],
        "idempotent": work["idempotent"],
    }
    return attempts.is_worth_another(last, failure)


def _report(this: Round, fates: list[Fate]) -> list[Fate]:
    """Record the ends of tasks in the goals; returns those that were recorded."""
    goals = this.goals() if fates else None
    mine = [fate for fate in fates if goals and fate.work["goals"] == goals.key]
    if goals is None or not mine:
        return []
    try:
        with goals.together():
            for fate in mine:
                if _is_unreported(fate.work):
                    _take(this, goals, fate.work)
                if fate.ended:
                    _end(this, goals, fate)
    except AssignerError as error:
        this.fail(error)
        return []
    return mine


def _take(this: Round, goals: Goals, work: Row) -> None:
    try:
        goals.take(work["task"], work["prompt_id"], again=work["reported"] == "again")
    except database.Refused as error:
        this.refused(work["task"], error)


def _end(this: Round, goals: Goals, fate: Fate) -> None:
    work, at = fate.work, fate.retry_at
    status = "pending" if at else fate.status
    try:
        goals.settle(work["task"], work["prompt_id"], status, error=fate.reason or None, at=at)
    except database.Refused as error:
        this.refused(work["task"], error)


def _mark_reported(store: Store, works: Iterable[Row]) -> None:
    store.run_many("profile_work/mark_reported", [{"prompt": work["prompt_id"]} for work in works])


def _count(store: Store, fate: Fate) -> bool:
    """In a transaction: settle it in the queue; whether it was still open."""
    work, status = fate.work, fate.status
    # in our own goals the task says itself when it is to be tried again
    kept = fate.retry_at if work["foreign_task"] else None
    if not store.run("profile_work/settle", prompt=work["prompt_id"], retry_at=kept):
        return False
    counts, number = work["kind"] != "general", worklog.task_number(work)
    store.run(
        "profiles/count",
        session=work["session"], begun=0,
        completed=int(counts and status == "completed"),
        failed=int(counts and status == "failed"),
    )  # fmt: skip
    words = {
        "completed": f"Completed task: {work['title']}",
        "failed": f"Failed task {number}: {fate.reason}",
        "cancelled": f"Cancelled task {number}: {work['title']}",
    }
    general = f"{status.capitalize()} general work ({work['prompt_id']})"
    worklog.note(store, work["session"], words[status] if counts else general)
    return True
