"""The worlds that passes find, with shells and agents, and what to count at the end.

Each is prepared repeatedly, with a prompt of its own; ordinary passes finish open prompts.
"""

import os
import shlex
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

from campaigns.crash import book
from campaigns.crash.book import ZERO, Book, Count, Job
from campaigns.crash.killing import Pass
from campaigns.crash.tracing import client
from harness.workplace import ROOT, Workplace, wait_for

Command = list[str]
SHELLS = ("bash", "fish")
IDLE = "SELECT 1 FROM sessions WHERE enrolled AND status = 'idle'"
DIE = "kill -9 0"  # the pass and this
SETTINGS = {"ASSIGNER_BACKOFF_BASE": "0.1", "ASSIGNER_KILL_GRACE": "0.3"}


def tool(name: str, *args: object) -> Command:
    """The command line of a tool."""
    path = ROOT / "bin" / name
    interpreter = sys.executable if "python" in path.open().readline() else "/bin/sh"
    return [interpreter, str(path), *map(str, args)]


class Shells(Book):
    """Prompts for a shell, each with directory, branch, variable and prerequisite."""

    def __init__(self, work: Workplace) -> None:
        work.environment |= SETTINGS
        super().__init__(work, shells=SHELLS, sessions=self.sessions)

    sessions = 1
    fails_first = False

    def _job(self) -> tuple[Job, dict[str, Any]]:
        number = len(self.jobs)
        key, repo = f"u{number}", self.repos[number % 2]
        flag = self.work.path / f"flag-{key}"
        draft = {
            "tags": [key],
            "working_dir": str(repo),
            "git_branch": "feature" if number // 2 % 2 else "main",
            "env_vars": {"MARK": key},
            "prerequisites": [f"printf '%s\\n' 'before {key}|' >> '{self.log}'"],
        }
        here = '"$(pwd -P)"\'|\'"$(git symbolic-ref --short HEAD)"\'|\'"$MARK"'
        script = f"printf '%s\\n' '{key}|'{here} >> '{self.log}'"
        if self.fails_first:
            script += f"; [ -e '{flag}' ] || {{ : > '{flag}'; exit 3; }}"
        draft["content"] = f"sh -c {shlex.quote(script)}"
        line = f"{key}|{repo}|{draft['git_branch']}|{key}"
        return Job(key, line, prerequisite=True, runs=1 + self.fails_first), draft

    def queued(self) -> None:
        """The next prompt waits, and so does its session."""
        self.queue(1)
        self.ready()

    def ready(self) -> None:
        if not self.work.rows(IDLE):
            wait_for(
                lambda: self.work.tool("scan") and self.work.rows(IDLE), what="an idle session"
            )

    def claimed(self) -> None:
        self.queued()
        assert self.work.tool("assign-next", "--json").json

    def delivered(self) -> None:
        """The next prompt has been given to its session; no pass has seen it since."""
        self.claimed()
        path = client(self.work.path / "deaf", "acts.1", f"TMUX; {DIE}")
        self.work_with(path, "deliver").wait()

    def work_with(self, path: str, name: str, *args: object) -> Pass:
        env = {"PATH": f"{path}:{self.work.environment['PATH']}"}
        return Pass(self.work, name, *args, env=env)

    def reported(self) -> None:
        """The next prompt has run, and nobody has read that yet."""
        self.delivered()
        ended = f"{self.attempt()}.exit.*"
        wait_for(
            lambda: list((self.work.state / "spool").glob(ended)), what="the report of its end"
        )

    def attempt(self) -> int:
        return int(self.work.row("SELECT max(id) AS id FROM attempts")["id"])

    # What is to be killed

    def scan(self) -> Command:
        self.reported()
        return tool("scan")

    def sync_context(self) -> Command:
        self.reported()
        return tool("sync-context")

    def assign_next(self) -> Command:
        self.queued()
        return tool("assign-next")

    def deliver(self) -> Command:
        self.claimed()
        return tool("deliver", "--settle", 20)

    def observe(self) -> Command:
        self.reported()
        return tool("observe")

    def tick(self) -> Command:
        self.queued()
        return tool("tick", "--settle", 20)

    def cleanup_stale(self) -> Command:
        """Files and reports of an attempt that is over, and secrets that nobody needs."""
        self.reported()
        state, old = self.work.state, time.time() - 10 * 86400
        (state / "run" / "999999").mkdir()
        for file in ("run/999999/ctx", "spool/999999.begun.1", f"secrets/{'0' * 16}", "starts/x.1"):
            (state / file).write_text("left over")
            os.utime(state / file, (old, old))
        return tool("cleanup-stale", "--apply")

    def finish(self) -> None:
        self.work.tool("tick", "--until-idle", 20, status=(0, 1))
        if book.left_over(self.work):
            self.work.tool("cleanup-stale", "--apply")


