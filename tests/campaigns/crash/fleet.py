"""Shells and scripted agents that are killed and restarted: by keepalive, or by a person."""

import json
import os
import random
import re
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from campaigns.crash import jobs, ledger
from campaigns.crash.book import broken, claimed_twice, left_over
from campaigns.crash.jobs import Order, Place
from campaigns.crash.ledger import Faults, Run
from campaigns.night.morning import given_back
from harness.workplace import Workplace, wait_for

OPEN = "status IN ('pending', 'assigned', 'in_progress') OR retry_at > ''"
KEY = re.compile(r"u\d+\.\d+")
# Hooks of these are killed now and then, in mid-run
DYING = """\
#!/bin/bash
(( RANDOM % 8 )) && exec "$@"
timeout -s KILL 0.00$(( RANDOM % 10 )) "$@"
[ $? = 137 ] && date +%s.%N >> {died}
exit 0
"""


@dataclass(frozen=True)
class Executor:
    """One session.  `kind` is a shell, or what an agent tells; it is `kept` alive, or its people
    start it again.
    """

    name: str
    kind: str
    kept: bool

    @property
    def is_shell(self) -> bool:
        return self.kind in ("bash", "zsh", "dash", "fish")


# Made by enroll --create; from a shell, and its hooks die; directly; one that tells nothing
KINDS = (
    ("bash", True), ("created", True), ("zsh", False), ("hooks", True),
    ("dash", True), ("transcript", False), ("fish", False), ("silent", False),
)  # fmt: skip


