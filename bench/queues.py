"""Databases of a given size, filled without the triggers, which work row by row."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from assigner.config import Settings
from assigner.store import database
from harness.workplace import Workplace

IDLE = 8  # sessions that wait for prompts


@dataclass(frozen=True)
class Size:
    """How many prompts wait, have ended, and wait for one busy session.

    Every tenth waiting prompt is held because its session is missing.  Every tenth ended prompt
    failed.
    """

    pending: int
    finished: int = 0
    aimed: int = 0

    def __str__(self) -> str:
        parts = {"pending": self.pending, "finished": self.finished, "for one busy": self.aimed}
        return " + ".join(f"{number:,} {name}" for name, number in parts.items() if number)


def build(work: Workplace, size: Size) -> database.Store:
    """Create the workplace's database; its sessions exist in no tmux server."""
    work.state.mkdir(mode=0o700)
    settings = Settings(
        work.state, work.database, sockets=(str(work.socket),), host=os.uname().nodename
    )
    store = database.connect(settings, "bench")
    store.connection.execute("PRAGMA synchronous = OFF")
    with store.transaction():
        triggers = store.execute(_TRIGGERS).fetchall()
        for trigger in triggers:
            store.execute(f"DROP TRIGGER {trigger['name']}")
        names = ["busy", *(f"idle{n}" for n in range(IDLE))]
        for n, name in enumerate(names):
            store.execute(_SESSION, {"name": name, "status": name.rstrip("0123456789"), "n": n})
        store.connection.executemany(_PROMPT, _prompts(size, settings.host))
        for statement in (_ATTEMPTS, _EVENTS, _COUNTS):
            store.execute(statement)
        for trigger in triggers:
            store.execute(trigger["sql"])
    store.connection.execute("PRAGMA synchronous = EXTRA")
    return store


def profiled(work: Workplace, number: int) -> None:
    """Add `number` idle sessions that exist in no tmux server, each with a due profile and a task.

    Replaces the sessions of `build`.
    """
    store = build(work, Size(0))
    file = work.home / ".config/assigner/foundation.toml"
    file.parent.mkdir(parents=True)
    with store.transaction():
        store.execute("DELETE FROM sessions")
        for n in range(number):
            store.execute(_SESSION, {"name": f"idle{n}", "status": "idle", "n": n})
    text = '[p{0}]\nsession = "idle{0}"\nenvironment = "e{0}"\nport = {1}\nidle_threshold = 0\n'
    file.write_text("".join(text.format(n, 9000 + n) for n in range(number)))
    file.chmod(0o600)
    line = '{{"content": "make test CASE={0}", "priority": {1}}}\n'
    tasks = "".join(line.format(n, n % 7) for n in range(4 * number))
    work.tool("goals", "add-goal", "a long night")
    work.tool("goals", "generate", "--command", f"cat <<'E'\n{tasks}E")


def _prompts(size: Size, host: str) -> Iterator[tuple[object, ...]]:
    for n in range(size.pending):
        yield host, n, "pending", *(("gone", "target missing") if n % 10 == 9 else (None, None))
    for n in range(size.aimed):
        yield host, n, "pending", "busy", None
    for n in range(size.finished):
        yield host, n, "failed" if n % 10 == 9 else "completed", None, None


_TRIGGERS = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
_SESSION = """
    INSERT INTO sessions
        (host, name, provider, status, enrolled, socket, server_pid, server_start, pane_id,
         pane_pid, current_dir, idle_since, updated_at, updated_by)
    VALUES (:host, :name, 'shell', :status, 1, '/nowhere', 1, 1, '%' || :n, 1,
        '/srv/project' || :n, CASE :status WHEN 'idle' THEN :now END, :now, :by)
"""
_PROMPT = """
    INSERT INTO prompts
        (host, content, priority, working_dir, status, target_session, held_by, held_on,
         completed_at, created_at, ready_at, updated_at, updated_by)
    VALUES (?1, 'make test CASE=' || ?2 || '  # and say what fails', ?2 % 5,
        '/srv/project' || (?2 % 100), ?3, ?4, ?5, CASE WHEN ?5 IS NOT NULL THEN ?4 END,
        CASE WHEN ?3 <> 'pending' THEN '2026-01-01T00:00:00.000Z' END,
        '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z', 'bench')
"""
_ATTEMPTS = """
    INSERT INTO attempts
        (prompt_id, host, session, number, stage, outcome, failure_class, socket, server_pid,
         server_start, pane_id, pane_pid, claimed_at, typed_at, submitted_at, finished_at,
         updated_at, updated_by)
    SELECT id, host, 'idle0', 1, 'submitted', status,
        CASE status WHEN 'failed' THEN 'exit_status' END, '/nowhere', 1, 1, '%1', 1,
        :now, :now, :now, :now, :now, :by
    FROM prompts WHERE completed_at IS NOT NULL
"""
_EVENTS = """
    INSERT INTO task_events (prompt_id, type, created_at)
    SELECT id, 'prompt.' || status, :now FROM prompts
"""
_COUNTS = """
    INSERT INTO prompt_counts (host, status, prompts)
    SELECT host, status, count(*) FROM prompts GROUP BY host, status
"""