class Two(Shells):
    """One session has run its prompt, another waits for one."""

    sessions = 2

    def tick(self) -> Command:
        wait_for(lambda: self.work.tool("scan") and len(self.work.rows(IDLE)) == 2)
        self.reported()
        self.queue(1)
        return tool("tick", "--settle", 20)


class Failing(Shells):
    """Prompts that fail at first."""

    fails_first = True

    def retry_failed(self) -> Command:
        self.reported()
        due = "SELECT 1 FROM prompts WHERE retry_at <= strftime('%Y-%m-%dT%H:%M:%fZ', 'now')"
        self.work.tool("observe")
        wait_for(lambda: self.work.rows(due), what="a retry that is due")
        return tool("retry-failed")


class Cancelled(Shells):
    """Prompts that are cancelled while they wait, or while they run; others end by themselves."""

    def _job(self) -> tuple[Job, dict[str, Any]]:
        key = f"u{len(self.jobs)}"
        end = self.work.path / f"end-{key}"
        loop = f"until [ -e '{end}' ]; do sleep 0.02; done"
        said = f"echo '{key}|' >> '{self.log}'"
        content = f"sh -c {shlex.quote(f'{said}; {loop}')}"
        return Job(key, f"{key}|"), {"tags": [key], "content": content}

    def _ask(self) -> Command:
        return tool("cancel", self.work.row("SELECT max(id) AS id FROM prompts")["id"])

    def cancel_waiting(self) -> Command:
        self.queued()
        return self._ask()

    def cancel_claimed(self) -> Command:
        self.claimed()
        return self._ask()

    def cancel_running(self) -> Command:
        self.claimed()
        self.work.tool("deliver", "--settle", 20)
        wait_for(lambda: f"{self.jobs[-1].key}|" in self.log.read_text())
        return self._ask()

    def deliver_cancelled(self) -> Command:
        self.cancel_running()
        command = self._ask()
        subprocess.run(command, env=self.work.environment, check=True, capture_output=True)
        return tool("deliver")

    def finish(self) -> None:
        asked = "SELECT 1 FROM prompts WHERE cancel_requested_at > '' AND completed_at IS NULL"
        if not self.work.rows(asked):
            (self.work.path / f"end-{self.jobs[-1].key}").touch()
        super().finish()

    def count(self) -> Count:
        runs = Counter(line.partition("|")[0] for line in self.log.read_text().splitlines())
        count = {**super().count(), "lost": 0}
        for row in self.work.rows("SELECT status, started_at, tags ->> 0 AS key FROM prompts"):
            may = {"completed": {1}, "cancelled": {1} if row["started_at"] else {0, 1}}
            count["lost"] += runs[row["key"]] not in may.get(row["status"], set())
        return count


