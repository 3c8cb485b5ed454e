"""The cases for each agent: a case does what a person would, and states the expected result.

`trial` has what is sent, what a person types, and what is then said of it.
"""

import re
import time
from collections.abc import Callable
from threading import Thread

from assigner.trial.words import answer
from campaigns.agents.deliveries import Delivery, Tools
from campaigns.agents.places import BLANK, Place
from harness.workplace import wait_for

Case = Callable[["Trial"], None]
CASES: dict[str, Case] = {}
# A case that an agent cannot come into, and why
EXCEPT = {
    ("opencode", "dialog"): "it asks nothing when it starts",
    ("codex", "question"): "it asks in its plan mode only",
}
UNTRUSTED = {"dialog"}
# The smallest pane in which an agent draws its composer so that it is recognized
SMALL = {"claude": (40, 12), "codex": (40, 10), "opencode": (60, 16)}
# What a delivery without contexts and stages cannot do
NEEDS_TOOLS = {"respawn", "cancelled", "past-limit", "auth-error", "wrapped"}
OPEN = ("pending", "assigned", "in_progress")


def case(function: Case) -> Case:
    CASES[function.__name__.replace("_", "-")] = function
    return function


class Trial:
    """One agent, one delivery, and what is found wrong."""

    def __init__(self, place: Place, delivery: Delivery) -> None:
        self.place = place
        self.delivery = delivery
        self.expected: list[str] = []  # what the model should be asked, each once
        self.misjudged: list[str] = []

    def ready(self, *, direct: bool = False, columns: int = 120, lines: int = 40) -> None:
        """The agent is at its composer, and enrolled."""
        self.place.start(direct=direct, columns=columns, lines=lines)
        self.place.wait_until_ready()
        self.delivery.enroll()

    def send(self, text: str, *options: str) -> int:
        self.expected.append(text)
        return self.delivery.send(text, *options)

    def by_hand(self, text: str) -> None:
        """A person types a prompt."""
        self.expected.append(text)
        self.place.pane.paste(text)
        wait_for(lambda: text in self.place.pane.screen(), 30, self.place.pane.screen)

        def taken() -> bool:
            self.place.pane.enter()
            return text in self.place.received()

        wait_for(taken, 60, self.place.pane.screen)

    def check(self, right: bool, what: str) -> None:
        if not right:
            self.misjudged.append(what)

    def until(self, condition: Callable[[], bool], times: float = 1) -> bool:
        """Tick until something holds; whether it came to that in so many times the patience."""
        deadline = time.monotonic() + times * self.delivery.patience
        while not condition():
            if time.monotonic() > deadline:
                return False
            self.delivery.tick()
        return True

    def asked(self, text: str) -> None:
        """Tick until the model was asked, which has to come."""
        came = self.until(lambda: text in self.place.received())
        assert came, f"never asked: {text[:60]!r}; {self.place.pane.screen()}"

    def ends(
        self, prompt: int, status: str, failure: str | None = None, response: str | None = None
    ) -> None:
        """The prompt comes to that end, and not before the model's answer did."""
        told = self.delivery.told
        self.until(lambda: told(prompt).status not in OPEN)
        found = told(prompt)
        text = self.expected[-1]
        seen = f"{found.status} ({found.failure}): {found.error or found.response}"
        self.check(found.status == status, f"{seen}; not {status}")
        if found.status == "completed":
            self.check(self.place.answered(text), "completed before it was answered")
        if failure is not None:
            self.check(found.failure == failure, f"{seen}; not {failure}")
        if response is not None:
            # the blank that keeps a prompt from being a command goes to some models with it, and
            # OpenCode has one behind what it shows as a mark
            changed = (f" {text}", f"{text} ", f"{BLANK}{text}")
            answers = (response, *map(answer, changed))
            right = any(known in (found.response or "") for known in answers)
            self.check(right, f"{seen}; no {response!r} in it")

    def completes(self, text: str, response: str | None = None) -> None:
        """A prompt is sent, and answered."""
        prompt = self.send(text)
        self.ends(prompt, "completed", response=response or answer(text))
        status = self.delivery.told(prompt).status
        assert status not in OPEN, f"{text[:60]!r} is {status} for ever"

    def fails(self, text: str, failure: str) -> None:
        self.ends(self.send(text, "--max-attempts", "1"), "failed", failure)

    def is_logged_out(self, text: str) -> None:
        """The login is refused: the prompt waits, and is not charged."""
        prompt = self.send(text, "--max-attempts", "1")
        self.asked(text)
        told = self.delivery.told
        self.until(lambda: told(prompt).failure is not None)
        found = told(prompt)
        seen = f"{found.status} ({found.failure})"
        self.check((found.status, found.failure) == ("pending", "auth"), seen)

    def waits(self, prompt: int, ticks: int = 4) -> None:
        """Some passes type nothing, and the prompt keeps waiting."""
        before = self.place.received()
        for _ in range(ticks):
            self.delivery.tick()
        self.check(self.place.received() == before, "typed all the same")
        status = self.delivery.told(prompt).status
        self.check(status == "pending", f"{status}, not pending")

    def session_is(self, status: str, times: float = 0.3) -> None:
        """Some passes find the session so."""
        self.until(lambda: self.delivery.session() == status, times)
        self.check(self.delivery.session() == status, f"{self.delivery.session()}, not {status}")


