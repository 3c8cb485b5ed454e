"""Words in a prompt that choose what comes of its turn: the same for the model and the stand-in.

MODEL:say TEXT     TEXT is the answer, to the end of the line
MODEL:slow=S       an answer that takes S seconds
MODEL:think=S      S seconds of silence before the answer
MODEL:tool CMD     a tool is to run CMD, which a person is asked for; then an answer
MODEL:ask          the person is asked a question; then an answer
MODEL:fail500 MODEL:fail401 MODEL:context   the request fails; the context is too long
MODEL:ratelimit MODEL:quota                 too many requests; the account is at its limit
MODEL:drop         the connection breaks in the middle of an answer
MODEL:exit         the agent ends in the middle of an answer (the stand-in only)
MODEL:next FILE    the first line of FILE, which is taken from it, is the word (the stand-in only)

Without any, the answer tells how many characters the prompt has, and their hash.
"""

import hashlib
import re
from typing import NamedTuple

_WORD = re.compile(r"MODEL:([a-z0-9]+)(?:=([\d.]+))?(?:[ \t]+([^\r\n]*))?")


class Wish(NamedTuple):
    """What a prompt wants: `kind` is empty where it has no word."""

    kind: str = ""
    seconds: float = 0
    argument: str = ""


def wish(text: str) -> Wish:
    """What the last word in a text wants."""
    found = list(_WORD.finditer(text))
    if not found:
        return Wish()
    kind, seconds, argument = found[-1].groups()
    return Wish(kind, float(seconds or 0), (argument or "").strip())


def answer(text: str) -> str:
    """The answer to a text without a word."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"heard {len(text)} characters, sha {digest}"
