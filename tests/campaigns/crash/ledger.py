"""Compare the promises about every attempt with what the executors received.

- An attempt's text is received at most once, and never after the attempt was given back.
- A prompt is tried again only if the retry rule allows it, and as often as the rule allows.
- An attempt fails by the design of its prompt, or because its executor was killed meanwhile.
- A completed prompt has run to its end, in its context.
- Every attempt ends.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Row = Mapping[str, Any]
# The kinds of faults, of which a good ledger has none
ZERO = ("lost", "typed_twice", "wrong_context", "claimed_twice", "not_run", "stuck", "integrity")
UNTYPED = ("claimed", "prepared")
UNTYPED = ("claimed", "preparing", "prepared")
RETRIED = ("exit_status", "api", "check")
RETRIED_IF_IDEMPOTENT = ("lost", "timeout")


@dataclass(frozen=True)
class Job:
    """One prompt.  `failures` attempts at most fail by its design, with one of the classes `fails`;
    with `for_ever` all of them do.
    """

    key: str
    fails: str = ""
    failures: int = 0
    for_ever: bool = False
    prerequisite: bool = False


@dataclass(frozen=True)
class Run:
    """A text that an executor has received: when, whether in its context, whether it was done.

    The attempt is known, or that of the session at that time.
    """

    key: str
    at: float
    session: str = ""
    attempt: int | None = None
    right: bool = True
    done: bool = False


@dataclass(frozen=True)
class World:
    """What the database says, and what the executors have logged.

    `killed` returns whether an attempt's executor was killed, or kept from reporting, while the
    attempt lived.  `before` has a key for each run of a prerequisite; `cancelled` has the keys of
    the prompts that somebody has cancelled.
    """

    jobs: Sequence[Job]
    prompts: Sequence[Row]
    attempts: Sequence[Row]
    runs: Iterable[Run]
    before: Sequence[str]
    seconds: Callable[[str], float]
    killed: Callable[[Row], bool]
    cancelled: Collection[str] = ()


class Faults(defaultdict[str, list[str]]):
    """The broken promises, by kind."""

    def __init__(self) -> None:
        super().__init__(list)


def faults(world: World) -> Faults:
    """Find all broken promises."""
    found = Faults()
    jobs = {job.key: job for job in world.jobs}
    attempts: dict[int, list[Row]] = defaultdict(list)
    for attempt in sorted(world.attempts, key=lambda row: int(row["id"])):
        attempts[attempt["prompt_id"]].append(attempt)
    ids = {prompt["key"]: prompt["id"] for prompt in world.prompts}
    runs: dict[int, list[Run]] = defaultdict(list)
    for run in world.runs:
        owner = _owner(run, attempts.get(ids.get(run.key, 0), []), world.seconds)
        if owner is None or not run.right:
            found["wrong_context"].append(f"{run}")
        if owner is not None:
            runs[owner].append(run)
    before = Counter(world.before)
    for prompt in world.prompts:
        mine = attempts[prompt["id"]]
        job = jobs[prompt["key"]]
        _judge(found, world, job, prompt, mine, runs)
        begun = sum(attempt["stage"] not in UNTYPED for attempt in mine)
        if before[job.key] > begun:
            found["typed_twice"].append(f"{job.key}: its prerequisite ran {before[job.key]} times")
    return found


def _owner(run: Run, attempts: Sequence[Row], seconds: Callable[[str], float]) -> int | None:
    """The attempt that a text was received for."""
    if run.attempt is not None:
        return run.attempt if run.attempt in [row["id"] for row in attempts] else None
    mine = [
        int(row["id"])
        for row in attempts
        if row["session"] == run.session and seconds(row["claimed_at"]) <= run.at
    ]
    return mine[-1] if mine else None


def _judge(
    found: Faults,
    world: World,
    job: Job,
    prompt: Row,
    attempts: Sequence[Row],
    runs: Mapping[int, Sequence[Run]],
) -> None:
    """One prompt with all its attempts."""
    designed = 0
    for attempt in attempts:
        said = f"{job.key}: attempt {_told(attempt)}"
        received = runs.get(attempt["id"], ())
        outcome, failure = attempt["outcome"], attempt["failure_class"]
        if len(received) > 1:
            found["typed_twice"].append(f"{said}: received {len(received)} times")
        if received and (outcome == "released" or attempt["stage"] in UNTYPED):
            found["typed_twice"].append(f"{said}: received although it was never typed")
        if outcome == "completed" and not any(run.done for run in received):
            found["not_run"].append(said)
        if outcome in ("failed", "unverified") and not world.killed(attempt):
            designed += failure in job.fails.split()
            if failure not in job.fails.split() or (designed > job.failures and not job.for_ever):
                found["lost"].append(f"{said}: nobody had it fail")
    for attempt in attempts[:-1]:
        # without Enter there was no turn
        early = attempt["failure_class"] == "lost" and attempt["stage"] != "submitted"
        allowed = _is_retried(prompt, attempt) or (early and not runs.get(attempt["id"]))
        if not allowed:
            found["typed_twice"].append(f"{job.key}: tried again after {_told(attempt)}")
    counted = sum(attempt["outcome"] != "released" for attempt in attempts)
    if counted > prompt["max_attempts"]:
        found["typed_twice"].append(f"{job.key}: tried {counted} times")
    last = attempts[-1] if attempts else None
    if job.key in world.cancelled and prompt["status"] in ("cancelled", "failed"):
        return
    if prompt["status"] == "completed" and (last is None or last["outcome"] != "completed"):
        found["not_run"].append(f"{job.key}: completed without an attempt that was")
    elif prompt["status"] == "failed" and last is not None:
        if counted < prompt["max_attempts"] and _is_retried(prompt, last):
            found["lost"].append(f"{job.key}: not tried again after {_told(last)}")
    elif prompt["status"] != "completed":
        found["stuck"].append(f"{job.key}: {prompt['status']} ({prompt['held_by']})")


def _is_retried(prompt: Row, attempt: Row) -> bool:
    """Whether the retry rule has the prompt tried again after this attempt."""
    failure = attempt["failure_class"]
    if failure == "lost" and "its shell may have run lines" in (prompt["error"] or ""):
        return False  # which it would run again
    return (
        attempt["outcome"] == "released"
        or failure in RETRIED
        or (failure == "lost" and attempt["stage"] in UNTYPED)
        or (bool(prompt["idempotent"]) and failure in RETRIED_IF_IDEMPOTENT)
    )


def _told(attempt: Row) -> str:
    words = (attempt["outcome"], attempt["failure_class"], attempt["stage"], attempt["session"])
    return f"{attempt['id']} ({', '.join(filter(None, words))}; {attempt['claimed_at']})"
