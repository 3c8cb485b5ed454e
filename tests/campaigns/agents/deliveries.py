"""The deliveries: by the tools, or a naive one that shows which faults the campaign detects."""

from dataclasses import dataclass
from time import monotonic, sleep
from typing import NamedTuple, Protocol

from campaigns.agents.places import Place


class Told(NamedTuple):
    """What a delivery says of a prompt."""

    status: str
    failure: str | None = None
    response: str | None = None
    error: str | None = None


class Delivery(Protocol):
    """What a case asks of either."""

    patience: float  # seconds until something that has to come is taken for missing

    def enroll(self, *options: str) -> None: ...
    def send(self, text: str, *options: str) -> int: ...
    def tick(self) -> None: ...
    def told(self, prompt: int) -> Told: ...
    def session(self) -> str | None:
        """The session's status."""


class Tools:
    """The tools themselves."""

    patience = 120.0  # an agent on a busy machine needs half a minute for its first turn

    def __init__(self, place: Place) -> None:
        self.work, self.name, self.provider = place.work, place.name, place.provider
        # a failed prompt is not tried again while its case looks
        self.work.environment["ASSIGNER_BACKOFF_BASE"] = "600"

    def enroll(self, *options: str) -> None:
        self.work.tool("enroll", self.name, "--provider", self.provider, *options)

    def send(self, text: str, *options: str) -> int:
        target = ("--target", self.name, *options)
        return int(self.work.tool("send", "-", *target, "--json", input=text).json["id"])

    def cancel(self, prompt: int) -> None:
        self.work.tool("cancel", prompt)

    def pass_limit(self) -> None:
        """The usage limit is over."""
        self.work.pass_limits()

    def tick(self) -> None:
        self.work.tool("tick", status=(0, 1))

    def told(self, prompt: int) -> Told:
        row = self.work.row(
            "SELECT p.status, p.response, p.error, a.failure_class FROM prompts p"
            " LEFT JOIN attempts a ON a.prompt_id = p.id WHERE p.id = ?"
            " ORDER BY a.id DESC LIMIT 1",
            prompt,
        )
        return Told(row["status"], row["failure_class"], row["response"], row["error"])

    def session(self) -> str | None:
        rows = self.work.rows("SELECT status FROM sessions WHERE name = ?", self.name)
        return str(rows[0]["status"]) if rows else None


@dataclass
class _Prompt:
    text: str
    status: str = "pending"
    typed_at: float = 0


class Naive:
    """Pastes, presses Enter, believes what the model was asked; after a while types it again."""

    patience = 12.0

    def __init__(self, place: Place) -> None:
        self.place = place
        self.prompts: list[_Prompt] = []

    def enroll(self, *options: str) -> None:
        """Everything may be typed to."""

    def send(self, text: str, *options: str) -> int:
        self.prompts.append(_Prompt(text))
        return len(self.prompts) - 1

    def tick(self) -> None:
        for prompt in self.prompts:
            if prompt.status == "completed":
                continue
            if prompt.text in self.place.received():
                prompt.status = "completed"
            elif monotonic() - prompt.typed_at > 4:
                self.place.pane.paste(prompt.text)
                self.place.pane.enter()
                prompt.status, prompt.typed_at = "in_progress", monotonic()
            break
        sleep(0.2)

    def told(self, prompt: int) -> Told:
        return Told(self.prompts[prompt].status)

    def session(self) -> str | None:
        return None