class Checked(Shells):
    """Prompts whose outcome is checked.  What was killed while it checked is tried again."""

    def _job(self) -> tuple[Job, dict[str, Any]]:
        job, draft = super()._job()
        check = f"printf '%s\\n' 'check {job.key}|' >> '{self.log}'"
        return job, {**draft, "check_command": check, "max_attempts": 9}

    def _wanted(self) -> None:
        self.reported()
        self.work.tool("observe")
        assert self.work.rows("SELECT 1 FROM checks WHERE state = 'wanted'")

    def deliver_check(self) -> Command:
        self._wanted()
        return tool("deliver")

    def checkrun(self) -> Command:
        """tmux's window has not come: here is what it would run."""
        self._wanted()
        path = client(self.work.path / "deaf", "acts.1", f": TMUX; {DIE}")
        self.work_with(path, "deliver").wait()
        place = self.work.state / "run" / str(self.attempt()) / "check"
        assert (place / "go").exists()
        return [sys.executable, "-I", "-m", "assigner.outcomes.check_runner", str(place)]

    def observe_checked(self) -> Command:
        self._wanted()
        self.work.tool("deliver")
        ended = f"{self.attempt()}.checked.*"
        wait_for(lambda: list((self.work.state / "spool").glob(ended)), what="the end of the check")
        return tool("observe")

    def finish(self) -> None:
        self.work.environment["ASSIGNER_START_WAIT"] = "1"  # a check is asked for again so soon
        super().finish()
        self.work.environment.pop("ASSIGNER_START_WAIT")

    def count(self) -> Count:
        lines = Counter(self.log.read_text().splitlines())
        rows = self.work.rows("SELECT status, attempts, tags ->> 0 AS key FROM prompts")
        tried = {row["key"]: row["attempts"] for row in rows}
        count = super().count()
        runs = {job.key: lines[job.line] for job in self.jobs}
        checks = {job.key: lines[f"check {job.key}|"] for job in self.jobs}
        expected = {form for job in self.jobs for form in (job.line, f"before {job.key}|")}
        expected |= {f"check {job.key}|" for job in self.jobs}
        return count | {
            "lost": sum(row["status"] != "completed" for row in rows),
            "typed_twice": sum(not runs[key] <= tried[key] >= checks[key] for key in tried)
            + self._typed_twice(),
            "wrong_context": len(set(lines) - expected),
        }


class Naive(Shells):
    """A delivery as one writes it who has not thought of kills: the counts are not to be zero."""

    again = 0  # whether what was claimed and not marked is typed again

    def __init__(self, work: Workplace) -> None:
        super().__init__(work)
        self.queue(1)  # makes the database, in which nothing else is ever done
        self.jobs.clear()
        self.table = work.path / "naive.db"
        with closing(sqlite3.connect(self.table)) as connection:
            connection.execute("CREATE TABLE prompts (id INTEGER PRIMARY KEY, content, status)")

    def deliver(self) -> Command:
        key = f"u{len(self.jobs)}"
        self.jobs.append(Job(key, f"{key}|"))
        with closing(sqlite3.connect(self.table)) as connection, connection:
            content = f"echo '{key}|' >> {self.log}"
            connection.execute("INSERT INTO prompts VALUES (NULL, ?, 'pending')", (content,))
        naive = str(Path(__file__).with_name("naive.py"))
        (pane,) = self.panes
        return [
            sys.executable, naive, str(self.table), str(self.work.socket), pane.id, "never",
            str(self.again),
        ]  # fmt: skip

    def finish(self) -> None:
        command = self.deliver()
        self.jobs.pop()
        with closing(sqlite3.connect(self.table)) as connection, connection:
            connection.execute("DELETE FROM prompts WHERE id = (SELECT max(id) FROM prompts)")
        subprocess.run(command, env=self.work.environment, check=True)
        end = f"end of u{len(self.jobs)}"
        self.panes[0].keys("C-u")  # what is typed without Enter
        self.panes[0].run(f"echo '{end}' >> {self.log}")
        wait_for(lambda: end in self.log.read_text())

    def count(self) -> Count:
        runs = Counter(self.log.read_text().splitlines())
        return dict.fromkeys(ZERO, 0) | {
            "prompts": len(self.jobs),
            "lost": sum(not runs[job.line] for job in self.jobs),
            "typed_twice": sum(runs[job.line] > 1 for job in self.jobs),
        }


