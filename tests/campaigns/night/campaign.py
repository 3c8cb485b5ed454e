#!/usr/bin/env python3
"""campaign.py - a night on goals: sessions that die, hang and fail, and a machine that is restarted

foundation-check gives goal tasks to shells and scripted agents in a tmux server of its own, while
keepalive and tick run in turn, as from cron.  The outcome of each run of a task is drawn
beforehand: it succeeds, fails, hangs until its timeout, or kills its session; some runs of agents
meet a usage limit first.  Some agents show work that is over, or none, or lose Enter.  The
campaign also kills sessions from outside, and now and then everything at once, including passes,
as a power cut would; files on disk stay.

In the morning it compares the goals, the queue, the work logs and the logs of the executors:

  killed, reboots   sessions killed from outside, and times that everything was killed
  resumed     sessions that keepalive had given up on, and that a person resumed
  deaths, hangs, failures, limits   attempts that ended so
  lost        tasks that ran less often than the queue says
  twice       tasks that ran more often than they were attempted
  untold      tasks whose attempts are not in the work logs exactly once
  wrong       tasks that did not end as their last attempt and the retry rule require
  unfinished  tasks that have not ended
  stuck       sessions that are not back and idle, and prompts without an end in the queue

exit status: 0 none of the last six; 1 some; 2 usage
"""

import argparse
import json
import os
import random
import shlex
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from campaigns.crash.killing import Pass
from campaigns.night.morning import ZERO, Job, compare
from harness.workplace import Workplace, wait_for

SETTINGS = {
    "ASSIGNER_BACKOFF_BASE": "0.2",
    "ASSIGNER_BACKOFF_LIMIT": "1",
    "ASSIGNER_KILL_GRACE": "0.5",
    "ASSIGNER_TMUX_TIMEOUT": "10",
    "ASSIGNER_PERSON_ACTIVE": "0",
    "ASSIGNER_LIMIT_WAIT": "2",
    "ASSIGNER_LIMIT_GRACE": "5",
    "ASSIGNER_QUIET": "1",
}
LIMITED = 0.1  # of the runs of agents, which are then tried again
EXPIRED = (
    0.05  # of the runs of agents, whose login is refused; a person logs in again some rounds later
)
# How agents behave, by turns
MANNERS = ((), ("--looks-busy",), ("--lose-enter", "1"), ("--looks-idle",))
KINDS = ("bash", "agent", "zsh", "agent", "fish", "agent", "dash", "agent")
# What comes of a run, and how often
ENDS = {"done": 12, "fails": 3, "hangs": 1, "dies": 1}
KILLED = 0.06  # of the rounds in which a session is killed from outside


def _await_next_second() -> None:
    """The work log has whole seconds, and keeps a line that one second repeats once."""
    second = int(time.time())
    wait_for(lambda: int(time.time()) > second, 5, "the next second", 0.02)


