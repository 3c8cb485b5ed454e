"""Worlds of what is no delivery: people's verbs, reports, goals, starts, new databases."""

import sqlite3
import time
from collections import Counter
from contextlib import closing
from json import dumps, loads
from pathlib import Path

from campaigns.crash import book
from campaigns.crash.book import ZERO, Count, Job
from campaigns.crash.worlds import Command, Shells, tool
from harness.workplace import Workplace, wait_for


class Sent(Shells):
    """A person sends two prompts with a secret, and again if there is no answer."""

    def __init__(self, work: Workplace) -> None:
        super().__init__(work)
        self.work.tool("scan")  # there is a database

    def send(self) -> Command:
        self._number = len(self.jobs)
        self._keys = [f"u{self._number}", f"u{self._number + 1}"]
        self._file = self.work.path / "sent"
        self._secret = self.work.path / "secret"
        self._secret.write_text(f"MARK={self._keys[0]}\n")
        self._file.write_text(
            "\n".join(
                dumps({"tags": [key], "content": f"echo '{key}|'$MARK >> '{self.log}'"})
                for key in self._keys
            )
        )
        self.jobs += [Job(key, f"{key}|{self._keys[0]}") for key in self._keys]
        return tool("send", "--jsonl", self._file, "--env-file", self._secret)

    def finish(self) -> None:
        there = {row["key"] for row in self.work.rows("SELECT tags ->> 0 AS key FROM prompts")}
        found = there & set(self._keys)
        assert len(found) in (0, 2), "half of it is queued"
        if not found:
            self.work.tool("send", "--jsonl", self._file, "--env-file", self._secret)
        super().finish()
        # a secret may be about to be used for an hour
        later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 7200))
        self.work.tool("cleanup-stale", "--apply", env={"ASSIGNER_NOW": later})
        assert not list((self.work.state / "secrets").iterdir()), "a secret is left over"


class Enrolled(Shells):
    """Sessions that a person enrolls, and again if there is no answer."""

    def enroll(self) -> Command:
        self._name = f"e{len(self.jobs)}"
        self._pane = self.work.shell(self._name)
        self.work.tool("scan")
        return tool("enroll", self._name)

    def finish(self) -> None:
        if not self.work.rows("SELECT 1 FROM sessions WHERE enrolled AND name = ?", self._name):
            self.work.tool("enroll", self._name)
        key = f"u{len(self.jobs)}"
        self.jobs.append(Job(key, f"{key}|"))
        draft = {
            "tags": [key], "content": f"echo '{key}|' >> '{self.log}'",
            "target_session": self._name,
        }  # fmt: skip
        self.work.tool("send", "--jsonl", "-", input=dumps(draft))
        super().finish()
        self._pane.kill()
        self.work.tool("scan")


class Told(Shells):
    """What runs reports about itself; an agent's hook does."""

    TEXT = "said " + "x" * 2000

    def _job(self) -> tuple[Job, dict[str, object]]:
        key = f"u{len(self.jobs)}"
        end = self.work.path / f"end-{key}"
        content = f"echo '{key}|' >> '{self.log}'; until [ -e '{end}' ]; do sleep 0.02; done"
        return Job(key, f"{key}|"), {"tags": [key], "content": content}

    def _running(self) -> Path:
        self.claimed()
        self.work.tool("deliver", "--settle", 20)
        wait_for(lambda: f"{self.jobs[-1].key}|" in self.log.read_text())
        return self.work.state / "spool"

    def report(self) -> Command:
        spool = self._running()
        return tool("report", "--attempt", self.attempt(), "--spool", spool, "ok", self.TEXT)

    def hook(self) -> Command:
        spool = self._running()
        return tool("hook", spool, "claude", "Stop", dumps({"session_id": self.TEXT}))

    def finish(self) -> None:
        (self.work.path / f"end-{self.jobs[-1].key}").touch()
        super().finish()
        if book.left_over(self.work):  # the half of a report, for a day
            self.work.tool("cleanup-stale", "--apply", env={"ASSIGNER_KEEP_REPORTS_DAYS": "1e-9"})
        said = self.work.rows("SELECT data FROM task_events WHERE type LIKE 'report.%'")
        assert {loads(row["data"])["text"] for row in said} <= {self.TEXT}, "half a report"


