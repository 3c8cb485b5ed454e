"""The checks of a trial, in their order: what assigner needs of an agent, each tried once."""

from collections.abc import Callable

from assigner.store.database import Row
from assigner.trial.course import OPEN, Check, Course, DoesNotHold, described, short

CHECKS: dict[str, Check] = {}
_LINES = 60
_SECONDS = 6


def check(*, leads: bool = False) -> Callable[[Callable[[Course], str]], None]:
    """Add a function to the checks."""

    def add(does: Callable[[Course], str]) -> None:
        CHECKS[does.__name__.replace("_", "-")] = Check(does, leads)

    return add


@check(leads=True)
def start(course: Course) -> str:
    """It starts, and is recognized."""
    course.begin()
    return course.place.version()


@check(leads=True)
def idle(course: Course) -> str:
    """Its empty composer is recognized."""
    if not course.place.pane:
        course.begin()
    return course.at_composer()


@check()
def prompt(course: Course) -> str:
    """A prompt reaches the model, and is judged by its answer."""
    return course.completes("what do you hear?")


@check()
def busy(course: Course) -> str:
    """It is busy while it answers."""
    return _at_work(course, f"MODEL:slow={_SECONDS}", "At the end.")


@check()
def silent(course: Course) -> str:
    """It is busy while it waits for the model."""
    text = f"MODEL:think={_SECONDS} quietly"
    return _at_work(course, text)


@check()
def paste(course: Course) -> str:
    """A text of many lines is pasted, recognized in the composer, and submitted unaltered."""
    course.note()
    lines = [f"{number}. a line like the others: äöü ✓ \\n $HOME `x`" for number in range(_LINES)]
    text = "\n".join(["many lines", "", "    indented", *lines])
    id = course.send(text)
    course.until(
        lambda: course.learnt.watch(course.place, text) or course.prompt(id)["status"] not in OPEN,
        lambda: course.wrapped(text) or f"the text is not submitted: {described(course.look())}",
    )
    if course.learnt.unknown_marker:
        course.ended(id)  # with the marker that was learnt
        marker = short(course.learnt.unknown_marker)
        wrong = [f"the composer shows {marker}, which 'typing.pasted' does not match"]
        try:
            course.wrapped(text)
        except DoesNotHold as error:
            wrong.append(str(error))
        raise DoesNotHold("; ".join(wrong))
    return course.arrived(text, course.ended(id))


@check()
def enter(course: Course) -> str:
    """The first Enter submits a prompt."""
    presses, delay = _presses(course), course.place.provider.manner.delay
    if presses <= 1:
        return f"{delay} ms after the text shows"
    for longer in (50, 100, 200, 400, 700, 1000):
        if longer > delay:
            course.learnt.delay = longer
            course.learnt.apply(course.place)
            if _presses(course) <= 1:
                raise DoesNotHold(
                    f"Enter {delay} ms after the text shows is lost; it takes {longer} ms"
                )
    course.learnt.delay = None
    course.learnt.apply(course.place)
    raise DoesNotHold(f"Enter was pressed {presses} times, whatever the delay")


@check()
def leading(course: Course) -> str:
    """A prompt that begins like a command is none."""
    texts = ("/help is a word here", "!touch canary", "# no heading", "@notes.txt is a name")
    for text in texts:
        course.completes(text)
    if (course.place.directory / "canary").exists():
        raise DoesNotHold("a prompt that begins with '!' was run as a command")
    return ", ".join(text[0] for text in texts)


@check()
def question(course: Course) -> str:
    """A question to the person is recognized, and left to the person."""
    made = course.place.directory / "made"
    text = "MODEL:tool touch made"
    course.note()
    id = course.send(text)
    course.asked(text)
    look = course.wait_for("waiting")
    if made.exists():
        raise DoesNotHold("the agent asked nothing, or its question was answered")
    course.place.keys("Enter")
    course.judged(course.ended(id), "completed")
    return str(look["status_reason"])


@check()
def error(course: Course) -> str:
    """A failure of the model's server is recognized."""
    text = "MODEL:fail500"
    course.note()
    row = course.ended(course.send(text))
    course.judged(row, "failed", "api")
    return short(row["error"] or "")


@check()
def limit(course: Course) -> str:
    """A usage limit holds the prompt, which runs when the limit has ended."""
    over = course.place.top / "limit-over"
    course.note()
    id = course.send(f"MODEL:limit {over}")
    look = course.limited(id)
    over.touch()
    course.judged(course.ended(id), "completed")
    return str(look["status_reason"])


@check()
def exit(course: Course) -> str:
    """When it has exited, nothing is typed into its shell."""
    place = course.place
    place.type(place.setup.leave)
    course.until(
        lambda: place.setup.leave in place.screen(), lambda: "what is typed does not show",
        passes=False,
    )  # fmt: skip

    def left() -> bool:
        place.keys("Enter")
        return bool(course.look()["status"] == "offline")

    course.until(
        left, lambda: f"'{place.setup.leave}' does not end it: {described(course.look())}",
        passes=False,
    )  # fmt: skip
    course.is_ready = False
    id = course.send("touch typed-by-mistake")
    for _ in range(3):
        place.tool("tick", allow=1)
    if "typed-by-mistake" in place.screen(200):
        raise DoesNotHold("a prompt was typed into the shell")
    place.tool("cancel", id)
    return str(course.look()["status_reason"])


def _at_work(course: Course, text: str, response: str | None = None) -> str:
    """The session is busy from when the model has the prompt until its answer is over."""
    course.note()
    id = course.send(text)
    course.asked(text)
    seen: list[Row] = []
    while True:
        look = course.look()
        if course.place.model.answered(text) or len(seen) > 10 * _SECONDS:
            break
        seen.append(look)
        course.place.tool("tick", allow=1)
    row = course.ended(id)
    wrong = [look for look in seen if look["status"] != "busy"]
    if wrong or not seen:
        raise DoesNotHold(
            f"{described(wrong[0])} while it works" if wrong else "its answer was too quick"
        )
    course.arrived(text, row, response)
    return str(seen[-1]["status_reason"])


def _presses(course: Course) -> int:
    """How often Enter had to be pressed for a prompt, at most, in two."""
    found = []
    for text in ("a short prompt", "\n".join(f"line {number}" for number in range(_LINES))):
        course.note()
        row = course.ended(course.send(text))
        if not row["attempts_made"]:
            raise DoesNotHold(f"the prompt is {row['status']}: {row['error']}")
        found.append(course.place.presses(row["attempts_made"][-1]["id"]))
    return max(found)
