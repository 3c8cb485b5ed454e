"""observe: read the reports of sessions, and update their prompts."""

import json
from collections.abc import Sequence
from dataclasses import replace

from assigner import clock, states
from assigner.agents import detect
from assigner.outcomes import reports
from assigner.queue import attempts, conversations
from assigner.queue.attempts import Verdict
from assigner.shells import prompt_line
from assigner.store import attempt_files
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt
from assigner.system import processes as system_processes
from assigner.system import terminal_text
from assigner.tmux import client, panes


def observe(store: Store) -> list[Row]:
    """Drain the spool and judge every live attempt.  Returns a row per changed attempt."""
    changed, flooded = reports.drain(store)
    live = []
    known = store.rows("attempts/live")
    now = clock.text(clock.now())
    if not store.dry and any(attempt["updated_at"] > now for attempt in known):
        with store.transaction():
            attempts.recount(store)
        known = store.rows("attempts/live")
    if not known:
        return [changed[key] for key in sorted(changed)]
    from assigner.outcomes import checks  # what follows is only for live attempts
    from assigner.outcomes.self_report import apply_self_report
    from assigner.outcomes.shell_run import judge

    for attempt in known:
        if not attempt["check_state"]:
            live.append(attempt)
        elif (result := checks.judge(store, attempt)) and checks.conclude(store, result):
            changed[attempt["id"]] = checks.as_row(result)
            if not store.dry:
                attempt_files.remove_run(store.settings, attempt["id"])
    turns = [attempt for attempt in live if detect.is_agent(attempt["provider"])]
    runs = [attempt for attempt in live if not detect.is_agent(attempt["provider"])]
    processes = system_processes.Processes()
    verdicts = [verdict for attempt in runs if (verdict := judge(store, attempt, processes))]
    if turns and not flooded:  # otherwise reports on them may be unread
        from assigner.outcomes import agent_turn  # imported only if there are agents

        verdicts += agent_turn.judge(store, turns)
    outputs, unread = _outputs(store, verdicts)
    for verdict in verdicts:
        if verdict.attempt["id"] in unread:
            continue  # its output may decide the outcome: the next pass asks again
        output = outputs.get(verdict.attempt["id"])
        row = _write(store, apply_self_report(store, verdict, output), output)
        if row:
            changed[verdict.attempt["id"]] = row
    return [changed[key] for key in sorted(changed)]


def _write(store: Store, verdict: Verdict, output: str | None) -> Row | None:
    """Write an outcome and remove the attempt's files.  None if another pass was faster."""
    from assigner.outcomes import checks

    attempt = verdict.attempt
    if verdict.outcome == "completed" and attempt["check_command"]:
        if attempt["cancel_requested_at"]:
            verdict = replace(verdict, outcome="cancelled")
        elif checks.request(store, verdict, output):
            return attempts.as_row(attempt, "check-requested", attempt["check_command"])
        else:
            return None
    with store.transaction():
        if verdict.outcome == "ending":
            if not attempts.interrupt(store, attempt):
                return None
        elif not attempts.finish(store, replace(verdict, output=output)):
            return None
        elif verdict.conversation and attempt["affinity"] is not None:
            conversations.keep(store, *verdict.conversation, attempt["affinity"])
    if verdict.outcome != "ending" and not store.dry:
        attempt_files.remove_run(store.settings, attempt["id"])
    return attempts.as_row(attempt, states.action_of(verdict.outcome), verdict.error or "")


def _outputs(store: Store, verdicts: Sequence[Verdict]) -> tuple[dict[int, str], set[int]]:
    """The output of each attempt on its screen, by one tmux client per socket; and the attempts
    whose server exists but did not answer.
    """
    shown = [
        verdict.attempt
        for verdict in verdicts
        if verdict.outcome not in ("ending", "released", "limited")
        and not detect.is_agent(verdict.attempt["provider"])
        and verdict.attempt["stage"] == "submitted"
        and verdict.attempt["now_pane_pid"] == verdict.attempt["pane_pid"]
    ]
    from assigner.outcomes.shell_run import prompt_is_drawn

    found: dict[int, str] = {}
    unread: set[int] = set()
    for socket in {attempt["socket"] for attempt in shown}:
        mine = [attempt for attempt in shown if attempt["socket"] == socket]
        drawn = {attempt["id"] for attempt in mine if prompt_is_drawn(attempt)}
        try:
            texts = panes.history(
                socket, store.settings.tmux_timeout, [attempt["pane_id"] for attempt in mine]
            )
        except client.NoServer:
            continue
        except client.Unreachable:
            unread |= {attempt["id"] for attempt in mine}
            continue
        for attempt in mine:
            if attempt["pane_id"] in texts:
                text = texts[attempt["pane_id"]]
                found[attempt["id"]] = _output(store, attempt, text, attempt["id"] in drawn)
    return found, unread


def _output(store: Store, attempt: LiveAttempt, text: str, prompt_drawn: bool) -> str:
    """The part of a pane's text from the typed line on, without the next prompt."""
    before, marker, rest = text.rpartition(f"/run/{attempt['id']}/ctx")
    if marker:
        text = rest.partition("\n")[2]
    lines = [line.rstrip() for line in terminal_text.clean(text).rstrip().split("\n")]
    was = before.rpartition("\n")[2].rpartition(" . ")[0].rstrip()
    if prompt_drawn:
        endings = [prompt_line.ending_of(value) for value in json.loads(attempt["prompt_endings"])]
        lines[-1:] = prompt_line.without_prompt(lines[-1], was, endings)
    return terminal_text.tail("\n".join(lines), store.settings.max_output)
