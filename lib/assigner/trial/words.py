"""Words in a prompt that choose the outcome of its turn: for the model and the tests' stand-in.

MODEL:say TEXT     TEXT is the answer, to the end of the line
MODEL:slow=S       an answer that takes S seconds
MODEL:think=S      S seconds of silence before the answer
MODEL:stream=S     ten lines a second for S seconds, then an answer (the stand-in only)
MODEL:tool CMD     the agent asks a person to let a tool run CMD; then an answer
MODEL:ask          the agent asks the person a question; then an answer
MODEL:fail500 MODEL:fail401 MODEL:context   the request fails; the context is too long
MODEL:ratelimit MODEL:quota                 too many requests; the account is at its limit
MODEL:quota=S      the limit ends in S seconds (the stand-in only)
MODEL:limit FILE   the account is at its limit, for an unknown time, until FILE exists
MODEL:drop         the connection breaks in the middle of an answer
MODEL:exit         the agent ends in the middle of an answer (the stand-in only)
MODEL:next FILE    remove the first line of FILE and use it as the word (the stand-in only)

Without such a word the answer states the number of characters of the prompt, and their hash.
"""

import hashlib
import re
from pathlib import Path
from typing import NamedTuple

FAILURES = ("fail500", "fail401", "context", "ratelimit", "quota", "limit")

_WORD = re.compile(r"MODEL:([a-z0-9]+)(?:=([\d.]+))?(?:[ \t]+([^\r\n]*))?")


class Wish(NamedTuple):
    """What a prompt asks for: `kind` is empty if it has no such word."""

    kind: str = ""
    seconds: float = 0
    argument: str = ""


def wish(text: str) -> Wish:
    """What the last such word in a text asks for."""
    found = list(_WORD.finditer(text))
    if not found:
        return Wish()
    kind, seconds, argument = found[-1].groups()
    if kind == "limit" and Path((argument or "").strip()).exists():
        return Wish()
    return Wish(kind, float(seconds or 0), (argument or "").strip())


def answer(text: str) -> str:
    """The answer to a text without such a word."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"heard {len(text)} characters, sha {digest}"