class Fleet:
    """Executors of all kinds, the prompts that were queued for them, and what they received."""

    def __init__(self, work: Workplace, sessions: int, seed: int) -> None:
        self.work, self.dice = work, random.Random(seed)
        work.environment["ASSIGNER_SESSIONS"] = "s[0-9]*"
        (work.path / "flags").mkdir()
        directories = [work.path / name for name in ("one", "two words", "three'quoted")]
        for directory in directories:
            directory.mkdir()
        repos = [work.repo("repo-1"), work.repo("repo-2")]
        log, spilt, flags = (work.path / name for name in ("log", "spilt", "flags"))
        self.place = Place(log, spilt, flags, directories, repos)
        for file in (log, spilt, self._died):
            file.touch()
        self.orders: dict[str, Order] = {}
        self.killed: list[tuple[str, float]] = []  # whose executor, and when
        self.cancelled: set[str] = set()  # the keys of prompts
        self._typed: Counter[str] = Counter()  # lines of attempts that stood in panes now gone
        self.executors = [
            Executor(f"s{number}", *KINDS[number % len(KINDS)]) for number in range(sessions)
        ]
        self._keep_server()
        for executor in self.executors:
            self._make(executor)

    # Prompts

    def queue(self, prompts: int) -> None:
        """Queue so many prompts of all kinds."""
        made: list[Order] = []
        agents = [executor.name for executor in self.executors if not executor.is_shell]
        shells = [executor.name for executor in self.executors if executor.is_shell]
        for _ in range(prompts):
            key = f"u{len(self.orders) + len(made)}.{self.dice.randrange(10**9)}"
            if agents and self.dice.random() < 0.4:
                made.append(jobs.agent(self.place, self.dice, key, agents))
            else:
                made.append(jobs.shell(self.place, self.dice, key, shells))
        lines = "\n".join(json.dumps(order.draft) for order in made)
        self.work.tool("send", "--jsonl", "-", input=lines)
        self.orders |= {order.job.key: order for order in made}

    def open(self) -> int:
        """How many prompts are still to come to their end."""
        return int(self.work.row(f"SELECT count(*) AS n FROM prompts WHERE {OPEN}")["n"])

    def cancel(self) -> None:
        """Somebody cancels a prompt that is under way, if there is one."""
        rows = self.work.rows(
            "SELECT id, tags ->> 0 AS key FROM prompts WHERE status IN ('assigned', 'in_progress')"
        )
        if rows:
            row = self.dice.choice(rows)
            self.cancelled.add(row["key"])
            self.work.tool("cancel", row["id"], status=(0, 1))

    def finish(self, seconds: float = 240) -> None:
        """Let ordinary passes do what is open, and remove what dead ones left."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.restore()
            self.work.tool("tick", "--until-idle", 20, status=(0, 1))
            if not self.open():
                break
        for tool, options in (("observe", ()), ("cleanup-stale", ("--apply",))):
            self.work.tool(
                tool, *options, env={"ASSIGNER_KEEP_REPORTS_DAYS": "1e-9"}, status=(0, 1)
            )

    # Deaths

    def kill_executor(self) -> bool:
        """A shell, or an agent, most often one that has a prompt: whether there was one."""
        panes = self._panes()
        alive = [executor for executor in self.executors if executor.name in panes]
        if not alive:
            return False
        live = {
            row["session"]
            for row in self.work.rows("SELECT session FROM attempts WHERE outcome IS NULL")
        }
        busy = [executor for executor in alive if executor.name in live]
        executor = self.dice.choice(busy if busy and self.dice.random() < 0.7 else alive)
        pane, pid = panes[executor.name]
        victim = pid if executor.is_shell else self._front(pid)
        if victim is None:
            return False
        self._note([pane])
        return self._kill([victim], [executor])

    def kill_server(self) -> bool:
        """tmux itself, with all that lives in it."""
        self._note([pane for pane, _ in self._panes().values()])
        return self._kill(self.work.servers(), self.executors)

    def kill_all(self) -> bool:
        """Everything at once, as when the machine goes down: only files stay."""
        self._note([pane for pane, _ in self._panes().values()])
        return self._kill(self._everything(), self.executors)

    def restore(self) -> None:
        """What people do: they start what is not kept alive, and have given up what is."""
        self._keep_server()
        panes = self._panes()
        for executor in self.executors:
            if not executor.kept and not self._is_there(executor, panes):
                self._make(executor, panes.get(executor.name))
        given_up = self.work.rows("SELECT name FROM sessions WHERE given_up_reason IS NOT NULL")
        if given_up:
            self.work.tool("resume", *[row["name"] for row in given_up], status=None)

    # What came of it

    def count(self) -> tuple[dict[str, int], Faults]:
        """The figures, and all that is not as it was promised."""
        work = self.work
        prompts = work.rows("SELECT *, tags ->> 0 AS key FROM prompts")
        attempts = work.rows("SELECT * FROM attempts")
        assert sorted(row["key"] for row in prompts) == sorted(self.orders)
        lines = self.place.log.read_text().splitlines()
        died = [float(line) for line in self._died.read_text().split()]
        names = {executor.name: executor for executor in self.executors}

        def killed(attempt: ledger.Row) -> bool:
            since, until = _seconds(attempt["claimed_at"]), _seconds(attempt["finished_at"])
            kind = names[attempt["session"]].kind
            if any(n == attempt["session"] and since - 0.1 <= t <= until for n, t in self.killed):
                return True
            silenced = kind == "hooks" and any(since <= at <= until for at in died)
            return attempt["outcome"] == "unverified" and (silenced or kind == "silent")

        world = ledger.World(
            jobs=[order.job for order in self.orders.values()],
            prompts=prompts,
            attempts=attempts,
            runs=[*self._shell_runs(lines), *self._agent_runs()],
            before=[line.removeprefix("before ") for line in lines if line.startswith("before ")],
            seconds=_seconds,
            killed=killed,
            cancelled=self.cancelled,
        )
        found = ledger.faults(world)
        self._note([pane for pane, _ in self._panes().values()])
        found["typed_twice"] += [
            f"attempt {id}: {n} lines" for id, n in self._typed.items() if n > 1
        ]
        found["wrong_context"] += [f"a shell ran {t}" for t in self.place.spilt.read_text().split()]
        found["claimed_twice"] += ["of a live attempt"] * claimed_twice(work)
        found["stuck"] += ["a file of a run or a report"] * left_over(work)
        found["stuck"] += given_back(work)
        found["stuck"] += [f"tmux session {name}" for name in self._strangers()]
        found["integrity"] += ["integrity_check"] * broken(work)
        outcomes = Counter(attempt["outcome"] for attempt in attempts)
        figures = {
            "executors killed": len(self.killed),
            "prompts": len(prompts),
            "cancelled": len(self.cancelled),
            "attempts": len(attempts),
            "given back": outcomes["released"],
            "ended by a kill": sum(
                killed(row) for row in attempts if row["outcome"] in ("failed", "unverified")
            ),
            **{name.replace("_", " "): len(found[name]) for name in ledger.ZERO},
        }
        return figures, found

    def _shell_runs(self, lines: Iterable[str]) -> Iterator[Run]:
        parts = [line.split("|") for line in lines if not line.startswith("before ")]
        ended = {(words[0], words[1]) for words in parts if words[2:] == ["end"]}
        for key, attempt, *context in parts:
            if context != ["end"]:
                order = self.orders.get(key)
                yield Run(
                    key, 0, attempt=int(attempt or 0), done=(key, attempt) in ended,
                    right=order is not None and tuple(context) == order.context,
                )  # fmt: skip

    def _agent_runs(self) -> Iterator[Run]:
        for executor in self.executors:
            file = self.work.path / f"{executor.name}.log"
            lines = file.read_text().splitlines() if file.exists() else []
            events = [json.loads(line) for line in lines if line.startswith("{")]
            for number, event in enumerate(events):
                if event["event"] in ("prompt", "command"):
                    text = event["text"]
                    keys = set(KEY.findall(text))
                    key = keys.pop() if len(keys) == 1 else ""
                    ends = (e for e in events[number + 1 :] if e["event"] in ("turn", "prompt"))
                    end: dict[str, Any] = next(ends, {})
                    done = end.get("outcome") == "completed" or event["event"] == "command"
                    right = key in self.orders and _is_right(self.orders[key], event)
                    yield Run(key, event["time"], executor.name, right=right, done=done)

    # The machine

    @property
    def _died(self) -> Path:
        return self.work.path / "died"

    def _keep_server(self) -> None:
        if "keep" not in self._panes():
            self.work.pane("keep", "cat")
            self.work.tmux("set-option", "-g", "history-limit", "99999")

    def _make(self, executor: Executor, pane: tuple[str, int] | None = None) -> None:
        """Start an executor; in its pane, if its shell is still there."""
        work, name = self.work, executor.name
        if executor.is_shell:
            work.shell(name, executor.kind, columns=200)
            if executor.kept:
                work.tool("enroll", name, "--keepalive", status=(0, 1))
            return
        home = work.home / name
        home.mkdir(exist_ok=True)
        tells = "transcript" if executor.kind == "created" else executor.kind
        line = work.agent_line(name, tells=tells, cwd=home)
        if executor.kind == "created":
            new = ("--create", name, "--provider", "standin", "--command", line)
            kept = ("--keepalive", "--respawn", "--resume", "--settle", 30)
            work.tool("enroll", *new, *kept, "--workdir", home, status=(0, 1))
        elif executor.kind == "transcript":
            work.agent(name, tells=tells, cwd=home, direct=True)
            work.tool("enroll", name, status=(0, 1))
        elif pane is None:
            if executor.kind == "hooks":
                self._have_hooks_die()
            work.agent(name, tells=tells, cwd=home)
            options = ("--keepalive", "--command", line) if executor.kept else ()
            work.tool("enroll", name, *options, status=(0, 1))
        else:
            for keys in (("C-u",), ("-l", line), ("Enter",)):
                work.tmux("send-keys", "-t", pane[0], *keys)
            wait_for(lambda: self._front(pane[1]), what=name)

    def _have_hooks_die(self) -> None:
        script = self.work.path / "dying"
        script.write_text(DYING.format(died=self._died))
        script.chmod(0o755)
        file = self.work._hooks()
        text = file.read_text()
        if str(script) not in text:
            hook = f"{self.work.hook('X').split(' ')[0]} "
            file.write_text(text.replace(hook, f"{script} {hook}"))

    def _is_there(self, executor: Executor, panes: dict[str, tuple[str, int]]) -> bool:
        if executor.name not in panes:
            return False
        return executor.is_shell or self._front(panes[executor.name][1]) is not None

    def _panes(self) -> dict[str, tuple[str, int]]:
        """Pane and process of each session; none without a server."""
        if not self.work.servers():
            return {}
        form = "#{session_name} #{pane_id} #{pane_pid} #{pane_dead}"
        try:
            listed = self.work.tmux("list-panes", "-a", "-F", form)
        except AssertionError as error:
            if "no server running" in str(error):  # it has been killed just now
                return {}
            raise
        rows = [row.split() for row in listed.splitlines()]
        return {name: (id, int(pid)) for name, id, pid, dead in rows if dead == "0"}

    def _front(self, pid: int) -> int | None:
        """The agent in a pane with that process, if one is there."""
        for place in (pid, *_foreground(pid)):
            with suppress(OSError):
                if Path(f"/proc/{place}/cmdline").read_bytes().startswith(b"standin\0"):
                    return place
        return None

    def _everything(self) -> list[int]:
        """All that belongs to this machine: it has its socket in its arguments or environment."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if process.name != str(os.getpid()) and any(
                    bytes(self.work.socket) in (process / name).read_bytes()
                    for name in ("cmdline", "environ")
                ):
                    found.append(int(process.name))
        return found

    def _kill(self, victims: Iterable[int], executors: Iterable[Executor]) -> bool:
        done = False
        self.killed += [(executor.name, time.time()) for executor in executors]
        for pid in victims:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                done = True
        wait_for(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in victims))
        self.killed += [(executor.name, time.time()) for executor in executors]
        return done

    def _note(self, panes: Iterable[str]) -> None:
        """Remember which lines were typed into panes that are about to go."""
        for pane in panes:
            with suppress(AssertionError):
                text = self.work.tmux("capture-pane", "-p", "-J", "-S", "-", "-t", pane)
                self._typed.update(re.findall(r"/run/(\d+)/ctx", text))

    def _strangers(self) -> list[str]:
        """What passes have made in tmux and not removed."""
        known = {executor.name for executor in self.executors} | {"keep"}
        return [name for name in self._panes() if name not in known]


def _foreground(pid: int) -> list[int]:
    with suppress(OSError, ValueError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return [int(fields[5])]
    return []


def _is_right(order: Order, event: dict[str, Any]) -> bool:
    """Whether an agent has got the prompt whole, once, and its directory: it is there, or told."""
    text, content = event["text"], order.draft["content"]
    directory = order.context[0]
    there = event.get("directory") == directory or f"- directory: {directory} (" in text
    return text.count(content.strip()) == 1 and (not directory or there)


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
