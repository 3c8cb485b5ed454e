"""Replaces private words on a captured screen by made-up ones of the same length.

The layout stays: a letter becomes a letter, a digit a digit, a wide character a wide one, and every
other character of a name or a path stays as it is.  Pure.
"""

import re
from collections.abc import Iterable

from assigner.agents import ansi
from assigner.system import terminal_text

# Directories that say nothing of a person or a project
COMMON = frozenset(
    ("home", "Users", "usr", "var", "tmp", "opt", "srv", "mnt", "media", "run", "bin")
)
_SHORTEST = 4  # characters of a value that counts as secret
_ANYWHERE = 6  # a secret of so many characters is replaced within words, too
_NEAR_SLASH = 3  # shorter parts of paths are replaced only next to a slash
_WRAPPED = 5  # a terminal may have wrapped a word of so many characters, or cut it off
_CUT = 40  # characters of a word whose cut forms are looked for
_BREAK = r"(?:[ \t│┃|█]*\n[ \t│┃|█]*)?"
_BEFORE, _AFTER = r"(?<![^\W_])", r"(?![^\W_])"
_SYLLABLES = ("bdfgklmnprstvz", "aeiou")


class Disguise:
    """What stands for each private word.  The same word always becomes the same other word.

    `names` (of the user, the host, the session) and `paths` are replaced where they are whole
    words; with `only_in_paths` the parts of paths only next to a slash.  `secrets` are replaced
    by x.
    """

    def __init__(
        self,
        names: Iterable[str],
        paths: Iterable[str],
        secrets: Iterable[str],
        *,
        only_in_paths: bool = False,
    ) -> None:
        parts = [part for path in paths for part in path.split("/")]
        words = {word: False for word in parts if word.strip(".~") and word not in COMMON}
        words |= {word: True for word in names if word}
        lines = {line.strip() for value in secrets for line in value.split("\n")}
        hidden = sorted((line for line in lines if len(line) >= _SHORTEST), key=len, reverse=True)
        self._rules = [
            (
                word,
                "".join(map(_crossed_out, word)),
                _pattern(word, anywhere=len(word) >= _ANYWHERE),
            )
            for word in hidden
        ]
        made: dict[str, str] = {}
        for word in sorted(words, key=lambda word: (-len(word), word)):
            made[word] = _made_up(word, len(made), {*made.values(), *words})
            near = not words[word] and (only_in_paths or len(word) < _NEAR_SLASH)
            pattern = _near_slash(word) if near else _pattern(word)
            self._rules.append((word, made[word], pattern))

    def text(self, captured: str) -> str:
        """A text with its private words replaced; it may contain a terminal's escapes."""
        found = list(captured)
        hidden = [range(*match.span()) for match in ansi.ESCAPE.finditer(captured)]
        for span in hidden:  # the address of a link
            if captured.startswith("\x1b]", span.start):
                inner = captured[span.start + 2 : span.stop]
                found[span.start + 2 : span.stop] = self._plain(inner)
        places = set(range(len(captured))).difference(*hidden)
        order = sorted(places)
        for place, char in zip(
            order, self._plain("".join(captured[i] for i in order)), strict=True
        ):
            found[place] = char
        return "".join(found)

    def _plain(self, text: str) -> list[str]:
        found, left = list(text), text
        for word, instead, pattern in self._rules:
            for match in pattern.finditer(left):
                at = 0
                for place in range(*match.span()):
                    if word[at : at + 2] == f" {text[place]}":  # wrapped at a blank
                        at += 1
                    if at < len(word) and text[place] == word[at]:
                        found[place] = instead[at]
                        at += 1
                # what is replaced is not looked at again
                left = left[: match.start()] + "\0" * len(match[0]) + left[match.end() :]
        return found


def _pattern(word: str, *, anywhere: bool = False) -> re.Pattern[str]:
    """Finds a word, also if it is wrapped, or cut off at an ellipsis."""
    before, after = ("", "") if anywhere else (_BEFORE, _AFTER)
    if len(word) < _WRAPPED:
        return re.compile(f"{before}{re.escape(word)}{after}")
    whole = _BREAK.join(re.escape(char) if char != " " else " ?" for char in word)
    rest = ""
    for char in reversed(word[_SHORTEST:_CUT]):
        rest = f"(?:{re.escape(char)}{rest})?"
    return re.compile(f"{before}(?:{whole}{after}|{re.escape(word[:_SHORTEST])}{rest}(?=…))")


def _near_slash(word: str) -> re.Pattern[str]:
    found = re.escape(word)
    return re.compile(f"(?<=/){found}{_AFTER}|{_BEFORE}{found}(?=/)")


def _crossed_out(char: str) -> str:
    width = terminal_text.cells(char)
    return char if char.isspace() or width == 0 else "字" if width == 2 else "x"


def _made_up(word: str, number: int, taken: set[str]) -> str:
    """Another word of the same form, not one of `taken` if there is any."""
    made = word
    for turn in range(number, number + 200):
        made = "".join(_other(char, place, turn) for place, char in enumerate(word))
        if made not in taken:
            break
    return made


def _other(char: str, place: int, turn: int) -> str:
    if char.isascii() and char.isdigit():
        return str((int(char) + 1 + (turn + place) % 9) % 10)
    if not char.isalpha() or terminal_text.cells(char) == 0:
        return char
    if terminal_text.cells(char) == 2:
        return "名" if char != "名" else "字"
    letters = _SYLLABLES[place % 2]
    turn = turn // 5**place if place else turn
    made = letters[(turn + place * 3) % len(letters)]
    if made == char.lower():
        made = letters[(turn + place * 3 + 1) % len(letters)]
    return made.upper() if char.isupper() else made