@case
def good(trial: Trial) -> None:
    trial.ready()
    trial.completes("what do you hear?")


@case
def direct(trial: Trial) -> None:
    trial.ready(direct=True)
    trial.completes("what do you hear?")


@case
def slow(trial: Trial) -> None:
    trial.ready()
    trial.completes("MODEL:slow=6", "At the end.")


@case
def silent(trial: Trial) -> None:
    trial.ready()
    text = "MODEL:think=6 quietly"
    trial.completes(text, answer(text))


@case
def permission(trial: Trial) -> None:
    trial.ready()
    prompt = trial.send("MODEL:tool touch made")
    trial.asked("MODEL:tool touch made")
    trial.place.shows("ask")
    trial.session_is("waiting")
    trial.check(not (trial.place.directory / "made").exists(), "the question was answered")
    trial.place.agree()
    trial.ends(prompt, "completed", response="The tool has answered.")


@case
def question(trial: Trial) -> None:
    trial.ready()
    prompt = trial.send("MODEL:ask me")
    trial.asked("MODEL:ask me")
    trial.place.shows("ask")
    trial.session_is("waiting")
    trial.place.agree()
    trial.ends(prompt, "completed", response="The tool has answered.")


@case
def api_error(trial: Trial) -> None:
    trial.ready()
    trial.fails("MODEL:fail500", "api")


@case
def auth_error(trial: Trial) -> None:
    trial.ready()
    trial.is_logged_out("MODEL:fail401")


@case
def too_long(trial: Trial) -> None:
    trial.ready()
    if trial.place.provider != "opencode":
        trial.fails("MODEL:context", "context")
        return
    # it compacts the conversation, and goes on
    prompt = trial.send("MODEL:context")
    trial.asked("MODEL:context")
    trial.until(lambda: trial.delivery.told(prompt).status not in OPEN)
    status = trial.delivery.told(prompt).status
    trial.check(status == "completed", f"{status}, though it went on")


@case
def dropped(trial: Trial) -> None:
    trial.ready()
    trial.fails("MODEL:drop", "api")


def _limited(trial: Trial, text: str) -> None:
    trial.ready()
    prompt = trial.send(text)
    trial.asked(text)
    trial.session_is("limited", 1.5)  # OpenCode tries by itself for two minutes
    before = trial.place.received()
    for _ in range(4):
        trial.delivery.tick()
    trial.check(trial.place.received() == before, "typed all the same")
    # an agent that may go on by itself keeps the prompt
    status = trial.delivery.told(prompt).status
    trial.check(status in ("pending", "in_progress"), f"{status}, not waiting")


@case
def rate_limit(trial: Trial) -> None:
    _limited(trial, "MODEL:ratelimit")


@case
def quota(trial: Trial) -> None:
    _limited(trial, "MODEL:quota")


@case
def past_limit(trial: Trial) -> None:
    """The old words of the limit are still on the screen."""
    _limited(trial, "MODEL:quota")
    assert isinstance(trial.delivery, Tools)
    trial.delivery.cancel(1)
    trial.until(lambda: trial.delivery.told(1).status == "cancelled", 0.3)
    trial.delivery.pass_limit()
    for text in ("what do you hear after the limit?", "and then?"):
        trial.completes(text)