class Night:
    """Sessions kept alive, their profiles, and the goals."""

    def __init__(self, work: Workplace, *, sessions: int, tasks: int, reboots: int, seed: int):
        work.environment |= SETTINGS
        self.work, self.random = work, random.Random(seed)
        self.runs = work.path / "runs"
        self.runs.mkdir()
        self.sessions = {f"s{n}": KINDS[n % len(KINDS)] for n in range(sessions)}
        self.jobs = [self._job(n) for n in range(tasks)]
        # once so few are open: spread over the night
        self.restarts = [tasks - tasks * (n + 1) // (reboots + 1) for n in range(reboots)]
        self.killed = self.reboots = self.resumed = 0
        self.faults: list[str] = []
        for name, kind in self.sessions.items():
            self._begin(name, kind)
        self._write_profiles()
        self._write_goals()

    # --- the evening -----------------------------------------------------------------------------

    def _job(self, number: int) -> Job:
        idempotent = self.random.random() < 0.7
        ends = self.random.choices(list(ENDS), list(ENDS.values()), k=3)
        for_agents = "agent" in self.sessions.values() and self.random.random() < 0.5
        return Job(f"u{number}.", tuple(ends), idempotent, for_agents)

    def _begin(self, name: str, kind: str) -> None:
        work = self.work
        keep = ("--keepalive", "--settle", 40)
        if kind == "agent":
            manner = MANNERS[int(name[1:]) // 2 % len(MANNERS)]
            line = shlex.join([str(work._standin()), "--log", f"{work.path / name}.log", *manner])
            agent = ("--provider", "standin", "--command", line, "--workdir", work.home)
            work.tool("enroll", "--create", name, *agent, "--account", name, *keep)
        else:
            work.shell(name, kind)
            work.tool("enroll", name, *keep)

    def _write_profiles(self) -> None:
        file = self.work.home / ".config/assigner/foundation.toml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(
            "".join(
                f'[{name}]\nsession = "{name}"\nenvironment = "{name}"\nport = {8100 + n}\n'
                f'projects = ["{"agents" if kind == "agent" else "shells"}"]\n'
                'idle_threshold = 0.2\ntimeout = 60\nevery = 0\ngeneral_prompt = ""\n'
                for n, (name, kind) in enumerate(self.sessions.items())
            )
        )
        file.chmod(0o600)

    def _write_goals(self) -> None:
        file = self.work.path / "tasks.jsonl"
        file.write_text("".join(json.dumps(self._task(job)) + "\n" for job in self.jobs))
        self.work.tool("goals", "add-goal", "a night's work")
        self.work.tool("goals", "generate", "--command", f"cat {file}")

    def _task(self, job: Job) -> dict[str, Any]:
        draft = {
            "project": "agents" if job.for_agents else "shells",
            "priority": self.random.randrange(3),
            "idempotent": job.idempotent,
            "timeout_seconds": 4 if "hangs" in job.ends else None,  # else the profile's
            "max_attempts": len(job.ends),
            "dedup_key": job.key,
        }
        file = self.runs / job.key
        if job.for_agents:
            words = {"done": "say well", "fails": "drop", "hangs": "think=999", "dies": "exit"}
            limits = [
                "MODEL:quota=1\n" * (self.random.random() < LIMITED)
                + "MODEL:fail401\n" * (self.random.random() < EXPIRED)
                for _ in job.ends
            ]
            runs = zip(limits, job.ends, strict=True)
            file.write_text("".join(f"{limit}MODEL:{words[end]}\n" for limit, end in runs))
            return {**draft, "content": f"{job.key} MODEL:next {file}"}
        die = f"tmux -S {self.work.socket} kill-pane -t $TMUX_PANE; sleep 9"
        words = {"done": "true", "fails": "exit 3", "hangs": "exec sleep 999", "dies": die}
        cases = " ".join(f"{n}) {words[end]} ;;" for n, end in enumerate(job.ends, 1))
        script = f"echo {job.key} >>{file}; case $(grep -c . {file}) in {cases} esac"
        return {**draft, "content": f"sh -c {shlex.quote(script)}"}  # in any shell's language

    # --- the night -------------------------------------------------------------------------------

    def run(self, seconds: float) -> None:
        """Passes by turns until every task has ended, or so much time is over."""
        until = time.monotonic() + seconds
        while (left := self._left()) and time.monotonic() < until:
            if self.restarts and left <= self.restarts[0]:
                del self.restarts[0]
                self._reboot()
            elif self.random.random() < KILLED:
                self._kill_one()
            self._pass("keepalive")
            _await_next_second()
            self._pass("tick")
            if self.random.random() < 0.3:
                self._log_in()
        self._log_in()
        self._pass("keepalive", "--settle", 10)
        self._pass("tick", "--until-idle", 20)
        with suppress(AssertionError):  # a spinner that stays after the end holds a session briefly
            self.work.run_until(self._all_idle)

    def _log_in(self) -> None:
        for hold in self.work.rows("SELECT name FROM login_holds WHERE kind = 'session'"):
            self.work.tool("resume", hold["name"])

    def _all_idle(self) -> bool:
        return not self.work.rows("SELECT name FROM sessions WHERE status <> 'idle'")

    def _left(self) -> int:
        """How many tasks have not ended."""
        return len(self.work.tool("goals", "list", "--limit", 0, "--json").json)

    def _pass(self, name: str, *args: object) -> None:
        result = self.work.tool(name, *args, "--json", status=(0, 1))
        rows = json.loads(result.out)
        given_up = [row["session"] for row in rows if row["action"] == "given-up"]
        for session in given_up:  # a person looks after it
            self.work.tool("resume", session)
            self.resumed += 1
        if result.status and not given_up:
            self.faults.append(f"{name}: {result.err.strip()} {result.out[:300]}")

    def _kill_one(self) -> None:
        """A session's process is gone, in the middle of whatever it does."""
        known = {row["pane_pid"] for row in self.work.rows("SELECT pane_pid FROM sessions")}
        if alive := sorted(known & set(self._processes())):
            os.kill(self.random.choice(alive), signal.SIGKILL)
            self.killed += 1

    def _reboot(self) -> None:
        """All is killed at once, in the middle of a pass; then the first two passes."""
        running = Pass(self.work, self.random.choice(["tick", "keepalive"]))
        time.sleep(self.random.uniform(0.3, 2))
        running.kill_group()
        while processes := self._processes():
            for pid in processes:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.01)
        running.wait()
        self.reboots += 1
        self._pass("tick", "--settle", 10)
        self._pass("keepalive", "--settle", 10)
        away = self.work.rows("SELECT name, status_reason FROM sessions WHERE status = 'offline'")
        if away:
            self.faults.append(f"not back after a restart: {away}")

    def _processes(self) -> list[int]:
        """Whatever has to do with this workplace's tmux server."""
        found = []
        mark = bytes(self.work.socket)
        for directory in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                said = (directory / "environ").read_bytes() + (directory / "cmdline").read_bytes()
                if mark in said and int(directory.name) != os.getpid():
                    found.append(int(directory.name))
        return found

    # --- the morning -----------------------------------------------------------------------------

    def count(self) -> dict[str, int]:
        """What has happened, with what should not have."""
        count, faults = compare(self.work, self.jobs, self.runs, self.sessions)
        self.faults += faults
        own = {"killed": self.killed, "reboots": self.reboots, "resumed": self.resumed}
        return {"sessions": len(self.sessions), **own, **count}


def main() -> None:
    name, _, manual = (__doc__ or "").partition(" - ")
    parser = argparse.ArgumentParser(
        prog=name, description=manual, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--sessions", type=int, default=8, metavar="N", help="every other one an agent")
    add("--tasks", type=int, default=200, metavar="N")
    add("--reboots", type=int, default=2, metavar="N")
    add("--seed", type=int, metavar="S", help="of what is drawn")
    add("--seconds", type=float, default=1800, metavar="S", help="at most so long (default 1800)")
    args = parser.parse_args()
    seed = random.randrange(10**6) if args.seed is None else args.seed
    begun = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="assigner-night-"))
    with Workplace(place) as work:
        night = Night(
            work, sessions=args.sessions, tasks=args.tasks, reboots=args.reboots, seed=seed
        )
        night.run(args.seconds)
        count = night.count()
    for title, value in {**count, "seconds": round(time.monotonic() - begun)}.items():
        print(f"{title:14}{value:6}")
    bad = night.faults or any(count[name] for name in ZERO)
    if bad:
        print(*night.faults, f"seed {seed}; see {place}", sep="\n", file=sys.stderr)
    else:
        shutil.rmtree(place)
    raise SystemExit(bool(bad))


if __name__ == "__main__":
    main()