class Goals(Shells):
    """Tasks of goals, each of which becomes one prompt."""

    def __init__(self, work: Workplace) -> None:
        super().__init__(work)
        file = work.home / ".config/assigner/foundation.toml"
        file.parent.mkdir(parents=True)
        file.write_text(
            '[one]\nsession = "s0"\nprojects = []\nidle_threshold = 0\nevery = 0\n'
            'general_prompt = ""\n'
        )
        file.chmod(0o600)

    def foundation_check(self) -> Command:
        key = f"u{len(self.jobs)}"
        self.work.tool("scan")
        self.ready()
        self.jobs.append(Job(key, f"{key}|"))
        self.work.tool("goals", "add-task", f"echo '{key}|' >> '{self.log}'", "--project", "x")
        return tool("foundation-check")

    def foundation_settles(self) -> Command:
        """The task's prompt is over, and the goals do not know it yet."""
        self.foundation_check()
        for name, *options in (
            ("foundation-check",), ("assign-next",), ("deliver", "--settle", "20")
        ):  # fmt: skip
            self.work.tool(name, *options)
        over = "SELECT 1 FROM prompts WHERE status <> 'completed'"
        wait_for(lambda: self.work.tool("observe") and not self.work.rows(over))
        self.work.tool("scan")
        return tool("foundation-check")

    def finish(self) -> None:
        wait_for(
            lambda: self.work.tool("tick", "--until-idle", 5, status=(0, 1)) and not self._open(),
            what="the end of the task",
        )
        super().finish()

    def _open(self) -> int:
        with closing(sqlite3.connect(self.work.state / "goals.db")) as connection:
            (open_,) = connection.execute(
                "SELECT count(*) FROM tasks WHERE status <> 'completed'"
            ).fetchone()
        return int(open_)

    def count(self) -> Count:
        runs = Counter(line.partition("|")[0] for line in self.log.read_text().splitlines())
        made = Counter(
            row["content"].partition("|")[0].rpartition("'")[2]
            for row in self.work.rows("SELECT content FROM prompts")
        )
        return {
            "prompts": sum(made.values()),
            "lost": sum(runs[job.key] < 1 for job in self.jobs),
            "typed_twice": sum(runs[job.key] > 1 or made[job.key] > 1 for job in self.jobs),
            "wrong_context": len(runs - Counter(job.key for job in self.jobs) - runs),
            "claimed_twice": book.claimed_twice(self.work),
            "stuck": self.open() + book.left_over(self.work) + self._open(),
            "integrity": book.broken(self.work),
        }


class Kept(Shells):
    """A session that is kept alive dies again and again."""

    def __init__(self, work: Workplace) -> None:
        super().__init__(work)
        self.work.tool("enroll", "s0", "--keepalive")

    def keepalive(self) -> Command:
        self._old = self.work.row("SELECT pane_pid FROM sessions WHERE name = 's0'")["pane_pid"]
        self.work.tmux("kill-session", "-t", "s0")
        with closing(sqlite3.connect(self.work.database)) as connection, connection:
            connection.execute("UPDATE sessions SET failed_starts = 0 WHERE name = 's0'")
        return tool("keepalive", "--settle", 20)

    def finish(self) -> None:
        self.work.environment["ASSIGNER_START_WAIT"] = "1"  # a start is given up so soon
        again = (
            "SELECT 1 FROM sessions WHERE name = 's0' AND status = 'idle' AND start_file IS NULL"
            f" AND pane_pid <> {self._old}"
        )
        wait_for(lambda: self.work.tool("tick", status=(0, 1)) and self.work.rows(again), 30)
        self.work.environment.pop("ASSIGNER_START_WAIT")
        self.queue(1)
        super().finish()

    def count(self) -> Count:
        count = super().count()
        names = self.work.tmux("list-panes", "-a", "-F", "#{session_name}").splitlines()
        left = len(list((self.work.state / "starts").iterdir()))
        return count | {
            "typed_twice": count["typed_twice"] + names.count("s0") - 1,
            "stuck": count["stuck"] + left,
        }

    def _typed_twice(self) -> int:
        return 0  # its panes are gone


class New(Shells):
    """No database, which the next tool makes."""

    def __init__(self, work: Workplace) -> None:
        self.work, self.jobs, self.panes = work, [], []
        work.environment["ASSIGNER_SESSIONS"] = "none"
        self._wrong = 0

    def make(self) -> Command:
        self.jobs.append(Job(f"u{len(self.jobs)}", ""))
        for file in self.work.state.glob("assigner.db*"):
            file.unlink()
        return tool("queue")

    def finish(self) -> None:
        found = self._tables() if self.work.database.exists() else []
        self.work.tool("queue")
        self._wrong += found not in ([], self._tables())

    def _tables(self) -> list[str]:
        with closing(sqlite3.connect(self.work.database)) as connection:
            query = "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
            return [row[0] for row in connection.execute(query)]

    def count(self) -> Count:
        return dict.fromkeys(ZERO, 0) | {
            "prompts": len(self.jobs), "wrong_context": self._wrong,
            "integrity": book.broken(self.work),
        }  # fmt: skip