@case
def escape_before(trial: Trial) -> None:
    trial.ready()
    prompt = trial.send("MODEL:think=30")
    trial.asked("MODEL:think=30")
    trial.place.interrupt()
    trial.ends(prompt, "failed", "interrupted")


@case
def escape_after(trial: Trial) -> None:
    trial.ready()
    prompt = trial.send("MODEL:slow=30")
    trial.asked("MODEL:slow=30")
    trial.place.shows("answering")
    trial.place.interrupt()
    trial.ends(prompt, "failed", "interrupted")


@case
def time_is_up(trial: Trial) -> None:
    """Before an answer began: what the agent puts back into its composer keeps nothing out."""
    trial.ready()
    text = "several\nlines, one of them rather long: " + 20 * "so long " + "\n\nMODEL:think=300"
    prompt = trial.send(text, "--timeout", "40")
    trial.asked(text)
    trial.ends(prompt, "failed", "timeout")
    trial.completes("what comes after it")


@case
def exited(trial: Trial) -> None:
    trial.ready()
    trial.place.leave()
    prompt = trial.delivery.send("touch canary")
    trial.waits(prompt)
    trial.check("canary" not in trial.place.pane.screen(), "it was typed into the shell")
    trial.check(not (trial.place.directory / "canary").exists(), "the shell has run it")


@case
def exits_in_a_turn(trial: Trial) -> None:
    trial.ready()
    prompt = trial.send("MODEL:slow=60")
    trial.asked("MODEL:slow=60")
    trial.place.shows("answering")
    trial.place.end()
    trial.ends(prompt, "failed", "lost")


@case
def respawn(trial: Trial) -> None:
    trial.place.start()
    trial.place.wait_until_ready()
    trial.delivery.enroll("--respawn")
    elsewhere = trial.place.directory.parent / "elsewhere"
    elsewhere.mkdir()
    trial.place.trust(elsewhere)
    prompt = trial.send("what do you hear there?", "--workdir", str(elsewhere))
    trial.ends(prompt, "completed", response=answer("what do you hear there?"))
    trial.check(trial.place.pane.format("#{pane_current_path}") == str(elsewhere), "not there")


@case
def many_lines(trial: Trial) -> None:
    trial.ready()
    lines = [f"{number}. a line like the others: äöü ✓ \\n $HOME `x`" for number in range(400)]
    trial.completes("\n".join(lines)[:20_000].strip())


@case
def one_line(trial: Trial) -> None:
    trial.ready()
    trial.completes(("one long line of words " * 1000)[:20_000].strip())


@case
def wrapped(trial: Trial) -> None:
    """Pastes that Claude Code puts between tags, and their outcomes."""
    trial.ready()
    for text in (
        "four\nlines\nof\ntext", "word " * 200 + "end", "/help\nis\nno\ncommand\nhere",
        'a </pasted_content> b\n<pasted_content id="x">\n\n  c & <b> "d"\nend',
        "\u00e9\nfamily \U0001f468\u200d\U0001f469\nthird\nfourth",
    ):  # fmt: skip
        trial.completes(text)
    lines = "one\ntwo\nthree\n"
    trial.completes(f"{lines}MODEL:slow=3", "At the end.")
    trial.is_logged_out(f"{lines}MODEL:fail401")


@case
def tall(trial: Trial) -> None:
    """In a small pane the composer grows beyond it: the beginning of the text is out of sight."""
    columns, lines = SMALL[trial.place.provider]
    trial.ready(columns=columns, lines=lines)
    words = "the quick brown fox jumps over the lazy dog and "
    for text in (
        "only\nthree\nlines",
        "\n".join(f"line {number} of ten, some words" for number in range(10)),
        "\n".join(f"{number}. of thirty" for number in range(30)),
        f"{words * 8}end", f"{words * 14}end", f"{words * 40}end",
    ):  # fmt: skip
        trial.completes(text)
    trial.place.pane.type(f"{words * 14}which nobody has sent")
    trial.place.pane.wait_for("sent")
    before = trial.place.pane.screen().split("\n")[:5]
    trial.waits(trial.delivery.send("not with a draft"))
    trial.check(trial.place.pane.screen().split("\n")[:5] == before, "the draft was not left alone")


