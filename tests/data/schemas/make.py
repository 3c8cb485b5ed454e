#!/usr/bin/env python3
"""make.py - keep a database of each schema, with work in flight

Writes NAME-NNNN.sql for every schema that has none yet: the statements that create a database as
the migrations up to that one left it, with prompts in every state.  An existing file is never
changed: it shows what a user's database looks like.  The test that opens the database fills in
@SOCKET@ and @LOG@.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from assigner import db, sql

HERE = Path(__file__).parent
THEN, PAST, FUTURE = (f"{year}-01-02T03:04:05.000Z" for year in ("2026", "2020", "2199"))
BY = f"'{THEN}', 'test'"
PANE = "'@SOCKET@', 999999999, 1767322000, '%9', 999999998"

# By the schema from which on they can be said; each prompt writes its number into the log
WORK = {
    1: f"""
    INSERT INTO sessions (host, name, provider, status, enrolled, socket, server_pid, server_start,
        pane_id, pane_pid, seen_at, current_dir, idle_since, updated_at, updated_by)
    VALUES ('here', 'lost', 'shell', 'idle', 1, {PANE}, '{THEN}', '/', '{THEN}', {BY});
    INSERT INTO sessions (host, name, provider, status, enrolled, socket, server_pid, server_start,
        pane_id, pane_pid, seen_at, current_dir, idle_since, updated_at, updated_by)
    VALUES ('here', 'gone', 'shell', 'idle', 1, {PANE.replace("%9", "%8")}, '{THEN}', '/',
        '{THEN}', {BY});
    INSERT INTO sessions (host, name, provider, status, enrolled, paused, updated_at, updated_by)
    VALUES ('here', 'quiet', 'shell', 'offline', 1, 1, {BY});
    INSERT INTO prompts (id, host, content, held_by, held_on, target_session, created_at, ready_at,
        updated_at, updated_by) VALUES
        (1, 'here', 'echo 1 >>@LOG@', NULL, NULL, NULL, '{THEN}', '{THEN}', {BY}),
        (2, 'here', 'echo 2 >>@LOG@', NULL, NULL, NULL, '{THEN}', '{THEN}', {BY}),
        (3, 'here', 'echo 3 >>@LOG@', 'dependency', 'prompt 2', NULL, '{THEN}', '{THEN}', {BY}),
        (4, 'here', 'echo 4 >>@LOG@', NULL, NULL, NULL, '{THEN}', '{THEN}', {BY}),
        (5, 'here', 'echo 5 >>@LOG@', NULL, NULL, NULL, '{THEN}', '{THEN}', {BY}),
        (6, 'here', 'echo 6 >>@LOG@', NULL, NULL, NULL, '{THEN}', '{THEN}', {BY}),
        (7, 'here', 'echo 7 >>@LOG@', NULL, NULL, NULL, '{THEN}', '{THEN}', {BY}),
        (8, 'here', 'echo 8 >>@LOG@', 'target missing', 'quiet', 'quiet', '{THEN}', '{THEN}', {BY}),
        (9, 'here', 'echo 9 >>@LOG@', 'time', '{PAST}', NULL, '{THEN}', '{THEN}', {BY});
    UPDATE prompts SET not_before = '{PAST}' WHERE id = 9;
    INSERT INTO dependencies (prompt_id, after_id) VALUES (3, 2);
    """
    + "".join(
        f"""
    INSERT INTO attempts (id, prompt_id, host, session, number, socket, server_pid, server_start,
        pane_id, pane_pid, claimed_at, updated_at, updated_by)
    VALUES ({prompt}, {prompt}, 'here', '{session}', 1, {pane}, '{THEN}', {BY});
    UPDATE prompts SET status = 'assigned', assigned_session = '{session}', attempts = 1,
        assigned_at = '{THEN}' WHERE id = {prompt};
    UPDATE sessions SET current_task_id = {prompt} WHERE name = '{session}';
    {then}"""
        for prompt, session, pane, then in (
            *(
                (prompt, "lost", PANE, f"""
    UPDATE attempts SET stage = 'submitted', typed_at = '{THEN}', submitted_at = '{THEN}'
        WHERE id = {prompt};
    UPDATE prompts SET status = 'in_progress', started_at = '{THEN}' WHERE id = {prompt};
    UPDATE attempts SET outcome = '{outcome}', finished_at = '{THEN}', {more} WHERE id = {prompt};
    UPDATE prompts SET status = '{outcome}', completed_at = '{THEN}', retry_at = {retry}
        WHERE id = {prompt};
    UPDATE sessions SET current_task_id = NULL WHERE name = 'lost';""")
                for prompt, outcome, more, retry in (
                    (1, "completed", "exit_status = 0", "NULL"),
                    (4, "failed", "failure_class = 'command', exit_status = 3", f"'{PAST}'"),
                    (5, "failed", "failure_class = 'command', exit_status = 3", f"'{FUTURE}'"),
                )
            ),
            (6, "gone", PANE.replace("%9", "%8"), ""),
            (7, "lost", PANE, f"""
    UPDATE attempts SET stage = 'submitted', typed_at = '{THEN}', submitted_at = '{THEN}',
        evidence = '{{"reports": {{"begun": {{"at": "{THEN}"}}, "started": {{"at": "{THEN}"}}}}}}'
        WHERE id = 7;
    UPDATE prompts SET status = 'in_progress', started_at = '{THEN}' WHERE id = 7;
    UPDATE sessions SET status = 'busy', idle_since = NULL WHERE name = 'lost';"""),
        )
    ),
    2: f"""
    INSERT INTO pauses (host, provider, paused_at, paused_by)
    VALUES ('here', 'command', '{THEN}', 'test');
    INSERT INTO contexts (host, name, session, working_dir, saved_at, saved_by)
    VALUES ('here', 'home', 'lost', '/', '{THEN}', 'test');
    INSERT INTO prompts (id, host, content, held_by, held_on, target_provider, created_at, ready_at,
        updated_at, updated_by)
    VALUES (10, 'here', 'echo 10 >>@LOG@', 'pause', 'command', 'command', '{THEN}', '{THEN}', {BY});
    """,
    3: f"""
    INSERT INTO limits (host, account, until, reason, seen_at) VALUES
        ('here', 'shell', '{PAST}', 'said so', '{THEN}');
    INSERT INTO prompts (id, host, content, held_by, held_on, target_provider, created_at, ready_at,
        updated_at, updated_by)
    VALUES (11, 'here', 'echo 11 >>@LOG@', 'limit', 'shell', 'shell', '{THEN}', '{THEN}', {BY});
    INSERT INTO conversations (host, provider, affinity, conversation, used_at)
    VALUES ('here', 'codex', 'mine', 'abc', '{THEN}');
    """,
    4: f"""
    INSERT INTO prompts (id, host, content, check_command, created_at, ready_at, updated_at,
        updated_by)
    VALUES (12, 'here', 'echo 12 >>@LOG@', 'echo 12 checked >>@LOG@', '{THEN}', '{THEN}', {BY});
    UPDATE prompts SET review = 'wanted' WHERE id = 1;
    INSERT INTO prompts (id, host, content, held_by, held_on, created_at, ready_at, updated_at,
        updated_by) VALUES (13, 'here', 'echo 13 >>@LOG@', 'dependency',
        'prompt 1 awaits a review', '{THEN}', '{THEN}', {BY});
    INSERT INTO dependencies (prompt_id, after_id) VALUES (13, 1);
    UPDATE prompts SET check_command = 'true', max_attempts = 1 WHERE id = 7;
    INSERT INTO checks (id, command, directory, seconds, work, wanted_at, updated_at, updated_by)
    VALUES (7, 'true', '/', 60, '{{"exit_status": 0, "response": null, "output": "",
        "evidence": {{}}}}', '{THEN}', {BY});
    UPDATE checks SET state = 'starting' WHERE id = 7;
    UPDATE checks SET state = 'running', started_at = '{THEN}', pid = 999999997 WHERE id = 7;
    """,
    5: f"""
    INSERT INTO foundation (host, session, checked_at) VALUES ('here', 'lost', '{THEN}');
    INSERT INTO foundation_work (prompt_id, host, session, kind, title, assigned_at)
    VALUES (2, 'here', 'lost', 'given', 'echo', '{THEN}');
    """,
}  # fmt: skip

GOALS = {
    1: f"""
    INSERT INTO visions (id, content, created_at, updated_at, updated_by)
    VALUES (1, 'a vision', '{THEN}', {BY});
    INSERT INTO goals (id, vision_id, content, project, created_at, updated_at, updated_by)
    VALUES (1, 1, 'a goal', 'app', '{THEN}', {BY});
    INSERT INTO tasks (id, goal_id, content, status, project, attempts, not_before, prompt_id,
        completed_at, created_at, updated_at, updated_by) VALUES
        (1, 1, 'waits', 'pending', 'app', 0, NULL, NULL, NULL, '{THEN}', {BY}),
        (2, 1, 'runs', 'in_progress', 'app', 1, NULL, 2, NULL, '{THEN}', {BY}),
        (3, 1, 'has failed', 'failed', 'app', 1, '{PAST}', 4, NULL, '{THEN}', {BY}),
        (4, 1, 'is done', 'completed', 'app', 1, NULL, 1, '{THEN}', '{THEN}', {BY});
    """
}

KINDS = {"queue": ("migrations", WORK), "goals": ("goals", GOALS)}


def dump(kind: str, version: int, work: dict[int, str]) -> str:
    """The statements that make a database of that schema."""
    files = sql.migrations(kind)
    real, sql.migrations = sql.migrations, lambda _="": files[:version]
    try:
        with TemporaryDirectory() as directory:
            path = Path(directory) / "made.db"
            connection = db.connection_to(path, kind)
            connection.execute("UPDATE meta SET value = 'cafe0000' WHERE name = 'instance'")
            for number in range(1, version + 1):
                connection.executescript(work.get(number, ""))
            connection.close()
            with closing(sqlite3.connect(path)) as made:
                lines = list(made.iterdump())
    finally:
        sql.migrations = real
    return "\n".join([*lines, f"PRAGMA user_version = {version};", ""])


def main() -> None:
    for name, (kind, work) in KINDS.items():
        for version, (title, _) in enumerate(sql.migrations(kind), 1):
            path = HERE / f"{name}-{title.partition('-')[0]}.sql"
            if not path.exists():
                path.write_text(dump(kind, version, work))
                print(path)


if __name__ == "__main__":
    main()
