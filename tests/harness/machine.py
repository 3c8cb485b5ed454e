"""Compare the queue with a model of it: real tools and real shells, in any order that a person, a
timer and chance may choose.

Each prompt writes its key into a log, then waits at a gate until the machine gives it an exit
status.  The model knows which statuses each prompt may have; the tools choose which session gets
which prompt, and the model only checks the choice.  After each step the rules of sql/rules hold.
"""

import errno
import os
import random
import shutil
import sqlite3
import tempfile
import time
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from json import loads
from pathlib import Path
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from assigner import clock
from assigner.store import statements
from campaigns.crash.killing import Pass
from harness.workplace import Pane, Workplace, wait_for

SESSIONS = ("s0", "s1")
BACKOFF, LATER = 100, 400  # seconds: later than any back-off
OPEN = ("pending", "assigned", "in_progress")
# The statuses that a prompt may have after a pass that may have done anything, or was killed
REACHED = {
    "pending": {"pending", "assigned", "in_progress"},
    "assigned": {"pending", "assigned", "in_progress"},
    "in_progress": {"in_progress"},
    "failed": {"failed", "pending", "assigned", "in_progress"},
}


@dataclass
class Prompt:
    """What the model knows of a prompt."""

    id: int
    target: str | None = None
    after: int | None = None
    not_before: float = 0.0
    status: str = "pending"
    session: str | None = None
    attempts: int = 0
    retry: bool = False  # failed, and will be retried automatically