@case
def numbered(trial: Trial) -> None:
    """In a composer they look like the choices of a menu."""
    trial.ready()
    for text in ("1. do the first thing", "1. do this\n2. do that", "12) and that\n\nnow"):
        trial.completes(text)


@case
def leading(trial: Trial) -> None:
    trial.ready()
    for text in (
        "/help is a word here", "!touch canary", "# no heading", "@notes.txt is a name",
        "- no option", "? no shortcut", "/clear", "!", "/usr/share is a directory", "& no shell",
    ):  # fmt: skip
        trial.completes(text)
    trial.check(not (trial.place.directory / "canary").exists(), "a shell has run it")


@case
def ten(trial: Trial) -> None:
    trial.ready()
    prompts = [trial.send(f"number {number} of ten") for number in range(10)]
    trial.until(lambda: trial.delivery.told(prompts[-1]).status not in OPEN, times=3)
    for prompt, text in zip(prompts, trial.expected, strict=True):
        found = trial.delivery.told(prompt)
        trial.check(found.status == "completed", f"{text}: {found.status}")
        trial.check(answer(text) in (found.response or ""), f"{text}: {found.response}")


@case
def draft(trial: Trial) -> None:
    trial.ready()
    trial.place.pane.type("half a thought")
    trial.place.pane.wait_for("half a thought")
    prompt = trial.send("not with a draft")
    trial.waits(prompt)
    written = re.findall("half a thought.*", trial.place.pane.screen())
    trial.check(len(written) == 1, f"the draft is now {written}")
    trial.check("not with" not in trial.place.pane.screen(), "it was put to the draft")
    trial.place.pane.keys(*["BSpace"] * len("half a thought"))
    trial.ends(prompt, "completed")


@case
def dialog(trial: Trial) -> None:
    trial.place.start()
    trial.place.shows("trust")
    before = trial.place.pane.screen()
    trial.delivery.enroll()
    prompt = trial.send("not for a dialog")
    trial.waits(prompt)
    trial.check(trial.place.pane.screen() == before, "the dialog was answered")
    if trial.place.pane.screen() == before:
        trial.place.trust_it()
    trial.ends(prompt, "completed")


@case
def person_types(trial: Trial) -> None:
    trial.ready()
    pane, thought = trial.place.pane, "a person's thought "

    def think() -> None:
        for _ in range(3):
            for key in thought:
                pane.type(key)
                time.sleep(0.05)
            time.sleep(0.5)
            for _ in thought:
                pane.keys("BSpace")
                time.sleep(0.02)

    person = Thread(target=think)
    person.start()
    prompt = trial.send("not between a person's words")
    trial.until(lambda: not person.is_alive())
    person.join()
    trial.ends(prompt, "completed", response=answer("not between a person's words"))


@case
def busy(trial: Trial) -> None:
    trial.ready()
    trial.by_hand("MODEL:slow=6 by hand")
    prompt = trial.send("after what is going on")
    trial.waits(prompt, ticks=2)
    trial.ends(prompt, "completed", response=answer("after what is going on"))
    trial.check(trial.place.answered("MODEL:slow=6 by hand"), "what went on was interrupted")


@case
def cancelled(trial: Trial) -> None:
    """Before Enter: the text is taken out of the composer again."""
    trial.ready()
    for text in ("do not do this", "nor\nthis\n\nat all", "nor this, which wraps. " * 20):
        _withdraw(trial, text)
    trial.completes("but what do you hear?")


def _withdraw(trial: Trial, text: str) -> None:
    work, prompt = trial.place.work, trial.delivery.send(text)
    while not work.rows("SELECT 1 FROM attempts WHERE outcome IS NULL AND stage = 'typed'"):
        for step in (["scan"], ["assign-next"], ["deliver", "--settle", "0"]):
            work.tool(*step)
    work.tool("cancel", prompt)
    trial.until(lambda: trial.delivery.told(prompt).status not in OPEN)
    status = trial.delivery.told(prompt).status
    trial.check(status == "cancelled", f"{text}: {status}")
    trial.session_is("idle")
