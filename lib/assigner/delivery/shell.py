"""Type a prompt's one line into a shell, and find out whether an earlier pass typed it."""

import shlex

from assigner import clock
from assigner.context import prepare as context_prepare
from assigner.delivery import give_back, oneshot
from assigner.errors import SetupError
from assigner.outcomes import shell_run
from assigner.queue import attempts
from assigner.sessions.sight import Sight
from assigner.shells import dialects, spec
from assigner.store import attempt_files
from assigner.store.database import Row, Store
from assigner.store.rows import LiveAttempt
from assigner.tmux import client, keys


def recover(store: Store, attempt: LiveAttempt) -> bool:
    """An earlier pass died while it typed: tmux's stamp shows whether it typed the line."""
    if not shell_run.was_typed(store, attempt):
        return False
    with store.transaction():
        return attempts.advance(store, attempt["id"], "typing", "typed")


def prepare(store: Store, attempt: LiveAttempt, sight: Sight) -> keys.Stroke | Row:
    """Check and write all that typing needs.  Returns the stroke; or the row, if the claim was
    released or the attempt failed.
    """
    if attempt["stage"] == "typing" and attempt_files.is_revoked(store.settings, attempt["id"]):
        return give_back.release(store, attempt, "an earlier pass died while releasing the claim")
    if attempt["paused"]:
        return give_back.release(store, attempt, "the session is paused")
    if sight.status != "idle" or sight.line is None or sight.shell is None:
        return give_back.release(store, attempt, sight.reason)
    if not keys.is_plain(sight.line.command):
        return give_back.release(store, attempt, f"unusual program name {sight.line.command!r}")
    tools = context_prepare.tools()
    if isinstance(tools, str):
        return give_back.fail(store, attempt, "tools", tools)
    wanted = context_prepare.context(store, attempt, sight.directory)
    if isinstance(wanted, context_prepare.Problem):
        return give_back.fail(store, attempt, wanted.step, wanted.reason)
    contents = dict.fromkeys(spec.REPORTS, "") | {"prompt": attempt["content"]}
    contents |= dialects.files(sight.shell, wanted, tools)
    if attempt["command"]:
        try:
            if reason := oneshot.hindrance(store, attempt):
                return give_back.release(store, attempt, reason)
            contents |= oneshot.contents(store, attempt) | {"response": ""}
        except SetupError as error:
            return give_back.fail(store, attempt, "command", str(error))
    if attempt["stage"] != "typing":
        attempt_files.make_run(store.settings, attempt["id"], contents)
    line = f" . {shlex.quote(wanted.run + '/ctx')}"
    return keys.line(attempt["id"], sight.pane, sight.line, line)


def type(store: Store, typings: list[tuple[LiveAttempt, keys.Stroke]]) -> list[Row]:
    """Commit `typing`, type, commit `typed` for what tmux confirms.  Returns a row per attempt."""
    by_socket: dict[str, list[tuple[LiveAttempt, keys.Stroke]]] = {}
    with store.transaction():
        for attempt, typing in typings:
            if attempt["stage"] != "typing":
                attempts.advance(store, attempt["id"], "claimed", "prepared")
                if not attempts.advance(store, attempt["id"], "prepared", "typing"):
                    continue  # it was cancelled, or another pass types it
                attempt_files.place_run(store.settings, attempt["id"])
            by_socket.setdefault(typing.pane.socket, []).append((attempt, typing))
    acted = []
    for socket, mine in by_socket.items():
        at = clock.now()
        try:
            answers = keys.press(
                socket, store.settings.tmux_timeout, store.instance, [typing for _, typing in mine]
            )
        except (client.NoServer, client.Unreachable) as error:
            acted += [attempts.as_row(attempt, "deferred", str(error)) for attempt, _ in mine]
            continue
        with store.transaction():
            for attempt, _ in mine:
                answer = answers.get(attempt["id"], "tmux did not confirm the keystrokes")
                if answer == "typed":
                    attempts.advance(store, attempt["id"], "typing", "typed", at)
                acted.append(
                    attempts.as_row(attempt, "typed", "")
                    if answer == "typed"
                    else attempts.as_row(attempt, "deferred", answer)
                )
    return acted
