"""The course of a trial: the checks one after the other, with one agent, each with its verdict.

A check that fails may leave the agent in any state: then it is restarted.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from assigner.errors import AssignerError
from assigner.store.database import Row
from assigner.trial.learn import Learnt
from assigner.trial.place import SESSION, Place
from assigner.trial.words import answer

T = TypeVar("T")
OPEN = ("pending", "assigned", "in_progress")
_PAUSE = 0.2


class DoesNotHold(Exception):
    """What a check has found wrong, in one line."""


class Course:
    """One agent in its place; `patience` is the seconds until what has to come counts as missing.

    Checks use the methods to act as a person and as passes do.
    """

    def __init__(self, place: Place, patience: float) -> None:
        self.place, self.patience = place, patience
        self.learnt = Learnt(place.provider)
        self.is_ready = False
        self._known: list[str] = []

    def look(self) -> Row:
        """The agent's session as `inspect` judges it now."""
        self.place.tool("scan", allow=1)
        found: Row = self.place.tool("inspect", SESSION)
        return found

    def send(self, text: str) -> int:
        """Queue a prompt for the agent; its id."""
        options = ("--target", SESSION, "--max-attempts", 1)
        return int(self.place.tool("send", "-", *options, given=text)["id"])

    def prompt(self, id: int) -> Row:
        """A prompt as `show` has it."""
        found: Row = self.place.tool("show", id)
        return found

    def until(
        self, reached: Callable[[], T | None], missing: Callable[[], str], *, passes: bool = True
    ) -> T:
        """Run passes until something holds; return that.

        DoesNotHold with the text of `missing` if it does not come in time.
        """
        end = time.monotonic() + self.patience
        while not (found := reached()):
            if time.monotonic() > end:
                raise DoesNotHold(missing())
            if passes:
                self.place.tool("tick", allow=1)
            time.sleep(_PAUSE)
        return found

    def wait_for(self, status: str) -> Row:
        """Wait until the session has a status; the look that shows it."""
        looks: list[Row] = []

        def reached() -> Row | None:
            looks.append(self.look())
            return looks[-1] if looks[-1]["status"] == status else None

        return self.until(reached, lambda: f"{described(looks[-1])}, not {status}", passes=False)

    def asked(self, text: str) -> None:
        """Wait until the model has got a prompt."""
        received = self.place.model.received

        def missing() -> str:
            wrong = [other for other in received() if other not in self._known]
            if wrong:
                return f"the model got {short(wrong[-1])} instead of {short(text)}"
            return f"the model did not get {short(text)}: {described(self.look())}"

        self.until(lambda: any(text in other for other in received()), missing)

    def limited(self, id: int) -> Row:
        """Wait until a prompt's session is at its usage limit; the look that shows it."""
        looks: list[Row] = []

        def reached() -> Row | None:
            looks.append(self.look())
            return looks[-1] if looks[-1]["status"] == "limited" else None

        def missing() -> str:
            row = self.prompt(id)
            return f"{described(looks[-1])}, not limited; the prompt is {row['status']}"

        return self.until(reached, missing)

    def ended(self, id: int) -> Row:
        """Wait until a prompt is over; its row."""
        rows: list[Row] = []

        def over() -> Row | None:
            rows.append(self.prompt(id))
            return rows[-1] if rows[-1]["status"] not in OPEN else None

        def missing() -> str:
            return f"the prompt stays {rows[-1]['status']}: {described(self.look())}"

        return self.until(over, missing)

    def completes(self, text: str) -> str:
        """A prompt is typed, reaches the model once and unaltered, and completes with its answer.

        Returns what is remarkable.
        """
        self.note()
        return self.arrived(text, self.ended(self.send(text)))

    def arrived(self, text: str, row: Row, response: str | None = None) -> str:
        """DoesNotHold unless the model got a prompt, and its answer (`response`, or the one
        that states what it got) is that of the completed prompt.  Returns what is remarkable.
        """
        new, whole = self.new(), self.whole(text)
        if whole is None:
            found = f"got {short(new[-1])} instead of" if new else "did not get"
            reason = f"; the prompt is {row['status']} ({row['error']})" if row["error"] else ""
            raise DoesNotHold(f"the model {found} {short(text)}{reason}")
        remark = self.wrapped(text)
        if new.count(whole) > 1:
            raise DoesNotHold(f"the model got {short(text)} {new.count(whole)} times")
        self.judged(row, "completed")
        raw = [line["text"] for line in self.place.model.requests() if "text" in line]
        answers = [answer(got) for got in raw if got.strip() == whole]
        answers += [response] if response else []
        said = row["response"] or ""
        if row["status"] == "completed" and not any(known in said for known in answers):
            raise DoesNotHold(f"the response is {short(said)}, not {short(answers[0])}")
        return remark

    def new(self) -> list[str]:
        """The prompts that the model got since `note`."""
        return [got for got in self.place.model.received() if got not in self._known]

    def whole(self, text: str) -> str | None:
        """The prompt that the model got with a text in it."""
        return next((got for got in self.new() if text.strip() in got), None)

    def wrapped(self, text: str) -> str:
        """What the agent has put around a text; empty if nothing.

        DoesNotHold if the provider file does not know that.
        """
        whole = self.whole(text)
        if whole in (None, text.strip(), self.learnt.typed(text).strip()):
            return ""
        before, _, after = str(whole).partition(text.strip())
        remark = f"the agent puts {short(before)} before the text, {short(after)} after it"
        if not self.learnt.is_known(text, str(whole)):
            raise DoesNotHold(f"{remark}, which 'typing.wrappers' does not match")
        return remark

    def judged(self, row: Row, status: str, failure: str | None = None) -> None:
        """DoesNotHold unless a prompt ended with that status and class of failure."""
        attempt = row["attempts_made"][-1] if row["attempts_made"] else {}
        found = attempt.get("failure_class")
        silent = self.place.provider.hooks is None and self.place.provider.transcript is None
        if silent and (row["status"], status) == ("unverified", "completed"):
            return
        if row["status"] != status or found != failure:
            wanted = f"{status} ({failure})" if failure else status
            reason = row["error"] or "no error"
            raise DoesNotHold(f"the prompt is {row['status']} ({reason}), not {wanted}")

    def note(self) -> None:
        """Remember what the model got so far, to know what is new."""
        self._known = self.place.model.received()

    def begin(self) -> None:
        """Start the agent, and wait until it is recognized."""
        self.is_ready = False
        for row in self.place.tool("queue"):
            self.place.tool("cancel", row["id"], allow=1)
        self.place.start()
        name, looks = self.place.provider.name, list[Row]()

        def recognized() -> bool:
            looks.append(self.look())
            return bool(looks[-1]["agent"] == name)

        self.until(recognized, lambda: f"not recognized: {described(looks[-1])}", passes=False)

    def at_composer(self) -> str:
        """Wait until the agent is idle, and enroll it; why it counts as idle."""
        look = self.wait_for("idle")
        self.place.tool("enroll", SESSION, "--provider", self.place.provider.name, allow=1)
        self.is_ready = True
        return str(look["status_reason"])


