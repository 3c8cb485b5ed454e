"""Recognizes a typed prompt in what an agent reports, whatever the agent has made of it.  Pure.

Agents trim a prompt, compose accents, drop invisible characters, and put long pastes into wrappers
of their own.  Everything else must be the same: a person's prompt that quotes the typed text within
more words is another prompt.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property

from assigner.agents import prompt_text
from assigner.agents.provider import Manner

_LAG = 2.0  # seconds by which a record of a prompt may be later than the screen
_SHORT = 12  # characters: a shorter line may be in anybody's prompt


@dataclass(frozen=True)
class Typed:
    """A text that was typed, to be recognized in hook reports, transcripts and on the screen.

    `manner` is how its agent takes typed text.  `left` is known only if nobody but assigner can
    have submitted the text: when Enter was pressed, and when the text was seen to have left the
    composer, both in epoch seconds.
    """

    text: str
    manner: Manner = field(default_factory=Manner)
    left: tuple[float, float] | None = None

    def is_prompt(self, said: str | None) -> bool:
        """Whether a reported prompt is the typed text."""
        if said is None:
            return False
        seen = prompt_text.squeezed(said)
        if seen == self._squeezed or not self.manner.wrappers:
            return seen == self._squeezed
        return prompt_text.squeezed(self._unwrapped(said)) in (self._squeezed, self._bare)

    def is_within(self, said: str | None) -> bool:
        """Whether a reported prompt has a whole line of the typed text, or stands for a paste.

        That alone does not make it the typed prompt.
        """
        if said is None:
            return False
        if self.manner.pasted is not None and self.manner.pasted.search(said):
            return True
        seen = prompt_text.squeezed(said)
        return any(line in seen for line in self._lines)

    def is_submission(self, said: str | None, at: float | None) -> bool:
        """Whether the first prompt after Enter, submitted at `at` (epoch seconds), is the typed
        one by its place and a part of its text, though the agent has changed it in an unknown way.
        """
        if self.left is None or at is None or not self.left[0] <= at <= self.left[1] + _LAG:
            return False
        return self.is_within(said)

    def begins(self, shown: str) -> bool:
        """Whether a line on the screen, with which a prompt begins, is the beginning of this one.

        The agent may show a marker in place of a long paste.
        """
        seen = prompt_text.squeezed(shown)
        if seen and self._squeezed.startswith(seen):
            return True
        return prompt_text.is_counted(prompt_text.marker(shown, self.manner), self.text)

    @cached_property
    def mention(self) -> str:
        """A part of the text that any record of it contains, in any encoding."""
        runs = re.findall(r"[A-Za-z0-9]+", prompt_text.composed(self.text))
        return max(runs, key=len, default="")

    @cached_property
    def _squeezed(self) -> str:
        return prompt_text.squeezed(self.text)

    @cached_property
    def _bare(self) -> str:
        return prompt_text.squeezed(self._unwrapped(self.text))

    @cached_property
    def _lines(self) -> list[str]:
        """The lines that are long enough to identify the text, or all of a short text."""
        lines = [prompt_text.squeezed(line) for line in self.text.split("\n")]
        return [line for line in lines if len(line) >= _SHORT] or [self._squeezed]

    def _unwrapped(self, text: str) -> str:
        for wrapper in self.manner.wrappers:
            text = wrapper.sub("", text)
        return text