class NaiveAgain(Naive):
    again = 1


class Agents(Shells):
    """Prompts for the stand-in agent, which writes down what is pasted and what is submitted."""

    respawn = False

    def __init__(self, work: Workplace) -> None:
        work.environment |= SETTINGS
        Book.__init__(self, work, sessions=0)
        self.agent = work.agent("s0", tells="hooks", columns=160)
        again = shlex.join(map(str, [
            work._standin(), "--log", self.agent.log, "--hooks", work._hooks()
        ]))  # fmt: skip
        options = ["--respawn", "--command", again] if self.respawn else []
        work.tool("enroll", "s0", *options, status=(0, 1))  # it may still be drawing

    def _job(self) -> tuple[Job, dict[str, Any]]:
        key = f"u{len(self.jobs)}"
        text = f"prompt {key}\nand more of it"
        draft: dict[str, Any] = {"tags": [key], "content": text, "target_provider": "standin"}
        directory = ""
        if self.respawn:
            directory = str(self.directories[len(self.jobs) % 2])
            draft |= {"working_dir": directory, "env_vars": {"MARK": key}}
        return Job(key, text), draft

    def ready(self) -> None:
        wait_for(lambda: self.work.tool("scan") and self.work.rows(IDLE), what=self.agent.screen)

    def queue(self, prompts: int) -> None:
        wait_for(lambda: self._looks_idle(), what=self.agent.screen)
        super().queue(prompts)

    def _looks_idle(self) -> bool:
        return "/exit to leave" in self.agent.screen()

    def reported(self) -> None:
        self.delivered_to_agent()
        done = "hook.standin.Stop.*"
        wait_for(lambda: list((self.work.state / "spool").glob(done)), what=self.agent.screen)

    def delivered_to_agent(self) -> None:
        """Enter is pressed, and the pass dies over that."""
        self.claimed()
        path = client(self.work.path / "deaf", "acts.2", f"TMUX; {DIE}")
        self.work_with(path, "deliver", "--settle", 20).wait()

    def tick(self) -> Command:
        self.queue(1)
        return tool("tick", "--settle", 20)

    def submitted(self) -> list[str]:
        return [text.partition("\n\n---\n")[0] for text in self.agent.prompts()]

    def count(self) -> Count:
        wanted = Counter(job.line for job in self.jobs)
        seen = Counter(self.submitted())
        pastes = Counter(event["text"] for event in self.agent.events("paste"))
        prompts = self.work.rows("SELECT id, status, tags ->> 0 AS key FROM prompts")
        assert sorted(row["key"] for row in prompts) == sorted(job.key for job in self.jobs)
        over = {row["key"] for row in prompts if row["status"] == "completed"}
        return {
            "prompts": len(prompts),
            "lost": sum(job.key not in over or not seen[job.line] for job in self.jobs),
            "typed_twice": sum(seen[job.line] > 1 for job in self.jobs)
            + sum(times > 1 for times in pastes.values()),
            "wrong_context": sum((seen - wanted).values())
            - sum(max(0, seen[line] - 1) for line in wanted),
            "claimed_twice": book.claimed_twice(self.work),
            "stuck": self.open() + book.left_over(self.work),
            "integrity": book.broken(self.work),
        }


class Respawned(Agents):
    """Prompts of which each wants another directory: the agent is started again there."""

    respawn = True

    def deliver(self) -> Command:
        self.claimed()
        return tool("deliver", "--settle", 20)

    def finish(self) -> None:
        super().finish()
        self.places = getattr(self, "places", 0)
        here = self.agent.format("#{pane_current_path}")
        wanted = self.directories[(len(self.jobs) - 1) % 2]
        self.places += here != str(wanted)

    def count(self) -> Count:
        count = super().count()
        return count | {"wrong_context": count["wrong_context"] + self.places}