class Check(NamedTuple):
    """A check: `does` returns a detail, or raises DoesNotHold.  `leads`: without it, no other
    check makes sense.
    """

    does: Callable[[Course], str]
    leads: bool = False


def run(
    course: Course, checks: dict[str, Check], keep: Path | None, report: Callable[[int, int], None]
) -> Iterator[Row]:
    """Run checks; yields a row for each.  With `keep` their screens are left in that directory."""
    missing = ""
    for number, (name, check) in enumerate(checks.items()):
        report(number, len(checks))
        begun = time.monotonic()
        verdict, detail = "skipped", missing
        if not missing:
            try:
                if not check.leads and not course.is_ready:
                    course.begin()
                    course.at_composer()
                verdict, detail = "ok", check.does(course)
            except (DoesNotHold, AssignerError) as error:
                verdict, detail = "bad", str(error)
                if not course.is_ready:
                    missing = f"the agent was not ready in '{name}'"
                course.is_ready = False
        if keep is not None:
            _keep(course.place, keep, name)
        seconds = round(time.monotonic() - begun, 1)
        yield {"check": name, "verdict": verdict, "detail": detail, "seconds": seconds}


def _keep(place: Place, directory: Path, name: str) -> None:
    try:
        screen = place.screen(200)
    except AssignerError as error:
        screen = f"{error}"
    (directory / f"{name}.txt").write_text(f"{screen}\n")


def described(look: Row) -> str:
    """A session's status and its reason."""
    rule = f", rule '{look['rule']}'" if look.get("rule") else ""
    return f"the session is {look['status']} ({look['status_reason']}{rule})"


def short(text: str, most: int = 60) -> str:
    """The beginning and the end of a text, quoted, on one line."""
    shown = text if len(text) <= most else f"{text[: most // 2]} ... {text[-most // 2 :]}"
    return repr(shown)