class Queue(RuleBasedStateMachine):
    """One queue with two shells."""

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp(prefix="assigner-model-"))
        self.work = Workplace(self.place / "w")
        self.work.environment |= {
            "ASSIGNER_SESSIONS": "s[0-9]",
            "ASSIGNER_BACKOFF_BASE": str(BACKOFF),
            "ASSIGNER_BACKOFF_LIMIT": str(2 * BACKOFF),
            "ASSIGNER_TMUX_TIMEOUT": "20",
        }
        self.log = self.place / "log"
        self.log.touch()
        self.prompts: dict[int, Prompt] = {}
        self.panes: dict[str, Pane] = {}
        self.paused: set[str] = set()
        self.ahead = 0.0
        self.is_over = False

    # --- what happens -------------------------------------------------------------------------

    @initialize()
    def begin(self) -> None:
        self.work.pane("keep", "cat")
        for name in SESSIONS:
            self.panes[name] = self.work.shell(name)
        self._tool("scan")
        for session in (None, SESSIONS[0], None):
            self.send(session, waits=session is None and bool(self.prompts), later=False)
        self.claim()
        self.deliver()

    @rule(
        session=st.sampled_from([None, None, *SESSIONS]),
        waits=st.booleans(),
        later=st.sampled_from([False, False, True]),
    )
    def send(self, session: str | None, waits: bool, later: bool) -> None:
        id = len(self.prompts) + 1
        gate = self.place / f"gate{id}"
        os.mkfifo(gate)
        text = f"echo {id} >>{self.log}; read -r status <{gate}; exit $status"
        options: list[object] = ["--max-attempts", 2]
        prompt = Prompt(id, session)
        if session:
            options += ["--target", session]
        if waits and self.prompts:
            prompt.after = max(self.prompts)
            options += ["--after", prompt.after]
        if later:
            prompt.not_before = time.time() + self.ahead + LATER / 2
            options += ["--not-before", clock.text(prompt.not_before)]
        self._tool("send", text, *options)
        self.prompts[id] = prompt

    @rule()
    def claim(self) -> None:
        self._tool("assign-next")
        self._adopt({"pending": {"pending", "assigned"}})
        taken = {p.session for p in self._in("assigned", "in_progress")}
        idle = {s for s in self.panes if s not in taken | self.paused and self._is_idle(s)}
        waiting = [p for p in self._in("pending") if self._may_run(p)]
        left = [p.id for p in waiting if (p.target is None and idle) or p.target in idle]
        assert not left, f"{left} wait, and {idle} are idle"

    @precondition(lambda self: self._in("assigned"))
    @rule()
    def deliver(self) -> None:
        self._tool("scan")
        self._tool("deliver", "--settle", 5)
        wait_for(self._have_begun, what=lambda: self.work.rows("SELECT * FROM attempts"))
        self._tool("observe")
        self._adopt({"assigned": {"in_progress"}})

    @precondition(lambda self: self._in("in_progress"))
    @rule(data=st.data(), status=st.sampled_from([0, 0, 1]))
    def finish(self, data: st.DataObject, status: int) -> None:
        prompt = self._choose(data, "in_progress")
        self._open(prompt, status)
        self._at_prompt(prompt)
        self._tool("scan")
        self._tool("observe")
        prompt.status = "failed" if status else "completed"
        prompt.retry = bool(status) and prompt.attempts < 2
        prompt.session = None

    @rule()
    def retry_failed(self) -> None:
        due = [p for p in self._in("failed") if p.retry and self._is_due(p.id)]
        self._tool("retry-failed")
        for prompt in due:
            prompt.status, prompt.retry = "pending", False

    @precondition(lambda self: self.prompts)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        prompt = self._choose(data, *OPEN, "failed", "completed", "cancelled")
        was = prompt.status
        self._tool("cancel", prompt.id, status=None)
        if was == "completed":
            return
        if was == "in_progress":
            self._tool("deliver")
            self._at_prompt(prompt)
            self._tool("scan")
            self._tool("observe")
        if was == "assigned":
            prompt.attempts = self._row(prompt)["attempts"]
        prompt.status, prompt.session, prompt.retry = "cancelled", None, False

    @precondition(lambda self: self._in("failed", "cancelled"))
    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        prompt = self._choose(data, "failed", "cancelled")
        self._tool("retry", prompt.id)
        prompt.status, prompt.retry, prompt.attempts = "pending", False, 0

    @precondition(lambda self: self._in("pending", "assigned"))
    @rule(data=st.data(), session=st.sampled_from(SESSIONS))
    def reassign(self, data: st.DataObject, session: str) -> None:
        prompt = self._choose(data, "pending", "assigned")
        self._tool("reassign", prompt.id, "--to", session)
        prompt.target = session
        self._give_back(prompt)

    @rule(name=st.sampled_from(SESSIONS))
    def pause(self, name: str) -> None:
        self._tool("pause", name)
        self.paused.add(name)
        for prompt in self._in("assigned"):
            if prompt.session == name:
                self._give_back(prompt)

    @precondition(lambda self: self.paused)
    @rule(data=st.data())
    def resume(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.paused)))
        self._tool("resume", name)
        self.paused.remove(name)

    @precondition(lambda self: self.panes)
    @rule(data=st.data())
    def vanish(self, data: st.DataObject) -> None:
        """Kill a session: the prompt that runs there dies with it, and must not run again."""
        name = data.draw(st.sampled_from(sorted(self.panes)))
        pane = self.panes.pop(name)
        pane.kill()
        wait_for(lambda: not Path(f"/proc/{pane.pid}").exists())
        self._tool("scan")
        self._tool("observe")
        for prompt in self._in("assigned", "in_progress"):
            if prompt.session == name:
                if prompt.status == "in_progress":
                    prompt.status, prompt.session = "failed", None
                else:
                    self._give_back(prompt)

    @precondition(lambda self: len(self.panes) < len(SESSIONS))
    @rule()
    def come_back(self) -> None:
        for name in SESSIONS:
            if name not in self.panes:
                self.panes[name] = self.work.shell(name)
        self._tool("scan")

    @rule()
    def time_passes(self) -> None:
        self.ahead += LATER

    @rule(tool=st.sampled_from(["tick", "tick", "deliver", "assign-next", "observe"]),
          moment=st.floats(0.2, 0.8), together=st.booleans())  # fmt: skip
    def kill_a_pass(self, tool: str, moment: float, together: bool) -> None:
        """Kill a pass at a random moment: the next complete pass continues from there."""
        victim = Pass(self.work, tool, "--wait", 20, env=self._now())
        time.sleep(moment * random.random())
        (victim.kill_group if together else victim.kill)()
        victim.wait()
        self._tool("tick", "--settle", 5, status=(0, 1))
        wait_for(self._have_begun, what=lambda: self.work.rows("SELECT * FROM attempts"))
        self._tool("observe")
        self._adopt(REACHED)

    # --- what is always true --------------------------------------------------------------------

    @invariant()
    def the_rules_hold(self) -> None:
        if self.work.database.exists():
            assert broken(self.work) == []

    @invariant()
    def the_model_agrees(self) -> None:
        for row in self.work.rows("SELECT * FROM prompts") if self.prompts else ():
            prompt = self.prompts[row["id"]]
            assert row["status"] == prompt.status, (prompt, row)
            assert row["assigned_session"] == prompt.session or row["completed_at"], (prompt, row)
            assert bool(row["retry_at"]) == prompt.retry, (prompt, row)
            prompt.attempts = row["attempts"]

    def teardown(self) -> None:
        try:
            if not self.is_over and self.panes is not None and self.prompts:
                self._finish_all()
        finally:
            self.is_over = True
            self.work.__exit__()
            shutil.rmtree(self.place, ignore_errors=True)

    def _finish_all(self) -> None:
        """Let every prompt that can run end: each runs as often as it should, and not more."""
        if self.paused:
            self._tool("resume", *sorted(self.paused))
            self.paused.clear()
        self.come_back()
        for _ in range(8 * len(self.prompts)):
            self.ahead += LATER
            self._tool("tick", "--settle", 5, status=(0, 1))
            wait_for(self._have_begun, what=lambda: self.work.rows("SELECT * FROM attempts"))
            self._tool("observe")
            rows = self.work.rows("SELECT * FROM prompts")
            for row in rows:
                self.prompts[row["id"]].session = row["assigned_session"]
                if row["status"] == "in_progress":
                    self._open(self.prompts[row["id"]], 0)
                    self._at_prompt(self.prompts[row["id"]])
            if not [r for r in rows if r["retry_at"] or self._can_move(r)]:
                break
        left = [r for r in self.work.rows("SELECT * FROM prompts") if self._can_move(r)]
        assert not left, left
        assert broken(self.work) == []
        ran = Counter(map(int, self.log.read_text().split()))
        started = Counter(
            row["prompt_id"]
            for row in self.work.rows("SELECT prompt_id, evidence FROM attempts")
            if "started" in loads(row["evidence"]).get("reports", {})
        )
        assert ran == started
        good = Counter(
            r["prompt_id"]
            for r in self.work.rows("SELECT prompt_id FROM attempts WHERE outcome = 'completed'")
        )
        done = self.work.rows("SELECT id FROM prompts WHERE status = 'completed'")
        assert good == Counter(row["id"] for row in done)
        assert list((self.work.state / "run").iterdir()) == []

    def _can_move(self, row: dict[str, Any]) -> bool:
        """Whether a prompt can still end: not if it waits for a prompt that has failed."""
        if row["status"] == "pending" and row["held_by"] == "dependency":
            before = self.prompts[row["id"]].after
            assert before is not None
            status = self._row(self.prompts[before])
            return self._can_move(status)
        return row["status"] in OPEN or bool(row["retry_at"])

    # --- how it is done -------------------------------------------------------------------------

    def _now(self) -> dict[str, str]:
        return {"ASSIGNER_NOW": clock.text(time.time() + self.ahead)} if self.ahead else {}

    def _tool(self, name: str, *args: object, status: Any = 0) -> None:
        self.work.tool(name, *args, env=self._now(), status=status)

    def _row(self, prompt: Prompt) -> dict[str, Any]:
        return self.work.prompt(prompt.id)

    def _in(self, *statuses: str) -> list[Prompt]:
        return [prompt for prompt in self.prompts.values() if prompt.status in statuses]

    def _choose(self, data: st.DataObject, *statuses: str) -> Prompt:
        return data.draw(st.sampled_from(self._in(*statuses)))

    def _give_back(self, prompt: Prompt) -> None:
        prompt.status, prompt.session = "pending", None

    def _may_run(self, prompt: Prompt) -> bool:
        is_free = prompt.after is None or self.prompts[prompt.after].status == "completed"
        return is_free and prompt.not_before <= time.time() + self.ahead

    def _is_idle(self, name: str) -> bool:
        (row,) = self.work.rows("SELECT status FROM sessions WHERE name = ?", name)
        return bool(row["status"] == "idle")

    def _is_due(self, id: int) -> bool:
        retry_at = self.work.prompt(id)["retry_at"]
        return clock.seconds(retry_at) <= time.time() + self.ahead

    def _adopt(self, allowed: dict[str, set[str]]) -> None:
        """Adopt what the tools have chosen to do, if the model allows it."""
        for row in self.work.rows("SELECT * FROM prompts"):
            prompt = self.prompts[row["id"]]
            may = allowed.get(prompt.status, {prompt.status})
            if prompt.status == "failed" and not prompt.retry:
                may = {"failed"}
            assert row["status"] in may, (prompt, row)
            if row["status"] in ("assigned", "in_progress") and prompt.status in (
                "pending", "failed",
            ):  # fmt: skip
                assert self._may_run(prompt), (prompt, row)
                assert prompt.target in (None, row["assigned_session"]), (prompt, row)
                assert row["assigned_session"] in self.panes.keys() - self.paused, (prompt, row)
            prompt.status = row["status"]
            prompt.session = None if row["completed_at"] else row["assigned_session"]
            prompt.retry = prompt.retry and row["status"] == "failed"

    def _have_begun(self) -> bool:
        """Whether every typed prompt has written its line."""
        ran = Counter(self.log.read_text().split())
        typed = self.work.rows(
            "SELECT prompt_id, sum(stage IN ('typed', 'submitted')) AS n FROM attempts"
            " WHERE outcome IS NULL OR outcome <> 'released' GROUP BY prompt_id"
        )
        return all(ran[str(row["prompt_id"])] >= row["n"] for row in typed)

    def _open(self, prompt: Prompt, status: int) -> None:
        """Open the gate at which a prompt waits."""

        def opened() -> bool:
            try:
                gate = os.open(self.place / f"gate{prompt.id}", os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                assert error.errno == errno.ENXIO  # the prompt has not reached its gate yet
                return False
            os.write(gate, b"%d\n" % status)
            os.close(gate)
            return True

        wait_for(opened, what=lambda: [pane.screen() for pane in self.panes.values()])

    def _at_prompt(self, prompt: Prompt) -> None:
        assert prompt.session
        self.panes[prompt.session].wait_for_prompt()


def broken(work: Workplace) -> list[str]:
    """The rows that contradict the rules of the queue."""
    with closing(sqlite3.connect(f"{work.database.as_uri()}?mode=ro", uri=True)) as connection:
        return [
            f"{name}: {text}"
            for name, rule in statements.rules().items()
            for text, *_ in connection.execute(rule)
        ]
