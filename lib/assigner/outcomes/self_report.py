"""Apply the work's own report of its end to the verdict by exit status.

A one-shot agent reports in its JSON; `report ok|fail` and the sentinel say what the work itself
concludes.  An exit status other than 0 overrides any good report; a bad report overrides 0.
"""

import json
from collections.abc import Iterator
from dataclasses import replace

from assigner import clock
from assigner.agents import detect, oneshot
from assigner.agents.oneshot import Outcome
from assigner.outcomes import sentinel as outcomes_sentinel
from assigner.queue import attempts, limits
from assigner.queue.attempts import Verdict
from assigner.store.database import Store
from assigner.store.rows import LiveAttempt
from assigner.system import private_files, terminal_text, time_zones

_LINE = 8 << 20  # longer lines are not events


def apply_self_report(store: Store, verdict: Verdict, output: str | None) -> Verdict:
    """The verdict with its response, corrected by the work's own report.

    `output` is the attempt's output on the screen.
    """
    if verdict.outcome in ("ending", "released", "limited"):
        return verdict
    response = verdict.response or _response(store, verdict.attempt, output)
    weighed = replace(verdict, response=response)
    if continued := _agent(store, verdict.attempt):
        weighed = _by_agent(store, weighed, *continued, output or "")
    return _by_work(weighed)


def _agent(store: Store, attempt: LiveAttempt) -> tuple[str, str | None] | None:
    """The one-shot agent that was called, and the conversation it was to continue."""
    try:
        with private_files.own_file(store.settings.run / str(attempt["id"]) / "once") as file:
            known = json.loads(file.read())
        return known["provider"], known["conversation"]
    except (OSError, ValueError, LookupError, TypeError):  # the prompt may have damaged the file
        return None


def _by_agent(
    store: Store, verdict: Verdict, name: str, conversation: str | None, output: str
) -> Verdict:
    agent = detect.usable(name)
    if isinstance(agent, str):
        if verdict.outcome != "completed":
            return verdict
        why = f"unverified: exit status 0 alone is no evidence: {agent}"
        return replace(verdict, outcome="unverified", error=why)
    if agent.once is None:
        return verdict
    resumed = conversation is not None
    outcome = oneshot.judge(
        agent.once, verdict.exit_status, _printed(store, verdict.attempt), output, resumed=resumed
    )
    if agent.once.format == "json":
        response = _fitting(store, outcome.message) if outcome.message else None
        if response or (verdict.response or "").startswith("{"):
            verdict = replace(verdict, response=response)
    if outcome.conversation or outcome.gone:
        verdict = replace(verdict, conversation=(name, outcome.conversation))
    return _concluded(verdict, outcome) if _is_judged_by_status(verdict) else verdict


def _concluded(verdict: Verdict, outcome: Outcome) -> Verdict:
    """The verdict by exit status, corrected by the agent's outcome."""
    if outcome.state == "completed":
        return verdict
    if outcome.state == "limited":
        zone = time_zones.of_process(verdict.attempt["pane_pid"])
        return replace(
            verdict,
            outcome="limited",
            failure_class=None,
            error=outcome.error,
            reset=limits.moment(outcome.reset, clock.now(), zone),
        )
    failure = outcome.failure or "api"
    restart = "; the next attempt begins a new conversation" if outcome.gone else ""
    return replace(
        verdict,
        outcome="failed",
        failure_class=failure,
        error=f"{failure}: {outcome.error}{restart}",
    )


def _by_work(verdict: Verdict) -> Verdict:
    """The verdict corrected by `report` and the sentinel."""
    if not _is_judged_by_status(verdict):
        return verdict
    attempt = verdict.attempt
    said = attempts.evidence_of(attempt).get("said")
    sentinel = None
    if attempt["sentinel"]:
        asked = "\n".join(filter(None, (attempt["feedback"], attempt["content"])))
        sentinel = outcomes_sentinel.find(verdict.response or "", asked)
    summary = None
    if said and said["word"] == "fail":
        summary = said["summary"] or "the work reported a failure"
    elif sentinel and not sentinel[0]:
        summary = sentinel[1] or "the sentinel reports a failure"
    if summary is not None:
        error = f"exit_status: {summary}"
        if verdict.outcome == "failed":
            error = f"{verdict.error}: {summary}"
        return replace(
            verdict,
            outcome="failed",
            failure_class=verdict.failure_class or "exit_status",
            error=error,
        )
    if verdict.outcome == "completed" and attempt["sentinel"] and not (said or sentinel):
        missing = "unverified: the work ended without 'ASSIGNER-DONE ok' and without 'report ok'"
        return replace(verdict, outcome="unverified", error=missing)
    return verdict


def _is_judged_by_status(verdict: Verdict) -> bool:
    return verdict.outcome == "completed" or verdict.failure_class == "exit_status"


def _response(store: Store, attempt: LiveAttempt, output: str | None) -> str | None:
    """What a one-shot command printed to standard output; else the output on the screen."""
    size = store.settings.max_output
    if "started" not in attempts.evidence_of(attempt).get("reports", {}):
        return output
    try:
        with private_files.own_file(store.settings.run / str(attempt["id"]) / "response") as file:
            file.seek(max(0, file.seek(0, 2) - 4 * size))
            return _fitting(store, file.read().decode("utf-8", "replace"))
    except OSError:
        return output


def _printed(store: Store, attempt: LiveAttempt) -> Iterator[str]:
    """The lines that a one-shot command printed."""
    try:
        with private_files.own_file(store.settings.run / str(attempt["id"]) / "response") as file:
            while line := file.readline(_LINE):
                yield line.decode("utf-8", "replace").rstrip("\n")
    except OSError:
        return


def _fitting(store: Store, text: str) -> str:
    return terminal_text.tail(
        terminal_text.clean(text).removesuffix("\n"), store.settings.max_output
    )
